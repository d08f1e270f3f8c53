from __future__ import annotations

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError
from hepnb.widgets.branch_selector.panel import BranchSelector
from hepnb.widgets.branch_selector.sparks import spark_of


@pytest.fixture
def tree(generated_dir):
    return hepnb.open(generated_dir / "pairs.root")["events"]


@pytest.fixture
def jagged(generated_dir):
    return hepnb.open(generated_dir / "jagged.root")["events"]


def run(code):
    scope = {}
    exec(code, scope)
    return scope


def test_every_branch_is_listed_with_its_type(tree):
    rows = BranchSelector(tree=tree)._list.rows
    assert [row["name"] for row in rows] == [branch.name for branch in tree.branches]
    assert {row["name"]: row["type"] for row in rows}["E1"] == "double"


def test_what_cannot_be_read_stays_in_the_list_with_the_reason(tree, data_dir):
    odd = hepnb.open(data_dir / "root" / "uproot-issue513.root")["Delphes"]
    unreadable = [branch for branch in odd.branches if not branch.readable]
    assert unreadable
    selector = BranchSelector(tree=odd)
    row = selector._list.row(unreadable[0].name)
    assert row["muted"]
    assert row["tooltip"] == unreadable[0].reason


def test_the_cutflow_is_the_headless_one(tree):
    selector = BranchSelector(tree=tree)
    assert selector.add_cut("opposite = Q1 * Q2 < 0")
    assert selector.add_cut("pt1 > 30")
    assert selector.cuts == {"opposite": "Q1 * Q2 < 0", "cut 2": "pt1 > 30"}
    assert selector.result == tree.cutflow(selector.cuts)
    shown = [row["n_passed"] for row in selector._cuts.rows]
    assert shown == [row.n_passed for row in selector.result.rows[1:]]
    assert selector.table() == selector.result.table()


def test_the_code_gives_the_same_columns_and_cutflow(tree):
    selector = BranchSelector(
        tree=tree,
        branches=("E1", "Q1"),
        expressions={"mass": "sqrt((E1+E2)**2 - (px1+px2)**2 - (py1+py2)**2 - (pz1+pz2)**2)"},
        cuts={"opposite": "Q1*Q2 < 0", "window": "M > 60"},
        weight="E1 / E2",
    )
    assert selector.error == ""
    scope = run(selector.to_code())
    assert scope["cutflow"] == selector.result
    wanted = tree.arrays(selector.columns, cut=selector.cut)
    assert list(scope["arrays"]) == ["E1", "Q1", "mass"]
    for name, values in wanted.items():
        np.testing.assert_array_equal(scope["arrays"][name], values)


def test_the_code_of_nothing_chosen_runs(tree):
    assert run(BranchSelector(tree=tree).to_code())["cutflow"].rows[0].n_passed == tree.n_entries


def test_branches_are_selected_by_pattern_and_on_the_page(tree):
    selector = BranchSelector(tree=tree)
    selector._controls.pattern.submit("p[xyz]1")
    assert selector.branches == ("px1", "py1", "pz1")
    assert selector._list.selected == ["px1", "py1", "pz1"]
    selector._list.selected = ["E1"]
    assert selector.branches == ("E1",)
    assert not selector.select("nothing*")
    assert selector.error.startswith("no branch of 'events' fits 'nothing*'.")


def test_a_branch_that_is_not_there_gets_the_nearest(tree):
    selector = BranchSelector(tree=tree, branches=("pxx1",))
    assert "has no branch 'pxx1'. Did you mean 'px1'" in selector.error


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ("Q1 * (Q2 < 0", "Q1 * (Q2 < 0"),
        ("__import__('os').system('ls')", "__import__"),
        ("ptt1 > 3", "Did you mean 'pt1'"),
    ],
)
def test_a_bad_cut_is_refused_in_words_and_not_taken(tree, cut, words):
    selector = BranchSelector(tree=tree, cuts={"first": "pt1 > 30"})
    before = selector.result
    assert not selector.add_cut(cut)
    assert words in selector.error
    assert selector.cuts == {"first": "pt1 > 30"}
    assert selector.result is before


def test_a_bad_cut_set_as_a_trait_is_shown_and_the_last_result_stays(tree):
    selector = BranchSelector(tree=tree, cuts={"first": "pt1 > 30"})
    before = selector.result
    selector.cuts = {"first": "pt1 >"}
    assert selector.error
    assert selector.result is before
    assert selector._cuts.rows[0]["text"] == "pt1 >"


def test_cells_are_edited_and_rows_removed(tree):
    selector = BranchSelector(tree=tree, cuts={"a": "pt1 > 30", "b": "pt2 > 30"}, expressions={"x": "E1"})
    selector._cuts.edit("a", "name", "leading")
    assert list(selector.cuts) == ["leading", "b"]
    selector._cuts.edit("b", "text", "pt2 > 20")
    assert selector.cuts["b"] == "pt2 > 20"
    selector._cuts.edit("leading", "remove", True)
    assert selector.cuts == {"b": "pt2 > 20"}
    selector._cuts.edit("b", "name", "")
    assert (selector.cuts, selector._cuts.rows[0]["name"]) == ({"b": "pt2 > 20"}, "b")
    selector._expressions.edit("x", "remove", True)
    assert selector.expressions == {}


def test_an_unreduced_list_is_explained(jagged):
    selector = BranchSelector(tree=jagged, cuts={"muons": "Muon_Px > 10"})
    assert "list per event" in selector.error
    selector.cuts = {"muons": "max(Muon_Px) > 10"}
    assert selector.error == ""


def test_another_tree_keeps_what_fits(tree, jagged):
    selector = BranchSelector(tree=tree, branches=("E1", "Q1"))
    selector.tree = jagged
    assert selector.branches == ()
    selector.tree = tree
    selector.branches = ("E1",)
    selector.tree = hepnb.open(tree.file.replace("Zmumu", "Zmumu-zlib"))["events"]
    assert selector.branches == ("E1",)


def test_sparks_are_made_for_the_rows_in_view_alone(tree, jagged):
    selector = BranchSelector(tree=jagged)
    numeric, text = "Muon_Px", "NMuon"
    selector._list.want([numeric, text])
    assert selector._sparks.flush(10)
    row = selector._list.row(numeric)
    values = jagged.arrays({"x": f"flatten({numeric})"}, entry_stop=2000)["x"]
    assert row["spark"] == spark_of(values)[0]
    assert "in the first 2,000 entries" in row["tooltip"]
    assert sum("spark" in row for row in selector._list.rows) == 2


def test_a_spark_of_nothing_finite_is_empty():
    assert spark_of([np.nan, np.inf]) == ([], "no values")
    assert sum(spark_of([3.0, 3.0])[0]) == 2


def test_names_are_completed_in_the_boxes(tree):
    selector = BranchSelector(tree=tree)
    assert "px1" in selector._controls.new_cut.names
    assert "sqrt" in selector._controls.new_cut.functions


def test_a_misspelt_keyword_is_refused(tree):
    with pytest.raises(HepnbError, match=r"BranchSelector has no input 'branch'. Did you mean 'branches'\?"):
        BranchSelector(tree=tree, branch=("E1",))


def test_without_a_tree_it_says_so():
    selector = BranchSelector()
    assert "Choose a tree" in selector.to_code()
    assert not selector.add_cut("x > 1")
    assert selector.error == "there is no tree yet. Choose one in a file first."
