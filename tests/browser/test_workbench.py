"""The whole way in JupyterLab: the start notebook, from a click on a file to the published limit."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

START = Path(__file__).parents[2] / "notebooks" / "00-start.ipynb"


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


class Way:
    """The steps of the workbench on the page, as a user takes them."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page

    def note(self, words):
        self.page.locator(".hepnb-step", has_text=words).wait_for()

    def step(self, name):
        self.page.locator(".hepnb-step", has_text=name).click()

    def screenshot(self, name):
        self.page.wait_for_timeout(400)
        self.notebook.screenshot(f"workbench-{name}", ".hepnb-panel")

    def choose_tree(self):
        rows = self.page.get_by_role("row")
        rows.filter(has_text="prediction.root").click()
        rows.filter(has_text=re.compile("^▸?background(?!_)")).first.click()
        self.note("background in prediction.root")

    def choose_branch(self):
        # The files, which have branches too, are on the page until the next step is there.
        self.note("jet_pt |")  # chosen by itself
        rows = self.page.get_by_role("grid", name="Branches").get_by_role("row")
        ticks = (
            ("lep_charge", "jet_pt, lep_charge |"),
            ("jet_pt", "lep_charge |"),
            ("jet_pt", "jet_pt, lep_charge |"),
            ("lep_charge", "jet_pt |"),
        )
        for name, note in ticks:
            rows.filter(has_text=name).first.click()
            self.note(note)

    def write(self, label, text):
        box = self.page.get_by_label(label, exact=True)
        box.fill(text)
        box.press("Enter")

    def drag_bins(self):
        """A hand on the slider, and back to four bins with the keyboard."""
        builder = "wb.builder.n_bins"
        self.notebook.drag("Bins", 80)
        self.page.wait_for_timeout(500)
        assert self.notebook.evaluate(builder) > 4
        self.screenshot("3-dragged")
        self.notebook.slider("Bins").focus()
        self.page.keyboard.press("Home")
        for _ in range(3):
            self.page.keyboard.press("ArrowRight")
        self.page.wait_for_timeout(500)
        assert self.notebook.evaluate(builder) == 4

    def press(self, name, exact=True):
        self.page.get_by_role("button", name=name, exact=exact).click()


def test_from_the_file_to_the_published_limit(start):
    way, page = Way(start), start.page
    page.locator(".hepnb-panel").first.scroll_into_view_if_needed()
    way.choose_tree()
    way.screenshot("1-files")

    way.step("Branches")
    way.choose_branch()
    way.screenshot("2-branches")

    way.step("Histogram")
    page.get_by_role("img", name="Histogram").wait_for()
    way.write("Cut", "lep_charge > 0")
    way.write("From", "200")
    way.write("To", "600")
    way.drag_bins()
    state = "[wb.builder.expression, wb.builder.cut, *wb.builder.range]"
    assert start.evaluate(state) == ["jet_pt", "lep_charge > 0", 200, 600]
    way.press("Build workspace", exact=False)
    page.get_by_text("4 bins, 2 samples").first.wait_for()
    way.screenshot("3-histogram")

    way.step("Fit")
    page.get_by_role("img", name="Data and model").wait_for()
    way.press("Fit")
    headline = page.locator(".hepnb-headline:visible").filter(has_text="±")
    headline.wait_for()
    text = headline.inner_text()
    assert number(text, r"Signal_norm = ([\d.]+)") == pytest.approx(1.5938, rel=5e-3)
    assert number(text, r"± ([\d.]+)") == pytest.approx(0.9757, rel=5e-3)
    way.screenshot("5-fit")

    way.step("Limit")
    way.press("Run")
    page.locator(".hepnb-observed").wait_for()
    page.get_by_role("img", name="CLs against the signal strength").wait_for()
    for kind, published in (("observed", 3.11), ("expected", 1.985), ("significance", 1.656)):
        text = page.locator(f".hepnb-{kind}").inner_text()
        assert number(text, r"^([\d.]+)") == pytest.approx(published, rel=5e-3), text
    way.screenshot("6-limit")
    start.theme(dark=True)
    way.screenshot("6-limit-dark")

    # What the steps say, and the code of the whole way.
    assert page.get_by_role("tab", name=re.compile(r"Fit: 1\.59 ± 0\.98")).is_visible()
    assert set(start.evaluate("[wb.error, *(panel.error for panel in wb._made.values())]")) == {""}
    way.press("Code for the whole way", exact=False)
    page.locator(".hepnb-code-text:visible").filter(has_text="hepnb.upper_limit").wait_for()
    way.screenshot("7-code-dark")


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
