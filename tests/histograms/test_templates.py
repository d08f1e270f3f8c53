"""Templates come from trees and ready histograms alike, and a variation splits as cabinetry splits it."""

from __future__ import annotations

from typing import Any

import boost_histogram as bh
import hist
import numpy as np
import pytest
from cabinetry.histo import Histogram
from hypothesis import given
from hypothesis import strategies as st

from hepnb.errors import BinningError
from hepnb.histograms import axis, fill
from hepnb.histograms.templates import Fillable, both_cuts, from_ready, template, zeros
from hepnb.histograms.variations import split


class Source:
    """Remembers how it was asked."""

    def hist(self, expression: str, bins: Any, cut: str | None = None, weight: str | None = None) -> Any:
        self.asked = (expression, bins, cut, weight)
        return fill(axis(bins), [0.5, 1.5, 1.6], [1.0, 2.0, 3.0])


def test_a_source_is_asked_once_and_scaled() -> None:
    source = Source()
    assert isinstance(source, Fillable)
    filled = template(source, "pt", (2, 0, 2), "good", "w", scale=2.0)
    assert source.asked == ("pt", (2, 0, 2), "good", "w")
    assert filled.values().tolist() == [2.0, 10.0]
    assert filled.variances().tolist() == [4.0, 4 * 13.0]


def test_a_ready_histogram_is_no_source() -> None:
    assert not isinstance(hist.Hist(hist.axis.Regular(2, 0, 1)), Fillable)


@pytest.mark.parametrize(
    "ready",
    [
        hist.Hist(hist.axis.Regular(2, 0, 2), storage=hist.storage.Weight()).fill([0.5, 1.5, 1.6]),
        hist.Hist(hist.axis.Regular(2, 0, 2)).fill([0.5, 1.5, 1.6, 5.0]),
        hist.Hist(hist.axis.Variable([0, 1, 2]), storage=hist.storage.Int64()).fill([0.5, 1.5, 1.6]),
        bh.Histogram(bh.axis.Regular(2, 0, 2, underflow=False, overflow=False)).fill([0.5, 1.5, 1.6]),
    ],
)
def test_every_make_of_histogram_is_a_template(ready: Any) -> None:
    made = template(ready, "", [0, 1, 2])
    assert isinstance(made, hist.Hist)
    assert made.values(flow=True).tolist() == [0.0, 1.0, 2.0, 0.0]
    assert made.variances().tolist() == [1.0, 2.0]
    made.reset()
    assert ready.values().tolist() == [1.0, 2.0]


def test_a_template_has_one_axis_and_the_bins_asked_for() -> None:
    flat = hist.Hist(hist.axis.Regular(2, 0, 2))
    with pytest.raises(BinningError, match="the histogram has 2 axes"):
        from_ready(hist.Hist(hist.axis.Regular(2, 0, 2), hist.axis.Regular(2, 0, 2)))
    with pytest.raises(BinningError, match="2 bins from 0 to 2, 2 bins from 0 to 3 are asked for"):
        from_ready(flat, (2, 0, 3))
    with pytest.raises(BinningError, match="neither a tree nor a histogram, but str"):
        from_ready("tree")
    assert from_ready(flat, [0, 1 + 1e-12, 2]).axes[0].size == 2


def test_zeros_have_the_bins() -> None:
    like = fill(axis([0, 1, 5]), [0.5])
    assert zeros(like).axes == like.axes
    assert not zeros(like).values().any()
    assert like.values().any()


def test_cuts_are_joined() -> None:
    assert both_cuts() is None
    assert both_cuts(None, " ", "") is None
    assert both_cuts("a | b", "c") == "(a | b) & (c)"


YIELDS = st.lists(st.floats(0.1, 1e4), min_size=3, max_size=3)


@given(YIELDS, YIELDS, YIELDS)
def test_split_is_cabinetrys(nominal: list[float], up: list[float], down: list[float]) -> None:
    def of(values: list[float]) -> Any:
        return Histogram.from_arrays(np.arange(4.0), np.array(values), np.zeros(3))

    parts = split(np.array(nominal), np.array(up), np.array(down))
    assert parts is not None
    shape_up, shape_down = of(up), of(down)
    assert parts.norm_up == pytest.approx(shape_up.normalize_to_yield(of(nominal)), rel=1e-12)
    assert parts.norm_down == pytest.approx(shape_down.normalize_to_yield(of(nominal)), rel=1e-12)
    np.testing.assert_allclose(parts.shape_up, shape_up.yields, rtol=1e-12)
    np.testing.assert_allclose(parts.shape_down, shape_down.yields, rtol=1e-12)
    mirrored = split(np.array(nominal), np.array(up))
    if sum(up) >= 2 * sum(nominal):
        assert mirrored is None
    elif mirrored is not None:
        assert mirrored.norm_up + mirrored.norm_down == pytest.approx(2)
        np.testing.assert_allclose(mirrored.shape_up + mirrored.shape_down, 2 * np.array(nominal))


@pytest.mark.parametrize("sides", [([0, 0], [1, 1], None), ([1, 1], [0, 0], None), ([1, 1], [1, 1], [-1, 0])])
def test_no_splitting_without_a_positive_yield(sides: Any) -> None:
    assert split(*sides) is None


def test_split_needs_equal_bins() -> None:
    with pytest.raises(BinningError, match="Fill both with the same bins"):
        split(np.ones(2), np.ones(3))
