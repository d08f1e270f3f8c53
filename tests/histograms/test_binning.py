"""Bins in a person's words."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import axis, edges_of, fill, needs_values


def test_a_range():
    made = axis((60, 60, 120), name="mass", label="m [GeV]")
    assert isinstance(made, hist.axis.Regular)
    assert (made.name, made.label, made.size) == ("mass", "m [GeV]", 60)
    np.testing.assert_allclose(made.edges, np.linspace(60, 120, 61))
    assert axis((2, 0, 1), name="mass").label == "mass"


def test_edges():
    for edges in (
        [200, 300, 400, 500, 600],
        np.array([200.0, 300, 400, 500, 600]),
        (200, 300, 400, 500, 600),
    ):
        np.testing.assert_array_equal(edges_of(edges), [200, 300, 400, 500, 600])
    assert axis([1, 2, 3]).size == 2
    assert axis((1, 2, 3)).size == 1


def test_logarithmic():
    edges = edges_of(("log", 3, 1, 1000))
    np.testing.assert_allclose(edges, [1, 10, 100, 1000])
    assert (edges[0], edges[-1]) == (1, 1000)


def test_an_axis_is_itself():
    given_axis = hist.axis.Regular(3, 0, 1, name="mine")
    assert axis(given_axis, name="other") is given_axis


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 100))
def test_a_number_of_bins_holds_the_bulk(values, number):
    made = axis(number, values)
    assert made.size == number
    assert np.all(np.diff(made.edges) > 0)
    inside = fill(made, values).values().sum()
    assert inside >= 0.98 * len(values)


def test_without_outliers_nothing_is_outside():
    values = np.random.default_rng(1).uniform(3, 7, size=1000)
    for bins in (10, "auto"):
        assert fill(axis(bins, values), values).values().sum() == 1000


def test_an_outlier_does_not_squeeze_the_rest():
    values = np.concatenate((np.random.default_rng(1).normal(size=10_000), [1e9, np.inf, np.nan]))
    for bins in (50, "auto"):
        edges = axis(bins, values).edges
        assert edges[-1] < 10


def test_freedman_diaconis():
    values = np.random.default_rng(2).uniform(size=1000)
    width = 2 * np.subtract(*np.quantile(values, (0.75, 0.25))) / 10
    made = axis("auto", values)
    assert made.size == np.ceil(np.ptp(made.edges) / width)
    assert axis("auto", np.concatenate((np.zeros(900), np.ones(100)))).size == 10


def test_whole_numbers():
    made = axis("integer", [-2, 0, 3])
    np.testing.assert_array_equal(made.edges, np.arange(-2.5, 4))
    np.testing.assert_array_equal(fill(made, [-2, 0, 3]).values(), [1, 0, 1, 0, 0, 1])


def test_one_value_alone():
    for value in (0.0, 5.0, -1e12):
        for bins in (10, "auto", "integer"):
            made = axis(bins, [value] * 3)
            assert fill(made, [value] * 3).values().sum() == 3


@pytest.mark.parametrize("bins", [10, "auto", "integer", np.int64(4)])
def test_which_need_values(bins):
    assert needs_values(bins)
    with pytest.raises(BinningError, match="needs the values"):
        axis(bins)
    with pytest.raises(BinningError, match="no finite value"):
        axis(bins, [np.nan, np.inf])
    with pytest.raises(BinningError, match="are not numbers"):
        axis(bins, ["a"])


@pytest.mark.parametrize(
    ("bins", "said"),
    [
        ((10, 5, 5), "the range is empty, 5 is not below 5"),
        ((10, 6, 5), "the range is empty"),
        ((0, 0, 1), "Ask for 1 to 1,000,000"),
        (0, "Ask for 1 to 1,000,000"),
        (-3, "Ask for 1 to 1,000,000"),
        (10**9, "Ask for 1 to 1,000,000"),
        ((10, 0, float("inf")), "is not finite"),
        ((10, 0, "x"), "'x' is not a number"),
        ([1], "at least two"),
        ([], "at least two"),
        ([1, 1], "edges must rise, edge 1 \\(1\\) is not above edge 0 \\(1\\)"),
        ([1, 3, 2, 4], "edges must rise, edge 2"),
        ([1, np.nan], "is not finite"),
        (["a", "b"], "'a' is not a number"),
        (("log", 10, 0, 1), "0 < low < high"),
        (("log", 10, 1), "is not a binning"),
        (("lin", 10, 1, 2), "is not a binning"),
        ("automatic", "is not a binning"),
        (True, "is not a binning"),
        (None, "is not a binning"),
        (2.5, "is not a binning"),
        (("log", 2.5, 1, 2), "2.5 is not a whole number of bins"),
    ],
)
def test_bins_that_are_none(bins, said):
    with pytest.raises(BinningError, match=said):
        axis(bins, [1.0, 2.0])


def test_too_many_whole_numbers():
    with pytest.raises(BinningError, match="that is 1,000,001 bins"):
        axis("integer", [0, 10**6])
