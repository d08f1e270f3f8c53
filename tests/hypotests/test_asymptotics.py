"""The laws of the statistics of intervals: known distributions, and draws of the best value."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, ncx2, norm

from hepnb.hypotests.asymptotics import expected_two_sided_pvalues, observed_pvalues, two_sided_pvalues

T = np.array([0.0, 0.1, 1.0, 2.5, 4.0, 9.0, 30.0])


@pytest.mark.parametrize("t_asimov", [0.0, 0.3, 4.0, 25.0])
def test_without_a_bound_t_is_chi_squared(t_asimov: float) -> None:
    found = two_sided_pvalues(T, np.full(T.size, t_asimov), bounded=False)
    np.testing.assert_allclose(found.CLsb, chi2.sf(T, 1), rtol=1e-10)
    np.testing.assert_allclose(found.CLb, ncx2.sf(T, 1, t_asimov) if t_asimov else chi2.sf(T, 1), rtol=1e-7)


@pytest.mark.parametrize("t_asimov", [0.3, 4.0])
def test_with_a_bound_t_has_the_law_of_a_best_value_cut_at_zero(t_asimov: float) -> None:
    """t-tilde as Eq. (42) of arXiv:1007.1727 writes it, for best values drawn from a normal law."""
    distance, size = np.sqrt(t_asimov), 400_000
    for true, name in ((distance, "CLsb"), (0.0, "CLb")):
        best = np.random.default_rng(3).normal(true, 1.0, size)
        t = np.where(best >= 0, (best - distance) ** 2, distance**2 - 2 * distance * best)
        drawn = (t[:, None] >= T).mean(axis=0)
        told = getattr(two_sided_pvalues(T, np.full(T.size, t_asimov), bounded=True), name)
        assert (np.abs(drawn - told) <= 4 * np.sqrt(told * (1 - told) / size) + 1e-12).all()


def test_at_zero_one_side_is_left() -> None:
    found = two_sided_pvalues(T, np.zeros(T.size), bounded=True)
    np.testing.assert_allclose(found.CLsb, [1.0, *norm.sf(np.sqrt(T[1:]))], rtol=1e-12)


@pytest.mark.parametrize("bounded", [False, True])
def test_expected_values_are_quantiles_of_the_background(bounded: bool) -> None:
    distance = np.array([0.4, 1.0, 3.0])
    expected = expected_two_sided_pvalues(distance**2, bounded)
    assert expected.CLsb.shape == (3, 5)
    best = np.random.default_rng(4).normal(0.0, 1.0, 200_000)
    for row, d in enumerate(distance):
        t = (best - d) ** 2
        if bounded:
            t = np.where(best >= 0, t, d**2 - 2 * d * best)
        p = two_sided_pvalues(t, np.full(t.size, d**2), bounded).CLsb
        np.testing.assert_allclose(
            expected.CLsb[row], np.quantile(p, norm.cdf([-2, -1, 0, 1, 2])), rtol=0.06, atol=2e-5
        )
    assert (np.diff(expected.CLsb, axis=1) > 0).all()


def test_expected_values_of_nothing_known_are_nan() -> None:
    for p in expected_two_sided_pvalues(np.array([np.nan, 1.0]), bounded=True):
        assert np.isnan(p[0]).all()
        assert np.isfinite(p[1]).all()


def test_a_ratio_of_two_tails_that_underflow_is_not_0() -> None:
    found = observed_pvalues(np.array([45.0, 45.0, np.inf]), np.array([0.0, 1e-4, 1.0]))
    assert (found.CLsb[0], found.CLb[0]) == (0.0, 0.0)
    assert found.CLs[0] == 1.0
    # log(Phi(-x)) falls by x dx.
    assert found.CLs[1] == pytest.approx(np.exp(-45.0 * 0.01), rel=1e-2)
    assert found.CLs[2] == 0.0
