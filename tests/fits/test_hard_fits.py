"""Fits far from their minimum: a precise measurement, and its hypothesis without a signal."""

from __future__ import annotations

import numpy as np
import pytest
from growing import precise
from iminuit import Minuit

import hepnb
from hepnb.fits import solve
from hepnb.fits.minuit import minuit_lane


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(precise(40, events=1e5))


def test_the_excluded_hypothesis_ends_at_a_minimum(model: hepnb.Model) -> None:
    start, fixed = np.tile(model.init, (2, 1)), np.tile(model.fixed, (2, 1))
    poi = model.require_poi()
    start[1, poi], fixed[1, poi] = 0.0, True
    found = solve(model, model.data[None], start, fixed)
    assert found.ok.all()
    assert found.value[1] - found.value[0] > 1e4
    assert found.held[1].sum() > 5

    def value(point: np.ndarray) -> float:
        result = float(model.likelihood.objective(np.asarray(point)[None], model.data[None]).value[0])
        return result if np.isfinite(result) else 1e12

    def gradient(point: np.ndarray) -> np.ndarray:
        return model.likelihood.objective(np.asarray(point)[None], model.data[None], 1).gradient[0]

    minuit = Minuit(value, found.points[1], grad=gradient)
    minuit.errordef, minuit.strategy, minuit.limits = 1.0, 0, list(map(tuple, model.bounds))
    minuit.fixed[poi] = True
    minuit.migrad()
    assert found.value[1] <= minuit.fval + 1e-5


def test_a_bin_wise_factor_moves_as_far_as_it_wants(model: hepnb.Model) -> None:
    """Only parameters that interpolate have a largest step: rates are linear in all others."""
    limits = dict(zip(model.parameter_names, model.likelihood.max_step, strict=True))
    assert limits["norm_1"] == limits["shape_2"] == 2.0
    assert np.isinf(limits["mc_low[0]"])
    assert np.isinf(limits["mu"])


def test_minuit_makes_no_curvature_by_differences(
    model: hepnb.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hesse alone would take a value for every pair of parameters."""
    start, fixed = model.init.copy(), model.fixed.copy()
    start[model.require_poi()], fixed[model.require_poi()] = 0.97, True
    calls, own = [], type(model.likelihood).objective

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        return own(*arguments, **options)

    monkeypatch.setattr(type(model.likelihood), "objective", counted)
    end = minuit_lane(model.likelihood, model.data, start, model.bounds, fixed)
    assert len(calls) < model.n_parameters**2 // 2
    monkeypatch.undo()
    own_end = solve(model, model.data[None], start[None], fixed[None])
    assert model.twice_nll(end) == pytest.approx(model.twice_nll(own_end.points[0]), abs=1e-2)
