"""Smoothing gives the published vectors, and what any smoothing must."""

from __future__ import annotations

import logging

import cabinetry.smooth
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import smooth
from hepnb.histograms._smooth import smooth_variation

# As published with cabinetry's tests, some in single precision.
PUBLISHED = [
    ([1, 3, 2, 5], [1, 2, 3.25, 5]),
    ([1, 3, 2, 5, 11, 3, 8], [1.0, 2.125, 3.66666675, 5.08333349, 6.16666651, 7.375, 8.0]),
    (
        [0.16505027, 0.92460960, 0.04765633, 0.36997846, 0.37872216],
        [0.16505027, 0.21628231, 0.31874642, 0.36997846, 0.36997846],
    ),
    (
        [0.29093575, 0.93474650, 0.29723760, 0.61081952, -1.00000000],
        [0.29093575, 0.52901053, 0.47264278, -0.06587567, -1.00000000],
    ),
]


@pytest.mark.parametrize(("before", "after"), PUBLISHED)
def test_published_vectors(before: list[float], after: list[float]) -> None:
    np.testing.assert_allclose(smooth(before), after, rtol=2e-7)


@given(st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=3, max_size=30))
def test_cabinetry_smooths_the_same(values: list[float]) -> None:
    """Numbers from a coarse grid, so that flat places and ties are common."""
    logging.getLogger("cabinetry").setLevel(logging.ERROR)
    theirs = cabinetry.smooth.smooth_353qh_twice(np.array(values))
    np.testing.assert_allclose(smooth(values), theirs, rtol=0, atol=1e-12)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=20),
    st.sampled_from([0.25, 2.0, 8.0]),
    st.floats(-5, 5),
)
def test_what_any_smoothing_must(values: list[float], factor: float, slope: float) -> None:
    array = np.array(values) + 2e3
    smoothed = smooth(array)
    scale = np.abs(array).max()
    # By a power of two, because the algorithm asks whether neighbours are equal. A straight line stays one.
    np.testing.assert_allclose(
        smooth(array * factor), smoothed * factor, rtol=1e-9, atol=1e-9 * factor * scale
    )
    line = 100 + slope * np.arange(len(values))
    np.testing.assert_allclose(smooth(line), line, rtol=1e-12)
    assert smooth(np.abs(array)).min() >= 0
    np.testing.assert_array_equal(smooth(array, times=2), smooth(smoothed))


def test_few_bins_and_wrong_ones() -> None:
    assert smooth([3.0, 1.0]).tolist() == [3.0, 1.0]
    with pytest.raises(BinningError, match="one row of finite numbers"):
        smooth([1.0, np.nan, 2.0])
    with pytest.raises(BinningError, match="one row of finite numbers"):
        smooth([[1.0, 2.0, 3.0]])


def test_a_variation_is_smoothed_relative_to_the_nominal_and_keeps_its_yield() -> None:
    nominal = np.array([1000.0, 400.0, 160.0, 64.0, 25.0, 10.0])
    variation = nominal * [1.05, 1.15, 1.05, 1.2, 1.1, 1.3]
    smoothed = smooth_variation(nominal, variation)
    assert smoothed.sum() == pytest.approx(variation.sum(), rel=1e-13)
    ratio = smooth(variation / nominal) * nominal
    np.testing.assert_allclose(smoothed, ratio * variation.sum() / ratio.sum(), rtol=1e-13)
    # A variation of the yield alone is smooth already.
    np.testing.assert_allclose(smooth_variation(nominal, 1.1 * nominal), 1.1 * nominal, rtol=1e-13)


def test_bins_without_a_nominal_stay_as_they_are() -> None:
    nominal, variation = np.array([10.0, 0.0, 10.0, 10.0, 10.0]), np.array([11.0, 0.5, 14.0, 11.0, 12.0])
    smoothed = smooth_variation(nominal, variation)
    assert smoothed[1] == 0.5
    np.testing.assert_allclose(
        smoothed[[0, 2, 3, 4]], smooth_variation(np.full(4, 10.0), variation[[0, 2, 3, 4]]), rtol=1e-13
    )
