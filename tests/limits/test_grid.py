"""Grids of signals: equal to one at a time, on any executor, and one bad signal harms no other."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest

import hepnb
from hepnb.errors import ModelError
from hepnb.limits import limit_grid

SIGNALS = ("sbottom_1300_205_60", "sbottom_1100_550_60", "sbottom_1300_850_60")


@pytest.fixture(scope="module")
def region_a(data_dir: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    likelihoods = data_dir / "likelihoods"
    background = json.loads((likelihoods / "BkgOnly.json").read_text())
    patches = {name: json.loads((likelihoods / f"patch.{name}.json").read_text()) for name in SIGNALS}
    return background, patches


def test_a_grid_equals_one_at_a_time(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    grid = limit_grid(background, patches)
    assert pytest.approx(0.24443628, rel=1e-4) == grid.CLs_obs[0]
    for place, patch in enumerate(patches.values()):
        model = hepnb.Model(background, patches=[patch])
        assert grid.CLs_obs[place] == hepnb.hypotest(1.0, None, model).CLs_obs
        np.testing.assert_array_equal(grid.expected[place], hepnb.upper_limit(None, model).expected)
    assert grid.messages == {}
    np.testing.assert_array_equal(grid.excluded, grid.CLs_obs < 0.05)


def test_threads_give_the_same(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    steps: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as executor:
        grid = limit_grid(
            background, patches, limits=False, executor=executor, progress=lambda *s: steps.append(s)
        )
    np.testing.assert_array_equal(grid.CLs_obs, limit_grid(background, patches, limits=False).CLs_obs)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert np.isnan(grid.observed).all()


def test_a_patch_set_brings_its_coordinates(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    masses = {name: [float(x) for x in name.split("_")[1:]] for name in patches}
    patchset = pyhf.PatchSet(
        {
            "metadata": {
                "references": {"hepdata": "ins1748602"},
                "description": "sbottoms",
                "digests": {"sha256": pyhf.utils.digest(background)},
                "labels": ["m_sbottom", "m_chi2", "m_chi1"],
            },
            "patches": [
                {"metadata": {"name": name, "values": masses[name]}, "patch": patch}
                for name, patch in patches.items()
            ],
            "version": "1.0.0",
        }
    )
    grid = limit_grid(background, patchset, limits=False)
    assert grid.labels == ("m_sbottom", "m_chi2", "m_chi1")
    np.testing.assert_array_equal(grid.coordinates, list(masses.values()))
    np.testing.assert_array_equal(grid.CLs_obs, limit_grid(background, patches, limits=False).CLs_obs)


def test_one_bad_signal_harms_no_other(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    bad = {"broken": [{"op": "remove", "path": "/channels/77"}], SIGNALS[0]: patches[SIGNALS[0]]}
    grid = limit_grid(background, bad, limits=False)
    assert np.isnan(grid.CLs_obs[0])
    assert "patch operation 0 (remove /channels/77) does not apply" in grid.messages["broken"]
    assert np.isfinite(grid.CLs_obs[1])


def test_a_cancelled_grid_keeps_what_it_has(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    stop = threading.Event()
    grid = limit_grid(background, patches, limits=False, cancel=stop, progress=lambda *_: stop.set())
    np.testing.assert_array_equal(np.isfinite(grid.CLs_obs), [True, False, False])


def test_what_is_no_grid_is_refused(region_a: tuple[dict[str, Any], dict[str, Any]]) -> None:
    background, patches = region_a
    with pytest.raises(ModelError, match="at least one patch"):
        limit_grid(background, {})
    with pytest.raises(ModelError, match="Give every one the same number"):
        limit_grid(background, patches, coordinates={SIGNALS[0]: [1300.0]})
