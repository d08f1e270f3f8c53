"""Weights of the elements of lists, against numpy's histograms of the flattened lists."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

import hepnb
from hepnb.errors import BranchError, SelectionError

JETS = ak.Array([[10.0, 55.0], [30.0], [], [70.0, 20.0, 41.0], [62.0]])
ETA = ak.Array([[0.5, -1.5], [2.0], [], [-0.1, 1.1, 0.7], [3.0]])
SIGN = np.array([1.0, -1.0, 1.0, 1.0, -2.0])
BINS = (4, 0, 80)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "jets.root"
    with uproot.recreate(path) as file:
        file["t"] = {"pt": JETS, "eta": ETA, "sign": SIGN, "pdf": np.arange(15.0).reshape(5, 3)}
    return hepnb.open(path)["t"]


def expected(values, weights):
    values, weights = (ak.to_numpy(ak.flatten(array)) for array in (values, weights))
    return [np.histogram(values, BINS[0], BINS[1:], weights=w)[0] for w in (weights, weights**2)]


@pytest.mark.parametrize("weight", ["abs(eta) * sign", "flatten(abs(eta) * sign)"])
def test_each_element_has_its_weight(tree, weight):
    histogram = tree.hist("flatten(pt)", BINS, weight=weight)
    sums, squares = expected(JETS, abs(ETA) * SIGN)
    np.testing.assert_allclose(histogram.values(), sums)
    np.testing.assert_allclose(histogram.variances(), squares)


def test_chosen_elements_and_a_cut(tree):
    histogram = tree.hist("flatten(pt[pt > 25])", BINS, weight="eta[pt > 25]", cut="sign > 0")
    passed = SIGN > 0
    sums, _ = expected(JETS[JETS > 25][passed], ETA[JETS > 25][passed])
    np.testing.assert_allclose(histogram.values(), sums)


def test_in_two_dimensions_beside_a_number_of_the_event(tree):
    histogram = tree.hist(("flatten(pt)", "sign"), (BINS, (4, -2, 2)), weight="eta")
    values, weights = ak.to_numpy(ak.flatten(JETS)), ak.to_numpy(ak.flatten(ETA))
    signs = ak.to_numpy(ak.flatten(ak.broadcast_arrays(SIGN, JETS)[0]))
    wanted = np.histogram2d(values, signs, (4, 4), (BINS[1:], (-2, 2)), weights=weights)[0]
    np.testing.assert_allclose(histogram.values(), wanted)


def test_in_cubes_and_variations(tree):
    cube = tree.cube("flatten(pt)", BINS, {"sign": (4, -2, 2)}, weight="eta")
    sums, squares = expected(JETS[SIGN >= 0], ETA[SIGN >= 0])
    np.testing.assert_allclose(cube.slice(sign=(0, None)).values(), sums)
    np.testing.assert_allclose(cube.slice(sign=(0, None)).variances(), squares)
    filled = tree.fill(
        {"h": ("flatten(pt)", BINS, None, "eta")},
        variations={"up": {"eta": "3 * eta"}, "low": {"pt": "pt / 2"}},
    )
    np.testing.assert_allclose(filled.variations["up"]["h"].values(), 3 * expected(JETS, ETA)[0])
    np.testing.assert_allclose(filled.variations["low"]["h"].values(), expected(JETS / 2, ETA)[0])


@pytest.mark.parametrize("weight", ["pdf", "flatten(pdf)", "eta[pt > 25]"])
def test_lists_of_other_lengths_are_refused(tree, weight):
    with pytest.raises(SelectionError, match=r"flatten\(pt\)"):
        tree.hist("flatten(pt)", BINS, weight=weight)


@pytest.mark.parametrize("weight", ["pdf", "flatten(pdf)"])
def test_one_value_per_event_has_one_weight(tree, weight):
    for fill in (
        lambda: tree.hist("sign", BINS, weight=weight),
        lambda: tree.cutflow(["sign > 0"], weight=weight),
    ):
        with pytest.raises(BranchError, match="pdf"):
            fill()
    cube = {"pt[:, 0]": (4, 0, 80)}
    with pytest.raises(BranchError, match="pdf"):
        tree.cube("sign", BINS, cube, weight=weight)


def test_lists_of_lists_pair_by_their_inner_lists(tmp_path):
    path = tmp_path / "nested.parquet"
    inner = ak.Array([[[1.0, 2.0], [3.0]], [[4.0]]])
    ak.to_parquet(
        ak.zip({"a": inner, "w": 10 * inner, "b": ak.Array([[[1.0], [2.0, 3.0]], [[4.0]]])}, depth_limit=1),
        path,
    )
    nested = hepnb.open(path)
    assert nested.hist("flatten(a)", (5, 0, 5), weight="w").values().tolist() == [0, 10, 20, 30, 40]
    with pytest.raises(SelectionError, match=r"flatten\(a\)"):
        nested.hist("flatten(a)", (5, 0, 5), weight="b")
