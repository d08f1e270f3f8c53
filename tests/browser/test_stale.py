"""What is not of the inputs beside it is dimmed, with words; the interrupt stops what is computed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.workspace import uncorrelated_background
signal, background, width = [2, 8, 14, 6, 1], [52, 48, 41, 33, 28], [4, 3.5, 3, 3, 2.5]
workspace = uncorrelated_background(signal, background, width, observed=[55, 60, 63, 41, 26])
"""
BAND = """
band = hepnb.BrazilBand(workspace=workspace, mu_max=4.0, n_points=9)
band.run(wait=True)
band._seconds = 60.0  # as if it had taken so long
band
"""
FIT = """
panel = hepnb.FitPanel(workspace=workspace)
panel.fit()
panel
"""
OPACITY = "selector => Number(getComputedStyle(document.querySelector(selector)).opacity)"


def test_a_changed_setting_dims_the_picture_and_the_numbers_until_run_is_pressed(open_notebook):
    notebook = open_notebook(CELL, BAND)
    page = notebook.page
    words = page.locator(".hepnb-stale-words")
    assert not words.is_visible()
    points = page.locator(".hepnb-panel input[type=number]").nth(1)
    points.fill("21")
    points.press("Enter")
    words.wait_for(state="visible")
    assert "the number of points changed. Press Run" in words.inner_text()
    page.wait_for_timeout(600)
    assert page.evaluate(OPACITY, ".hepnb-figure img") < 0.5
    assert page.evaluate(OPACITY, ".hepnb-status") < 0.5
    notebook.screenshot("band-stale", ".hepnb-panel")
    page.get_by_role("button", name="Run", exact=True).click()
    words.wait_for(state="hidden")
    page.wait_for_timeout(600)
    assert page.evaluate(OPACITY, ".hepnb-figure img") == 1
    assert notebook.evaluate("len(band.scan)") == 21
    notebook.screenshot("band-current", ".hepnb-panel")
    # That scan was quick: the next one comes by itself.
    points.fill("17")
    points.press("Enter")
    notebook.expect("len(band.scan)", 17, timeout=60)
    words.wait_for(state="hidden")


def test_a_move_after_the_fit_dims_the_fit_and_an_error_stays(open_notebook):
    notebook = open_notebook(CELL, FIT)
    page = notebook.page
    notebook.screenshot("fit-panel-fitted", ".hepnb-panel")
    notebook.drag("mu", 40)
    state = page.locator(".hepnb-state")
    state.filter(has_text="mu changed since").wait_for()
    page.wait_for_timeout(600)
    assert page.evaluate(OPACITY, ".hepnb-status") < 0.5
    assert page.evaluate(OPACITY, ".hepnb-figure img") == 1
    notebook.screenshot("fit-panel-moved", ".hepnb-panel")
    notebook.evaluate("setattr(panel, 'data', [1.0, 2.0])")
    page.locator(".hepnb-error-words").filter(has_text="2 entries").wait_for()
    page.get_by_label("Logarithmic").check()
    page.wait_for_timeout(600)
    assert page.locator(".hepnb-error-words").is_visible()
    assert page.locator(".hepnb-stale-words").is_visible()
    notebook.screenshot("fit-panel-error", ".hepnb-panel")


SLOW = """
import threading
from hepnb.progress import check_stop
begun, ended = threading.Event(), threading.Event()
def work():
    begun.set()
    try:
        while True:
            check_stop()
    finally:
        ended.set()
panel = hepnb.FitPanel(workspace=workspace)
panel._background.post(work)
begun.wait(10)
"""


def test_the_kernels_interrupt_stops_what_a_panel_computes(open_notebook):
    notebook = open_notebook(CELL, SLOW)
    notebook.command("notebook:interrupt-kernel")
    notebook.page.wait_for_timeout(1000)  # between cells, where the kernel itself ignores it
    assert notebook.evaluate("ended.wait(20)") is True


COUNT = """
from ipywidgets.widgets.widget import _instances
before = len(_instances)
"""
PANEL = "hepnb.FitPanel(workspace=workspace)"
COUNTED = "len(_instances) - before"


def test_a_cell_that_runs_again_leaves_one_panel(open_notebook):
    notebook = open_notebook(CELL, COUNT, PANEL)
    one = notebook.evaluate(COUNTED)
    assert one > 10
    for _ in range(3):
        notebook.page.evaluate("() => { window.hepnbNotebook().content.activeCellIndex = 2; }")
        notebook.command("notebook:run-cell")
        notebook.page.wait_for_timeout(2500)
    assert notebook.evaluate(COUNTED) <= one + 2
    assert notebook.page.locator(".hepnb-panel").count() == 1
