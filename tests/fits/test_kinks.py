"""Minima at the kinks of codes 0 and 1, where no gradient vanishes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.fits import solve

KINDS = {
    "code0": {"name": "a", "type": "histosys", "data": {"hi_data": [60.0, 44.0], "lo_data": [60.0, 44.0]}},
    "code1": {"name": "a", "type": "normsys", "data": {"hi": 1.2, "lo": 1.2}},
}


def model(kind: str, observed: list[float], mu_max: float = 10.0) -> hepnb.Model:
    """A background whose systematic raises it whichever its sign, so that its rate has a kink at 0."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    spec: dict[str, Any] = {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {"name": "signal", "data": [3.0, 1.0], "modifiers": [mu]},
                    {"name": "background", "data": [50.0, 40.0], "modifiers": [KINDS[kind]]},
                ],
            }
        ],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [
            {
                "name": "m",
                "config": {"poi": "mu", "parameters": [{"name": "mu", "bounds": [[0.0, mu_max]]}]},
            }
        ],
        "version": "1.0.0",
    }
    return hepnb.Model(spec, interpolation={"normsys": "code1", "histosys": "code0"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_minimum_at_a_kink_is_found(kind: str) -> None:
    here = model(kind, [45.0, 36.0])
    result = hepnb.fit(None, here)
    assert result.report.ok, result.report
    assert result["a"][0] == 0.0
    grid = np.array([[a, mu] for a in np.linspace(-1, 1, 201) for mu in np.linspace(0, 3, 61)])
    points = np.empty_like(grid)
    points[:, here.index("a")], points[:, here.index("mu")] = grid.T
    assert result.twice_nll <= here.twice_nll(points).min() + 1e-9
    assert hepnb.hypotest(1.0, None, here).ok
    assert np.isfinite(hepnb.upper_limit(None, here).observed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kink_that_falls_to_one_side_is_left(kind: str) -> None:
    here = model(kind, [58.0, 47.0], mu_max=1.0)
    start = np.tile(here.init, (3, 1))
    start[:, here.index("a")] = [0.0, 0.01, -0.01]
    found = solve(here, here.data[None], start, np.tile(here.fixed, (3, 1)))
    assert found.ok.all()
    assert (np.abs(found.points[:, here.index("a")]) > 0.2).all()
    np.testing.assert_allclose(found.value, found.value[0], atol=1e-8)
