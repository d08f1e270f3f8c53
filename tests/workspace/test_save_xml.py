"""HistFactory XML that we write: it holds the same likelihood, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hepnb
from hepnb.errors import FileError, WorkspaceError
from hepnb.workspace import Workspace, uncorrelated_background

ODD = ["SR", "a b/c", "µ<&>\"'", "2l (b-tag)", " x"]


def random_workspace(rng: np.random.Generator) -> Workspace:  # noqa: PLR0912  # one choice after another
    """Every kind of modifier and law that XML can hold, under names of all sorts."""
    with_lumi, channels, laws = bool(rng.integers(2)), [], {}
    systematics = ["JES", "scale", "theory x"] if rng.integers(2) else ["alpha", "b_tag"]
    kinds: dict[str, Any] = {}
    for i in range(rng.integers(1, 4)):
        name, n = f"{ODD[rng.integers(len(ODD))]}{i}", int(rng.integers(1, 4))
        samples, stat = [], bool(rng.integers(2))
        stat_name = f"staterror_{name}" if rng.integers(3) else f"mc {i}"
        for j in range(rng.integers(1, 4)):
            data = rng.uniform(5, 60, n)
            modifiers: list[dict[str, Any]] = (
                [{"name": "lumi", "type": "lumi", "data": None}] if with_lumi and rng.integers(4) else []
            )
            if j == 0:
                modifiers.append({"name": "mu", "type": "normfactor", "data": None})
            for systematic in systematics:
                if rng.integers(2):
                    low, high = rng.uniform(0.7, 0.95), rng.uniform(1.05, 1.4)
                    factors = {"lo": low, "hi": high}
                    modifiers.append({"name": systematic, "type": "normsys", "data": factors})
                    kinds.setdefault(systematic, set()).add("normsys")
                if rng.integers(3) == 0:
                    shift = rng.uniform(0.8, 1.2, (2, n)) * data
                    both = {"lo_data": shift[0].tolist(), "hi_data": shift[1].tolist()}
                    modifiers.append({"name": systematic, "type": "histosys", "data": both})
                    kinds.setdefault(systematic, set()).add("histosys")
            if rng.integers(3) == 0:
                # In a bin without uncertainty the parameter is held.
                uncertainty = rng.uniform(1, 4, n) * (rng.random(n) > 0.2)
                shape = {"name": f"shape {i}{j}", "type": "shapesys", "data": uncertainty.tolist()}
                modifiers.append(shape)
                laws[shape["name"]] = "gaussian" if rng.integers(2) else "poisson"
            if rng.integers(5) == 0:
                modifiers.append({"name": f"free_{n}", "type": "shapefactor", "data": None})
            if stat:
                errors = rng.uniform(0.5, 3, n) * (rng.random(n) > 0.2)
                modifiers.append({"name": stat_name, "type": "staterror", "data": errors.tolist()})
                laws[stat_name] = "poisson" if rng.integers(2) else "gaussian"
            samples.append({"name": f"sample{j}", "data": data.tolist(), "modifiers": modifiers})
        channels.append({"name": name, "samples": samples})
    if with_lumi:
        luminosity = float(rng.uniform(0.5, 3))
    measurements, constraints = [], {}
    names = {m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]}
    with_lumi = "lumi" in names
    for k in range(rng.integers(1, 3)):
        parameters: list[dict[str, Any]] = [{"name": "mu", "bounds": [[-2.0, 8.5]], "inits": [1.0 + k / 3]}]
        if with_lumi:
            parameters.append(
                {"name": "lumi", "auxdata": [luminosity], "inits": [luminosity * 1.01],
                 "bounds": [[0.0, 30.0]], "sigmas": [0.03 * luminosity * k + 0.02],
                 "fixed": bool(rng.integers(2))}
            )  # fmt: skip
        own: dict[str, Any] = dict(laws)
        for systematic, types in kinds.items():
            choice = rng.integers(5)
            if choice == 0:
                own[systematic] = "uniform"
            elif choice == 1 and "normsys" in types:
                own[systematic] = ("lognormal", float(rng.uniform(0.1, 0.5)))
            elif choice == 2 and types == {"normsys"} and " " not in systematic:
                own[systematic] = ("gamma-root", float(rng.uniform(0.2, 0.6)))
            elif choice == 3 and " " not in systematic:
                parameters.append({"name": systematic, "fixed": True, "inits": [float(rng.uniform(-1, 1))]})
            if " " in systematic:
                own.pop(systematic, None)
        name = f"measurement {k}"
        measurements.append({"name": name, "config": {"poi": "mu", "parameters": parameters}})
        constraints[name] = own
    observations = [
        {"name": c["name"], "data": rng.poisson(50, len(c["samples"][0]["data"])).tolist()} for c in channels
    ]
    spec = {
        "channels": channels, "observations": observations, "measurements": measurements, "version": "1.0.0",
    }  # fmt: skip
    return Workspace(spec, constraints=constraints)


def assert_same_likelihood(one: Workspace, other: Workspace, rng: np.random.Generator) -> None:
    assert one.measurements == other.measurements
    for measurement in one.measurements:
        first, second = (hepnb.Model(w, measurement=measurement) for w in (one, other))
        assert set(first.parameter_names) == set(second.parameter_names)
        order = [first.index(name) for name in second.parameter_names]
        assert first.poi_names == second.poi_names
        np.testing.assert_allclose(second.init, first.init[order], rtol=1e-12, atol=1e-14)
        assert (second.fixed == first.fixed[order]).all()
        for _ in range(3):
            point = first.init * rng.uniform(0.9, 1.1, first.n_parameters)
            moving = first.init == 0
            point[moving] += rng.uniform(-1, 1, first.n_parameters)[moving]
            expected, found = first.twice_nll(point), second.twice_nll(point[order])
            assert np.isfinite(expected)
            assert float(found) == pytest.approx(float(expected), abs=1e-9, rel=1e-12)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_xml_holds_the_likelihood_to_nine_digits(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = np.random.default_rng(seed)
    workspace = random_workspace(rng)
    folder = tmp_path_factory.mktemp("xml")
    loaded = hepnb.load(workspace.save_xml(folder))
    assert_same_likelihood(workspace, loaded, rng)
    again = hepnb.load(loaded.save(folder / "saved.json"))
    assert again == loaded
    assert_same_likelihood(workspace, hepnb.load(again.save_xml(folder / "again")), rng)


def test_edges_and_file_layout(tmp_path: Path) -> None:
    spec = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0]).spec
    workspace = Workspace(spec, edges={"singlechannel": [0.0, 30.0, 200.0]})
    top = workspace.save_xml(tmp_path / "new" / "folder")
    assert top == tmp_path / "new" / "folder" / "workspace.xml"
    with uproot.open(top.parent / "data.root") as file:
        assert {key.partition(";")[0] for key in file} >= {"singlechannel/signal", "singlechannel/data"}
        assert file["singlechannel/signal"].classname == "TH1D"
    assert hepnb.load(top).edges == workspace.edges
    # Writing twice replaces.
    assert workspace.save_xml(tmp_path / "new" / "folder") == top


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        uncorrelated_background([1.0], [5.0], [2.0]).save_xml(tmp_path / "file")


def change(spec: dict[str, Any], *modifiers: dict[str, Any], **setting: Any) -> dict[str, Any]:
    spec = json.loads(json.dumps(spec))
    spec["channels"][0]["samples"][0]["modifiers"] += modifiers
    if setting:
        spec["measurements"][0]["config"]["parameters"].append(setting)
    return spec


BASE = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0]).spec
NORMSYS = {"name": "syst", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}


@pytest.mark.parametrize(
    ("spec", "laws", "said"),
    [
        (change(BASE, NORMSYS), {"syst": ("gamma", 0.3)}, r"the constraint \('gamma', 0.3\) of 'syst'"),
        (change(BASE, NORMSYS), {"syst": "none"}, "the constraint 'none' of 'syst'"),
        (change(BASE), {"uncorr_bkguncrt": "none"}, "'none' of 'uncorr_bkguncrt'"),
        (change(BASE, NORMSYS, name="syst", auxdata=[0.5]), {}, "the auxdata of 'syst'"),
        (change(BASE, name="uncorr_bkguncrt", factors=[9.0, 9.0]), {}, "the factors of 'uncorr_bkguncrt'"),
        (change(BASE, {**NORMSYS, "name": "a b"}, name="a b", fixed=True), {}, "the name 'alpha_a b'"),
        (change(BASE, {**NORMSYS, "name": "a\x01b"}), {}, "a character that XML cannot hold"),
        (change(BASE, {"name": "Lumi", "type": "normfactor", "data": None}), {}, "the name 'Lumi'"),
    ],
)
def test_what_xml_cannot_hold_is_refused(
    spec: dict[str, Any], laws: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(WorkspaceError, match=said):
        Workspace(spec, constraints=laws).save_xml(tmp_path)
    assert not list(tmp_path.iterdir())


def test_bounds_that_measurements_do_not_share_are_refused(tmp_path: Path) -> None:
    spec = change(BASE, name="mu", bounds=[[0.0, 5.0]])
    spec["measurements"].append({"name": "b", "config": {"poi": "mu", "parameters": []}})
    with pytest.raises(WorkspaceError, match="the bounds of 'mu', which differ between measurements"):
        Workspace(spec).save_xml(tmp_path)


def test_a_sample_without_luminosity_beside_others_has_a_function(tmp_path: Path) -> None:
    lumi = {"name": "lumi", "auxdata": [2.0], "sigmas": [0.1], "inits": [2.0], "bounds": [[0.0, 20.0]]}
    workspace = Workspace(change(BASE, {"name": "lumi", "type": "lumi", "data": None}, **lumi))
    top = workspace.save_xml(tmp_path)
    assert 'Expression="1/Lumi" Dependents="Lumi[2.0,0,20.0]"' in top.read_text()
    assert_same_likelihood(workspace, hepnb.load(top), np.random.default_rng(1))


def test_a_single_bin_can_be_constant(tmp_path: Path) -> None:
    spec = change(BASE, name="uncorr_bkguncrt", fixed=[False, True], inits=[1.0, 1.25])
    loaded = hepnb.load(Workspace(spec).save_xml(tmp_path))
    model = hepnb.Model(loaded)
    place = model.index("uncorr_bkguncrt[1]")
    assert model.fixed.sum() == 1
    assert (model.fixed[place], model.init[place]) == (True, 1.25)
