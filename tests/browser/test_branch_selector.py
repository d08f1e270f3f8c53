"""The branch selector in JupyterLab: search, select, complete, cut; thousands of rows."""

from __future__ import annotations

import numpy as np
import pytest

from hepnb.events.writing.write import write_trees

pytestmark = pytest.mark.browser


@pytest.fixture
def select(open_notebook, generated_dir):
    def opener(file="pairs.root", arguments=""):
        return open_notebook(
            f"import hepnb\ntree = hepnb.open({str(generated_dir / file)!r})['events']\n"
            f"selector = hepnb.BranchSelector(tree{arguments})\nselector"
        )

    return opener


def test_search_select_complete_and_cut(select):
    notebook = select()
    page = notebook.page
    page.get_by_role("searchbox", name="Search Branches").fill("p[xyz]? no")
    page.get_by_text("No match").wait_for()
    page.get_by_role("searchbox", name="Search Branches").fill("/^p[xyz]1/")
    page.get_by_role("row", name="px1", exact=False).get_by_role("checkbox").click()
    page.get_by_role("row", name="py1", exact=False).click()
    page.get_by_role("searchbox", name="Search Branches").fill("")
    box = page.get_by_role("combobox", name="New cut")
    box.click()
    page.keyboard.type("opposite = Q1 * q")
    page.get_by_role("option", name="Q2").wait_for()
    notebook.screenshot("branch-selector-completion")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type(" < 0")
    page.keyboard.press("Enter")
    page.get_by_role("grid", name="Cutflow").get_by_role("textbox").first.wait_for()
    notebook.expect("selector.cuts", {"opposite": "Q1 * Q2 < 0"})
    notebook.expect("list(selector.branches)", ["px1", "py1"])
    page.wait_for_function("() => document.activeElement.value === ''")  # it is emptied, and keeps the focus
    page.get_by_role("combobox", name="New expression").fill("total = E1 + E2")
    page.get_by_role("button", name="Add: New expression").click()
    page.get_by_role("grid", name="Expressions").get_by_role("textbox").first.wait_for()
    notebook.expect("selector.expressions", {"total": "E1 + E2"})
    passed = notebook.evaluate("int(selector.result.rows[1].n_passed)")
    page.get_by_role("grid", name="Cutflow").get_by_text(f"{passed:,}").first.wait_for()
    page.get_by_role("combobox", name="New cut").fill("ptt1 > 3")
    page.keyboard.press("Enter")
    page.locator(".hepnb-error-words").get_by_text("Did you mean 'pt1'").wait_for()
    notebook.screenshot("branch-selector-light", ".hepnb-panel")
    notebook.theme(dark=True)
    notebook.screenshot("branch-selector-dark", ".hepnb-panel")


def test_a_click_shows_a_branch_and_cuts_follow(select):
    notebook = select("jagged.root")
    page = notebook.page
    page.get_by_role("row", name="Muon_Px", exact=False).click()
    page.get_by_role("img", name="Histogram of Muon_Px").wait_for()
    notebook.expect("selector.shown", "Muon_Px")
    page.get_by_label("Muon_Px What is taken of a list per event").select_option("max")
    notebook.expect("selector.columns", {"Muon_Px": "max(Muon_Px)"})
    page.get_by_role("combobox", name="New cut").fill("some = NMuon > 1")
    page.keyboard.press("Enter")
    notebook.expect("selector.cuts", {"some": "NMuon > 1"})
    notebook.expect("int(selector.histogram.sum(flow=True).value)", notebook.evaluate(
        "int((tree.arrays('NMuon')['NMuon'] > 1).sum())"
    ))  # fmt: skip
    page.get_by_role("combobox", name="New cut").fill("none = ~some & (NMuon > 0)")
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="some applied").click()
    notebook.expect("list(selector.switched_off)", ["some"])
    page.wait_for_timeout(500)
    assert notebook.evaluate("selector.error") == ""
    notebook.screenshot("branch-selector-picture", ".hepnb-panel")


def test_enter_shows_a_branch(select):
    notebook = select()
    page = notebook.page
    page.get_by_role("grid", name="Branches").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="Histogram of").wait_for()
    assert notebook.evaluate("selector.branches") == []
    assert notebook.evaluate("selector.shown == selector._list.rows[1]['id']")


def test_mini_histograms_come_for_the_rows_in_view(select, tmp_path):
    columns = {f"column_{number}": np.random.default_rng(number).normal(size=500) for number in range(300)}
    notebook = select(write_trees(tmp_path / "wide.root", {"events": columns}))
    page = notebook.page
    page.locator(".hepnb-spark-bars").nth(3).wait_for(timeout=20_000)
    notebook.screenshot("branch-selector-wide", ".hepnb-panel")
    made = notebook.evaluate("sum('spark' in row for row in selector._list.rows)")
    assert 0 < made < 100 < notebook.evaluate("len(selector._list.rows)")


def test_six_thousand_rows_open_quickly_and_scroll(open_notebook):
    notebook = open_notebook(
        "from hepnb.widgets.toolkit.table import Table\n"
        "columns = [{'key': 'name', 'label': 'Name'}, {'key': 'n', 'kind': 'number', 'label': 'N'}]\n"
        "rows = [{'id': str(i), 'name': f'branch_{i}', 'n': i} for i in range(6000)]\n"
        "table = Table(columns=columns, rows=rows, multi=True)\n"
        "table"
    )
    page = notebook.page
    grid = page.get_by_role("grid")
    grid.wait_for()
    assert page.locator(".hepnb-tr").count() < 60
    grid.focus()
    page.keyboard.press("End")
    page.get_by_text("branch_5999").wait_for()
    page.get_by_role("searchbox").fill("branch_123?")
    page.get_by_text("10 of 6,000").wait_for()
    grid.focus()
    page.keyboard.press("Control+a")
    notebook.expect("list(table.selected)", [f"{i}" for i in range(1230, 1240)])
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="N", exact=True).click()
    page.get_by_role("button", name="N ▴", exact=True).click()
    page.get_by_text("branch_5999").wait_for()
    notebook.evaluate("table.update_cells({'5999': {'name': 'changed'}})")
    page.get_by_text("changed").wait_for()


def test_search_is_ranked_and_what_is_selected_can_be_shown_alone(select):
    notebook = select(arguments=", branches=('pt1', 'E1')")
    page = notebook.page
    search = page.get_by_role("searchbox", name="Search Branches")
    grid = page.get_by_role("grid", name="Branches")
    found = "() => [...document.querySelectorAll('.hepnb-tr')].map((row) => row.dataset.id)"
    page.get_by_role("button", name="2 selected").click()
    grid.get_by_text("px1").wait_for(state="detached")
    assert set(page.evaluate(found)) == {"pt1", "E1"}
    page.get_by_role("button", name="2 selected").click()
    page.get_by_role("button", name="Clear").click()
    notebook.expect("list(selector.branches)", [])
    page.get_by_role("button", name="Clear").wait_for(state="hidden")
    search.fill("1")
    page.wait_for_function(f"({found})().includes('px1') && !({found})().includes('px2')")
    search.fill("eta 2")
    page.wait_for_function(f"({found})()[0] === 'eta2'")
    # Letters in this order, where nothing has the word.
    search.fill("eta.2")
    page.get_by_text("No match").wait_for()
    search.fill("et2")
    page.get_by_text("1 near").wait_for()
    assert page.evaluate(found)[0] == "eta2"
