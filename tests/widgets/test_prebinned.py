from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hepnb
from hepnb.histograms.rounding import nice_range
from hepnb.widgets.histogram_builder.prebinned import MOST_BINS, Prebinned, fine_edges


@pytest.fixture(scope="module")
def tree(generated_dir):
    return hepnb.open(generated_dir / "pairs.root")["events"]


def test_fine_edges_hold_those_of_every_binning():
    fine = set(fine_edges(60.0, 120.0).tolist())
    for n in range(1, MOST_BINS + 1):
        exact = {float(60 + Fraction(60 * k, n)) for k in range(n + 1)}
        assert exact <= fine


@pytest.mark.parametrize("side", [">=", "<"])
def test_any_bins_and_any_place_of_the_cut_equal_the_refilled_histogram(tree, side):
    prebinned = Prebinned(tree, "M", (60.0, 120.0), cut="Q1*Q2 < 0", variable="pt1", places=(100, 0.0, 100.0))
    for n_bins in (1, 7, 60, 127, 128):
        for value in (None, 0.0, 30.0, 45.0, 99.0):
            cut = "Q1*Q2 < 0" if value is None else f"(Q1*Q2 < 0) & (pt1 {side} {value})"
            content = prebinned.content(n_bins, value, side)
            if value == 0.0 and side == "<":
                assert not content.values.any()
                continue
            refilled = tree.hist("M", (n_bins, 60, 120), cut=cut)
            flow = refilled.values(flow=True)
            assert content.values.tolist() == refilled.values().tolist()
            assert content.variances.tolist() == refilled.variances().tolist()
            assert (content.under, content.over) == (flow[0], flow[-1])


def test_weights_and_scale(tree):
    prebinned = Prebinned(tree, "M", (60.0, 120.0), weight="pt1/40", scale=0.5)
    content = prebinned.content(30)
    refilled = tree.hist("M", (30, 60, 120), weight="pt1/40") * 0.5
    assert np.allclose(content.values, refilled.values(), rtol=1e-12)
    assert np.allclose(content.variances, refilled.variances(), rtol=1e-12)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
)
def test_a_nice_range_covers_the_range_in_whole_steps(low, width):
    n, first, last = nice_range(low, low + width)
    step = (last - first) / n
    assert first <= low + 1e-6 * step
    assert last >= low + width - 1e-6 * step
    assert 1 <= n <= 102
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 1e-6
