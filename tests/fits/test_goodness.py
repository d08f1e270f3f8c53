"""Goodness of fit by toys, against the asymptotic law and the exact one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, poisson

import hepnb
from hepnb.errors import ModelError
from hepnb.workspace import uncorrelated_background


def spec(scale: float, observed: list[float]) -> dict[str, Any]:
    background = scale * np.array([1.0, 0.9, 0.7, 0.5])
    samples = [
        {
            "name": "signal",
            "data": (0.3 * scale * np.array([0.0, 0.2, 0.6, 0.9])).tolist(),
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
        {
            "name": "bkg",
            "data": background.tolist(),
            "modifiers": [
                {"name": "rate", "type": "normsys", "data": {"lo": 0.95, "hi": 1.05}},
                {"name": "stat", "type": "staterror", "data": (0.02 * background).tolist()},
            ],
        },
    ]
    bounds = {"name": "mu", "bounds": [[-10.0, 10.0]]}
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [bounds]}}],
        "version": "1.0.0",
    }


@pytest.fixture(scope="module")
def large() -> hepnb.Model:
    return hepnb.Model(spec(10_000.0, [12_000.0, 10_900.0, 9_400.0, 7_900.0]))


def test_toys_follow_the_chi_squared_law_at_high_counts(large: hepnb.Model) -> None:
    result = hepnb.goodness_of_fit(None, large, n_toys=2000, seed=3)
    assert result.toys.size == 2000
    assert result.n_failed == 0
    assert result.n_dof == 3
    assert kstest(result.toys, "chi2", args=(3,)).pvalue > 1e-3
    assert 0.001 < result.p_value < 0.999
    assert abs(result.toy_p_value - result.p_value) < 4 * result.toy_uncertainty
    binomial = np.sqrt(result.toy_p_value * (1 - result.toy_p_value) / 2000)
    assert result.toy_uncertainty == pytest.approx(binomial, rel=0.1)


def test_one_bin_without_freedom_has_the_exact_law() -> None:
    """Nothing to fit: the p-value is a sum of Poisson probabilities."""
    content = uncorrelated_background([1.0], [1.0], [0.0], [3.0])
    spec = {
        **content.spec,
        "measurements": [
            {
                "name": "m",
                "config": {"poi": "mu", "parameters": [{"name": "mu", "inits": [0.0], "fixed": True}]},
            }
        ],
    }
    model = hepnb.Model(spec)
    result = hepnb.goodness_of_fit(None, model, n_toys=4000, seed=1)
    n = np.arange(60)
    ratio = 2 * (1.0 - n + n * np.log(np.where(n > 0, n, 1)))
    exact = poisson.pmf(n, 1.0)[ratio >= result.statistic - 1e-9].sum()
    assert result.statistic == pytest.approx(ratio[3])
    assert abs(result.toy_p_value - exact) < 4 * result.toy_uncertainty
    # The chi-squared law is off here by more than the toys' uncertainty.
    assert abs(result.p_value - exact) > 4 * result.toy_uncertainty


def test_fixed_parameters_do_not_fluctuate(large: hepnb.Model) -> None:
    content = large.workspace.spec
    parameters = [{"name": "rate", "fixed": True}, {"name": "stat", "fixed": True}]
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": parameters}}
    held = hepnb.Model({**content, "measurements": [measurement]})
    result = hepnb.goodness_of_fit([10_020.0, 9_610.0, 8_700.0, 7_650.0], held, n_toys=1500, seed=8)
    assert kstest(result.toys, "chi2", args=(3,)).pvalue > 1e-3


def test_an_impossible_excess_has_a_p_value_near_zero(large: hepnb.Model) -> None:
    result = hepnb.goodness_of_fit([20_000.0, 5_000.0, 9_000.0, 8_000.0], large, n_toys=100, seed=3)
    assert result.toy_p_value == 0.0
    assert 0.005 < result.toy_uncertainty < 0.015


def test_the_same_seed_gives_the_same_toys_everywhere(large: hepnb.Model) -> None:
    calls: list[tuple[int, int]] = []
    here = hepnb.goodness_of_fit(
        None, large, n_toys=1100, seed=5, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(500, 1100), (1000, 1100), (1100, 1100)]
    with ThreadPoolExecutor(2) as pool:
        there = hepnb.goodness_of_fit(None, large, n_toys=1100, seed=5, executor=pool)
    np.testing.assert_array_equal(here.toys, there.toys)
    stop = threading.Event()
    part = hepnb.goodness_of_fit(
        None, large, n_toys=1100, seed=5, cancel=stop, progress=lambda done, total: stop.set()
    )
    assert part.cancelled
    np.testing.assert_array_equal(part.toys, here.toys[:500])
    assert not here.cancelled


@pytest.mark.parametrize("toys", [-1, 2.5, True])
def test_a_wrong_number_of_toys_is_refused(large: hepnb.Model, toys: Any) -> None:
    with pytest.raises(ModelError, match="Give a whole number of toys"):
        hepnb.goodness_of_fit(None, large, n_toys=toys)
