"""Every workspace of the public data that has a signal, whatever form it comes in.

The folder is walked, so that a new file is covered, or refused with its name if its form is new:

- JSON workspaces; one whose POI comes from a patch stands here once for each JSON patch and each member of a
  patch set of its folder,
- the short forms of pyhf's validation suite (``bindata``), written out as its tests do,
- HistFactory XML with its ROOT files,
- datacards of Combine, written as a workspace,
- the tree analysis of cabinetry's tutorial.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import uproot

import hepnb

Spec = dict[str, Any]

MU = ("mu", "normfactor", None)


class Case(NamedTuple):
    """A workspace, and the patches that belong to it."""

    spec: Spec
    patches: tuple[Any, ...] = ()


def sample(name: str, data: list[float], *modifiers: tuple[str, str, Any]) -> Spec:
    return {
        "name": name,
        "data": data,
        "modifiers": [{"name": n, "type": t, "data": d} for n, t, d in modifiers],
    }


def workspace(
    channels: dict[str, list[Spec]], observed: dict[str, list[float]], parameters: list[Spec] | None = None
) -> Spec:
    return {
        "channels": [{"name": name, "samples": samples} for name, samples in channels.items()],
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters or []}}],
        "version": "1.0.0",
    }


# --- the short forms of pyhf's validation suite


def _one_channel(source: Spec, *modifiers: tuple[str, str, Any]) -> Spec:
    data = source["bindata"]
    samples = [sample("signal", data["sig"], MU), sample("background", data["bkg"], *modifiers)]
    return workspace({"singlechannel": samples}, {"singlechannel": data["data"]})


def _shapesys(source: Spec) -> Spec:
    return _one_channel(source, ("uncorr_bkguncrt", "shapesys", source["bindata"]["bkgerr"]))


def _lumi(source: Spec) -> Spec:
    data, lumi = source["bindata"], ("lumi", "lumi", None)
    samples = [
        sample("signal", data["sig"], MU),
        sample("background1", data["bkg1"], lumi),
        sample("background2", data["bkg2"], lumi),
    ]
    override = {"name": "lumi", "auxdata": [1.0], "bounds": [[0.0, 10.0]], "inits": [1.0], "sigmas": [0.1]}
    return workspace({"channel1": samples}, {"channel1": data["data"]}, [override])


def _normsys(source: Spec) -> Spec:
    return _one_channel(source, ("bkg_norm", "normsys", {"lo": 0.9, "hi": 1.1}))


def _histosys(source: Spec) -> Spec:
    data = source["bindata"]
    shape = {"lo_data": data["bkgsys_dn"], "hi_data": data["bkgsys_up"]}
    return _one_channel(source, ("bkg_norm", "histosys", shape))


def _staterror(source: Spec) -> Spec:
    data = source["bindata"]
    samples = [
        sample("signal", data["sig"], MU),
        sample("bkg1", data["bkg1"], ("stat", "staterror", data["bkg1err"])),
        sample("bkg2", data["bkg2"], ("stat", "staterror", data["bkg2err"])),
        sample("bkg3", data["bkg3"]),
    ]
    return workspace({"channel": samples}, {"channel": data["data"]})


def _two_channels(source: Spec, modifiers: Callable[[str, str, Spec], list[tuple[str, str, Any]]]) -> Spec:
    """Two channels; ``modifiers(channel, sample, bindata)`` says what stands on a background."""
    channels: dict[str, list[Spec]] = {}
    observed: dict[str, list[float]] = {}
    for channel, content in source["channels"].items():
        data = content["bindata"]
        observed[channel] = data["data"]
        signal = [sample("signal", data["sig"], MU)] if "sig" in data else []
        backgrounds = [name for name in ("bkg", "bkg1", "bkg2") if name in data]
        channels[channel] = signal + [
            sample(name, data[name], *modifiers(channel, name, data)) for name in backgrounds
        ]
    return workspace(channels, observed)


def _uncorrelated(source: Spec) -> Spec:
    return _two_channels(source, lambda channel, _, data: [(f"uncorr_{channel}", "shapesys", data["bkgerr"])])


def _couplednorm(source: Spec) -> Spec:
    spread = {"bkg1": {"lo": 0.9, "hi": 1.1}, "bkg2": {"lo": 0.5, "hi": 1.5}}
    return _two_channels(source, lambda _, name, __: [("coupled_normsys", "normsys", spread[name])])


def _coupledshapefactor(source: Spec) -> Spec:
    return _two_channels(source, lambda *_: [("coupled_shapefactor", "shapefactor", None)])


def _coupledhisto(source: Spec) -> Spec:
    def shape(_: str, name: str, data: Spec) -> list[tuple[str, str, Any]]:
        return [("alpha", "histosys", {"lo_data": data[f"{name}_dn"], "hi_data": data[f"{name}_up"]})]

    return _two_channels(source, shape)


# What the (signal) channel holds besides data and signal: how pyhf's tests read it.
FORMS: dict[frozenset[str], Callable[[Spec], Spec]] = {
    frozenset({"one", "bkg"}): _normsys,
    frozenset({"one", "bkg", "bkgerr"}): _shapesys,
    frozenset({"one", "bkg", "bkgsys_up", "bkgsys_dn"}): _histosys,
    frozenset({"one", "bkg1", "bkg2"}): _lumi,
    frozenset({"one", "bkg1", "bkg1err", "bkg2", "bkg2err", "bkg3"}): _staterror,
    frozenset({"bkg", "bkgerr"}): _uncorrelated,
    frozenset({"bkg1", "bkg2"}): _couplednorm,
    frozenset({"bkg1"}): _coupledshapefactor,
    frozenset({"bkg1", "bkg1_up", "bkg1_dn", "bkg2", "bkg2_up", "bkg2_dn"}): _coupledhisto,
}


def from_short_form(source: Spec) -> Spec:
    """Write out a short form; a KeyError names one that is new."""
    if "bindata" in source:
        return FORMS[frozenset(source["bindata"]) - {"data", "sig"} | {"one"}](source)
    return FORMS[frozenset(source["channels"]["signal"]["bindata"]) - {"data", "sig"}](source)


# --- datacards


def from_datacard(path: Path) -> Spec:
    """Write a Combine datacard of one channel as a workspace.

    A lnN is a normsys with code 1. A gmN is a shapesys, whose Poisson constraint it is. A shape is a normsys
    and a histosys of one name, since Combine moves normalisation and shape apart; a factor other than 1 says
    of how many standard deviations the templates are.
    """
    rows = [line.split("#")[0].split() for line in path.read_text().splitlines()]
    table = {row[0]: row[1:] for row in rows if row and row[0] in {"bin", "observation", "process", "rate"}}
    names = next(row[1:] for row in rows if row and row[0] == "process")
    rates, (channel, *_) = [float(rate) for rate in table["rate"]], table["bin"]
    inputs = [row for row in rows if row and row[0] == "shapes"]
    start = next(i for i, row in enumerate(rows) if row and row[0] == "rate")
    lines = [row for row in rows[start + 1 :] if len(row) > 2]
    file = uproot.open(path.with_name(inputs[0][3])) if inputs else None
    data = [float(table["observation"][0])] if file is None else file["data_obs"].values().tolist()
    samples = []
    for place, (name, rate) in enumerate(zip(names, rates, strict=True)):
        nominal = np.array([rate]) if file is None else file[name].values().astype(float)
        modifiers: list[tuple[str, str, Any]] = (
            [("mu", "normfactor", None)] if table["process"][place] == "0" else []
        )
        for parameter, kind, *columns in lines:
            count, effects = (float(columns[0]), columns[1:]) if kind == "gmN" else (0.0, columns)
            effect = effects[place]
            if effect == "-" or (kind == "lnN" and float(effect) == 1):
                continue
            if kind == "lnN":
                modifiers.append((parameter, "normsys", {"hi": float(effect), "lo": 1 / float(effect)}))
            elif kind == "gmN":
                modifiers.append((parameter, "shapesys", (nominal / np.sqrt(count)).tolist()))
            else:
                modifiers += _shape(file, name, nominal, parameter, float(effect))
        samples.append(sample(name, nominal.tolist(), *modifiers))
    return workspace({channel: samples}, {channel: data})


def _shape(
    file: Any, name: str, nominal: np.ndarray, parameter: str, factor: float
) -> list[tuple[str, str, Any]]:
    up, down = (file[f"{name}_{parameter}{side}"].values().astype(float) for side in ("Up", "Down"))
    ratios = [(sides.sum() / nominal.sum()) ** factor for sides in (up, down)]
    shapes = [nominal + factor * (side * nominal.sum() / side.sum() - nominal) for side in (up, down)]
    moved = {"hi_data": shapes[0].tolist(), "lo_data": shapes[1].tolist()}
    return [(parameter, "normsys", {"hi": ratios[0], "lo": ratios[1]}), (parameter, "histosys", moved)]


# --- the walk

# Files of the right kind that make no model; what is said about them is tested.
REFUSED = {
    "example_Expression.xml": r"<Function Name='rootPOI'> is 'sqrt\(SigXsecOverSM\)', which is not supported",
    "example_ShapeSys2D.xml": "a histogram in it has more than one axis",
}


def xml_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Give the top-level XML files, and the folder their paths count from."""
    for path in sorted(folder.rglob("*.xml")):
        text = path.read_text()
        if "<Combination" in text:
            channel = text.split("<Input>")[1].split("</Input>")[0].strip()
            yield path, next(root for root in path.parents if (root / channel).is_file())


