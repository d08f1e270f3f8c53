"""Fits at the edge of the domain: empty bins with events, starts with negative rates, widths of 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import HepnbError, ModelError
from hepnb.fits import goodness_of_fit, profile, sample


def modifier(name: str, kind: str = "normfactor", data: Any = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


def workspace(
    channels: dict[str, dict[str, tuple[list[float], list[dict[str, Any]]]]],
    observed: dict[str, list[float]],
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": sample, "data": data, "modifiers": modifiers}
                    for sample, (data, modifiers) in samples.items()
                ],
            }
            for name, samples in channels.items()
        ],
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters or []}}],
        "version": "1.0.0",
    }


def bare(yields: float, *, with_sample: bool = True, spread: float = 0.3) -> dict[str, Any]:
    """Give a region whose second bin has so much background, and two events."""
    normsys = modifier("u", "normsys", {"hi": 1 + spread, "lo": 1 - spread})
    samples = {
        "signal": ([4.0], [modifier("mu")]),
        "background": ([yields], [normsys, modifier("k")]),
    }
    if not with_sample:
        del samples["background"]
    control = {"background": ([40.0], [normsys, modifier("k")]), "signal": ([6.0], [modifier("mu")])}
    return workspace({"control": control, "region": samples}, {"control": [43.0], "region": [2.0]})


@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_a_bin_without_background_is_the_limit_of_a_small_one(spread: float) -> None:
    none = hepnb.upper_limit(None, hepnb.Model(bare(0.0, spread=spread)))
    small = hepnb.upper_limit(None, hepnb.Model(bare(1e-9, spread=spread)))
    assert none.observed == pytest.approx(small.observed, rel=1e-5)
    np.testing.assert_allclose(none.expected, small.expected, rtol=1e-5)


def test_a_region_of_signal_alone_is_the_limit_of_a_small_constant_background() -> None:
    spec = bare(1e-9)
    spec["channels"][1]["samples"][1]["modifiers"] = []
    small = hepnb.upper_limit(None, hepnb.Model(spec))
    none = hepnb.upper_limit(None, hepnb.Model(bare(0.0, with_sample=False)))
    assert none.observed == pytest.approx(small.observed, rel=1e-5)
    np.testing.assert_allclose(none.expected, small.expected, rtol=1e-5)


def test_every_point_of_a_scan_over_a_bare_bin_succeeds() -> None:
    scan = hepnb.scan(None, hepnb.Model(bare(0.0)), np.linspace(0, 4, 21))
    assert scan.ok.all()
    assert scan.CLs_obs[0] == 1.0
    assert (np.diff(scan.CLs_obs) <= 1e-9).all()


def test_what_is_impossible_is_said_and_excluded() -> None:
    model = hepnb.Model(bare(0.0))
    held = hepnb.fixed_poi_fit(0.0, None, model)
    assert held.report.ok
    assert held.twice_nll == np.inf
    assert "There are events in a bin where none can be" in held.report.message
    assert held.report.nonpositive_bins == ("channel 'region' bin 0",)
    assert np.isnan(model.twice_nll(held.bestfit))
    assert model.expected(held.bestfit)[1] == 0.0
    assert profile("mu", None, model, [0.0, 0.5]).delta[0] == np.inf
    discovery = hepnb.hypotest(0.0, None, model, "q0")
    assert (discovery.q, discovery.CLs_obs) == (np.inf, 0.0)
    assert hepnb.significance(None, model).observed_significance == np.inf
    two_sided = hepnb.hypotest(0.0, None, model, "ttilde")
    assert (two_sided.CLs_obs, two_sided.ok) == (0.0, True)


def test_a_free_fit_that_starts_at_an_empty_bin_arrives() -> None:
    model = hepnb.Model(bare(0.0))
    usual, empty = hepnb.fit(None, model), hepnb.fit(None, model, init={"mu": 0.0})
    assert empty.report.ok
    assert empty.twice_nll == pytest.approx(usual.twice_nll, abs=1e-8)
    assert np.isfinite(usual.twice_nll)


def test_no_events_in_a_bare_bin_are_no_obstacle() -> None:
    spec = bare(0.0)
    spec["observations"][1]["data"] = [0.0]
    model = hepnb.Model(spec)
    result = hepnb.fit(None, model)
    assert result.report.ok
    assert result["mu"][0] == pytest.approx(0.0, abs=1e-9)
    small = hepnb.fit(None, hepnb.Model({**spec, "channels": bare(1e-9)["channels"]}))
    assert result.twice_nll == pytest.approx(small.twice_nll, abs=1e-6)


def test_events_that_nothing_can_make_are_a_failed_fit() -> None:
    spec = bare(0.0)
    spec["channels"][1]["samples"][0]["data"] = [0.0]
    report = hepnb.fit(None, hepnb.Model(spec)).report
    assert report.status == "invalid start"
    assert "channel 'region' bin 0" in report.message


def interference(low: float) -> hepnb.Model:
    """Give a signal that may be negative beside a background of free size, measured in a control region."""
    spec = workspace(
        {
            "control": {"background": ([50.0], [modifier("k")])},
            "region": {"background": ([5.0], [modifier("k")]), "signal": ([10.0], [modifier("mu")])},
        },
        {"control": [45.0], "region": [3.0]},
        [
            {"name": "mu", "inits": [1.0], "bounds": [[low, 10.0]]},
            {"name": "k", "inits": [1.0], "bounds": [[0.0, 10.0]]},
        ],
    )
    return hepnb.Model(spec)


@pytest.mark.parametrize("mu", [-0.55, -0.8, -2.0])
def test_a_start_with_a_negative_rate_is_moved(mu: float) -> None:
    model = interference(-5.0)
    held = hepnb.fixed_poi_fit(mu, None, model)
    assert held.report.ok
    # In k alone: the derivative of 50 k - 45 log k + 5 k + 10 mu - 3 log(5 k + 10 mu) is a square equation.
    a, b, c = 55.0 * 5, 55.0 * 10 * mu - 5 * 45 - 15, -450.0 * mu
    k = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    assert held["k"][0] == pytest.approx(k, rel=1e-6)
    other = hepnb.fixed_poi_fit(mu, None, model, init={"k": 6.0})
    assert held.twice_nll == pytest.approx(other.twice_nll, abs=1e-8)


def test_intervals_reach_into_what_the_start_cannot() -> None:
    found = hepnb.interval(None, interference(-5.0), cl=0.9999)
    free = hepnb.fit(None, interference(-5.0))
    assert found.ok
    assert found.message == ""
    assert found.lower < -0.5
    at = hepnb.fixed_poi_fit(found.lower, None, interference(-5.0))
    assert at.twice_nll - free.twice_nll == pytest.approx(15.1367, abs=1e-3)


def luminosity(**config: Any) -> dict[str, Any]:
    lumi = modifier("lumi", "lumi")
    entry = {"name": "lumi", "auxdata": [1.0], "bounds": [[0.5, 1.5]], "inits": [1.0], **config}
    samples = {"signal": ([5.0], [modifier("mu"), lumi]), "background": ([50.0], [lumi])}
    return workspace({"region": samples}, {"region": [57.0]}, [entry])


def test_a_luminosity_without_width_is_held() -> None:
    model = hepnb.Model(luminosity(sigmas=[0.0]))
    result = hepnb.fit(None, model)
    assert result["mu"][0] == pytest.approx(7 / 5, abs=1e-6)
    assert result["lumi"] == (1.0, 0.0)
    narrow = hepnb.Model(luminosity(sigmas=[1e-6]))
    limit, near = (hepnb.upper_limit(None, one) for one in (model, narrow))
    assert limit.observed == pytest.approx(near.observed, rel=1e-4)
    drawn = sample(model, model.init, 3, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn[:, 1], 1.0)
    assert goodness_of_fit(None, model, n_toys=20, seed=1).n_failed == 0


def test_a_parameter_without_width_is_held_at_its_measurement() -> None:
    model = hepnb.Model(luminosity(sigmas=[0.0], auxdata=[1.1]))
    assert hepnb.fit(None, model)["lumi"] == (1.1, 0.0)


@pytest.mark.parametrize("width", [-0.1, np.nan, np.inf])
def test_a_width_that_no_law_has_is_refused(width: float) -> None:
    with pytest.raises(HepnbError, match=r"'lumi'"):
        hepnb.Model(luminosity(sigmas=[width]))


def test_a_factor_of_0_of_a_poisson_law_is_refused() -> None:
    shapesys = modifier("gamma", "shapesys", [3.0])
    samples = {"signal": ([5.0], [modifier("mu")]), "background": ([50.0], [shapesys])}
    entry = {"name": "gamma", "factors": [0.0]}
    with pytest.raises(ModelError, match=r"'gamma\[0\]': its factor is 0"):
        hepnb.Model(workspace({"region": samples}, {"region": [57.0]}, [entry]))


def test_an_uncertainty_that_a_bound_makes_too_wide_is_said() -> None:
    samples = {"signal": ([10.0], [modifier("mu")]), "background": ([50.0], [])}
    near = hepnb.fit(None, hepnb.Model(workspace({"region": samples}, {"region": [50.5]})))
    value, error = near["mu"]
    assert value == pytest.approx(0.05, abs=1e-6)
    assert error > 1.3 * near.curvature_uncertainty[0]
    assert "mu is 0.05, near its bound 0" in near.report.message
    assert f"its curvature says {near.curvature_uncertainty[0]:.2g}" in near.report.message
    far = hepnb.fit(None, hepnb.Model(workspace({"region": samples}, {"region": [90.0]})))
    assert far.report.message == ""
