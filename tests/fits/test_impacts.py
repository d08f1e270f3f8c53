"""Impacts of groups of parameters, against fits that hold them."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import ModelError


def spec() -> dict[str, Any]:
    def norm(name: str, low: float, high: float) -> dict[str, Any]:
        return {"name": name, "type": "normsys", "data": {"lo": low, "hi": high}}

    shape = {"hi_data": [57.0, 43.0, 33.0], "lo_data": [44.0, 47.0, 28.0]}
    bkg = [
        norm("JES_1", 0.95, 1.06),
        norm("JES_2", 0.97, 1.02),
        {"name": "JES_shape", "type": "histosys", "data": shape},
        norm("theory", 0.92, 1.07),
        {"name": "stat", "type": "staterror", "data": [2.0, 1.5, 1.5]},
    ]
    signal = [{"name": "mu", "type": "normfactor", "data": None}, norm("JES_1", 0.98, 1.03)]
    free = {"name": "k", "type": "normfactor", "data": None}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    {"name": "signal", "data": [3.0, 8.0, 12.0], "modifiers": signal},
                    {"name": "bkg", "data": [50.0, 45.0, 30.0], "modifiers": [*bkg, free]},
                ],
            },
            {
                "name": "CR",
                "samples": [
                    {"name": "bkg", "data": [400.0], "modifiers": [free, norm("theory", 0.95, 1.04)]}
                ],
            },
        ],
        "observations": [{"name": "SR", "data": [55.0, 58.0, 44.0]}, {"name": "CR", "data": [412.0]}],
        "measurements": [
            {
                "name": "m",
                "config": {"poi": "mu", "parameters": [{"name": "mu", "bounds": [[-20.0, 20.0]]}]},
            }
        ],
        "version": "1.0.0",
    }


@pytest.fixture(scope="module")
def model() -> hepnb.Model:
    return hepnb.Model(spec())


GROUPS: dict[str, str | list[str]] = {
    "JES": ["JES_1", "JES_2", "JES_*"],
    "theory": "theory",
    "stat of the simulation": ["stat"],
    "one bin": ["stat[0]"],
}


def test_a_group_is_what_a_fit_without_it_lacks(model: hepnb.Model) -> None:
    free = hepnb.fit(None, model)
    result = hepnb.ranking(None, model, groups=GROUPS)
    assert result.poi == "mu"
    assert result.total == free["mu"][1]
    assert [group.name for group in result.groups] == list(GROUPS)
    assert result.groups[0].parameters == ("JES_shape", "JES_1", "JES_2")
    assert result.groups[2].parameters == ("stat[0]", "stat[1]", "stat[2]")
    assert result.groups[3].parameters == ("stat[0]",)
    for group in result.groups:
        held = hepnb.fit(None, model, fixed={name: free[name][0] for name in group.parameters})
        assert group.remaining == pytest.approx(held["mu"][1], rel=1e-5)
        assert group.impact == pytest.approx(np.sqrt(free["mu"][1] ** 2 - held["mu"][1] ** 2), rel=1e-3)
        assert 0 < group.impact < result.total


def test_statistics_and_systematics_add_up(model: hepnb.Model) -> None:
    free = hepnb.fit(None, model)
    result = hepnb.ranking(None, model)
    constrained = [name for name, kind in zip(free.labels, free.types, strict=True) if kind != "free"]
    held = hepnb.fit(None, model, fixed={name: free[name][0] for name in constrained})
    assert result.statistical == pytest.approx(held["mu"][1], rel=1e-5)
    assert np.hypot(result.statistical, result.systematic) == pytest.approx(result.total, rel=1e-9)
    everything = hepnb.ranking(None, model, groups={"all": constrained}).groups[0]
    assert everything.impact == pytest.approx(result.systematic, rel=1e-9)


def test_minuit_agrees_on_a_group(model: hepnb.Model) -> None:
    free = hepnb.fit(None, model, minimizer="minuit", strategy=2)
    group = hepnb.ranking(None, model, groups={"JES": "JES_*"}).groups[0]
    minuit = free.minuit
    for name in group.parameters:
        minuit.fixed[name] = True
    before = free.minuit.errors["mu"]
    minuit.migrad()
    minuit.hesse()
    assert group.remaining == pytest.approx(minuit.errors["mu"], rel=2e-3)
    assert group.impact == pytest.approx(np.sqrt(before**2 - minuit.errors["mu"] ** 2), rel=2e-2)


def test_the_ranking_of_another_poi(model: hepnb.Model) -> None:
    result = hepnb.ranking(None, model, poi="k")
    assert result.poi == "k"
    assert "mu" in result.labels
    assert "k" not in result.labels
    assert result.total == hepnb.fit(None, model)["k"][1]


def test_a_poi_at_its_bound_has_no_breakdown() -> None:
    content = spec()
    content["measurements"][0]["config"]["parameters"] = []
    content["observations"][0]["data"] = [40.0, 30.0, 12.0]
    result = hepnb.ranking(None, hepnb.Model(content), groups={"JES": "JES_*"})
    assert np.isnan([result.statistical, result.systematic, result.groups[0].impact]).all()


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"JES": ["JSE_*"]}, r"group 'JES': no parameter is called 'JSE_\*'"),
        ({"all": ["mu"]}, "group 'all' names the POI 'mu'"),
    ],
)
def test_groups_that_cannot_be(model: hepnb.Model, groups: dict[str, list[str]], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        hepnb.ranking(None, model, groups=groups)


def test_batches_are_shared_out_counted_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("hepnb.fits._ranking"), "_BATCH", 12)
    model = hepnb.Model(spec())
    calls: list[tuple[int, int]] = []
    here = hepnb.ranking(None, model, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(12, 30), (24, 30), (30, 30)]
    with ThreadPoolExecutor(2) as pool:
        there = hepnb.ranking(None, model, executor=pool)
    np.testing.assert_array_equal(here.postfit_up, there.postfit_up)
    stop = threading.Event()
    part = hepnb.ranking(None, model, cancel=stop, progress=lambda done, total: stop.set())
    assert part.cancelled
    assert not here.cancelled
    # The first batch holds the first impacts of each parameter, and none of the last.
    np.testing.assert_array_equal(part.prefit_up, here.prefit_up)
    assert np.isnan(part.postfit_down).all()
    assert np.isfinite(here.postfit_down).all()
