"""Fits of models that clip negative rates at 0: minima at the edge, and nothing lower on a dense grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.workspace import correlated_background


def steep(observed: list[float]) -> dict[str, Any]:
    """A normsys whose polynomial goes below 0, and a histosys that takes a bin below 0."""
    shape = {"hi_data": [7.0, 9.0], "lo_data": [5.0, 1.0]}
    norm = {"hi": 40.0, "lo": 0.01}
    samples = [
        {
            "name": "signal",
            "data": [2.0, 1.0],
            "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "steep", "type": "normsys", "data": norm},
            ],
        },
        {
            "name": "bkg",
            "data": [6.0, 5.0],
            "modifiers": [{"name": "tilt", "type": "histosys", "data": shape}],
        },
        {"name": "other", "data": [0.5, 0.5], "modifiers": []},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.mark.parametrize("observed", [[0, 0], [7, 0], [0, 3], [2, 1], [7, 3]])
def test_nothing_lies_below_the_fit(observed: list[float]) -> None:
    model = hepnb.Model(steep(observed), positivity="root")
    result = hepnb.fit(None, model)
    assert result.report.ok, result.report
    axes = {"mu": np.linspace(0, 5, 41), "steep": np.linspace(-3, 3, 61), "tilt": np.linspace(-3, 3, 121)}
    grid = np.meshgrid(*(axes[name] for name in model.parameter_names), indexing="ij")
    values = model.twice_nll(np.stack([axis.ravel() for axis in grid], axis=1))
    assert result.twice_nll <= np.nanmin(values) + 1e-6


def test_a_minimum_at_the_edge_has_the_closed_form() -> None:
    """Nothing is seen: the rate of the shape falls to 0 at alpha = -7 / 2.7, and stays there."""
    content = correlated_background([3.5], [7.0], [9.7], [4.3], observed=[1])
    content.spec["channels"][0]["samples"].append({"name": "other", "data": [4.0], "modifiers": []})
    model = hepnb.Model(content.spec, positivity="root")
    for pull in (0.0, -2.5):
        data = np.array([1.0, pull])
        result = hepnb.fit(data, model)
        assert result.report.ok, result.report
        alpha = result["correlated_bkg_uncertainty"][0]
        assert result.report.positivity == "root"
        if pull:
            assert alpha == pytest.approx(-7.0 / 2.7, abs=1e-6)
            expected = (alpha - pull) ** 2 + np.log(2 * np.pi) + 2 * (4.0 - np.log(4.0))
            assert result.twice_nll == pytest.approx(expected, abs=1e-6)
        else:
            assert -7.0 / 2.7 < alpha < 0


def test_the_report_names_clipped_and_negative_bins() -> None:
    clipped = hepnb.fit([7, 0], hepnb.Model(steep([7, 0]), positivity="root"), fixed={"tilt": -2.0})
    assert clipped.report.nonpositive_bins == ("channel 'SR' bin 1",)
    assert "A rate is clipped at 0 in channel 'SR' bin 1." in clipped.report.message
    # pyhf's way the total of that bin is below 0, which no data allow.
    undefined = hepnb.fit([7, 0], hepnb.Model(steep([7, 0])), fixed={"tilt": -2.0, "mu": 0.0})
    assert not undefined.report.ok
    assert "channel 'SR' bin 1" in undefined.report.message
    assert undefined.report.positivity == "pyhf"


def test_tests_and_limits_take_a_clipping_model() -> None:
    content = steep([7, 1])
    # With the signal's own steep normsys the signal can vanish at little cost, and nothing is excluded.
    content["channels"][0]["samples"][0]["modifiers"].pop()
    model = hepnb.Model(content, positivity="root")
    limit = hepnb.upper_limit(None, model)
    assert 0 < limit.observed < 10
    at = hepnb.hypotest(limit.observed, None, model)
    assert at.CLs_obs == pytest.approx(0.05, rel=1e-3)
