"""What TTree::Draw takes, understood where it has one meaning, and shown in our spelling."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import ExpressionError
from hepnb.events import check_expression
from hepnb.events.language.root_spelling import axes_of, in_our_spelling

RNG = np.random.default_rng(7)
COUNTS = RNG.integers(0, 4, 50)
COLUMNS = {
    "x": RNG.normal(0, 3, 50),
    "y": RNG.normal(size=50),
    "ok": RNG.random(50) > 0.5,
    "Jet_pt": ak.unflatten(RNG.exponential(30, COUNTS.sum()), COUNTS),
    "Jet_good": ak.unflatten(RNG.random(COUNTS.sum()) > 0.5, COUNTS),
}


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("x > 1 && y > 0", "x > 1 and y > 0"),
        ("x>1&&y>0||ok", "x>1 and y>0 or ok"),
        ("!ok", "not ok"),
        ("x > 0 && !ok", "x > 0 and not ok"),
        ("!(x > 0 && y > 0)", "not (x > 0 and y > 0)"),
        ("!!ok", "not not ok"),
        ("TMath::Sqrt(x*x + y*y)", "sqrt(x*x + y*y)"),
        ("TMath::Max(x, y) - TMath::Min(x, y)", "max(x, y) - min(x, y)"),
        ("TMath::ATan2(y, x) / TMath::Pi()", "atan2(y, x) / pi"),
        ("std::abs(x) < 2", "abs(x) < 2"),
        ("Sum$(Jet_pt > 30)", "sum(Jet_pt > 30)"),
        ("Length$(Jet_pt)", "length(Jet_pt)"),
        ("Length$(Jet_pt > 30)", "length(Jet_pt > 30)"),
        ("Max$(Jet_pt) + Min$(Jet_pt)", "max(Jet_pt) + min(Jet_pt)"),
        ("Sum$(Jet_pt * (!Jet_good))", "sum(Jet_pt * (not Jet_good))"),
        ("max(Jet_pt[!Jet_good])", "max(Jet_pt[not Jet_good])"),
        ("!TMath::IsNaN(x) && x > 0", "not isnan(x) and x > 0"),
        ("ok && !Sum$(Jet_pt > 30)", "ok and not sum(Jet_pt > 30)"),
    ],
)
def test_what_is_understood(typed, ours):
    expression = check_expression(typed, COLUMNS)
    expected = check_expression(ours, COLUMNS)
    assert expression.text.split() == expected.text.split()
    np.testing.assert_array_equal(expression.evaluate(COLUMNS), expected.evaluate(COLUMNS))


def test_of_a_condition_the_length_is_that_of_the_list():
    found = check_expression("Length$(Jet_pt > 30)", COLUMNS).evaluate(COLUMNS)
    np.testing.assert_array_equal(found, COUNTS)
    assert np.any(check_expression("count(Jet_pt > 30)", COLUMNS).evaluate(COLUMNS) != COUNTS)


@pytest.mark.parametrize(
    "text",
    [
        "!ok == ok",
        "!x + 1",
        "x + !ok",
        "!x * y",
        "!x < y",
        "!abs(x) < 1",
        "-!ok",
        "x ! y",
        "!",
        "TMath::Gaus(x)",
        "std::cout",
    ],
)
def test_what_has_two_meanings_is_refused(text):
    assert in_our_spelling(text) == text
    with pytest.raises(ExpressionError):
        check_expression(text, COLUMNS)


def test_texts_and_quoted_names_stay():
    columns = {"a&&b": np.array(["x||y", "z"])}
    found = check_expression("`a&&b` == 'x||y'", columns)
    assert found.evaluate(columns).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("y:x", ("x", "y")),
        ("sqrt(y) : x[:, 0]", ("x[:, 0]", "sqrt(y)")),
        ("z:y:x", ("x", "y", "z")),
        ("x[:, :2]", ("x[:, :2]",)),
        ("TMath::Sqrt(x)", ("TMath::Sqrt(x)",)),
        ("a ? b : c", ("a ? b : c",)),
        ("`a:b`", ("`a:b`",)),
        ("t == 'a:b'", ("t == 'a:b'",)),
        ("x:", ("x:",)),
        (":", (":",)),
        ("x := 3", ("x := 3",)),
    ],
)
def test_axes(text, axes):
    assert axes_of(text) == axes


def test_the_first_is_on_the_vertical_axis(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file["t"] = {name: COLUMNS[name] for name in ("x", "y", "ok")}
    tree = hepnb.open(tmp_path / "a.root")["t"]
    bins = ((4, -6, 6), (3, -2, 2))
    found = tree.hist("y:x", bins, cut="!ok")
    np.testing.assert_array_equal(
        found.values(flow=True), tree.hist(("x", "y"), bins, cut="not ok").values(flow=True)
    )
    assert found.axes[0].size == 4
    assert found.values(flow=True).sum() == (~COLUMNS["ok"]).sum()
