"""Write a workspace as an HS3 document that RooFit of ROOT 6.40 and later reads as the same likelihood."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb._version import __version__
from hepnb.atomic_file import write_text
from hepnb.workspace.hs3.written import Value, Written, refuse

if TYPE_CHECKING:
    from hepnb.workspace.contents import Contents

__all__ = ["hs3_document", "save_hs3"]

_LIKELIHOOD, _PREFIX, _COMBINED = "simPdf_obsData", "obsData", "simPdf"
_SHAPE_NUMBERS = {"code0": 0, "code4p": 4}
_NORM_NUMBERS = {"code1": 1, "code4": 4}


def save_hs3(workspace: Contents, path: str | os.PathLike[str]) -> Path:
    """Write an HS3 document; see :meth:`hepnb.Workspace.save_hs3`."""
    return write_text(path, json.dumps(hs3_document(workspace), indent=1) + "\n")


def hs3_document(workspace: Contents) -> dict[str, Any]:
    """Return a workspace as an HS3 document.

    Parameters
    ----------
    workspace : Workspace
        What to write.

    Returns
    -------
    dict
        The document.

    Raises
    ------
    WorkspaceError
        There is something that HS3, as ROOT reads it, cannot hold; the message names it.
    """
    if workspace.beyond_histfactory:
        raise refuse(workspace.beyond_histfactory)
    written = Written(workspace)
    channels = workspace.spec["channels"]
    names = [channel["name"] for channel in channels]
    measurements = workspace.measurements
    domains = {name: _domains(name, written) for name in measurements}
    points = [_points(f"{name}_values", written, name) for name in measurements]
    return {
        "metadata": {
            "hs3_version": "0.2",
            "packages": [{"name": "hepnb", "version": __version__}],
        },
        "distributions": [*(_channel(written, channel) for channel in channels), *written.terms()],
        "data": [
            {
                "name": f"{_PREFIX}_{name}",
                "type": "binned",
                "axes": _axes(written, channel),
                "contents": workspace.observed[name],
            }
            for name, channel in zip(names, channels, strict=True)
        ],
        "likelihoods": [
            {
                "name": _LIKELIHOOD,
                "distributions": [f"model_{name}" for name in names],
                "data": [f"{_PREFIX}_{name}" for name in names],
            }
        ],
        "domains": [
            _domain("default_domain", [v for v in written.values(measurements[0]) if v.low is not None]),
            *(domain for of_one in domains.values() for domain in of_one),
        ],
        "parameter_points": [{**points[0], "name": "default_values"}, *points],
        "analyses": [
            {
                "name": name,
                "likelihood": _LIKELIHOOD,
                "domains": [domain["name"] for domain in domains[name]],
                "init": f"{name}_values",
                "parameters_of_interest": written.pois(name),
            }
            for name in measurements
        ],
        "misc": {"ROOT_internal": _combined(written)},
    }


def _combined(written: Written) -> dict[str, Any]:
    """Return what ROOT makes its combined data set and distribution from, beside the likelihood."""
    labels = list(written.workspace.channels)
    split = {"index_cat": "channelCat", "indices": list(range(len(labels))), "labels": labels}
    models = [f"model_{label}" for label in labels]
    return {
        # A product of Poisson probabilities, as HistFactory's own: one rate per bin, no density over it.
        "attributes": {f"{label}_model": {"tags": ["BinnedLikelihood"]} for label in labels},
        "ModelConfigs": {
            name: {"mcName": "ModelConfig" if i == 0 else name, "pdfName": _COMBINED}
            for i, name in enumerate(written.workspace.measurements)
        },
        "combined_datasets": {_PREFIX: split},
        "combined_distributions": {_COMBINED: {**split, "distributions": models}},
    }


def _channel(written: Written, channel: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": f"model_{channel['name']}",
        "type": "histfactory_dist",
        "axes": _axes(written, channel),
        "samples": [_sample(written, channel, sample) for sample in channel["samples"]],
    }
    law = written.stat_law(channel["name"])
    if law:
        # Without it ROOT 6.40 takes a Poisson law, whatever the modifiers say.
        entry["staterror"] = {"constraint_type": law}
    return entry


def _axes(written: Written, channel: dict[str, Any]) -> list[dict[str, Any]]:
    name, size = channel["name"], len(channel["samples"][0]["data"])
    axis: dict[str, Any] = {"name": f"obs_x_{name}"}
    edges = np.asarray(written.workspace.edges.get(name, np.arange(size + 1.0)), dtype=float)
    if np.array_equal(edges, np.linspace(edges[0], edges[-1], size + 1)):
        return [{**axis, "min": float(edges[0]), "max": float(edges[-1]), "nbins": size}]
    return [{**axis, "edges": edges.tolist(), "min": float(edges[0]), "max": float(edges[-1])}]


def _sample(written: Written, channel: dict[str, Any], sample: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"contents": [float(value) for value in sample["data"]]}
    modifiers = []
    for modifier in sample["modifiers"]:
        if modifier["type"] == "staterror" and written.is_stat(modifier["name"], channel["name"]):
            data["errors"] = written.errors(modifier, channel).tolist()
        modifiers.append(_modifier(written, channel, sample, modifier))
    return {"name": sample["name"], "data": data, "modifiers": modifiers}


def _modifier(
    written: Written, channel: dict[str, Any], sample: dict[str, Any], modifier: dict[str, Any]
) -> dict[str, Any]:
    entry: dict[str, Any]
    name, kind, data = modifier["name"], modifier["type"], modifier["data"]
    roots, codes = written.roots[name], written.workspace.interpolation
    if kind in ("normfactor", "lumi"):
        entry = {"name": roots[0], "type": "normfactor", "parameter": roots[0]}
        return {**entry, **written.constraint(name)}
    if kind in ("normsys", "histosys"):
        entry = {"name": name, "type": kind, "parameter": roots[0], **written.constraint(name)}
        if kind == "normsys":
            number = _number(codes.get(kind, "code4"), _NORM_NUMBERS, kind)
            sides: dict[str, Any] = {"hi": float(data["hi"]), "lo": float(data["lo"])}
        else:
            number = _number(codes.get(kind, "code4p"), _SHAPE_NUMBERS, kind)
            sides = {side: {"contents": [float(v) for v in data[f"{side}_data"]]} for side in ("hi", "lo")}
        return {**entry, "interpolation": number, "data": sides}
    entry = {
        "name": name,
        "type": kind,
        "parameters": written.roots_in(name, len(sample["data"])),
    }
    if kind == "staterror" and written.is_stat(name, channel["name"]):
        return {**entry, "constraint_type": written.stat_law(channel["name"])}
    if kind in ("staterror", "shapesys"):
        law = written.bin_law(name, "poisson" if kind == "shapesys" else "gaussian")
        vals = written.width(modifier, channel, sample)
        return {**entry, "type": "shapesys", "constraint_type": law, "data": {"vals": vals.tolist()}}
    if kind == "shapefactor":
        # ROOT's own spelling of factors that are free.
        zeros = [0.0] * len(sample["data"])
        return {**entry, "type": "shapesys", "constraint_type": "Gauss", "data": {"vals": zeros}}
    raise refuse(f"channel {channel['name']!r}, sample {sample['name']!r}: the modifier type {kind!r}")


def _number(code: str, numbers: dict[str, int], kind: str) -> int:
    if code not in numbers:
        raise refuse(f"the interpolation {code!r} of {kind}")
    return numbers[code]


def _domains(measurement: str, written: Written) -> list[dict[str, Any]]:
    """Return the domains of an analysis: ROOT tells by their names what is a global observable."""
    values, pois = list(written.values(measurement)), written.pois(measurement)
    nuisances = [value for value in values if not value.observed and value.root not in pois]
    return [
        _domain(f"{measurement}_nuisance_parameters", nuisances),
        _domain(f"{measurement}_global_observables", [value for value in values if value.observed]),
        _domain(f"{measurement}_parameters_of_interest", [value for value in values if value.root in pois]),
    ]


def _domain(name: str, values: list[Value]) -> dict[str, Any]:
    return {"name": name, "type": "product_domain", "axes": [value.axis for value in values]}


def _points(name: str, written: Written, measurement: str) -> dict[str, Any]:
    parameters = [
        {"name": value.root, "value": value.value, "const": value.constant}
        for value in written.values(measurement)
    ]
    return {"name": name, "parameters": parameters}
