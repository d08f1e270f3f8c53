"""Filling, merging bins, and the arithmetic of variations."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import axis, empty, fill, fill_into, normalize, rebin, symmetrise

RNG = np.random.default_rng(11)
VALUES = RNG.normal(size=3000)
WEIGHTS = RNG.normal(1, 0.4, size=3000)


def test_weights_and_squares():
    made = fill(axis((30, -3, 3)), VALUES, WEIGHTS, name="h", label="entries")
    assert (made.name, made.label, made.storage_type) == ("h", "entries", hist.storage.Weight)
    np.testing.assert_allclose(
        made.values(), np.histogram(VALUES, 30, (-3, 3), weights=WEIGHTS)[0], rtol=1e-12
    )
    np.testing.assert_allclose(
        made.variances(), np.histogram(VALUES, 30, (-3, 3), weights=WEIGHTS**2)[0], rtol=1e-12
    )


def test_without_weights_the_variance_is_the_count():
    made = fill(axis((30, -3, 3)), VALUES)
    np.testing.assert_array_equal(made.values(flow=True), made.variances(flow=True))
    assert made.values(flow=True).sum() == 3000


@given(st.integers(1, 2999))
def test_in_parts_it_is_the_same_to_the_bit(split):
    whole = fill(axis((30, -3, 3)), VALUES, WEIGHTS)
    parts = empty(axis((30, -3, 3)))
    n = fill_into(parts, VALUES[:split], WEIGHTS[:split]) + fill_into(parts, VALUES[split:], WEIGHTS[split:])
    assert n == 3000
    np.testing.assert_array_equal(parts.view(flow=True), whole.view(flow=True))


def test_where_infinities_and_nan_go():
    made = fill(axis((2, 0, 2)), [np.inf, -np.inf, np.nan, np.nan, 1, 2])
    assert made.values(flow=True).tolist() == [1, 0, 1, 2]
    assert made.metadata["n_nan"] == 2
    # The weight of a value that goes nowhere does not matter.
    assert fill(axis((2, 0, 2)), [np.nan, 1], [np.nan, 3]).values().sum() == 3


def test_what_is_refused():
    with pytest.raises(BinningError, match="2 values and 3 weights"):
        fill(axis((2, 0, 2)), [1, 2], [1, 2, 3])
    with pytest.raises(BinningError, match="1 of 2 weights are not finite"):
        fill(axis((2, 0, 2)), [1, 2], [1, np.inf])


def test_merging_bins():
    made = fill(axis((30, -3, 3)), VALUES, WEIGHTS)
    direct = fill(axis((10, -3, 3)), VALUES, WEIGHTS)
    merged = rebin(made, 3)
    np.testing.assert_allclose(merged.values(flow=True), direct.values(flow=True), rtol=1e-12)
    np.testing.assert_allclose(merged.variances(flow=True), direct.variances(flow=True), rtol=1e-12)
    assert isinstance(merged.axes[0], hist.axis.Regular)
    chosen = rebin(made, [-2, 0, 1])
    np.testing.assert_allclose(chosen.values(flow=True).sum(), made.values(flow=True).sum(), rtol=1e-12)
    direct = fill(axis([-2, 0, 1]), VALUES, WEIGHTS)
    np.testing.assert_allclose(chosen.values(flow=True), direct.values(flow=True), rtol=1e-12)
    np.testing.assert_array_equal(rebin(made, 1).view(flow=True), made.view(flow=True))


def test_merging_other_histograms():
    counted = hist.Hist.new.Reg(4, 0, 4).Double().fill([0.5, 1.5, 3.5])
    assert rebin(counted, 2).values().tolist() == [2, 1]
    closed = hist.Hist(hist.axis.Regular(4, 0, 4, flow=False)).fill([0.5, 1.5, 3.5])
    assert rebin(closed, 2).values(flow=True).tolist() == [0, 2, 1, 0]


def test_merging_what_does_not_fit():
    made = fill(axis((30, -3, 3)), VALUES)
    with pytest.raises(BinningError, match=r"30 bins cannot be merged 4 by 4\. Merge by one of 1, 2, 3, 5"):
        rebin(made, 4)
    with pytest.raises(BinningError, match=r"edge 0\.05 is not an edge of the histogram; the nearest is"):
        rebin(made, [0.05, 1])
    with pytest.raises(BinningError, match="at least two edges that rise"):
        rebin(made, [1, 0])
    with pytest.raises(BinningError, match="takes one axis, the histogram has 2"):
        rebin(hist.Hist.new.Reg(2, 0, 1).Reg(2, 0, 1).Double(), 2)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_symmetrise_mirrors(pairs):
    nominal, up = np.array(pairs).T
    down = symmetrise(nominal, up)
    np.testing.assert_allclose((up + down) / 2, nominal, rtol=1e-9, atol=1e-9)


def test_normalise_keeps_the_sum():
    nominal, up = np.array([10.0, 20, 30]), np.array([12.0, 20, 40])
    ratio, shape = normalize(nominal, up)
    assert ratio == 1.2
    np.testing.assert_allclose(shape.sum(), nominal.sum())
    np.testing.assert_allclose(shape * ratio, up)
    assert normalize([0, 0], [1, 2])[0] == 1.0
    assert normalize([1, 2], [0, 0])[0] == 1.0


def test_bins_must_be_the_same():
    for function in (symmetrise, normalize):
        with pytest.raises(BinningError, match="Fill both with the same bins"):
            function([1, 2], [1, 2, 3])
