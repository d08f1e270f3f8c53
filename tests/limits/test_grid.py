"""Grids of signals: equal to one at a time, on any executor, and one bad signal harms no other."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
from dask.distributed import Client, LocalCluster
from signal_grid import signal_grid

import hepnb
from hepnb.errors import FileError, ModelError
from hepnb.limits import limit_grid
from hepnb.workspace import Workspace, uncorrelated_background

limit_grid_module = importlib.import_module("hepnb.limits.grid")

SIGNALS = ("sbottom_1300_205_60", "sbottom_1100_550_60", "sbottom_1300_850_60")
RegionA = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def region_a(generated_dir: Path) -> RegionA:
    likelihoods = generated_dir / "likelihoods"
    background = json.loads((likelihoods / "BkgOnly.json").read_text())
    patches = {name: json.loads((likelihoods / f"patch.{name}.json").read_text()) for name in SIGNALS}
    return background, patches


@pytest.fixture
def toy() -> Workspace:
    return uncorrelated_background([12.0], [50.0], [3.0], observed=[51])


def signal(yields: float) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields]}]


def test_a_grid_equals_one_at_a_time(region_a: RegionA) -> None:
    background, patches = region_a
    grid = limit_grid(background, patches)
    for place, patch in enumerate(patches.values()):
        model = hepnb.Model(background, patches=[patch])
        assert grid.CLs_obs[place] == pytest.approx(hepnb.hypotest(1.0, None, model).CLs_obs, abs=1e-9)
        np.testing.assert_allclose(grid.expected[place], hepnb.upper_limit(None, model).expected, rtol=1e-6)
    assert grid.messages == {}
    np.testing.assert_array_equal(grid.excluded, grid.CLs_obs < 0.05)


@pytest.mark.parametrize("staterror", [False, True])
def test_many_systematics_change_nothing(staterror: bool) -> None:
    """With the signal's simulation in the statistical uncertainties the backgrounds differ, too."""
    background, patches = signal_grid(5, bins=(2, 1, 3), n_shapes=8, n_norms=8, staterror=staterror, seed=2)
    grid = limit_grid(background, patches, limits=False)
    for place, patch in enumerate(patches.values()):
        alone = hepnb.hypotest(1.0, None, hepnb.Model(background, patches=[patch]))
        assert grid.CLs_obs[place] == pytest.approx(alone.CLs_obs, abs=1e-9)
        np.testing.assert_allclose(grid.CLs_exp[place], alone.CLs_exp, atol=1e-9)


def masses(name: str) -> list[float]:
    return [float(x) for x in name.split("_")[1:]]


def as_patch_set(background: dict[str, Any], patches: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {
            "references": {"hepdata": "ins1748602"},
            "description": "sbottoms",
            "digests": {"sha256": pyhf.utils.digest(background)},
            "labels": ["m_sbottom", "m_chi2", "m_chi1"],
        },
        "patches": [
            {"metadata": {"name": name, "values": masses(name)}, "patch": patch}
            for name, patch in patches.items()
        ],
        "version": "1.0.0",
    }


def test_a_patch_set_brings_its_coordinates(region_a: RegionA, tmp_path: Path) -> None:
    background, patches = region_a
    document = as_patch_set(background, patches)
    path = tmp_path / "patchset.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    expected = limit_grid(background, patches, limits=False)
    patchset = pyhf.PatchSet(document)
    for given in (patchset, document, path, list(patchset)):
        labels = document["metadata"]["labels"] if isinstance(given, list) else ()
        grid = limit_grid(background, given, limits=False, labels=labels)
        assert grid.names == SIGNALS
        assert grid.labels == ("m_sbottom", "m_chi2", "m_chi1")
        np.testing.assert_array_equal(grid.coordinates, [masses(name) for name in SIGNALS])
        np.testing.assert_array_equal(grid.CLs_obs, expected.CLs_obs)


def test_a_patch_set_of_another_workspace_is_refused(region_a: RegionA, tmp_path: Path) -> None:
    background, patches = region_a
    document = as_patch_set({**background, "version": "other"}, patches)
    path = tmp_path / "patchset.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError, match=r"patchset\.json: the patch set was made for another workspace"):
        limit_grid(background, path)
    with pytest.raises(ModelError, match="not a valid patch set"):
        limit_grid(background, {"patches": [], "metadata": {}})


