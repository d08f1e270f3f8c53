"""The workspace with two minima: which published number belongs to which of them.

pyhf publishes CLs = 0.0796740 at mu = 1 with codes 1 and 0. Its conditional fit sits at alpha = +0.481,
where -2 log L is 0.50 above the minimum at alpha = -0.359. From the minimum CLs is 0.1383.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.fits.basins import suspects
from hepnb.fits.exploring import one_start


def sample(name: str, data: list[float], source: dict[str, Any], *, shape: bool = True) -> dict[str, Any]:
    variation = {"lo_data": source.get(f"{name}_dn"), "hi_data": source.get(f"{name}_up")}
    modifiers = [{"name": "alpha", "type": "histosys", "data": variation}] if shape else []
    if not shape:
        modifiers = [{"name": "mu", "type": "normfactor", "data": None}]
    return {"name": name, "data": data, "modifiers": modifiers}


@pytest.fixture
def spec(data_dir: Path) -> dict[str, Any]:
    name = "pyhf-validation/pyhf/validation/data/2bin_2channel_coupledhisto.json"
    channels = json.loads((data_dir / name).read_text())["channels"]
    signal, control = channels["signal"]["bindata"], channels["control"]["bindata"]
    return {
        "channels": [
            {
                "name": "signal",
                "samples": [
                    sample("sig", signal["sig"], signal, shape=False),
                    sample("bkg1", signal["bkg1"], signal),
                    sample("bkg2", signal["bkg2"], signal),
                ],
            },
            {"name": "control", "samples": [sample("bkg1", control["bkg1"], control)]},
        ],
        "observations": [
            {"name": "signal", "data": signal["data"]},
            {"name": "control", "data": control["data"]},
        ],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def dense_minimum(model: hepnb.Model, mu: np.ndarray) -> tuple[float, np.ndarray]:
    """Find the lowest point of a fine grid in mu and alpha."""
    alpha = np.linspace(-3, 3, 6001)
    grid = np.stack(np.broadcast_arrays(alpha[None, :], mu[:, None]), axis=-1)
    order = [model.parameter_names.index(name) for name in ("alpha", "mu")]
    points = np.empty_like(grid)
    points[..., order] = grid
    values = model.twice_nll(points)
    best = np.unravel_index(np.nanargmin(values), values.shape)
    return float(values[best]), points[best]


def test_the_conditional_minimum_is_the_global_one(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec, interpolation="legacy")
    result = hepnb.fixed_poi_fit(1.0, None, model)
    assert pytest.approx(30.8718, abs=1e-4) == result.twice_nll
    assert pytest.approx(-0.359, abs=2e-3) == result["alpha"][0]
    lowest, _ = dense_minimum(model, np.array([1.0]))
    assert pytest.approx(lowest, abs=1e-4) == result.twice_nll


def test_the_second_minimum_is_reported(spec: dict[str, Any]) -> None:
    report = hepnb.fixed_poi_fit(1.0, None, hepnb.Model(spec, interpolation="legacy")).report
    assert report.second_minimum is not None
    assert pytest.approx(31.3751 - 30.8718, abs=1e-4) == report.second_minimum.rise
    assert pytest.approx(0.4814, abs=1e-3) == report.second_minimum.values["alpha"]
    assert "A second minimum lies 0.503 higher in -2 log L, at alpha = 0.481" in report.message


def test_which_published_value_belongs_to_which_minimum(
    spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = hepnb.Model(spec, interpolation="legacy")
    assert pytest.approx(0.1383, abs=1e-4) == hepnb.hypotest(1.0, None, model, test_stat="q").CLs_obs
    # From pyhf's start alone, without a look at the other side, the fits fall where pyhf's fall.
    monkeypatch.setattr(sys.modules["hepnb.fits._solve"], "has_kinks", lambda _: False)
    with one_start():
        local = hepnb.hypotest(1.0, None, model, test_stat="q")
    assert pytest.approx(0.4814, abs=1e-3) == local.fits["fixed"][model.index("alpha")]
    assert pytest.approx(0.07967400, rel=1e-4) == local.CLs_obs


def test_a_lower_minimum_behind_a_kink_needs_no_further_start(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec, interpolation="legacy")
    for start in (-2.0, -0.5, 0.48, 2.0):
        with one_start():
            result = hepnb.fixed_poi_fit(1.0, None, model, init={"alpha": start})
        assert pytest.approx(-0.359, abs=2e-3) == result["alpha"][0]


def test_the_free_minimum_with_the_present_codes(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec)
    result = hepnb.fit(None, model)
    assert pytest.approx(0.427, abs=1e-3) == result["mu"][0]
    assert pytest.approx(29.331, abs=1e-3) == result.twice_nll
    lowest, _ = dense_minimum(model, np.linspace(0, 2, 401))
    assert result.twice_nll <= lowest + 1e-6
    second = result.report.second_minimum
    assert second is not None
    assert pytest.approx(0.636, abs=1e-3) == second.values["mu"]
    assert pytest.approx(30.8004 - 29.3311, abs=1e-3) == second.rise


def test_every_point_of_a_scan_is_at_its_global_minimum(spec: dict[str, Any]) -> None:
    model = hepnb.Model(spec)
    mu = np.linspace(0, 3, 13)
    scan = hepnb.scan(None, model, mu)
    free, _ = dense_minimum(model, np.linspace(0, 2, 401))
    for value, q in zip(mu[mu > 0.5], scan.q[mu > 0.5], strict=True):
        lowest, _ = dense_minimum(model, np.array([value]))
        assert pytest.approx(lowest - free, abs=2e-3) == q


def test_a_limit_from_several_minima_says_so(spec: dict[str, Any]) -> None:
    limit = hepnb.upper_limit(None, hepnb.Model(spec))
    assert limit.scan.several_minima
    assert limit.message == "the likelihood has several minima; the lowest found were used"
    for i, value in enumerate(limit.expected):
        assert pytest.approx(0.05, rel=1e-3) == hepnb.hypotest(value, None, hepnb.Model(spec)).CLs_exp[i]


def test_only_one_sided_parameters_are_suspect(spec: dict[str, Any], data_dir: Path) -> None:
    model = hepnb.Model(spec)
    assert [model.parameter_names[i] for i in suspects(model)] == ["alpha"]
    plain = hepnb.Model(
        data_dir / "pyhf-validation" / "pyhf" / "docs" / "examples" / "json" / "2-bin_1-channel.json"
    )
    assert suspects(plain).size == 0
    assert hepnb.fit(None, plain).report.second_minimum is None
