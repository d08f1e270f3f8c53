"""Intervals: MINOS by iminuit, the tables of Feldman and Cousins, toys against both, and the bounds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import iminuit
import numpy as np
import pytest
from scipy.stats import norm

import hepnb
from hepnb.errors import FileError, ModelError
from hepnb.workspace import uncorrelated_background

FC = "feldman-cousins"


def count(n: float, bkg: float = 3.0, signal: float = 1.0) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(signal=[signal], bkg=[bkg], bkg_uncertainty=[0.0], observed=[n])
    )


def example(observed: tuple[float, float] = (70.0, 66.0)) -> hepnb.Model:
    return hepnb.Model(
        uncorrelated_background(
            signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=list(observed)
        )
    )


@pytest.mark.parametrize("cl", [0.6826894921370859, 0.9, 0.9973])
def test_the_likelihood_interval_is_that_of_minos(cl: float) -> None:
    model = example()
    minuit = iminuit.Minuit(
        lambda *x: float(model.twice_nll(np.array(x))), *model.init, name=model.parameter_names
    )
    minuit.limits = model.bounds.tolist()
    minuit.limits["mu"] = (-10, 10)
    minuit.tol = 1e-4
    minuit.migrad()
    minuit.minos("mu", cl=cl)
    error = minuit.merrors["mu"]
    found = hepnb.interval(None, model, cl=cl, bounds={"mu": (-10, 10)})
    assert found.lower == pytest.approx(minuit.values["mu"] + error.lower, abs=5e-4)
    assert found.upper == pytest.approx(minuit.values["mu"] + error.upper, abs=5e-4)
    assert found.mu_hat == pytest.approx(minuit.values["mu"], abs=5e-4)
    assert (found.lower_status, found.upper_status, found.message) == ("found", "found", "")
    assert found.lower_uncertainty == found.upper_uncertainty == 0.0


def test_one_sigma_is_our_minos_and_one_bin_has_a_closed_form() -> None:
    model = example()
    found, minos = hepnb.interval(None, model), hepnb.minos(None, model, ["mu"])
    assert found.lower - found.mu_hat == pytest.approx(minos.lower[0], rel=1e-4)
    assert found.upper - found.mu_hat == pytest.approx(minos.upper[0], rel=1e-4)
    single = hepnb.interval(None, count(8.0))
    for end in (single.lower, single.upper):
        rate = end + 3.0
        assert 2 * (rate - 8 - 8 * np.log(rate / 8)) == pytest.approx(1.0, rel=1e-6)


# Table IV of arXiv:physics/9711021: 90 %, background 3.0. For no event the authors raised the upper end from
# what the construction gives, 0.95, to 1.08, so that it does not grow when the background falls.
TABLE = {
    1: (0.00, 1.88), 2: (0.00, 3.04), 3: (0.00, 4.42), 4: (0.00, 5.60), 5: (0.00, 6.99), 6: (0.15, 8.47),
    7: (0.89, 9.53), 8: (1.51, 10.99), 9: (1.88, 12.30), 10: (2.63, 13.50),
}  # fmt: skip


@pytest.mark.parametrize("n", TABLE)
def test_the_table_of_feldman_and_cousins(n: int) -> None:
    found = hepnb.interval(None, count(n), cl=0.9, method=FC, calctype="exact", bounds={"mu": (0, 30)})
    assert (found.lower, found.upper) == pytest.approx(TABLE[n], abs=0.0061)
    assert found.lower_status == ("found" if TABLE[n][0] else "at bound")


def test_no_event_at_all() -> None:
    found = hepnb.interval(None, count(0), cl=0.9, method=FC, calctype="exact")
    assert found.upper == pytest.approx(brute_force(0, 3.0)[1], abs=2e-3)
    assert found.lower == 0.0
    assert found.message == "The best value of 'mu' is at its lower bound 0."


def brute_force(n: int, bkg: float) -> tuple[float, float]:
    """The construction as the paper describes it, on a fine grid."""
    counts, grid = np.arange(80), np.arange(0, 16, 0.001)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 80)))])
    best = np.maximum(counts - bkg, 0.0) + bkg
    accepted = []
    for mu in grid:
        log_p = counts * np.log(mu + bkg) - mu - bkg - log_factorial
        order = np.argsort(-(log_p - (counts * np.log(best) - best - log_factorial)), kind="stable")
        sums = np.cumsum(np.exp(log_p[order]))
        accepted.append(n in order[: int(np.searchsorted(sums, 0.9)) + 1])
    inside = grid[accepted]
    return float(inside[0]), float(inside[-1])


@pytest.mark.parametrize(("n", "seed"), [(0, 1), (2, 2), (6, 4), (8, 5)])
def test_toys_give_the_exact_interval(n: int, seed: int) -> None:
    options: dict[str, Any] = {"cl": 0.9, "method": FC, "bounds": {"mu": (0, 30)}}
    exact = hepnb.interval(None, count(n), calctype="exact", **options)
    toys = hepnb.interval(None, count(n), n_toys=2000, seed=seed, **options)
    assert toys.calctype == "toybased"
    assert abs(toys.upper - exact.upper) < 4 * toys.upper_uncertainty
    assert abs(toys.lower - exact.lower) <= 4 * toys.lower_uncertainty
    assert toys.upper_uncertainty < 0.5
    assert toys.n_failed == 0


def test_a_gaussian_with_a_bound() -> None:
    """The measurement of a mean that cannot be negative, from the paper's ordering itself."""
    grid, x = np.arange(0, 6, 0.005)[:, None], np.arange(-6, 10, 0.01)
    log_ratio = -0.5 * (x - grid) ** 2 + 0.5 * np.where(x < 0, x, 0.0) ** 2
    for measured in (-1.5, 0.0, 1.0, 2.0, 3.0):
        here = log_ratio[:, np.abs(x - measured).argmin()]
        p = (norm.pdf(x - grid) * (log_ratio <= here[:, None] + 1e-12)).sum(axis=1) * 0.01
        inside = grid[p > 0.1, 0]
        # With 1e8 events and a signal of their square root the best value is as good as Gaussian.
        model = count(1e8 + measured * 1e4, bkg=1e8, signal=1e4)
        found = hepnb.interval(None, model, cl=0.9, method=FC, calctype="asymptotics")
        assert (found.lower, found.upper) == pytest.approx((inside[0], inside[-1]), abs=0.01)


