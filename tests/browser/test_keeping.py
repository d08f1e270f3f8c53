"""The buttons below every panel: a cell with its code, its picture in a file, its object under a name."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
builder = hepnb.HistogramBuilder(tree=hepnb.open({path!r})["events"], expression="pt1", cut="pt2 > 20")
builder
"""


def test_a_cell_a_file_and_a_variable(open_notebook, generated_dir, lab):
    notebook = open_notebook(CELL.format(path=str(generated_dir / "pairs.root")), "after = 1")
    page = notebook.page
    panel = page.locator(".hepnb-panel").first
    panel.get_by_role("button", name="Insert as cell").click()
    page.wait_for_function("() => window.hepnbNotebook().content.widgets.length === 3")
    source = page.evaluate("() => window.hepnbNotebook().content.widgets[1].model.sharedModel.getSource()")
    assert source == notebook.evaluate("builder.to_code()")
    panel.get_by_text("inserted below").wait_for()
    panel.get_by_label("Name of the variable").fill("kept")
    panel.get_by_label("Name of the variable").press("Enter")
    notebook.expect("'kept' in globals() and kept is builder.histogram", True)
    panel.get_by_role("button", name="Save the picture as PDF").click()
    panel.get_by_text("wrote pt1.pdf").wait_for()
    assert (lab.root / "pt1.pdf").read_bytes().startswith(b"%PDF")
    page.evaluate("() => { window.hepnbNotebook().content.activeCellIndex = 1; }")
    notebook.command("notebook:run-cell")
    notebook.expect("'histogram' in globals() and histogram == builder.histogram", True)
    (lab.root / "pt1.pdf").unlink()
