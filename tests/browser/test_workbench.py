"""The whole way in JupyterLab: the start notebook, from a click on a file to the published limit."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

START = Path(__file__).parents[2] / "notebooks" / "00-start.ipynb"
STEPS = ("Files", "Branches", "Histogram", "Interpolation", "Fit", "Limit")


@pytest.fixture
def start(lab, data_dir, open_notebook):
    """The start notebook, run, with the public files where the tests have them."""
    notebook = nbformat.read(START, as_version=4)
    where = f"import os\nos.environ['HEPNB_DATA_DIR'] = {str(data_dir)!r}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(where))
    nbformat.write(notebook, lab.root / "00-start.ipynb")
    return open_notebook(name="00-start.ipynb", width=1400, height=1100)


def number(text, pattern):
    found = re.search(pattern, text)
    assert found, (text, pattern)
    return float(found.group(1))


def test_from_the_file_to_the_published_limit(start):
    page = start.page
    panel = page.locator(".hepnb-panel").first
    panel.wait_for()
    panel.scroll_into_view_if_needed()

    def step(name):
        page.locator(".hepnb-step", has_text=name).click()

    def screenshot(name):
        page.wait_for_timeout(400)
        start.screenshot(f"workbench-{name}", ".hepnb-panel")

    # The file and its tree.
    page.get_by_role("row").filter(has_text="prediction.root").click()
    page.get_by_role("row").filter(has_text=re.compile("^background(?!_)")).first.click()
    page.locator(".hepnb-step", has_text="prediction.root: background").wait_for()
    screenshot("1-files")

    # The branch and the cut.
    step("Branches")
    branch = {name: page.get_by_role("row").filter(has_text=name).first for name in ("jet_pt", "lep_charge")}
    for name, note in (
        ("lep_charge", "jet_pt, lep_charge |"), ("jet_pt", "lep_charge |"), ("jet_pt", "jet_pt, lep_charge |"),
        ("lep_charge", "jet_pt |"),
    ):  # fmt: skip
        branch[name].click()
        page.locator(".hepnb-step", has_text=note).wait_for()
    screenshot("2-branches")

    step("Histogram")
    page.get_by_role("img", name="Histogram").wait_for()
    cut = page.get_by_label("Cut", exact=True)
    cut.fill("lep_charge > 0")
    cut.press("Enter")
    for label, value in (("From", "200"), ("To", "600")):
        end = page.get_by_label(label, exact=True)
        end.fill(value)
        end.press("Enter")
    # A hand on the slider, and back to four bins with the keyboard.
    start.drag("Bins", 80)
    page.wait_for_timeout(500)
    assert start.evaluate("wb.builder.n_bins") > 4
    screenshot("3-dragged")
    start.slider("Bins").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert start.evaluate("[wb.builder.expression, wb.builder.cut, wb.builder.n_bins, list(wb.builder.range)]") == [
        "jet_pt", "lep_charge > 0", 4, [200, 600]
    ]  # fmt: skip
    page.get_by_role("button", name="Build workspace").click()
    page.get_by_text("4 bins, 2 samples").first.wait_for()
    screenshot("3-histogram")

    step("Fit")
    page.get_by_role("img", name="Data and model").wait_for()
    page.get_by_role("button", name="Fit", exact=True).click()
    headline = page.locator(".hepnb-headline:visible").filter(has_text="±")
    headline.wait_for()
    text = headline.inner_text()
    assert number(text, r"Signal_norm = ([\d.]+)") == pytest.approx(1.5938, rel=5e-3)
    assert number(text, r"± ([\d.]+)") == pytest.approx(0.9757, rel=5e-3)
    screenshot("5-fit")

    step("Limit")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".hepnb-observed").wait_for()
    page.get_by_role("img", name="CLs against the signal strength").wait_for()
    for kind, published in (("observed", 3.11), ("expected", 1.985), ("significance", 1.656)):
        text = page.locator(f".hepnb-{kind}").inner_text()
        assert number(text, r"^([\d.]+)") == pytest.approx(published, rel=5e-3), text
    screenshot("6-limit")
    start.theme(dark=True)
    screenshot("6-limit-dark")

    # What the steps say, and the code of the whole way.
    assert page.get_by_role("tab", name=re.compile("Fit: Signal_norm = 1.59")).is_visible()
    assert start.evaluate("[panel.error for panel in wb._made.values()]") == [""] * start.evaluate(
        "len(wb._made)"
    )
    code = page.get_by_role("button", name="Code for the whole way")
    code.click()
    page.locator(".hepnb-code-text:visible").filter(has_text="hepnb.upper_limit").wait_for()
    screenshot("7-code-dark")


def test_the_steps_obey_the_keyboard(open_notebook):
    notebook = open_notebook(
        "import hepnb",
        "wb = hepnb.Workbench(analysis=hepnb.datasets.reference_analysis('generated'))\nwb",
    )
    page = notebook.page
    first = page.get_by_role("tab", name="Files")
    first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.textContent.includes('Branches')")
    page.keyboard.press("End")
    page.get_by_role("button", name="Run", exact=True).wait_for()
    assert page.locator(".hepnb-step[aria-selected=true]").get_attribute("aria-label").startswith("6 Limit")
    assert notebook.evaluate("wb.step") == 5
    page.keyboard.press("Home")
    page.get_by_role("grid", name="Files").or_(page.get_by_role("treegrid")).first.wait_for()
    assert notebook.evaluate("wb.error") == ""