def test_far_from_the_bound_both_methods_agree() -> None:
    model = count(10_900.0, bkg=10_000.0, signal=100.0)
    likelihood = hepnb.interval(None, model, cl=0.95, bounds={"mu": (0, 30)})
    unified = hepnb.interval(None, model, cl=0.95, method=FC, calctype="asymptotics", bounds={"mu": (0, 30)})
    toys = hepnb.interval(None, model, cl=0.95, method=FC, seed=1, bounds={"mu": (0, 30)})
    assert (unified.lower, unified.upper) == pytest.approx((likelihood.lower, likelihood.upper), rel=1e-5)
    assert abs(toys.lower - likelihood.lower) < 4 * toys.lower_uncertainty
    assert abs(toys.upper - likelihood.upper) < 4 * toys.upper_uncertainty


def test_toys_profile_nuisances_and_agree_with_asymptotics_at_high_counts() -> None:
    model = hepnb.Model(
        uncorrelated_background([60.0, 50.0], [1000.0, 2000.0], [20.0, 30.0], [1040.0, 2010.0])
    )
    asymptotic = hepnb.interval(None, model, cl=0.9, method=FC, calctype="asymptotics")
    toys = hepnb.interval(None, model, cl=0.9, method=FC, n_toys=3000, seed=2)
    assert abs(toys.upper - asymptotic.upper) < 4 * toys.upper_uncertainty
    assert abs(toys.lower - asymptotic.lower) <= 4 * toys.lower_uncertainty
    assert toys.upper_uncertainty < 0.1 * toys.upper


def test_what_the_search_says_at_the_bounds() -> None:
    low = hepnb.interval(None, example((45.0, 50.0)))
    assert (low.lower, low.lower_status, low.upper_status) == (0.0, "at bound", "found")
    assert low.message == "The best value of 'mu' is at its lower bound 0."
    assert low.ok
    high = hepnb.interval(None, example(), bounds={"mu": (0, 1.8)})
    assert (high.upper, high.upper_status, high.lower_status) == (1.8, "at bound", "found")
    assert high.message == "The interval reaches the upper bound 1.8 of 'mu': widen the bounds."
    above = hepnb.interval(None, example(), bounds={"mu": (0, 1.0)})
    assert above.mu_hat == 1.0
    assert above.message == "The best value of 'mu' is at its upper bound 1: widen the bounds."
    both = hepnb.interval(None, example(), cl=0.99, bounds={"mu": (1.2, 1.8)})
    assert (both.lower, both.upper, both.ok) == (1.2, 1.8, True)
    assert "1.2 (at bound) < mu < 1.8 (at bound) at 99 % CL" in str(both)