def test_files_are_named_and_placed_by_their_names(region_a: RegionA, generated_dir: Path) -> None:
    background, patches = region_a
    folder = generated_dir / "likelihoods"
    expected = limit_grid(background, patches, limits=False)
    order = [sorted(SIGNALS).index(name) for name in SIGNALS]
    for given in (str(folder / "patch.sbottom_*.json"), sorted(folder.glob("patch.sbottom_*.json"))):
        grid = limit_grid(background, given, limits=False, labels=["m_b1", "m_chi2", "m_chi1"])
        assert grid.names == tuple(sorted(SIGNALS))
        np.testing.assert_array_equal(grid.coordinates, [masses(name) for name in grid.names])
        np.testing.assert_allclose(grid.CLs_obs[order], expected.CLs_obs, rtol=1e-9)
    assert expected.labels == ("value 1", "value 2", "value 3")
    with pytest.raises(FileError, match=r"patch\.gluino_\*\.json: no file is called so"):
        limit_grid(background, folder / "patch.gluino_*.json")


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("C1N2_WZ_300p0_12p5", "C1N2_WZ_350_0"), [[300.0, 12.5], [350.0, 0.0]]),
        (("m300", "m400.5"), [[300.0], [400.5]]),
        (("bumps", "dips"), [[], []]),
        (("m300", "nominal"), [[], []]),
    ],
)
def test_numbers_in_names_are_coordinates(toy: Workspace, names: tuple[str, str], values: Any) -> None:
    grid = limit_grid(toy, dict.fromkeys(names, signal(10.0)), limits=False)
    np.testing.assert_array_equal(grid.coordinates, values)
    assert len(grid.labels) == len(values[0])


def test_a_file_may_carry_a_name_and_values(toy: Workspace, tmp_path: Path) -> None:
    entry = {"metadata": {"name": "heavy", "values": [750]}, "patch": signal(10.0)}
    (tmp_path / "a.json").write_text(json.dumps(entry), encoding="utf-8")
    (tmp_path / "light_100.json").write_text(json.dumps(signal(9.0)), encoding="utf-8")
    grid = limit_grid(toy, [tmp_path / "a.json", tmp_path / "light_100.json"], limits=False)
    assert grid.names == ("heavy", "light_100")
    np.testing.assert_array_equal(grid.coordinates, [[750.0], [100.0]])


ENGINES = ("threads", "processes", "dask")


@pytest.mark.parametrize("kind", ENGINES)
def test_every_engine_gives_the_same_numbers(region_a: RegionA, kind: str) -> None:
    background, patches = region_a
    broken = {**patches, "broken_1_2_3": [{"op": "remove", "path": "/channels/77"}]}
    here = limit_grid(background, broken)
    steps: list[tuple[int, int]] = []
    with engine(kind) as executor:
        there = limit_grid(background, broken, executor=executor, progress=lambda *s: steps.append(s))
    for field in ("CLs_obs", "CLs_exp", "observed", "expected"):
        # Sums in another process may differ in the last digit: its arrays lie elsewhere in memory.
        np.testing.assert_allclose(getattr(there, field), getattr(here, field), rtol=1e-12)
    np.testing.assert_array_equal(there.status, here.status)
    assert there.messages == here.messages
    assert list(here.status) == ["ok", "ok", "ok", "failed"]
    assert steps == [(done, 4) for done in range(1, 5)]


@contextmanager
def engine(kind: str) -> Iterator[Any]:
    if kind == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif kind == "processes":
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool
    else:
        with (
            LocalCluster(
                n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def test_one_bad_signal_harms_no_other(region_a: RegionA, tmp_path: Path) -> None:
    background, patches = region_a
    (tmp_path / "damaged.json").write_text('[{"op": "add"', encoding="utf-8")
    bad = {
        "broken": [{"op": "remove", "path": "/channels/77"}],
        "no file": tmp_path / "nothing.json",
        "damaged": tmp_path / "damaged.json",
        "no signal": [],
        "nan": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [float("nan")] * 3}],
        SIGNALS[0]: patches[SIGNALS[0]],
    }
    grid = limit_grid(background, bad)
    assert list(grid.status) == ["failed"] * 5 + ["ok"]
    assert np.isnan(grid.CLs_obs[:5]).all()
    assert np.isfinite(grid.CLs_obs[5])
    words = {
        "broken": "patch operation 0 (remove /channels/77) does not apply",
        "no file": "nothing.json: no such file",
        "damaged": "damaged.json, line 1, column",
        "no signal": "the POI 'mu_SIG' does not exist in the model",
        "nan": "nan",
    }
    assert set(grid.messages) == set(words)
    for name, said in words.items():
        assert said in grid.messages[name]


