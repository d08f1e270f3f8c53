"""Is this a HistFactory workspace? If not: where is the fault, and what mends it.

The checks are those of pyhf's JSON schema (workspace.json 1.0.0), those that pyhf makes only when it
builds the model, and a few that it leaves to the fit (a NaN in a yield, a doubled name). They are written
out by hand because a schema validator takes seconds on a published likelihood and says little about the
place of a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.faults import (
    Fault,
    check_each,
    check_entries,
    check_number,
    check_numbers,
    check_text,
    counted,
    segment,
    shown,
)
from hepnb.workspace.foreign import about_document

__all__ = ["MODIFIER_TYPES", "VERSION", "plain", "pois_of", "validate", "validate_plain"]

VERSION = "1.0.0"
MODIFIER_TYPES = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")

# Modifiers of one family may share a name (a correlated systematic); across families they may not.
_FAMILY = {
    "histosys": "a constrained systematic (histosys, normsys)",
    "normsys": "a constrained systematic (histosys, normsys)",
    "lumi": "the luminosity (lumi)",
    "normfactor": "a free factor (normfactor)",
    "shapefactor": "free factors per bin (shapefactor)",
    "shapesys": "constrained factors per bin (shapesys)",
    "staterror": "statistical uncertainties (staterror)",
}
_PER_BIN = frozenset({"shapefactor", "shapesys", "staterror"})
_SETTINGS = {
    "histosys": {"inits", "bounds", "auxdata"},
    "normsys": {"inits", "bounds", "auxdata"},
    "lumi": {"inits", "bounds", "auxdata", "sigmas"},
    "normfactor": {"inits", "bounds"},
    "shapefactor": {"inits", "bounds"},
    "shapesys": {"inits", "bounds", "auxdata", "factors"},
    "staterror": {"inits", "bounds", "auxdata", "sigmas"},
}


@dataclass
class _Parameter:
    """Requirements of the modifiers of one name on their parameter."""

    kind: str
    bins: int
    shared: bool
    places: list[str] = field(default_factory=list)


def validate(spec: Mapping[str, Any], *, require_poi: bool = True) -> None:
    """Refuse a workspace that is not one, with the path of the fault.

    Parameters
    ----------
    spec : mapping
        A workspace in pyhf's JSON vocabulary; arrays may stand where lists do.
    require_poi : bool
        Whether every measurement's parameter of interest must belong to a modifier. The background-only
        workspaces that experiments publish get theirs from a patch, so loading passes False.

    Raises
    ------
    WorkspaceError
        With a message that starts with the path of the first fault.

    References
    ----------
    pyhf's schema https://scikit-hep.org/pyhf/schemas/1.0.0/workspace.json

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background, validate
    >>> spec = uncorrelated_background([5.0], [50.0], [7.0]).spec
    >>> validate(spec)
    >>> spec["channels"][0]["samples"][1]["modifiers"][0]["data"] = [7.0, 8.0]
    >>> validate(spec)
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: channels[0] 'singlechannel' / samples[1] 'background' / modifiers[0]
    'uncorr_bkguncrt': data has 2 bins, the sample has 1. Rebuild the shapesys with the sample's binning.
    """
    validate_plain(plain(spec), require_poi=require_poi)


def validate_plain(spec: Any, *, require_poi: bool) -> None:
    """Refuse, as :func:`validate` does, what :func:`plain` gave: it is not copied again."""
    try:
        _workspace(spec, require_poi)
    except Fault as fault:
        raise WorkspaceError(str(fault)) from None


_MOST_NESTED = 100  # a workspace needs nine


def plain(value: Any, levels: int = _MOST_NESTED) -> Any:
    """Copy a specification into dicts, lists and Python numbers, as JSON would give them.

    Parameters
    ----------
    value : object
        Mappings, sequences, numpy arrays and numbers, nested; anything else is left as it is.
    levels : int
        How deep they may be nested.

    Returns
    -------
    object
        The copy.

    Raises
    ------
    WorkspaceError
        When they are nested deeper, or one holds itself.

    Examples
    --------
    >>> plain({"data": np.array([1.0, 2.0]), "n": np.int64(3)})
    {'data': [1.0, 2.0], 'n': 3}
    """
    if levels < 0:
        raise WorkspaceError(
            f"this is nested more than {_MOST_NESTED} levels deep, or holds itself: it is no workspace. "
            "Give the workspace as pyhf's JSON has it."
        )
    if isinstance(value, Mapping):
        return {key: plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        if set(map(type, value)) <= {int, float}:
            return list(value)
        return [plain(item, levels - 1) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _workspace(spec: Any, require_poi: bool) -> None:
    other = about_document(spec)
    if other:
        raise Fault(other)
    check_entries(spec, ("channels", "measurements", "observations", "version"), what="a workspace")
    if spec["version"] != VERSION or isinstance(spec["version"], bool):
        raise Fault(f"version is {spec['version']!r}: only {VERSION!r} exists. Set version to {VERSION!r}.")
    bins = _channels(spec["channels"])
    check_each(spec["observations"], "observations", _observation)
    _observed_bins(spec["observations"], bins)
    parameters = _parameters(spec["channels"])
    check_each(spec["measurements"], "measurements", _measurement)
    for index, measurement in enumerate(spec["measurements"]):
        try:
            _settings(measurement["config"], parameters, require_poi)
        except Fault as fault:
            raise fault.inside(segment("measurements", index, measurement)) from None


# --- channels, samples, modifiers ----------------------------------------------------------------------


def _channels(channels: Any) -> dict[str, int]:
    check_each(channels, "channels", _channel)
    return {channel["name"]: len(channel["samples"][0]["data"]) for channel in channels}


def _channel(channel: Any) -> None:
    check_entries(channel, ("name", "samples"), what="a channel")
    check_text(channel["name"], "name")
    check_each(channel["samples"], "samples", _sample)
    first, *others = channel["samples"]
    n = len(first["data"])
    for index, sample in enumerate(others, start=1):
        if len(sample["data"]) != n:
            text = (
                f"data has {counted(len(sample['data']), 'bin')}, sample {first['name']!r} has {n}. "
                "Rebuild one of them with the channel's binning."
            )
            raise Fault(text).inside(segment("samples", index, sample))


def _sample(sample: Any) -> None:
    check_entries(sample, ("name", "data", "modifiers"), what="a sample")
    check_text(sample["name"], "name")
    check_numbers(sample["data"], "data")
    modifiers = sample["modifiers"]
    if not isinstance(modifiers, list):
        raise Fault(f"modifiers must be a list, this is {shown(modifiers)}.")
    n = len(sample["data"])
    seen: dict[tuple[str, str], int] = {}
    for index, modifier in enumerate(modifiers):
        try:
            _modifier(modifier, n)
            first = seen.setdefault((modifier["type"], modifier["name"]), index)
            if first != index:
                raise Fault(
                    f"this {modifier['type']} is already modifiers[{first}]. Remove or rename one of them."
                )
        except Fault as fault:
            raise fault.inside(segment("modifiers", index, modifier)) from None


def _modifier(modifier: Any, n: int) -> None:
    check_entries(modifier, ("name", "type", "data"), what="a modifier")
    check_text(modifier["name"], "name")
    kind, data = modifier["type"], modifier["data"]
    if not isinstance(kind, str) or kind not in _DATA:
        raise Fault(f"the type {kind!r} does not exist. {nearest(str(kind), MODIFIER_TYPES)}")
    if kind == "lumi" and modifier["name"] != "lumi":
        raise Fault("a modifier of type lumi must be named 'lumi'. Rename it.")
    _DATA[kind](kind, data, n)


def _no_data(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    if data is not None:
        raise Fault(f"the data of a {kind} must be null, this is {shown(data)}.")


def _normsys(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    check_entries(data, ("lo", "hi"), what="the data of a normsys")
    check_number(data["lo"], "lo")
    check_number(data["hi"], "hi")


def _histosys(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    check_entries(data, ("lo_data", "hi_data"), what="the data of a histosys")
    for name in ("lo_data", "hi_data"):
        check_numbers(
            data[name],
            name,
            n=n,
            owner="the sample",
            remedy="Rebuild the variation with the sample's binning.",
        )


def _per_bin(kind: str, data: Any, n: int) -> None:
    check_numbers(
        data, "data", n=n, owner="the sample", remedy=f"Rebuild the {kind} with the sample's binning."
    )


_DATA: dict[str, Callable[[str, Any, int], None]] = {
    "histosys": _histosys,
    "lumi": _no_data,
    "normfactor": _no_data,
    "normsys": _normsys,
    "shapefactor": _no_data,
    "shapesys": _per_bin,
    "staterror": _per_bin,
}


# --- observations --------------------------------------------------------------------------------------


def _observation(observation: Any) -> None:
    check_entries(observation, ("name", "data"), what="an observation")
    check_text(observation["name"], "name")
    check_numbers(observation["data"], "data")
    for index, value in enumerate(observation["data"]):
        if value < 0:
            raise Fault(f"data[{index}] is {value}: an observed count cannot be negative.")


def _observed_bins(observations: list[dict[str, Any]], bins: dict[str, int]) -> None:
    observed = {observation["name"]: index for index, observation in enumerate(observations)}
    for index, (channel, n) in enumerate(bins.items()):
        if channel not in observed:
            text = (
                f"there is no observation for this channel. {nearest(channel, observed)} "
                "Add an entry to observations."
            )
            raise Fault(text).inside(f"channels[{index}] {channel!r}")
        observation = observations[observed[channel]]
        if len(observation["data"]) != n:
            text = (
                f"data has {counted(len(observation['data']), 'bin')}, the channel's samples have {n}. "
                "Rebuild one with the other's binning."
            )
            raise Fault(text).inside(segment("observations", observed[channel], observation))


# --- parameters and measurements -----------------------------------------------------------------------


def _parameters(channels: list[dict[str, Any]]) -> dict[str, _Parameter]:
    """Collect the parameters the modifiers ask for; a name must mean one thing."""
    found: dict[str, _Parameter] = {}
    for i, channel in enumerate(channels):
        for j, sample in enumerate(channel["samples"]):
            for k, modifier in enumerate(sample["modifiers"]):
                try:
                    _parameter(modifier, channel["name"], len(sample["data"]), found)
                except Fault as fault:
                    fault.inside(segment("modifiers", k, modifier)).inside(segment("samples", j, sample))
                    raise fault.inside(segment("channels", i, channel)) from None
    _names_differ(found)
    return found


def _names_differ(found: dict[str, _Parameter]) -> None:
    """Refuse a modifier that is called like one bin of another: two parameters would have one name."""
    for name, parameter in found.items():
        taken = re.fullmatch(r"(.+)\[(0|[1-9]\d{0,8})\]", name, re.DOTALL)
        other = found.get(taken[1]) if taken else None
        if taken and other and other.kind in _PER_BIN and int(taken[2]) < other.bins:
            raise Fault(
                f"the {parameter.kind} {name!r} in channel {parameter.places[0]!r} has the name of a bin of "
                f"the {other.kind} {taken[1]!r} in channel {other.places[0]!r}. Rename one of them."
            )


def _parameter(modifier: dict[str, Any], channel: str, n: int, found: dict[str, _Parameter]) -> None:
    name, kind = modifier["name"], modifier["type"]
    bins = n if kind in _PER_BIN else 1
    known = found.get(name)
    if known is None:
        found[name] = _Parameter(kind, bins, shared=False, places=[channel])
        return
    if _FAMILY[known.kind] != _FAMILY[kind]:
        raise Fault(
            f"the name {name!r} is already {_FAMILY[known.kind]} in channel {known.places[0]!r}, "
            f"here it is {_FAMILY[kind]}. Rename one of them."
        )
    if kind == "shapesys":
        raise Fault(
            f"a shapesys named {name!r} exists already in channel {known.places[0]!r}, "
            "and a shapesys belongs to one sample only. Rename one of them."
        )
    if kind == "shapefactor" and known.bins != bins:
        raise Fault(
            f"the shapefactor {name!r} has {known.bins} bins in channel {known.places[0]!r}, "
            f"here it has {bins}. Rename one of them."
        )
    if channel not in known.places:
        known.places.append(channel)
        known.shared = True
        if kind == "staterror":
            known.bins += bins


def _measurement(measurement: Any) -> None:
    check_entries(measurement, ("name", "config"), what="a measurement")
    check_text(measurement["name"], "name")
    config = measurement["config"]
    try:
        check_entries(config, ("poi", "parameters"), what="a measurement's config")
        check_text(config["poi"], "poi")
        check_each(config["parameters"], "parameters", _parameter_setting, may_be_empty=True)
    except Fault as fault:
        raise fault.inside("config") from None


def _parameter_setting(setting: Any) -> None:
    lists = ("inits", "auxdata", "factors", "sigmas")
    check_entries(setting, ("name",), (*lists, "bounds", "fixed"), what="a parameter setting")
    check_text(setting["name"], "name")
    for key in lists:
        if key in setting:
            check_numbers(setting[key], key)
    fixed = setting.get("fixed", False)
    # HistFactory XML fixes one bin of several; pyhf's schema cannot say that, and refuses the list.
    if not isinstance(fixed, bool) and not (isinstance(fixed, list) and set(map(type, fixed)) == {bool}):
        raise Fault(f"fixed must be true or false, or a list of them, this is {shown(fixed)}.")
    if "bounds" in setting:
        _bounds(setting["bounds"])


def _bounds(bounds: Any) -> None:
    if not isinstance(bounds, list) or not bounds:
        raise Fault(f"bounds must be a list of [low, high] pairs, this is {shown(bounds)}.")
    for index, pair in enumerate(bounds):
        check_numbers(pair, f"bounds[{index}]")
        if len(pair) != 2:
            raise Fault(f"bounds[{index}] has {counted(len(pair), 'number')}: it must be a pair [low, high].")
        if pair[0] > pair[1]:
            raise Fault(f"bounds[{index}] is {pair}: the lower bound lies above the upper one. Swap them.")


def _settings(config: dict[str, Any], parameters: dict[str, _Parameter], require_poi: bool) -> None:
    """Check what only makes sense next to the modifiers: the POI, lengths, the luminosity."""
    settings = {setting["name"]: (index, setting) for index, setting in enumerate(config["parameters"])}
    for name, (index, setting) in settings.items():
        if name in parameters:
            try:
                _setting_fits(setting, parameters[name])
            except Fault as fault:
                raise fault.inside(f"config / {segment('parameters', index, setting)}") from None
    if "lumi" in parameters and parameters["lumi"].kind == "lumi":
        given = settings["lumi"][1] if "lumi" in settings else {}
        missing = [key for key in ("auxdata", "bounds", "inits", "sigmas") if key not in given]
        if missing:
            raise Fault(
                "a sample has a lumi modifier, but "
                f"the parameters do not give its {', '.join(missing)}. For 2 %: "
                "{'name': 'lumi', 'auxdata': [1], 'sigmas': [0.02], 'inits': [1], 'bounds': [[0.9, 1.1]]}."
            ).inside("config")
    for poi in pois_of(config["poi"], parameters):
        _poi(poi, parameters, require_poi)


def _setting_fits(setting: dict[str, Any], parameter: _Parameter) -> None:
    for key in ("inits", "bounds", "auxdata", "factors", "sigmas"):
        if key not in setting:
            continue
        if key not in _SETTINGS[parameter.kind]:
            raise Fault(f"a {parameter.kind} has no {key}. Remove it.")
        _one_each(key, setting[key], parameter)
    if isinstance(setting.get("fixed"), list):
        _one_each("fixed", setting["fixed"], parameter)


def _one_each(key: str, values: list[Any], parameter: _Parameter) -> None:
    if len(values) != parameter.bins:
        raise Fault(
            f"{key} has {counted(len(values), 'value')}, the parameter has {parameter.bins}. "
            "Give one per parameter."
        )


def pois_of(poi: str, known: Container[str]) -> list[str]:
    """Take a measurement's POI apart: HistFactory XML may name several, with spaces between them."""
    return [poi] if poi in known else poi.split()


def _poi(poi: str, parameters: dict[str, _Parameter], required: bool) -> None:
    if not poi:
        return
    if poi not in parameters:
        if required:
            scalars = [name for name, parameter in parameters.items() if parameter.bins == 1]
            factors = [name for name in scalars if parameters[name].kind == "normfactor"]
            raise Fault(
                f"the POI {poi!r} is not a parameter of any sample. {nearest(poi, factors or scalars)} "
                f"Give a sample a normfactor {poi!r}, or name another POI."
            ).inside("config")
        return
    if parameters[poi].bins > 1:
        raise Fault(
            f"the POI {poi!r} has {parameters[poi].bins} values, one per bin: a POI must be a single number. "
            "Name another POI."
        ).inside("config")
