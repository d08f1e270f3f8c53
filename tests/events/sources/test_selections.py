"""Named cuts that use each other, and cutflows with errors."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from scipy.stats import binom

import hepnb
from hepnb.errors import BranchError, ExpressionError, SelectionError
from hepnb.events.passes.cutflow import Cutflow
from hepnb.events.writing.write import write_trees

RNG = np.random.default_rng(20261122)
N = 2_000
X, Y, W = RNG.normal(size=N), RNG.normal(size=N), RNG.uniform(-0.5, 2, N)
J = RNG.integers(0, 6, N)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("selections") / "a.root"
    columns = {"x": X, "y": Y, "w": W, "n": J, "Jet_pt": (J, RNG.uniform(20, 90, J.sum()))}
    return hepnb.open(write_trees(path, {"events": columns}))["events"]


def passed(flow):
    return [row.n_passed for row in flow]


def test_cuts_use_each_others_names(tree):
    sr, cr = (J >= 3) & (X > 0), ~((J >= 3) & (X > 0)) & (Y > 0)
    # In any order; applied in the order given.
    flow = tree.cutflow({"both": "SR | CR", "SR": "many & (x > 0)", "many": "n >= 3", "CR": "~SR & (y > 0)"})
    assert [row.name for row in flow] == ["all", "both", "SR", "many", "CR"]
    assert [row.n_alone for row in flow] == [N, (sr | cr).sum(), sr.sum(), (J >= 3).sum(), cr.sum()]
    assert passed(flow) == [N, (sr | cr).sum(), sr.sum(), sr.sum(), 0]
    assert flow["SR"].cut == "many & (x > 0)"
    # A name that no expression could use is a label; a name of a branch is the branch.
    flow = tree.cutflow({"3 jets": "n >= 3", "x": "x > 0", "y, too": "x > 1"})
    assert [row.n_alone for row in flow] == [N, (J >= 3).sum(), (X > 0).sum(), (X > 1).sum()]
    assert tree.cutflow({"not": "x > 0", "not not": "x > 1"})["not not"].n_passed == (X > 1).sum()


def test_cuts_in_a_list(tree):
    named = tree.with_columns(SR="n >= 3", CR=hepnb.Column("~SR", title="control region"))
    flow = named.cutflow(["x > 0", "SR", "SR | CR", "CR"])
    assert [row.name for row in flow] == ["all", "x > 0", "SR", "SR | CR", "control region"]
    assert passed(flow) == [N, (X > 0).sum(), *[((X > 0) & (J >= 3)).sum()] * 2, 0]
    assert flow["control region"].n_alone == (J < 3).sum()
    assert passed(tree.cutflow([])) == [N]
    assert named.hist("x", (1, -9, 9), cut="SR & ~CR").values()[0] == (J >= 3).sum()


@pytest.mark.parametrize(
    ("cuts", "error", "said"),
    [
        ({"a": "b", "b": "a"}, ExpressionError, "cut 'a' needs itself: 'a' -> 'b' -> 'a'"),
        ({"a": "a"}, ExpressionError, "cut 'a' needs itself"),
        (
            {"SR": "x > 0", "b": "SRR"},
            BranchError,
            "cut 'b': there is no branch or column 'SRR'. Did you mean 'SR'?",
        ),
        ({"SR": "x > 0", "b": "SR & lambda"}, ExpressionError, "cut 'b': 'lambda' is a word of Python"),
        ({"a": "x >", "b": "a"}, ExpressionError, "cut 'a': syntax error: it ends too soon"),
        (
            {"a": "flatten(Jet_pt)", "b": "a"},
            ExpressionError,
            "cut 'a': flatten(...) has no value for an event",
        ),
        (
            {"a": "Jet_pt > 3"},
            BranchError,
            "choose any(Jet_pt > 3), all(Jet_pt > 3), or how many, count(Jet_pt > 3) >= 2",
        ),
        ({"all": "x > 0"}, SelectionError, "a cut is called 'all'"),
        (["x > 0", "x > 0"], SelectionError, "the cut 'x > 0' is there twice"),
        ({"a": 3}, ExpressionError, "cut 'a': a cut is a text such as 'pt > 30', not 3"),
        ([None], ExpressionError, "a cut is a text"),
        (
            "x > 0",
            ExpressionError,
            "a dict of name to cut, {'hard': 'pt > 30'}, or a list of cuts, not 'x > 0'",
        ),
        (None, ExpressionError, "or a list of cuts, not None"),
    ],
)
def test_what_is_refused(tree, cuts, error, said):
    with pytest.raises(error) as caught:
        tree.cutflow(cuts)
    assert said in str(caught.value)


def test_sums_and_efficiencies(tree):
    flow = tree.cutflow({"a": "x > 0", "b": "y > 0.5"}, weight="w")
    a, b = X > 0, (X > 0) & (Y > 0.5)
    for row, mask, before in zip(
        flow, (np.ones(N, bool), a, b), (np.ones(N, bool), np.ones(N, bool), a), strict=True
    ):
        assert row.n_passed == mask.sum()
        assert row.efficiency == mask.sum() / N
        assert row.efficiency_step == mask.sum() / before.sum()
        assert row.efficiency_error == pytest.approx(np.std(mask) / np.sqrt(N))
        assert row.efficiency_step_error == pytest.approx(
            np.std(mask[before]) / np.sqrt(before.sum()), abs=1e-15
        )
        assert row.sumw == pytest.approx(W[mask].sum())
        assert row.sumw2 == pytest.approx((W[mask] ** 2).sum())
        assert row.weighted_efficiency == pytest.approx(W[mask].sum() / W.sum())
        assert row.weighted_efficiency_step == pytest.approx(W[mask].sum() / W[before].sum())
        # The ratio's error: both parts of the denominator vary, passed and failed, independently.
        for inside, found, error in (
            (np.ones(N, bool), row.weighted_efficiency, row.weighted_efficiency_error),
            (before, row.weighted_efficiency_step, row.weighted_efficiency_step_error),
        ):
            total = W[inside].sum()
            part, rest = (W[mask & inside] ** 2).sum(), (W[~mask & inside] ** 2).sum()
            assert error == pytest.approx(
                math.sqrt((1 - found) ** 2 * part + found**2 * rest) / total, abs=1e-9
            )


def test_weights_of_one_give_the_binomial_errors(tree):
    for row in tree.cutflow({"a": "x > 0", "b": "y > 0.5"}, weight="1 + 0*w"):
        assert row.weighted_efficiency == row.efficiency
        assert row.weighted_efficiency_error == pytest.approx(row.efficiency_error, abs=1e-12)
        assert row.weighted_efficiency_step_error == pytest.approx(row.efficiency_step_error, abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 1), (500, 2000)])
def test_intervals_have_the_probability_they_say(k, n):
    flow = Cutflow.of({"a": "x"}, [n, k], [n, k], [(n, n), (k, k)])
    for cl in (0.6827, 0.95):
        low, high = flow.interval("a", cl)
        assert 0 <= low <= k / n <= high <= 1
        # Clopper and Pearson: at the ends, k or anything beyond it has just the probability of one tail.
        assert k == 0 or binom.sf(k - 1, n, low) == pytest.approx((1 - cl) / 2)
        assert k == n or binom.cdf(k, n, high) == pytest.approx((1 - cl) / 2)


def test_nothing_is_left():
    flow = Cutflow.of({"a": "x", "b": "y"}, [0, 0, 0], [0, 0, 0], np.zeros((3, 2)))
    assert all(math.isnan(row.efficiency) and math.isnan(row.weighted_efficiency_error) for row in flow)
    assert flow.interval("a") == (0.0, 1.0)
    assert "-" in str(flow)
    with pytest.raises(SelectionError, match=r"cl=1\.5 is not between 0 and 1"):
        flow.interval("a", 1.5)
    with pytest.raises(SelectionError, match=r"no row 'c'\. There are: 'a', 'all', 'b'"):
        flow["c"]


def test_cutflows_add_up(tree):
    cuts = {"a": "x > 0", "b": "a & (y > 0)"}
    whole = tree.cutflow(cuts, weight="w")
    twice = whole + whole
    assert passed(twice) == [2 * n for n in passed(whole)]
    assert twice["b"].efficiency == whole["b"].efficiency
    assert twice["b"].efficiency_error == pytest.approx(whole["b"].efficiency_error / math.sqrt(2))
    assert twice.weight == "w"
    assert pickle.loads(pickle.dumps(twice)) == twice
    with pytest.raises(SelectionError, match="other cuts cannot be added"):
        whole + tree.cutflow({"a": "x > 1", "b": "x > 0"})
    with pytest.raises(SelectionError, match=r"(2 and 3|3 and 2) rows"):
        whole + tree.cutflow({"a": "x > 0"})
    with pytest.raises(TypeError):
        whole + 3


def test_a_table_to_read(tree):
    flow = tree.cutflow({"positive": "x > 0", "<b>": "y > 0"})
    lines = str(flow).splitlines()
    assert lines[0].split() == ["cut", "entries", "of", "all", "of", "last"]
    row = flow["positive"]
    assert f"{row.n_passed:,}" in lines[2]
    assert f"{row.efficiency:.2%} ± {100 * row.efficiency_error:.2f}" in lines[2]
    assert len({len(line) for line in lines}) == 1
    assert "sum of weights" in str(tree.cutflow({"a": "x > 0"}, weight="w")).splitlines()[0]
    page = flow._repr_html_()
    assert "<td><code>x &gt; 0</code></td>" in page
    assert "<th>&lt;b&gt;</th>" in page
    assert flow.table()[1]["efficiency_error"] == row.efficiency_error


def test_a_weight_that_is_not_finite_is_said(tree):
    with pytest.raises(SelectionError, match=r"the weight '1 / \(n - 1\)'.*not finite"):
        tree.cutflow({"many": "n > 1"}, weight="1 / (n - 1)")
    flow = tree.cutflow({"many": "n > 1"}, weight="where(n == 1, 0, 1 / (n - 1))")
    assert flow["many"].sumw == pytest.approx((1 / (J[J > 1] - 1)).sum())
