"""Fits by SciPy's minimisers, against our own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.densities import Exponential, Gauss, Parameter, Sum
from hepnb.errors import ModelError, OptionError
from hepnb.fits.scipy_minimizers import SCIPY_MINIMIZERS
from hepnb.losses import ExtendedUnbinnedNLL
from hepnb.workspace import uncorrelated_background


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    # One of the parameters ends at a bound, and they differ in size by a factor of a thousand.
    parts = [
        Gauss(range=(0, 10), mu=Parameter("mu", 4.9, bounds=(4, 6)), sigma=Parameter("sigma", 0.6, (0.1, 2))),
        Exponential(range=(0, 10), lambda_=Parameter("slope", -0.1, bounds=(-0.25, 0.0))),
    ]
    yields = [Parameter("nsig", 250, bounds=(0, 2000)), Parameter("nbkg", 700, bounds=(0, 4000))]
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(5.0, 0.5, 300), rng.exponential(3.0, 800)])
    return {
        "events": ExtendedUnbinnedNLL(Sum(parts, yields=yields), x[(x > 0) & (x < 10)]),
        "counts": hepnb.Model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [66, 60])),
    }


@pytest.mark.parametrize(
    ("name", "which"),
    # Powell's takes thousands of evaluations.
    [*((name, "counts") for name in SCIPY_MINIMIZERS)]
    + [(name, "events") for name in SCIPY_MINIMIZERS if name != "Powell"],
)
def test_ends_where_ours_does(name: str, which: str, models: dict[str, Any]) -> None:
    model = models[which]
    ours, theirs = hepnb.fit(None, model), hepnb.fit(None, model, minimizer=name)
    assert theirs.report.minimizer == name
    assert theirs.report.ok
    assert theirs.report.n_iterations > 1
    assert -1e-8 <= theirs.twice_nll - ours.twice_nll < 1e-3
    free = ours.uncertainty > 0
    assert (np.abs(theirs.bestfit - ours.bestfit)[free] < 0.03 * ours.uncertainty[free]).all()
    assert theirs.uncertainty[free] == pytest.approx(ours.uncertainty[free], rel=0.02)


def test_one_that_stops_too_early_is_no_minimum(models: dict[str, Any]) -> None:
    result = hepnb.fit(None, models["events"], minimizer="Nelder-Mead", tolerance=10.0)
    assert not result.report.ok
    assert "not a minimum" in result.report.message


def test_held_parameters_stay(models: dict[str, Any]) -> None:
    model = models["events"]
    held = dict(zip(model.parameter_names, model.init, strict=True))
    everything = hepnb.fit(None, model, fixed=held, minimizer="SLSQP")
    assert everything.bestfit == pytest.approx(model.init)
    one = hepnb.fit(None, model, fixed={"mu": 5.0}, minimizer="L-BFGS-B")
    assert one["mu"] == (5.0, 0.0)
    ours = hepnb.fit(None, model, fixed={"mu": 5.0})
    assert one["nsig"][0] == pytest.approx(ours["nsig"][0], abs=0.03 * ours["nsig"][1])


def test_options_that_do_not_go_together(models: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="L-BFGS-B"):
        hepnb.fit(None, models["counts"], minimizer="lbfgs")
    with pytest.raises(ModelError, match="Minuit"):
        hepnb.fit(None, models["counts"], minimizer="TNC", strategy=1)
    with pytest.raises(ModelError, match="thorough"):
        hepnb.fit(None, models["counts"], minimizer="TNC", thorough=True)
    with pytest.raises(ModelError, match="tolerance"):
        hepnb.fit(None, models["counts"], minimizer="TNC", tolerance=-1.0)
