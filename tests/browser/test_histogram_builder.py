"""The histogram builder in JupyterLab, by hand: type, drag, fill the tables, build."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.widgets import HistogramBuilder
tree = hepnb.open({path!r})["events"]
builder = HistogramBuilder(tree=tree)
builder
"""
ANALYSIS = """
data, prediction = hepnb.open({data!r}), hepnb.open({prediction!r})
analysis = HistogramBuilder(
    channels=[hepnb.Channel("SR", "jet_pt", (4, 200, 600), "lep_charge > 0", "jet pT [GeV]")],
    samples=[
        hepnb.Sample("Data", "data", data["pseudodata"]),
        hepnb.Sample("Signal", "signal", prediction["signal"], weight="weight", normfactor="mu"),
        hepnb.Sample("Background", "background", prediction["background"], weight="weight"),
    ],
    systematics=[hepnb.Systematic("Luminosity", up=0.05, down=-0.05)],
)
analysis
"""


def write(page, label, text, scope=None):
    box = (scope or page).get_by_label(label, exact=True).first
    box.fill(text)
    box.press("Enter")


def shown_is_last(notebook, panel):
    """Whether the picture on the page is the last frame."""
    shown = notebook.page.evaluate(
        """async () => {
          const image = document.querySelector(".hepnb-figure img");
          return [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())];
        }"""
    )
    return bytes(shown) == bytes(notebook.evaluate(f"list({panel}.live.png)"))


def wait(notebook, condition):
    for _ in range(60):
        if notebook.evaluate(condition):
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"not within 6 s: {condition}")


def test_type_an_expression_drag_the_bins_and_the_cut(open_notebook, generated_dir):
    path = str(generated_dir / "pairs.root")
    notebook = open_notebook(CELL.format(path=path))
    page = notebook.page
    write(page, "Expression", "sqrt((E1+E2)**2 - (px1+px2)**2 - (py1+py2)**2 - (pz1+pz2)**2)")
    write(page, "From", "60")
    write(page, "To", "120")
    wait(notebook, "builder.range == (60, 120)")
    write(page, "Cut", "Q1*Q2 < 0")
    write(page, "Cut on", "pt1")
    wait(notebook, "builder.cut_variable == 'pt1' and builder.state == 'current'")
    before = notebook.evaluate("builder.n_bins")
    notebook.drag("Bins", 40)
    notebook.drag("Cut value", 60)
    wait(notebook, "builder.cut_value is not None and builder.cut_value > 10")
    page.wait_for_timeout(1500)
    assert notebook.evaluate("builder.error") == ""
    assert notebook.evaluate("builder.n_bins") > before
    headless = (
        "tree.hist(builder.expression, (builder.n_bins, 60, 120), "
        "cut=f'(Q1*Q2 < 0) & (pt1 >= {builder.cut_value!r})')"
    )
    wait(notebook, f"builder.state == 'current' and bool(builder.histogram == {headless})")
    assert shown_is_last(notebook, "builder")
    notebook.screenshot("histogram-builder", ".hepnb-panel")
    write(page, "Cut", "Q3 < 0")
    page.locator(".hepnb-error-words").get_by_text("no branch 'Q3'").wait_for()
    notebook.screenshot("histogram-builder-error", ".hepnb-panel")
    write(page, "Cut", "")
    page.get_by_role("alert").wait_for(state="hidden")


