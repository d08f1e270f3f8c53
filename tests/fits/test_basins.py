"""Free factors that another one can replace: every way to a minimum finds the one with a factor at 0."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.fits import minos, profile, ranking, solve
from hepnb.fits.search import Search
from hepnb.typing import FloatArray

MU = np.array([0.0, 1.0, 2.0])


@pytest.fixture(autouse=True)
def _lent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    pyhf.set_backend("numpy", hepnb.pyhf_optimizer())
    yield
    pyhf.set_backend("numpy")
    logging.disable(logging.NOTSET)


def background(rng: np.random.Generator, place: int, n_systematics: int, n_bins: int) -> dict[str, Any]:
    nominal = rng.gamma(1.0, 12.0, n_bins) * (rng.random(n_bins) < 0.8)
    modifiers: list[dict[str, Any]] = [{"name": f"k{place}", "type": "normfactor", "data": None}]
    for j in np.flatnonzero(rng.random(n_systematics) < 0.7):
        high, low = 1 + abs(rng.normal(0, 0.4)), 1 + abs(rng.normal(0, 0.3)) * rng.choice([-1, 1])
        if rng.random() < 0.5:
            data = {"hi": float(high), "lo": float(max(low, 0.1))}
            modifiers.append({"name": f"s{j}", "type": "normsys", "data": data})
        else:
            up, down = (np.maximum(nominal * (1 + rng.normal(0, 0.4, n_bins)), 0).tolist() for _ in range(2))
            data = {"hi_data": up, "lo_data": down}
            modifiers.append({"name": f"s{j}", "type": "histosys", "data": data})
    return {"name": f"b{place}", "data": nominal.tolist(), "modifiers": modifiers}


def workspace(seed: int, n_systematics: int = 2, n_channels: int = 3, n_bins: int = 3) -> dict[str, Any]:
    """Make backgrounds of free size, and data in which some of them are missing."""
    rng = np.random.default_rng(seed)
    channels, observations = [], []
    for c in range(n_channels):
        signal = rng.gamma(1.0, 3.0, n_bins)
        backgrounds = [background(rng, place, n_systematics, n_bins) for place in range(3)]
        mean = 1 + sum(np.array(b["data"]) * rng.choice([0.0, 1.0, 2.0]) for b in backgrounds)
        poi = [{"name": "mu", "type": "normfactor", "data": None}]
        samples = [
            {"name": "signal", "data": signal.tolist(), "modifiers": poi},
            *backgrounds,
            {"name": "flat", "data": [1.0] * n_bins, "modifiers": []},
        ]
        channels.append({"name": f"c{c}", "samples": samples})
        observations.append({"name": f"c{c}", "data": rng.poisson(mean).astype(float).tolist()})
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": []}}
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [measurement],
        "version": "1.0.0",
    }


def lowest(model: hepnb.Model, mu: float | None, count: int = 80) -> float:
    """Fit from many random starts, factors at 0 among them."""
    rng, (low, high) = np.random.default_rng(1), model.bounds.T
    sigma = np.array([p.sigma for p in model.parameters])
    factors = rng.choice([0.0, 0.02, 0.3, 1.0, 2.0, 4.0, 10.0], (count, sigma.size))
    others = model.init + np.nan_to_num(sigma) * rng.normal(0, 1.3, (count, sigma.size))
    start = np.clip(np.where(np.isnan(sigma), factors, others), low, high)
    fixed = np.tile(model.fixed, (count, 1))
    if mu is not None:
        start[:, model.require_poi()], fixed[:, model.require_poi()] = mu, True
    found = solve(model, model.data[None], start, fixed, patient=0)
    return float(found.value[found.ok].min() + model.likelihood.constant(model.data[None])[0])


@pytest.mark.parametrize("seed", [3, 5, 8, 11, 17, 23, 27])
def test_every_path_finds_the_lowest_minimum(seed: int) -> None:
    spec = workspace(seed)
    model = hepnb.Model(spec)
    free, held = lowest(model, None), np.array([lowest(model, mu) for mu in MU])
    free = min(free, *held)
    result = hepnb.fit(None, model)
    assert result.twice_nll == pytest.approx(free, abs=1e-4)
    singles = [hepnb.fixed_poi_fit(mu, None, model).twice_nll for mu in MU]
    np.testing.assert_allclose(singles, held, atol=1e-4)
    tests = [hepnb.hypotest(mu, None, model) for mu in MU]
    np.testing.assert_allclose([model.twice_nll(test.fits["fixed"]) for test in tests], held, atol=1e-4)
    scan = hepnb.scan(None, model, MU)
    counted = scan.mu_hat < MU
    np.testing.assert_allclose(scan.q[counted], (held - free)[counted], atol=1e-4)
    np.testing.assert_allclose(profile("mu", None, model, MU).delta, held - free, atol=1e-4)
    theirs = pyhf.Workspace(spec).model()
    data = [*model.data]
    assert pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)[1] == pytest.approx(free, abs=1e-4)
    fixed = [pyhf.infer.mle.fixed_poi_fit(mu, data, theirs, return_fitted_val=True)[1] for mu in MU]
    np.testing.assert_allclose(fixed, held, atol=1e-4)


def test_seeds_have_what_they_are_for() -> None:
    """Without further starts some of these fits end in a higher minimum."""
    higher = 0
    for seed in (3, 5, 8, 11, 17, 23):
        model = hepnb.Model(workspace(seed))
        single = solve(model, model.data[None], model.init[None], model.fixed[None])
        value = single.value[0] + model.likelihood.constant(model.data[None])[0]
        higher += value > lowest(model, None) + 1e-3
    assert higher


def test_impacts_are_those_of_single_fits() -> None:
    model = hepnb.Model(workspace(5))
    result = hepnb.fit(None, model)
    impacts = ranking(None, model, result=result)
    for place, name in enumerate(impacts.labels):
        sigma = model.parameters[model.index(name)].sigma
        if np.isfinite(sigma):
            value = float(impacts.bestfit[place] + sigma)
            held = hepnb.fit(None, model, fixed={name: value})
            change = held["mu"][0] - result["mu"][0]
            if np.isnan(impacts.prefit_up[place]):
                assert "mu stays at its bound" in impacts.reasons[name]
                assert change == pytest.approx(0.0, abs=1e-6)
            else:
                assert impacts.prefit_up[place] == pytest.approx(change, abs=1e-4)


def test_minos_says_why_there_is_no_number() -> None:
    model = hepnb.Model(workspace(5))
    result = hepnb.fit(None, model)
    found = minos(None, model, result=result)
    sides = (found.lower, found.lower_status), (found.upper, found.upper_status)
    for side, (values, statuses) in enumerate(sides):
        for name, value, status in zip(found.labels, values, statuses, strict=True):
            assert np.isfinite(value) == (status == "found")
            where = model.index(name)
            bound = model.bounds[where, side]
            at = result.bestfit[where] + value if status == "found" else bound
            rise = hepnb.fit(None, model, fixed={name: float(at)}).twice_nll - result.twice_nll
            assert rise == pytest.approx(1, abs=2e-3) if status == "found" else rise < 1


def test_what_was_learned_is_not_learned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[float] = []
    single = Search.single

    def counted(search: Search, start: FloatArray, *args: Any, **options: Any) -> FloatArray:
        searched.append(float(start[search.poi]))
        return single(search, start, *args, **options)

    monkeypatch.setattr(Search, "single", counted)
    model = hepnb.Model(workspace(5))
    first = hepnb.hypotest(1.0, None, model)
    # Of the data and of the Asimov data; both had their minima learned where the Asimov data come from.
    assert searched == [1.0, 1.0]
    assert hepnb.hypotest(1.0, None, model).CLs_obs == first.CLs_obs
    hepnb.scan(None, model, np.linspace(0, 3, 7))
    assert searched == [1.0, 1.0]
    hepnb.hypotest(1.1, None, model)
    assert searched == [1.0, 1.0, 1.1, 1.1]
