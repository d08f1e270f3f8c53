"""Ranking, profile and MINOS in the fit panel, by mouse and by keyboard, and its table."""

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
FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


def test_a_ranking_takes_two_clicks_and_its_impacts_sort_the_table(open_notebook):
    notebook = open_notebook(CELL, width=1220)
    page = notebook.page
    page.get_by_role("button", name="Ranking").click()
    page.get_by_role("button", name="Run", exact=True).click()
    notebook.expect("'ranking' in panel.studies and panel.state == 'current'", True)
    sort = page.get_by_role("columnheader", name="Impact").get_by_role("button")
    sort.click()
    sort.click()
    page.wait_for_timeout(300)
    first = page.locator(".hepnb-tr[aria-level='2']").first
    tops = page.locator(".hepnb-tr[aria-level='2']").all()
    names = [row.get_attribute("title") for row in sorted(tops, key=lambda row: row.bounding_box()["y"])]
    order = notebook.evaluate(
        "[panel.studies['ranking'].labels[i] for i in panel.studies['ranking'].order()]"
    )
    assert first.is_visible()
    assert names == order
    notebook.screenshot("fit-ranking-light", ".hepnb-panel")
    box = page.locator(".hepnb-panel").bounding_box()
    for part in page.locator(".hepnb-panel .hepnb-views button, .hepnb-panel .hepnb-figure").all():
        inner = part.bounding_box()
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
        assert part.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    notebook.theme(dark=True)
    notebook.screenshot("fit-ranking-dark", ".hepnb-panel")


def test_a_profile_of_a_nuisance_by_keyboard_alone(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.get_by_role("button", name="Profile").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Parameter", exact=True).focus()
    page.keyboard.type("uncorr_bkguncrt[2]")
    notebook.expect("panel.parameter", "uncorr_bkguncrt[2]")
    page.get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")
    notebook.expect("getattr(panel.studies.get('profile'), 'name', '')", "uncorr_bkguncrt[2]")
    page.get_by_role("button", name="MINOS").first.focus()
    page.keyboard.press("Enter")
    notebook.expect("'minos' in panel.studies", True)
    upper = notebook.evaluate("panel.studies['minos'].upper[0]")
    page.get_by_text(f"+{upper:.3g}").first.wait_for()
    notebook.screenshot("fit-profile-light", ".hepnb-panel")


def test_a_row_is_one_stop_of_the_tab_key_and_a_click_chooses_its_parameter(open_notebook):
    notebook = open_notebook(CELL)
    page = notebook.page
    page.locator(".hepnb-tr[title='uncorr_bkguncrt[3]'] .hepnb-tree").click()
    notebook.expect("panel.parameter", "uncorr_bkguncrt[3]")
    page.get_by_role("slider", name="uncorr_bkguncrt[0] slider").focus()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "uncorr_bkguncrt[1] slider"
    page.keyboard.press("F2")
    assert page.evaluate(FOCUSED) == "uncorr_bkguncrt[1] Value"
    page.keyboard.type("1.05")
    page.keyboard.press("Enter")
    notebook.expect("panel.values['uncorr_bkguncrt[1]']", 1.05)
    page.wait_for_timeout(500)  # the page reports the values that the large slider was set to
    assert notebook.evaluate("panel.values['uncorr_bkguncrt[1]']") == 1.05
    group = page.locator(".hepnb-tr[title='uncorr_bkguncrt (5)']")
    assert group.locator("input").count() == 0
    group.locator(".hepnb-twist").click()
    page.wait_for_timeout(200)
    assert page.locator(".hepnb-tr").count() == 2
