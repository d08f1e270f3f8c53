"""Expected bands from toys: ordered, complete, and with uncertainties that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

import hepnb
from hepnb.hypotests.definitions import TEST_STATISTICS
from hepnb.hypotests.toy_batch import toy_statistics
from hepnb.hypotests.toys import ToyResults, expected_from_toys
from hepnb.limits.falling import crossing, crossings_with_errors, falling
from hepnb.limits.toy_limit import toy_upper_limit
from hepnb.workspace import uncorrelated_background

TAILS = (0.0227501, 0.1586553, 0.5, 0.8413447, 0.9772499)
# No quantile of the counts is near a step of their distribution, where chance decides between two counts.
BACKGROUND, SIGNAL = 2.4, 2.0


def counting(observed: float = 2.0) -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([SIGNAL], [BACKGROUND], [0.0], [observed]))


def exact(n: float) -> float:
    base = poisson.cdf(n, BACKGROUND)
    return float(brentq(lambda mu: poisson.cdf(n, BACKGROUND + mu * SIGNAL) / base - 0.05, 1e-3, 50))


def statistics(model: hepnb.Model, grid: np.ndarray) -> np.ndarray:
    """Return q-tilde of every count at every value: toys of one bin need no other fits, shape (mu, count)."""
    counts = np.arange(80.0)
    data = np.column_stack([counts, np.tile(model.data[1:], (counts.size, 1))])
    chosen, start = TEST_STATISTICS["qtilde"], model.init
    return np.array([toy_statistics(model, data, float(mu), chosen, start) for mu in grid])


def test_bands_of_200_studies_cover_the_exact_limits() -> None:
    model, n_toys = counting(), 600
    grid = np.geomspace(0.6, 7.0, 14)
    table = statistics(model, grid)
    found, error = np.empty((2, 200, 5))
    for study in range(200):
        rng = np.random.default_rng(study)
        bands, sigmas = np.empty((2, grid.size, 5))
        for place, (mu, q) in enumerate(zip(grid, table, strict=True)):
            tested = q[rng.poisson(BACKGROUND + mu * SIGNAL, n_toys)]
            alone = q[rng.poisson(BACKGROUND, n_toys)]
            values, errors = expected_from_toys(ToyResults(tested, alone, 0, 0.0))
            bands[place], sigmas[place] = values[0], errors[0]
        for row in range(5):
            found[study, row], error[study, row] = crossings_with_errors(
                grid, bands[:, row], sigmas[:, row], 0.05
            )
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) >= 0).all()
    truth = np.array([exact(n) for n in poisson.ppf(TAILS, BACKGROUND)])
    within = np.abs(found - truth) / error
    # Of a normal law 68 % and 95 %, which two hundred studies know to 3 % and 2 %.
    assert ((within < 1).mean(axis=0) > 0.62).all()
    assert ((within < 2).mean(axis=0) > 0.9).all()
    # Nor are they far too large.
    assert (np.median(error, axis=0) < 2 * np.std(found, axis=0)).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_search_with_few_toys_finds_a_whole_band_in_order(seed: int) -> None:
    model = hepnb.Model(uncorrelated_background([2.0, 5.0], [8.0, 2.5], [1.5, 0.8], [9, 4]))
    found = toy_upper_limit(None, model, n_toys=150, seed=seed)
    assert np.isfinite([found.observed, *found.expected]).all()
    assert (np.diff(found.expected) >= 0).all()
    assert not found.no_limit


def test_falling_curves_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    mu = np.geomspace(0.5, 3, 12)
    for _ in range(200):
        curves = np.sort(np.exp(-mu) + 0.1 * rng.normal(size=(5, 12)), axis=0)
        smooth = np.array([falling(curve) for curve in curves])
        assert (np.diff(smooth, axis=1) <= 0).all()
        assert (np.diff(smooth, axis=0) >= -1e-12).all()
        places = np.array([crossing(mu, curve, 0.2) for curve in smooth])
        assert (np.diff(places[np.isfinite(places)]) >= -1e-12).all()


def test_a_curve_that_falls_already_is_left_alone() -> None:
    mu = np.linspace(0, 3, 7)
    curve = np.exp(-2 * mu)
    np.testing.assert_array_equal(falling(curve), curve)
    assert crossing(mu, curve, 0.1) == pytest.approx(np.log(10) / 2, rel=1e-12)
    assert np.isnan(crossing(mu, curve, 1e-5))
