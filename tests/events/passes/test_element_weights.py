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


def test_a_histogram_for_each_weight_of_a_vector(tree):
    pdf = np.arange(15.0).reshape(5, 3)
    found = tree.hist("pt[:, 0]", BINS, cut="sign > -2", weight="sign", weight_axis="pdf")
    assert [axis.name for axis in found.axes] == ["x", "weight_number"]
    lead = ak.to_numpy(ak.fill_none(ak.firsts(JETS), -1))
    passed = (SIGN > -2) & (lead >= 0)
    for number in range(3):
        weights = (pdf[:, number] * SIGN)[passed]
        one = found[:, number]
        np.testing.assert_allclose(one.values(), np.histogram(lead[passed], 4, (0, 80), weights=weights)[0])
        np.testing.assert_allclose(
            one.variances(), np.histogram(lead[passed], 4, (0, 80), weights=weights**2)[0]
        )
        assert one == tree.hist("pt[:, 0]", BINS, cut="sign > -2", weight=f"sign * pdf[:, {number}]")
    two = tree.hist(("sign", "pt[:, 0]"), ((4, -2, 2), BINS), weight_axis="pdf", entry_start=1)
    assert two[:, :, 2] == tree.hist(
        ("sign", "pt[:, 0]"), ((4, -2, 2), BINS), weight="pdf[:, 2]", entry_start=1
    )


def test_a_vector_of_weights_has_one_length(tree):
    for vector in ("pt", "pdf[pdf > 4]"):
        with pytest.raises(SelectionError, match="weight_axis"):
            tree.hist("sign", BINS, weight_axis=vector)
    # Lists that happen to be as long as the vector are not its elements.
    for expression in ("flatten(pdf)", ("sign", "flatten(pt)")):
        with pytest.raises(SelectionError, match="flatten"):
            tree.hist(expression, BINS if isinstance(expression, str) else (BINS, BINS), weight_axis="pdf")
    assert (
        tree.hist("sign", (4, -2, 2), cut="count(pt) == 1", weight_axis="eta", entry_start=1).axes[1].size
        == 1
    )
