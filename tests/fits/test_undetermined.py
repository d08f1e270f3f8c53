"""Directions in which the likelihood is flat: named, without uncertainty, and the rest as it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.fits.minima import learn_minima


def spec(yields: list[float], twin: bool = True) -> dict[str, Any]:
    """Two free factors on the same background, and a signal next to it."""
    names = ["k", "twin"] if twin else ["k"]
    factors = [{"name": name, "type": "normfactor", "data": None} for name in names]
    rate = {"name": "rate", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}
    samples = [
        {
            "name": "signal",
            "data": yields,
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}, rate],
        },
        {"name": "bkg", "data": [50.0, 40.0, 30.0], "modifiers": factors},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [55.0, 52.0, 47.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def test_factors_that_cannot_be_told_apart_are_named() -> None:
    model = hepnb.Model(spec([2.0, 8.0, 14.0]))
    result = hepnb.fit(None, model)
    assert result.report.status == "converged"
    assert not result.report.ok
    assert set(result.report.undetermined) == {"k", "twin"}
    assert "the data do not determine" in result.report.message
    assert np.isnan([result["k"][1], result["twin"][1]]).all()
    # The others have what they have with one factor in place of two.
    single = hepnb.fit(None, hepnb.Model(spec([2.0, 8.0, 14.0], twin=False)))
    assert single.report.ok
    for name in ("mu", "rate"):
        assert result[name] == pytest.approx(single[name], rel=1e-4, abs=1e-6)
    assert result.twice_nll == pytest.approx(single.twice_nll, abs=1e-8)
    assert result["k"][0] * result["twin"][0] == pytest.approx(single["k"][0], rel=1e-5)


def test_a_signal_without_yield_is_undetermined() -> None:
    result = hepnb.fit(None, hepnb.Model(spec([0.0, 0.0, 0.0], twin=False)))
    assert result.report.status == "converged"
    assert result.report.undetermined == ("mu",)
    assert np.isfinite(result["k"][1])


def test_what_follows_a_fit_takes_it() -> None:
    model = hepnb.Model(spec([2.0, 8.0, 14.0]))
    impacts = hepnb.ranking(None, model)
    assert np.isnan(impacts.postfit_up[impacts.labels.index("twin")])
    assert np.isfinite(impacts.postfit_up[impacts.labels.index("rate")])
    assert np.isfinite(impacts.systematic)
    flat = hepnb.profile("twin", None, model, [0.8, 1.0, 1.2])
    np.testing.assert_allclose(flat.delta, 0.0, atol=1e-6)
    assert hepnb.profile("twin", None, model).values.size == 31
    found = hepnb.minos(None, model, ["mu"])
    assert found.upper[0] == pytest.approx(
        hepnb.minos(None, hepnb.Model(spec([2.0, 8.0, 14.0], twin=False)), ["mu"]).upper[0], rel=1e-3
    )


def test_points_of_one_valley_are_one_minimum() -> None:
    # The product of a factor and a shapefactor is known alone: each point of a curve is a minimum.
    valley = spec([2.0, 8.0, 14.0])
    valley["channels"][0]["samples"][1]["modifiers"][1] = {"name": "s", "type": "shapefactor", "data": None}
    model = hepnb.Model(valley)
    learned = learn_minima(model, model.data, model.bounds)
    assert not learned.several
    assert learned.free.sum() == 1
    result = hepnb.fit(None, model)
    assert result.report.second_minimum is None
    assert result.report.undetermined
