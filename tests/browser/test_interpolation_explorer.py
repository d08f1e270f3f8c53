"""The interpolation explorer in JupyterLab, by hand: search, choose, drag."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
from hepnb.widgets import InterpolationExplorer
explorer = InterpolationExplorer(workspace={path!r})
explorer
"""


def test_search_a_systematic_and_drag_alpha(open_notebook, generated_dir):
    path = str(generated_dir / "likelihoods" / "large.json")
    notebook = open_notebook(CELL.format(path=path))
    page = notebook.page
    grid = page.get_by_role("grid", name="Systematics")
    grid.wait_for()
    name = notebook.evaluate("list(explorer._responses)[7]")
    page.get_by_placeholder("Search systematics").fill(name)
    grid.get_by_text(name, exact=True).first.click()
    page.wait_for_timeout(500)
    assert notebook.evaluate("explorer.systematic") == name
    notebook.drag(".hepnb-alpha-slider .noUi-handle", 50)
    page.wait_for_timeout(600)
    alpha = notebook.evaluate("explorer.alpha")
    assert alpha > 0.3
    expected = "explorer._response.at(explorer.alpha, explorer.code).tolist()"
    assert notebook.evaluate(f"explorer.result.tolist() == {expected}")
    notebook.screenshot("interpolation-explorer", ".hepnb-panel")
    page.get_by_label("Code", exact=True).first.select_option(label="early pyhf (code1, code0)")
    page.wait_for_timeout(500)
    assert notebook.evaluate("explorer.code") == "legacy"
    assert notebook.evaluate("explorer.error") == ""
    shown = page.evaluate(
        """async () => {
          const image = document.querySelector(".hepnb-figure img");
          return [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())];
        }"""
    )
    assert bytes(shown) == bytes(notebook.evaluate("list(explorer.live.png)"))


def test_three_histograms_are_typed_in(open_notebook):
    notebook = open_notebook(
        "from hepnb.widgets import InterpolationExplorer\nexplorer = InterpolationExplorer()\nexplorer"
    )
    page = notebook.page
    page.get_by_role("button", name="Three histograms").click()
    for label, text in (("Down", "8, 9, 0.5"), ("Nominal", "10, 10, 2"), ("Up", "15, 12, 3")):
        box = page.get_by_label(label, exact=True).first
        box.fill(text)
        box.press("Enter")
    page.wait_for_timeout(500)
    notebook.slider(".hepnb-alpha-slider .noUi-handle").focus()
    page.keyboard.press("Home")
    page.get_by_text("Negative now: bin 3.").wait_for()
    assert notebook.evaluate("explorer.alpha") == -3.0
    assert notebook.evaluate("explorer.result.tolist()") == pytest.approx([4.0, 7.0, -2.5])
    notebook.screenshot("interpolation-explorer-typed", ".hepnb-panel")
