"""The fit panel in JupyterLab: hands on the sliders, and the fit."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CELL = """
import hepnb
from hepnb.workspace import uncorrelated_background
signal, background, width = [2, 8, 14, 6, 1], [52, 48, 41, 33, 28], [4, 3.5, 3, 3, 2.5]
workspace = uncorrelated_background(signal, background, width, observed=[55, 60, 63, 41, 26])
panel = hepnb.FitPanel(workspace=workspace)
panel
"""


def test_dragging_the_slider_moves_the_stack_and_the_numbers(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("img", name="Data and model").wait_for()
    notebook.screenshot("fit-panel-light", ".hepnb-panel")
    before = notebook.evaluate("panel.live.frames")
    notebook.drag("mu", 60)
    page.wait_for_timeout(500)
    assert notebook.evaluate("panel.values['mu']") > 1.2
    assert notebook.evaluate("panel.live.frames") > before
    label = page.locator(".hepnb-delta").inner_text()
    assert f"{notebook.evaluate('panel.delta_twice_nll'):.3f}" in label
    notebook.screenshot("fit-panel-dragged", ".hepnb-panel")


def test_fit_writes_the_value_and_undo_takes_it_back(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Fit", exact=True).click()
    page.locator(".hepnb-headline").wait_for()
    value, error = notebook.evaluate("hepnb.fit(None, panel.model)['mu']")
    assert page.locator(".hepnb-headline").inner_text() == f"mu = {value:.4f} ± {error:.4f}"
    page.wait_for_timeout(300)
    # The page reports the snapped value of the slider; that is not a move of the user's.
    assert notebook.evaluate("panel.values['mu']") == pytest.approx(value, rel=1e-12)
    notebook.theme(dark=True)
    notebook.screenshot("fit-panel-dark", ".hepnb-panel")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_timeout(300)
    assert notebook.evaluate("panel.values['mu']") == 1.0


def test_a_slider_in_the_table_moves_its_parameter(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    slider = page.get_by_role("slider", name="uncorr_bkguncrt[1] slider")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    notebook.expect("panel.values['uncorr_bkguncrt[1]'] > 1.0", True)
    notebook.expect("panel.parameter", "uncorr_bkguncrt[1]")
    page.get_by_role("slider", name="uncorr_bkguncrt[1]", exact=True).wait_for()
