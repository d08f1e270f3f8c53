"""Profiles of trees: against sums in plain numpy, and against ROOT's formula of the error."""

from __future__ import annotations

from itertools import pairwise

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import ExpressionError, SelectionError

N = 500


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, N)
    pt = rng.exponential(20, counts.sum())
    return {
        "x": rng.uniform(0, 4, N), "y": 1e6 + rng.normal(0, 1, N), "w": rng.uniform(0.5, 2, N),
        "pt": ak.unflatten(pt, counts), "eta": ak.unflatten(0.1 * pt + rng.normal(0, 1, len(pt)), counts),
    }  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory, columns):
    path = tmp_path_factory.mktemp("profiles") / "a.root"
    gaps = columns["y"].copy()
    gaps[::7] = np.nan
    with uproot.recreate(path) as file:
        file["t"] = columns | {"gaps": gaps}
    return hepnb.open(path)["t"]


def expected(x, y, w, edges):
    """Means, and ROOT's errors: spread / sqrt(effective entries)."""
    means, errors = [], []
    for low, high in pairwise(edges):
        inside = (x >= low) & (x < high)
        weights, values = w[inside], y[inside]
        mean = np.average(values, weights=weights)
        variance = np.average((values - mean) ** 2, weights=weights)
        means.append(mean)
        errors.append(np.sqrt(variance * (weights**2).sum()) / weights.sum())
    return np.array(means), np.array(errors)


@pytest.mark.parametrize("weight", [None, "w"])
def test_means_and_errors(tree, columns, weight):
    made = tree.profile("x", "y", (4, 0, 4), cut="x < 3.9", weight=weight)
    kept = columns["x"] < 3.9
    w = columns["w"][kept] if weight else np.ones(kept.sum())
    means, errors = expected(columns["x"][kept], columns["y"][kept], w, np.arange(5.0))
    np.testing.assert_allclose(made.values(), means, rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(made.variances()), errors, rtol=1e-6)


def test_elements_of_lists_have_the_weight_of_their_event(tree, columns):
    made = tree.profile("flatten(pt)", "flatten(eta)", [0, 10, 30, 200], weight="w")
    spread = ak.flatten(ak.broadcast_arrays(columns["w"], columns["pt"])[0]).to_numpy()
    pt, eta = (ak.flatten(columns[name]).to_numpy() for name in ("pt", "eta"))
    means, errors = expected(pt, eta, spread, [0, 10, 30, 200])
    np.testing.assert_allclose(made.values(), means, rtol=1e-10)
    np.testing.assert_allclose(np.sqrt(made.variances()), errors, rtol=1e-6)


def test_what_is_not_a_number_is_left_out_and_counted(tree, columns):
    made = tree.profile("x", "gaps", (4, 0, 4))
    known = np.arange(N) % 7 != 0
    means, _ = expected(columns["x"][known], columns["y"][known], np.ones(known.sum()), np.arange(5.0))
    np.testing.assert_allclose(made.values(), means, rtol=1e-12)
    assert made.metadata["n_nan"] == N - known.sum()


def test_a_range_of_entries_and_automatic_bins(tree, columns):
    made = tree.profile("x", "y", 5, entry_start=100, entry_stop=300)
    edges = tree.hist("x", 5, entry_start=100, entry_stop=300).axes[0].edges
    np.testing.assert_array_equal(made.axes[0].edges, edges)
    means, _ = expected(columns["x"][100:300], columns["y"][100:300], np.ones(200), edges)
    np.testing.assert_allclose(made.values(), means, rtol=1e-12)


def test_elements_meet_those_of_their_own_event(tmp_path):
    with uproot.recreate(tmp_path / "few.root") as file:
        lists = {"a": ak.Array([[1.0, 2.0], [], [3.0]]), "b": ak.Array([[5.0], [7.0, 9.0], []])}
        file["t"] = lists | {"m": np.array([1.0, 2.0, 3.0])}
    tree = hepnb.open(tmp_path / "few.root")["t"]
    # As many in all, but not in every event.
    with pytest.raises(ExpressionError, match="same number of elements in every event"):
        tree.profile("flatten(a)", "flatten(b)", (4, 0, 4))
    deeper = "flatten(table(a, a).first)"
    for x, y, w in (("flatten(a)", "m", "m"), ("m", "flatten(a)", "m"), ("flatten(a)", deeper, "m"),
                    ("m", "m", "flatten(a[:, :1])")):  # fmt: skip
        with pytest.raises(SelectionError, match="same lists"):
            tree.profile(x, y, (4, 0, 4), weight=w)
    made = tree.profile(" flatten (a) ", "flatten(2 * a) ", (4, 0, 4), weight="m ")
    np.testing.assert_array_equal(made.values(), [0, 2, 4, 6])


def test_values_that_do_not_belong_together_are_refused(tree):
    with pytest.raises(SelectionError, match="flatten"):
        tree.profile("x", "flatten(pt)", (4, 0, 4))
    with pytest.raises(SelectionError, match="weight"):
        tree.profile("x", "y", (4, 0, 4), weight="1 / (x - x)")


@pytest.mark.parametrize(("n", "low", "high"), [(22, 0, 22), (49, 0, 49), (10, 0, 1), (7, 0.7, 1.4)])
def test_values_at_edges_are_in_the_bin_on_their_right(n, low, high):
    edges = np.array([low + (high - low) * place / n for place in range(n)])
    edges = np.round(edges, 12)
    tree = hepnb.tree({"x": edges, "y": np.arange(n) + 0.5})
    np.testing.assert_array_equal(tree.profile("x", "y", (n, low, high)).values(), np.arange(n) + 0.5)


def test_categories():
    tree = hepnb.tree({"kind": ["b", "a", "b"], "n": [2, 1, 2], "y": [1.0, 5.0, 3.0]})
    found = tree.profile("kind", "y", hist.axis.StrCategory(["a", "b"]))
    assert found.values().tolist() == [5, 2]
    assert tree.profile("n", "y", hist.axis.Integer(1, 3)).values().tolist() == [5, 2]
    assert tree.profile("n == 2", "y", hist.axis.Boolean()).values().tolist() == [5, 2]
