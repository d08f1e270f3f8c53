"""Values in bins: at edges as numpy.histogram with the written edges has them; and axes of all kinds."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import axis, edges_of, fill
from hepnb.histograms.coordinates import exact_edges


@st.composite
def decimal_bins(draw):
    """A binning whose edges are decimal numbers of a few digits, and those edges as they are written."""
    digits = draw(st.integers(0, 4))
    n = draw(st.integers(1, 60))
    low, step = draw(st.integers(-2000, 2000)), draw(st.integers(1, 300))
    edges = [float(f"{low + i * step}e-{digits}") for i in range(n + 1)]
    return (n, edges[0], edges[-1]), edges


@settings(max_examples=60, deadline=None)
@given(decimal_bins(), st.data())
def test_fill_is_numpy_histogram_with_the_edges_as_written(binning, data):
    bins, edges = binning
    at = np.array(data.draw(st.lists(st.sampled_from(edges), max_size=12)))
    between = np.array(data.draw(st.lists(st.floats(2 * edges[0] - 9, 2 * edges[-1] + 9), max_size=12)))
    values = np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf), between])
    made = fill(axis(bins), values)
    # numpy counts the uppermost edge into the last bin, here and in ROOT it is above the axis.
    expected = np.histogram(values[values < edges[-1]], edges)[0]
    np.testing.assert_array_equal(made.values(), expected)
    assert made.values(flow=True)[-1] == np.count_nonzero(values >= edges[-1])
    assert made.values(flow=True)[0] == np.count_nonzero(values < edges[0])


@given(decimal_bins())
def test_exact_edges_are_those_that_are_written(binning):
    (n, low, high), edges = binning
    assert exact_edges(n, low, high).tolist() == edges
    assert edges_of((n, low, high)).tolist() == edges


@pytest.mark.parametrize("n", [1, 7, 10, 49, 93, 98, 100, 103, 128, 1000, 9999])
def test_whole_numbers_are_in_bins_of_their_own(n):
    for first in (0, -n // 2, 1_000_003):
        made = fill(axis((n, first, first + n)), np.arange(first, first + n))
        np.testing.assert_array_equal(made.values(flow=True), [0, *np.ones(n), 0])
        assert fill(axis((n, first, first + n)), [first + n]).values(flow=True)[-1] == 1


def test_tenths_are_where_they_are_written():
    tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    np.testing.assert_array_equal(fill(axis((10, 0, 1)), tenths).values(), [0, *np.ones(9)])
    np.testing.assert_array_equal(fill(axis((20, -1, 1)), [-0.3, -0.1, 0.0]).values()[[7, 9, 10]], 1)


@given(st.floats(-1e300, 1e300), st.floats(1e-290, 1e290), st.integers(1, 50))
def test_any_range_fills_every_value_somewhere(low, width, n):
    high = low + width
    if not low < high < np.inf:
        return
    edges = exact_edges(n, low, high)
    assert (edges[0], edges[-1]) == (low, high)
    made = fill(axis((n, low, high)), [*edges, -np.inf, np.inf, np.nan])
    assert made.values(flow=True).sum() == n + 3
    assert made.metadata["n_nan"] == 1


def test_axes_of_other_kinds_take_what_they_are_for():
    whole = fill(hist.axis.Integer(0, 3), [0, 1.0, 1, 2, 7, -2, 1e300, -np.inf, np.nan])
    assert whole.values(flow=True).tolist() == [2, 1, 2, 1, 2]
    assert whole.metadata["n_nan"] == 1
    assert fill(hist.axis.IntCategory([5, 1]), [1, 5, 5, 9, 2.0**40]).values(flow=True).tolist() == [2, 1, 2]
    assert fill(hist.axis.Boolean(), [True, False, 3, 0.0]).values().tolist() == [2, 2]
    texts = fill(hist.axis.StrCategory(["a", "b"]), ["b", "b", "c"])
    assert texts.values(flow=True).tolist() == [0, 2, 1]
    grown = fill(hist.axis.StrCategory([], growth=True), np.array(["b", "a", "b"]))
    assert dict(zip(grown.axes[0], grown.values().tolist(), strict=True)) == {"b": 2, "a": 1}
    assert fill(hist.axis.Integer(0, 1, growth=True), [3, -1]).values().tolist() == [1, 0, 0, 0, 1]
    no_flow = fill(hist.axis.Regular(10, 0, 1, flow=False), [0.3, 1.0, 1.1, -0.1])
    assert no_flow.values().tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_what_does_not_fit_an_axis_is_refused():
    with pytest.raises(BinningError, match=r"1.5 is no whole number"):
        fill(hist.axis.Integer(0, 3), [1, 1.5])
    with pytest.raises(BinningError, match=r"2.5 is no whole number"):
        fill(hist.axis.IntCategory([1]), [2.5])
    with pytest.raises(BinningError, match="StrCategory"):
        fill(hist.axis.StrCategory(["1"]), [1, 2])
    with pytest.raises(BinningError, match="not numbers"):
        fill(axis((2, 0, 1)), ["a"])
    with pytest.raises(BinningError, match="too many bins"):
        fill(hist.axis.Integer(0, 1, growth=True), [0, 2**31])


@pytest.mark.parametrize(
    "values",
    [
        np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]),
        np.ma.array([1, 2, 3], mask=[False, True, False]),
        ak.Array([1.0, None, 3.0]),
        [1.0, None, 3.0],
    ],
    ids=["masked", "masked whole numbers", "awkward", "None"],
)
def test_what_is_masked_is_not_filled(values):
    made = fill(axis((4, 0, 4)), values)
    assert made.values(flow=True).tolist() == [0, 0, 1, 0, 1, 0]
    assert made.metadata["n_nan"] == 1
    with pytest.raises(BinningError, match="1 of 3 weights are not finite"):
        fill(axis((4, 0, 4)), [1, 2, 3], values)