def test_an_upper_bound_counts_as_physical_and_that_is_said() -> None:
    wide = hepnb.interval(None, count(8), cl=0.9, method=FC, calctype="exact", bounds={"mu": (0, 30)})
    near = hepnb.interval(None, count(8), cl=0.9, method=FC, calctype="exact", bounds={"mu": (0, 11)})
    assert wide.message == ""
    assert near.upper < wide.upper
    assert near.message.startswith("The upper bound 11 of 'mu' is near and counts as physical")


def test_an_interval_may_reach_below_zero() -> None:
    found = hepnb.interval(None, example((40.0, 45.0)), bounds={"mu": (-10, 10)})
    assert found.lower < found.mu_hat < found.upper < 0.5
    assert found.mu_hat < 0
    unified = hepnb.interval(
        None, example((40.0, 45.0)), bounds={"mu": (-10, 10)}, method=FC, calctype="asymptotics"
    )
    assert (unified.lower, unified.upper) == pytest.approx((found.lower, found.upper), rel=1e-5)


def test_the_values_tested_are_given() -> None:
    found = hepnb.interval(None, example(), cl=0.9)
    assert (np.diff(found.mu) > 0).all()
    inside = (found.mu > found.lower) & (found.mu < found.upper)
    assert (found.p_values[inside] > 0.1 - 1e-9).all()
    assert (found.p_values[~inside] < 0.1 + 1e-6).all()


def test_fixed_parameters_make_it_narrower() -> None:
    free = hepnb.interval(None, example())
    held = hepnb.interval(None, example(), fixed={"uncorr_bkguncrt[0]": 1.0, "uncorr_bkguncrt[1]": 1.0})
    assert held.upper - held.lower < free.upper - free.lower
    exact = hepnb.interval(
        None, count(8), cl=0.9, method=FC, calctype="exact", fixed={"uncorr_bkguncrt[0]": 1.0}
    )
    assert exact.lower == pytest.approx(1.505, abs=0.01)


def test_it_goes_on_and_has_any_number_of_workers(tmp_path: Path) -> None:
    path, stop = tmp_path / "interval.npz", threading.Event()
    options: dict[str, Any] = {"method": FC, "n_toys": 300, "seed": 3}
    part = hepnb.interval(
        None, example(), checkpoint=path, cancel=stop, progress=lambda done, total: stop.set(), **options
    )
    assert not part.ok
    whole = hepnb.interval(None, example(), checkpoint=path, **options)
    with ThreadPoolExecutor(2) as pool:
        fresh = hepnb.interval(None, example(), executor=pool, **options)
    assert (whole.lower, whole.upper) == (fresh.lower, fresh.upper)
    np.testing.assert_array_equal(whole.p_values, fresh.p_values)
    with pytest.raises(FileError, match="belongs to another study: data"):
        hepnb.interval([70, 67], example(), checkpoint=path, **options)


def test_a_fit_that_fails_is_a_status() -> None:
    model = hepnb.Model(uncorrelated_background([0.0, 5.0], [0.0, 50.0], [0.0, 5.0], [3.0, 55.0]))
    found = hepnb.interval(None, model)
    assert (found.lower_status, found.upper_status, found.ok) == ("not found", "not found", False)
    assert np.isnan([found.lower, found.upper]).all()
    assert "The fit to the data did not converge." in found.message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cl": 0.0}, "cl is 0.0. Give a confidence level"),
        ({"cl": 95}, "cl is 95. Give a confidence level"),
        ({"method": "feldman"}, "method 'feldman' does not exist. Did you mean 'feldman-cousins'"),
        ({"method": FC, "calctype": "toys"}, "calctype 'toys' does not exist for 'feldman-cousins'"),
        ({"calctype": "toybased"}, "calctype 'toybased' does not exist for 'likelihood'"),
        ({"seed": 3}, "'seed' is for toys"),
        ({"method": FC, "n_toys": 0}, "n_toys is 0"),
        ({"method": FC, "calctype": "exact"}, "calctype='exact' is for one bin .* the model has 2 bins"),
        ({"fixed": {"mu": 1.0}}, "the POI 'mu' is what is tested"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        hepnb.interval(None, example(), **options)


def test_an_exact_law_has_no_nuisance_parameters() -> None:
    model = hepnb.Model(uncorrelated_background([5.0], [6.0], [2.0], [8.0]))
    with pytest.raises(ModelError, match=r"the model has the parameter 'uncorr_bkguncrt\[0\]'"):
        hepnb.interval(None, model, method=FC, calctype="exact")