def _has_poi(spec: Spec) -> bool:
    names = {m["name"] for c in spec["channels"] for s in c["samples"] for m in s["modifiers"]}
    return spec["measurements"][0]["config"]["poi"] in names


def _json_cases(folder: Path) -> Iterator[tuple[str, Case]]:
    contents = {path: json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))}
    for path, content in contents.items():
        name = str(path.relative_to(folder))
        if isinstance(content, list) or "patches" in content:
            continue  # they stand with the workspace they belong to
        if "measurements" not in content:
            yield name, Case(from_short_form(content))
        elif _has_poi(content):
            yield name, Case(content)
        else:
            for other, patch in contents.items():
                if other.parent != path.parent:
                    continue
                if isinstance(patch, list):
                    yield f"{name} + {other.name}", Case(content, (patch,))
                elif "patches" in patch:
                    for member in patch["patches"]:
                        yield f"{name} + {member['metadata']['name']}", Case(content, (member["patch"],))


def walk(folder: Path) -> dict[str, Case]:
    """Give every workspace with a signal by name."""
    found = dict(_json_cases(folder))
    for path, root in xml_files(folder):
        if path.name not in REFUSED:
            # The laws that only ROOT has are tested in test_xml_constraints.py.
            with warnings.catch_warnings():
                # example_DataDriven.xml fixes a parameter that it has not.
                warnings.filterwarnings("ignore", ".*which is no parameter", UserWarning)
                found[str(path.relative_to(folder))] = Case(hepnb.load(path, root=root).spec)
    for path in sorted((folder / "combine").glob("*.txt")):
        found[str(path.relative_to(folder))] = Case(from_datacard(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["multisample"] = Case(hepnb.datasets.reference_analysis("cabinetry").build().spec)
    return found