def test_the_tables_make_the_workspace(open_notebook, generated_dir):
    directory = generated_dir / "multisample"
    cell = ANALYSIS.format(data=str(directory / "data.root"), prediction=str(directory / "prediction.root"))
    notebook = open_notebook("import hepnb\nfrom hepnb.widgets import HistogramBuilder\n" + cell, height=1200)
    page = notebook.page
    assert notebook.evaluate("analysis.workspace is not None")
    page.locator(".hepnb-sections").get_by_role("button", name="Systematics").click()
    page.get_by_role("button", name="Add systematic").click()
    wait(notebook, "len(analysis.systematics) == 2")
    page.locator(".hepnb-sections").get_by_role("button", name="Samples").click()
    scale = page.get_by_role("grid", name="Samples").get_by_role("row").nth(2).locator(".hepnb-number input")
    scale.fill("2")
    scale.press("Enter")
    wait(notebook, "analysis.samples[1].scale == 2")
    notebook.drag("Bins", 25)
    page.wait_for_timeout(1500)
    notebook.screenshot("histogram-builder-analysis", ".hepnb-panel")
    assert notebook.evaluate("analysis.n_bins") > 4
    page.get_by_role("button", name="Build workspace").click()
    wait(notebook, "'systematic_2' in analysis.workspace.modifiers")
    data = "analysis.workspace.spec['channels'][0]['samples'][0]['data']"
    # What is shown is built: the dragged bins too.
    bins = "(analysis.n_bins, 200, 600)"
    filled = f"prediction['signal'].hist('jet_pt', {bins}, cut='lep_charge > 0', weight='weight')"
    wait(notebook, f"{data} == (2 * {filled}).values().tolist()")
    assert notebook.evaluate("analysis.error") == ""
    notebook.theme(dark=True)
    notebook.screenshot("histogram-builder-dark", ".hepnb-panel")


def test_a_map_and_cuts_overlaid_by_mouse_and_keyboard(open_notebook, generated_dir):
    """A map is typed as in ROOT; two cuts are two lines, each typed in a box."""
    notebook = open_notebook(CELL.format(path=str(generated_dir / "pairs.root")))
    page = notebook.page
    write(page, "Expression", "pt2:pt1")
    wait(notebook, "builder.histogram is not None and len(builder.histogram.axes) == 2")
    page.locator(".hepnb-sections").get_by_role("button", name="Look").click()
    page.get_by_label("Projections").check()
    wait(notebook, "builder.projections")
    page.wait_for_timeout(500)
    notebook.screenshot("histogram-builder-map", ".hepnb-panel")
    page.get_by_label("Mean").check()
    wait(notebook, "builder.profile and len(builder.histogram.axes) == 1")
    page.wait_for_timeout(500)
    notebook.screenshot("histogram-builder-profile", ".hepnb-panel")
    write(page, "Against", "")
    wait(notebook, "builder.y == ''")
    write(page, "Expression", "M")
    page.locator(".hepnb-sections").get_by_role("button", name="Cuts").click()
    box = page.get_by_role("combobox", name="New named cut")
    for text in ("opposite = Q1 * Q2 < 0", "hard = opposite & (pt1 > 40)"):
        box.fill(text)
        page.keyboard.press("Enter")
        notebook.expect(f"{text.partition(' ')[0]!r} in builder.cuts", True)
    assert notebook.evaluate("builder.show") == "cuts"
    page.locator(".hepnb-sections").get_by_role("button", name="Look").click()
    page.get_by_label("Below", exact=True).select_option("ratio")
    page.get_by_role("button", name="Normalised").click()
    write(page, "Label", "CMS Open Data")
    wait(
        notebook,
        "(builder.below, builder.arrangement, builder.label) == ('ratio', 'normalized', 'CMS Open Data')",
    )
    notebook.drag("Bins", 30)
    page.wait_for_timeout(1500)
    assert notebook.evaluate("builder.error") == ""
    assert notebook.evaluate("list(builder._picture.contents)") == ["opposite", "hard"]
    assert shown_is_last(notebook, "builder")
    notebook.screenshot("histogram-builder-cuts", ".hepnb-panel")
    page.locator(".hepnb-sections").get_by_role("button", name="Cuts").click()
    page.get_by_role("checkbox", name="opposite drawn").uncheck()
    notebook.expect("list(builder.hidden)", ["opposite"])
    notebook.screenshot("histogram-builder-cuts-table", ".hepnb-panel")
