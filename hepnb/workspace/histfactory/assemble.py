"""Make a workspace of channels and measurements that were read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from hepnb.workspace._validate import VERSION
from hepnb.workspace.histfactory.asimov import expected_data
from hepnb.workspace.histfactory.channels import Channel, bounded_gammas
from hepnb.workspace.histfactory.measurements import Measurement, terms_to_laws
from hepnb.workspace.histfactory.parameters import (
    LUMI,
    Names,
    ShapeSysPlaces,
    modifiers_of,
    names_of,
    settings_of,
)
from hepnb.workspace.laws import Law
from hepnb.workspace.workspace import Workspace

__all__ = ["assemble"]


def assemble(channels: Sequence[Channel], measurements: Sequence[Measurement]) -> Workspace:
    """Make a workspace.

    Parameters
    ----------
    channels : sequence of Channel
        Their modifiers are changed: they get the names and the data of the workspace.
    measurements : sequence of Measurement
        At least one.

    Returns
    -------
    Workspace
        Validated.

    Raises
    ------
    WorkspaceError
        What was read does not make a workspace.
    """
    for channel in channels:
        if sum(other.name == channel.name for other in channels) > 1:
            raise channel.element.fault("has the name of another channel. Rename one of them.")
    with_lumi = any(measurement.needs_lumi for measurement in measurements)
    names = names_of(channels, with_lumi=with_lumi)
    laws, absent = _terms(measurements, channels, names)
    common = settings_of(channels, names)
    fixed = {names.public["gamma", name] for channel in channels for name in channel.fixed}
    fixed |= {names.public["norm", name] for channel in channels for name in channel.fixed_factors}
    _rename(channels, names)
    of_bins = _bin_laws(channels, common)
    if with_lumi:
        _warn_of_theory(channels, measurements)
    configs = [
        {"name": measurement.name, "config": measurement.config(names, common, fixed, absent, with_lumi)}
        for measurement in measurements
    ]
    spec: dict[str, Any] = {
        "channels": [_channel(channel, with_lumi) for channel in channels],
        "measurements": configs,
        "version": VERSION,
    }
    spec["observations"] = _observations(spec, channels)
    first = {channel.name: channel.samples[0].histogram for channel in channels}
    return Workspace(
        spec,
        constraints={name: {**of_bins, **own} for name, own in laws.items()},
        edges={name: histogram.edges for name, histogram in first.items() if histogram.edges},
        labels={name: histogram.label for name, histogram in first.items() if histogram.label},
    )


def _terms(
    measurements: Sequence[Measurement], channels: Sequence[Channel], names: Names
) -> tuple[dict[str, dict[str, Law]], dict[str, set[str]]]:
    """Return laws, and systematics that are to be held at 0, by measurement."""
    for name in names.overall & names.shapes:
        # In ROOT a gamma law gives the OverallSys a parameter of its own, and none leaves the OverallSys out;
        # the HistoSys keeps its alpha. Modifiers are common to all measurements.
        for kind in ("Gamma", "NoConstraint"):
            having = [m for m in measurements if m.terms.get(name, (None, ""))[1] == kind]
            if 0 < len(having) < len(measurements):
                raise (
                    having[0]
                    .terms[name][0]
                    .fault(
                        f"of Type {kind!r} on {name!r}, which is an OverallSys and a HistoSys, is not in all "
                        "measurements, which is not supported. Rename the OverallSys."
                    )
                )
            if having and kind == "Gamma":
                names.apart.add(name)
                names.sizes[names.overall_name(name)] = 1
    laws: dict[str, dict[str, Law]] = {}
    absent: dict[str, set[str]] = {}
    for measurement in measurements:
        laws[measurement.name], dropped = terms_to_laws(measurement, names)
        absent[measurement.name] = {names.overall_name(name) for name in dropped - names.shapes}
        _drop(channels, dropped & names.shapes)
    return laws, absent


def _drop(channels: Sequence[Channel], systematics: set[str]) -> None:
    for channel in channels:
        for sample in channel.samples:
            sample.modifiers = [
                (element, modifier)
                for element, modifier in sample.modifiers
                if not (modifier["type"] == "normsys" and modifier["name"] in systematics)
            ]


def _rename(channels: Sequence[Channel], names: Names) -> None:
    for channel in channels:
        channel.laws = {
            name if name == channel.stat_name else names.public["gamma", name]: law
            for name, law in channel.laws.items()
        }
        for _, _, modifier in modifiers_of(channel):
            modifier["name"] = names.of(modifier["type"], modifier["name"])


def _bin_laws(channels: Sequence[Channel], common: dict[str, dict[str, Any]]) -> dict[str, Law]:
    """Finish the ShapeSys; return the laws of bins that are not their modifier's own."""
    laws: dict[str, Law] = {}
    places: dict[str, ShapeSysPlaces] = {}
    for channel in channels:
        if channel.stat_name in channel.settings and channel.laws[channel.stat_name] == "poisson":
            laws[channel.stat_name] = "poisson"
        for sample, element, modifier in modifiers_of(channel):
            if modifier["type"] == "shapesys":
                group = places.setdefault(modifier["name"], ShapeSysPlaces())
                group.places.append((channel, sample, element, modifier))
    for name, group in places.items():
        law, widths = group.finish(group.places[0][0].laws[name])
        common[name] = bounded_gammas(name, widths)
        if law is not None:
            laws[name] = law
    return laws


def _warn_of_theory(channels: Sequence[Channel], measurements: Sequence[Measurement]) -> None:
    if not any(measurement.floats_lumi for measurement in measurements):
        return
    samples = [sample for channel in channels for sample in channel.samples]
    apart = [sample.element for sample in samples if sample.with_lumi and not sample.by_theory]
    if apart:
        more = f" and {len(apart) - 1} more samples" if len(apart) > 1 else ""
        warnings.warn(
            f"{apart[0]}{more} with NormalizeByTheory='False': ROOT multiplies every sample by the "
            "luminosity, which is uncertain here, and so does hepnb.",
            UserWarning,
            stacklevel=2,
        )


def _channel(channel: Channel, with_lumi: bool) -> dict[str, Any]:
    samples = []
    for sample in channel.samples:
        lumi = [{"name": LUMI, "type": LUMI, "data": None}] if with_lumi and sample.with_lumi else []
        modifiers = lumi + [modifier for _, modifier in sample.modifiers]
        samples.append(
            {"name": sample.name, "data": sample.histogram.values.tolist(), "modifiers": modifiers}
        )
    return {"name": channel.name, "samples": samples}


def _observations(spec: dict[str, Any], channels: Sequence[Channel]) -> list[dict[str, Any]]:
    """Return the data: those of ``<Data>``, or else the expected ones of the first measurement."""
    without = [channel for channel in channels if channel.data is None]
    if without and len(without) < len(channels):
        raise without[0].element.fault(
            "has no <Data>, but other channels have. Give all of them data, or none."
        )
    observations = []
    for channel, written in zip(channels, spec["channels"], strict=True):
        if channel.data is not None:
            data = channel.data.values
        else:
            rates = [expected_data(written, m["config"]["parameters"]) for m in spec["measurements"]]
            data = rates[0]
            if not all(np.allclose(other, data) for other in rates):
                warnings.warn(
                    f"{channel.element} has no <Data>, and its expected data are not the same for all "
                    f"measurements. Those of {spec['measurements'][0]['name']!r} are taken.",
                    UserWarning,
                    stacklevel=2,
                )
        observations.append({"name": channel.name, "data": data.tolist()})
    return observations