def test_even_an_error_nobody_thought_of_harms_no_other(
    toy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = limit_grid_module.upper_limit

    def upset(data: Any, model: hepnb.Model, **options: Any) -> Any:
        if 30.0 in model.expected_by_sample(model.init):
            raise ZeroDivisionError("of all things")
        return whole(data, model, **options)

    monkeypatch.setattr(limit_grid_module, "upper_limit", upset)
    grid = limit_grid(toy, {"a": signal(10.0), "b": signal(30.0), "c": signal(12.0)})
    assert list(grid.status) == ["ok", "failed", "ok"]
    assert grid.messages == {"b": "ZeroDivisionError: of all things"}


def test_a_signal_without_a_limit_has_a_cls(toy: Workspace) -> None:
    grid = limit_grid(toy, {"weak_1": signal(0.01), "usual_2": signal(12.0)})
    assert list(grid.status) == ["no limit", "ok"]
    assert grid.CLs_obs[0] > 0.9
    assert "observed: no limit below 10" in grid.messages["weak_1"]
    wider = limit_grid(toy, {"weak_1": signal(0.01)}, bounds=(0, 1e5))
    assert wider.status[0] == "ok"
    assert wider.observed[0] == pytest.approx(grid.observed[1] * 1200, rel=1e-4)


def test_a_cancelled_grid_keeps_what_it_has(region_a: RegionA) -> None:
    background, patches = region_a
    stop = threading.Event()
    seen: list[list[str]] = []
    grid = limit_grid(
        background, patches, limits=False, cancel=stop, progress=lambda *_: stop.set(),
        partial=lambda so_far: seen.append(list(so_far.status)),
    )  # fmt: skip
    # Signals are computed side by side: whichever is done first stays.
    assert sorted(grid.status) == ["not reached", "not reached", "ok"]
    np.testing.assert_array_equal(np.isfinite(grid.CLs_obs), grid.status == "ok")
    assert grid.cancelled
    assert seen == [list(grid.status)]
    assert "2 not reached" in repr(grid)


def test_a_table_has_a_row_for_every_signal(toy: Workspace) -> None:
    grid = limit_grid(toy, {"s_1": signal(12.0), "s_2": []}, labels=["mass"])
    first, second = grid.table()
    assert first["name"] == "s_1"
    assert (first["mass"], second["mass"]) == (1.0, 2.0)
    assert first["limit_obs"] == grid.observed[0]
    assert first["limit_exp_+0"] == grid.expected[0, 2]
    assert first["CLs_exp_-2"] == grid.CLs_exp[0, 0]
    assert list(first) == list(second)


def test_the_level_and_the_statistic_are_those_asked_for(toy: Workspace) -> None:
    patches = {"s": signal(12.0)}
    model = hepnb.Model(toy, patches=[patches["s"]])
    grid = limit_grid(toy, patches, cl=0.9, test_stat="q")
    assert grid.observed[0] == hepnb.upper_limit(None, model, cl=0.9, test_stat="q").observed
    assert grid.cl == 0.9
    limit = grid.limits["s"]
    assert limit.observed == grid.observed[0]
    assert limit.scan.test_stat == "q"


def test_a_nominal_strength_outside_the_bounds_is_tested_all_the_same(toy: Workspace) -> None:
    patches = {"s": signal(40.0)}
    grid = limit_grid(toy, patches, bounds=(0, 0.8))
    assert grid.CLs_obs[0] == pytest.approx(limit_grid(toy, patches).CLs_obs[0], rel=1e-6)


def test_what_is_no_grid_is_refused(region_a: RegionA, toy: Workspace) -> None:
    background, patches = region_a
    with pytest.raises(ModelError, match="at least one patch"):
        limit_grid(background, {})
    with pytest.raises(ModelError, match="Give every one the same number"):
        limit_grid(background, patches, coordinates={SIGNALS[0]: [1300.0]})
    with pytest.raises(ModelError, match="2 labels for 3 coordinates"):
        limit_grid(background, patches, labels=["a", "b"])
    with pytest.raises(ModelError, match="patches are of type int"):
        limit_grid(background, 7)
    with pytest.raises(ModelError, match="2 patches are called 'twice'"):
        limit_grid(toy, [{"metadata": {"name": "twice"}, "patch": []}] * 2)
    with pytest.raises(ModelError, match="cl is 1"):
        limit_grid(background, patches, cl=1)
    with pytest.raises(ModelError, match="q0 tests the background alone; a grid needs"):
        limit_grid(background, patches, test_stat="q0")
