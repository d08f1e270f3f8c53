"""The file browser in JupyterLab, by mouse and by keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def row_at_cursor(page):
    """What a screen reader would call the current row."""
    return page.evaluate(
        """() => {
          const grid = document.querySelector("[role=treegrid]");
          return document.getElementById(grid.getAttribute("aria-activedescendant"))?.dataset.id ?? "";
        }"""
    )


@pytest.fixture
def browse(open_notebook, generated_dir):
    def opener(root=generated_dir, arguments="", **kwargs):
        return open_notebook(
            f"import hepnb\nbrowser = hepnb.FileBrowser(root={str(root)!r}{arguments})\nbrowser", **kwargs
        )

    return opener


def test_click_through_to_a_histogram(browse):
    notebook = browse()
    page = notebook.page
    page.get_by_role("row", name="multisample", exact=False).first.click()
    page.get_by_role("searchbox").fill("objects")
    page.get_by_text("objects.root").click()
    page.get_by_role("row", name="plane TH2D", exact=True).click()
    page.get_by_role("img", name="Preview of the histogram plane").wait_for()
    assert notebook.evaluate("type(browser.selected).__name__") == "Hist"
    notebook.screenshot("file-browser-light", ".hepnb-panel")
    notebook.theme(dark=True)
    notebook.screenshot("file-browser-dark", ".hepnb-panel")


def test_the_keyboard_reaches_everything(browse):
    notebook = browse()
    page = notebook.page
    grid = page.get_by_role("treegrid")
    grid.focus()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("multisample")
    page.keyboard.press("ArrowDown")
    assert row_at_cursor(page) == "d:multisample"
    page.keyboard.press("ArrowRight")
    page.get_by_role("row", name="prediction.root", exact=False).wait_for()
    for _ in range(20):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(120)
        if row_at_cursor(page).endswith("prediction.root"):
            break
    page.keyboard.press("ArrowRight")
    page.get_by_role("row", name="signal", exact=False).wait_for()
    page.keyboard.press("ArrowDown")
    # The arrows look, Enter opens.
    page.wait_for_timeout(300)
    assert notebook.evaluate("browser.path") == ""
    page.keyboard.press("Enter")
    page.get_by_text("entries,", exact=False).wait_for()
    assert notebook.evaluate("browser.selected.n_entries") > 0
    row = page.locator(".hepnb-tr[aria-selected=true]")
    assert row.get_attribute("aria-level") == "3"
    page.get_by_role("row", name="jet_pt", exact=False).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="Histogram of the branch").wait_for()
    assert notebook.evaluate("browser.histogram is not None")
    assert notebook.evaluate("browser.error") == ""
    # The keys were the tree's, not the notebook's.
    assert page.evaluate("() => window.hepnbNotebook().content.widgets.length") == 1


def test_a_branch_is_three_clicks_from_the_folder(browse):
    """File, tree, branch."""
    notebook = browse()
    page = notebook.page
    page.get_by_text("jagged.root", exact=True).click()
    page.get_by_role("row", name="events TTree", exact=False).click()
    page.get_by_role("row", name="Muon_Px", exact=False).click()
    page.get_by_role("img", name="Histogram of the branch Muon_Px").wait_for()
    notebook.expect("browser.histogram is not None", True)
    assert notebook.evaluate("browser.error") == ""
    page.get_by_label("Elements").select_option("leading")
    notebook.expect("browser.elements", "leading")
    notebook.expect("browser._drawn.filled[0]", "first(Muon_Px)")
    page.wait_for_timeout(400)
    notebook.screenshot("file-browser-branch", ".hepnb-panel")
    notebook.theme(dark=True)
    notebook.screenshot("file-browser-branch-dark", ".hepnb-panel")


def test_a_file_with_hundreds_of_objects_is_quick_and_has_few_nodes(browse, many_objects):
    notebook = browse(many_objects.parent, f", file={many_objects.name!r}")
    page = notebook.page
    page.get_by_role("treegrid").wait_for()
    assert page.locator(".hepnb-tr").count() < 60
    page.get_by_role("treegrid").focus()
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    assert page.locator(".hepnb-tr").count() < 60


def test_a_text_file_named_root_is_explained(browse, lab, open_notebook):
    (lab.root / "folder").mkdir(exist_ok=True)
    (lab.root / "folder" / "fake.root").write_text("I am a text file.\n")
    notebook = open_notebook("import hepnb\nbrowser = hepnb.FileBrowser(root='folder')\nbrowser")
    page = notebook.page
    page.get_by_text("fake.root").click()
    page.locator(".hepnb-error-words").get_by_text("fake.root", exact=False).wait_for()
    notebook.screenshot("file-browser-error", ".hepnb-panel")
