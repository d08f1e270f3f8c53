"""What was on screen is in the saved notebook, and on the page again when it is opened without its panels."""

from __future__ import annotations

import base64
import json

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.workspace import uncorrelated_background
workspace = uncorrelated_background([12, 11], [50, 52], [3, 7], observed=[51, 60])
panel = hepnb.FitPanel(workspace=workspace)
panel
"""
MINE = "print('mine')"
SAVED = "img.jp-needs-light-background"


def outputs_of(path):
    cell = json.loads(path.read_text())["cells"][0]
    return [output["data"] for output in cell["outputs"]]


def test_a_saved_notebook_shows_the_last_picture_and_the_numbers(open_notebook, lab):
    name = "saved-panel.ipynb"
    notebook = open_notebook(CELL, MINE, name=name)
    page = notebook.page
    page.get_by_role("img", name="Data and model").wait_for()
    # Beside the live panel the copies are hidden, and what the user prints is not.
    page.locator(SAVED).wait_for(state="attached")
    assert not page.locator(SAVED).is_visible()
    assert not page.locator("pre.hepnb-saved").is_visible()
    assert page.get_by_text("mine", exact=True).is_visible()
    page.get_by_role("button", name="Fit", exact=True).click()
    notebook.expect("panel.result is not None", True)
    notebook.expect("panel._copy._pending", False)
    page.wait_for_timeout(300)
    notebook.command("docmanager:save")
    live, image, text = [], [], []
    for _ in range(50):
        page.wait_for_timeout(200)
        live, image, text = outputs_of(lab.root / name)
        if "±" in text["text/plain"]:
            break
    value, error = notebook.evaluate("panel.result['mu']")
    assert "application/vnd.jupyter.widget-view+json" in live
    assert f"mu = {value:.4f} ± {error:.4f}" in "".join(text["text/plain"])
    png = base64.b64decode("".join(image["image/png"]))
    assert (
        notebook.evaluate("__import__('hepnb').widgets.toolkit.png.recompress(panel.live.png).hex()")
        == png.hex()
    )
    notebook.shut_down()  # or the page finds the live panel again
    again = open_notebook(name=name, run=False)
    again.page.locator(SAVED).wait_for(state="visible")
    assert again.page.locator("pre.hepnb-saved").is_visible()
    again.screenshot("saved-notebook", ".jp-Notebook")
    # JupyterLab says, perhaps twice, that the live panel is not there.
    again.page.get_by_text("model not found").wait_for()
    again.page.wait_for_timeout(1000)
    again.errors[:] = [error for error in again.errors if "widget model not found" not in error]
