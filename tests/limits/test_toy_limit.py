"""Limits from toys: exact Poisson limits, asymptotics at high counts, and what their uncertainties say."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

import hepnb
from hepnb.errors import FileError, ModelError
from hepnb.hypotests.toys import tail_uncertainty
from hepnb.limits.toy_limit import ToyLimitResults, fitted_crossing, toy_upper_limit
from hepnb.workspace import uncorrelated_background

TAILS = (0.0227501, 0.1586553, 0.5, 0.8413447, 0.9772499)


def make(
    observed: list[float], bkg: list[float], uncertainty: list[float], signal: list[float]
) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(signal=signal, bkg=bkg, bkg_uncertainty=uncertainty, observed=observed)
    )


def example() -> hepnb.Model:
    return make([51, 48], [50.0, 52.0], [3.0, 7.0], [12.0, 11.0])


def exact(n: float, bkg: float, signal: float) -> float:
    """Where CLs of one bin is 0.05."""
    base = poisson.cdf(n, bkg)
    return float(brentq(lambda mu: poisson.cdf(n, bkg + mu * signal) / base - 0.05, 1e-3, 50))


def test_one_bin_is_exact_poisson() -> None:
    model = make([4], [6.0], [0.0], [5.0])
    limits = hepnb.upper_limit(None, model, calctype="toybased", n_toys=3000, seed=1)
    assert isinstance(limits, ToyLimitResults)
    assert abs(limits.observed - exact(4, 6.0, 5.0)) < 4 * limits.observed_uncertainty
    expected = [exact(n, 6.0, 5.0) for n in poisson.ppf(TAILS, 6.0)]
    assert (np.abs(limits.expected - expected) < 4 * limits.expected_uncertainty).all()
    assert 0 < limits.observed_uncertainty < 0.05
    assert limits.n_failed == 0
    assert limits.message == ""
    assert (limits.method, limits.scan.mu.tolist()) == ("toys", [test.mu for test in limits.tests])
    assert str(limits).startswith(f"ToyLimitResults(mu < {limits.observed:.3g} +- ")


def test_high_counts_are_asymptotic() -> None:
    model = make([1010, 1990], [1000.0, 2000.0], [20.0, 30.0], [60.0, 50.0])
    toys = toy_upper_limit(None, model, n_toys=2000, seed=2)
    asymptotic = hepnb.upper_limit(None, model)
    assert abs(toys.observed - asymptotic.observed) < 4 * toys.observed_uncertainty
    assert (np.abs(toys.expected - asymptotic.expected) < 4 * toys.expected_uncertainty).all()
    assert toys.observed_uncertainty < 0.03 * toys.observed


def test_uncertainties_are_what_seeds_scatter() -> None:
    model = make([4], [6.0], [0.0], [5.0])
    grid = np.array([0.75, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.9])
    studies = [toy_upper_limit(None, model, mu=grid, n_toys=300, seed=seed) for seed in range(24)]
    seen = np.std([study.observed for study in studies])
    told = np.median([study.observed_uncertainty for study in studies])
    assert 0.6 < seen / told < 1.5
    mean = np.mean([study.observed for study in studies])
    assert abs(mean - exact(4, 6.0, 5.0)) < 4 * seen / np.sqrt(24)
    seen = np.std([study.expected[2] for study in studies])
    told = np.median([study.expected_uncertainty[2] for study in studies])
    assert 0.4 < seen / told < 1.5


def test_more_toys_know_more() -> None:
    grid = np.linspace(0.6, 1.5, 7)
    few, many = (toy_upper_limit(None, example(), mu=grid, n_toys=n, seed=4) for n in (800, 3200))
    assert 1.3 < few.observed_uncertainty / many.observed_uncertainty < 3.1


def test_a_toy_limit_goes_on_and_has_any_number_of_workers(tmp_path: Path) -> None:
    path, stop = tmp_path / "limit.npz", threading.Event()
    grid = [0.7, 1.0, 1.4]

    def progress(done: int, total: int) -> None:
        assert total == 3 * 2 * 200
        if done >= 600:
            stop.set()

    part = toy_upper_limit(
        None, example(), mu=grid, n_toys=200, seed=3, checkpoint=path, cancel=stop, progress=progress
    )
    assert part.scan.cancelled
    assert "stopped before all toys were done" in part.message
    whole = toy_upper_limit(None, example(), mu=grid, n_toys=200, seed=3, checkpoint=path)
    with ThreadPoolExecutor(2) as pool:
        fresh = toy_upper_limit(None, example(), mu=grid, n_toys=200, seed=3, executor=pool)
    assert (whole.observed, whole.observed_uncertainty) == (fresh.observed, fresh.observed_uncertainty)
    np.testing.assert_array_equal(whole.scan.CLs_exp, fresh.scan.CLs_exp)
    with pytest.raises(FileError, match="belongs to another study: seed"):
        toy_upper_limit(None, example(), mu=grid, n_toys=200, seed=4, checkpoint=path)


def test_the_toys_at_a_value_do_not_depend_on_the_others() -> None:
    alone = toy_upper_limit(None, example(), mu=[1.0], n_toys=200, seed=3)
    among = toy_upper_limit(None, example(), mu=[0.5, 1.0, 2.0], n_toys=200, seed=3)
    # The fits at 1.0 start elsewhere among others, so their minima may differ in the last digits.
    assert among.tests[1].CLsb == pytest.approx(alone.tests[0].CLsb, abs=0.006)
    assert np.isnan(alone.observed)


def test_no_limit_is_said() -> None:
    grid = toy_upper_limit(None, example(), mu=[0.1, 0.2], n_toys=300, seed=3)
    assert np.isnan([grid.observed, *grid.expected]).all()
    assert grid.no_limit["observed"].startswith("no limit below 0.2 (CLs there is 0.")
    above = toy_upper_limit(None, example(), mu=[4.0, 5.0], n_toys=300, seed=3)
    assert above.no_limit["observed"].startswith("excluded from 4 on (CLs there is 0")
    narrow = hepnb.upper_limit(None, example(), bounds=(0, 0.3), calctype="toybased", n_toys=200, seed=3)
    assert np.isnan(narrow.observed)
    assert narrow.scan.mu[-1] == 0.3


def test_a_statistic_that_does_not_suit_the_bounds_is_said() -> None:
    found = toy_upper_limit(None, example(), mu=[0.7, 1.0, 1.4], test_stat="q", n_toys=200, seed=3)
    words = "q is for a POI that may be negative, and the lower bound of 'mu' is 0: use 'qtilde'"
    assert words in found.message
    assert hepnb.upper_limit(None, example(), test_stat="q").message.startswith(words)
    assert hepnb.upper_limit(None, example(), test_stat="q", bounds=(-10, 10)).message == ""
    wide = hepnb.upper_limit(None, example(), bounds=(-10, 10), mu=np.linspace(0.1, 5, 20))
    assert wide.message.startswith(
        "qtilde takes a best value below 0 for 0, and the lower bound of 'mu' is -10"
    )


def test_rounds_go_on_until_curves_cross() -> None:
    """An asymptotic start that is far from the limit of toys: few events."""
    model = make([0], [0.4], [0.0], [1.0])
    seen: list[int] = []
    limits = toy_upper_limit(None, model, n_toys=2000, seed=5, partial=lambda scan: seen.append(len(scan)))
    assert seen == sorted(seen)
    # CLs of no events is exp(-mu), whatever the background.
    assert abs(limits.observed - np.log(20)) < 4 * limits.observed_uncertainty


def test_a_crossing_is_found_among_scattered_points() -> None:
    mu = np.linspace(0.5, 1.6, 12)
    rng = np.random.default_rng(1)
    truth = 0.05 * np.exp(-3 * (mu - 1.0) - (mu - 1.0) ** 2)
    found = []
    for _ in range(300):
        drawn = rng.binomial(2000, truth) / 2000
        found.append(fitted_crossing(mu, drawn, tail_uncertainty(drawn, 2000), 0.05))
    values, errors = np.array(found).T
    assert abs(values.mean() - 1.0) < 4 * values.std() / np.sqrt(300)
    assert values.std() / np.median(errors) == pytest.approx(1.0, rel=0.25)
    assert np.isnan(fitted_crossing(mu, np.full(12, 0.5), np.full(12, 0.01), 0.05)).all()
    value, error = fitted_crossing(mu[[0, 11]], truth[[0, 11]], 0.1 * truth[[0, 11]], 0.05)
    assert 0.5 < value < 1.6
    assert error > 0


def test_what_makes_no_sense_is_refused() -> None:
    for options, words in (
        ({"calctype": "toys"}, "calctype 'toys' does not exist"),
        ({"n_toys": 100}, "'n_toys' is for toys. Add calctype='toybased'"),
        ({"calctype": "toybased", "n_toys": 0}, "n_toys is 0"),
        ({"calctype": "toybased", "ntoys": 10}, "option 'ntoys' does not exist. It is called 'n_toys' here"),
        ({"calctype": "toybased", "test_stat": "t"}, "t speaks against"),
        ({"calctype": "toybased", "mu": [np.nan]}, "values of the POI"),
        ({"seeds": 1}, "option 'seeds' does not exist"),
    ):
        with pytest.raises(ModelError, match=words):
            hepnb.upper_limit(None, example(), **options)  # type: ignore[arg-type]
