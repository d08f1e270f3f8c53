"""Is this a HistFactory workspace? If not: where is the fault, and what mends it.

The checks are those of pyhf's JSON schema (workspace.json 1.0.0), those that pyhf makes only when it builds
the model, and a few that it leaves to the fit (a NaN in a yield, a doubled name). They are written out by hand because a
schema validator takes seconds on a published likelihood and says little about the place of a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError, nearest

__all__ = ["MODIFIER_TYPES", "VERSION", "plain", "validate"]

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
_SETTINGS = {
    "histosys": {"inits", "bounds", "auxdata"},
    "normsys": {"inits", "bounds", "auxdata"},
    "lumi": {"inits", "bounds", "auxdata", "sigmas"},
    "normfactor": {"inits", "bounds"},
    "shapefactor": {"inits", "bounds"},
    "shapesys": {"inits", "bounds", "auxdata", "factors"},
    "staterror": {"inits", "bounds", "auxdata", "sigmas"},
}


class _Fault(Exception):  # noqa: N818  # never leaves this module
    """What is wrong; every level it passes on its way out adds where."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path: list[str] = []

    def inside(self, segment: str) -> _Fault:
        self.path.insert(0, segment)
        return self

    def __str__(self) -> str:
        where = " / ".join(self.path)
        return f"{where}: {self.args[0]}" if where else str(self.args[0])


@dataclass
class _Parameter:
    """What the modifiers of one name ask of their parameter."""

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
    try:
        _workspace(plain(spec), require_poi)
    except _Fault as fault:
        raise WorkspaceError(str(fault)) from None


def plain(value: Any) -> Any:
    """Copy a specification into dicts, lists and Python numbers, as JSON would give them."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        if set(map(type, value)) <= {int, float}:
            return list(value)
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _workspace(spec: Any, require_poi: bool) -> None:
    if isinstance(spec, dict) and "patches" in spec and "channels" not in spec:
        raise _Fault(
            "this is a patch set, not a workspace. Load the workspace it belongs to and call .patch(...) on it."
        )
    if isinstance(spec, list) and spec and isinstance(spec[0], dict) and "op" in spec[0]:
        raise _Fault(
            "this is a JSON patch, not a workspace. Load the workspace it belongs to and call .patch(...) on it."
        )
    _entries(spec, ("channels", "measurements", "observations", "version"), what="a workspace")
    if spec["version"] != VERSION or isinstance(spec["version"], bool):
        raise _Fault(f"version is {spec['version']!r}: only {VERSION!r} exists. Set version to {VERSION!r}.")
    bins = _channels(spec["channels"])
    _each(spec["observations"], "observations", _observation)
    _observed_bins(spec["observations"], bins)
    parameters = _parameters(spec["channels"])
    _each(spec["measurements"], "measurements", _measurement)
    for index, measurement in enumerate(spec["measurements"]):
        try:
            _settings(measurement["config"], parameters, require_poi)
        except _Fault as fault:
            raise fault.inside(_segment("measurements", index, measurement)) from None


# --- the shape of the document -------------------------------------------------------------------------


def _entries(value: Any, required: Sequence[str], optional: Sequence[str] = (), *, what: str) -> None:
    """Check that a value is an object with these entries and no others."""
    if not isinstance(value, dict):
        raise _Fault(f"{what} must be an object with {_listed(required)}, this is {_shown(value)}.")
    for key in required:
        if key not in value:
            extra = [str(other) for other in value if other not in required and other not in optional]
            hint = f" {nearest(key, extra)}" if extra else ""
            raise _Fault(f"{what} needs an entry {key!r}, which is missing.{hint}")
    if len(value) > len(required):
        for key in value:
            if key not in required and key not in optional:
                known = [*required, *optional]
                raise _Fault(
                    f"{what} has no entry {key!r}. {nearest(str(key), known)} Remove it or rename it."
                )


def _each(items: Any, name: str, check: Callable[[Any], None], *, may_be_empty: bool = False) -> None:
    """Check a list item by item, and that no two items have the same name."""
    if not isinstance(items, list):
        raise _Fault(f"{name} must be a list, this is {_shown(items)}.")
    if not items and not may_be_empty:
        raise _Fault(f"{name} is empty: at least one is needed.")
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        try:
            check(item)
            first = seen.setdefault(item["name"], index)
            if first != index:
                raise _Fault(f"the name is already that of {name}[{first}]. Rename or merge one of them.")
        except _Fault as fault:
            raise fault.inside(_segment(name, index, item)) from None


def _text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise _Fault(f"{name} must be text, this is {_shown(value)}.")


def _numbers(values: Any, name: str, *, n: int | None = None, owner: str = "", remedy: str = "") -> None:
    """Check a list of finite numbers, and its length where it is known."""
    if not isinstance(values, list):
        raise _Fault(f"{name} must be a list of numbers, this is {_shown(values)}.")
    if not values:
        raise _Fault(f"{name} is empty: at least one number is needed.")
    if not (set(map(type, values)) <= {int, float} and _finite_sum(values)):
        for index, value in enumerate(values):
            _number(value, f"{name}[{index}]")
    if n is not None and len(values) != n:
        raise _Fault(f"{name} has {_count(len(values), 'bin')}, {owner} has {n}. {remedy}")


def _finite_sum(values: list[float]) -> bool:
    try:
        return math.isfinite(sum(values))
    except OverflowError:
        return False


def _number(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Fault(f"{name} is {_shown(value)}: it must be a number.")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise _Fault(
            f"{name} is {value if isinstance(value, float) else 'too large'}: it must be a finite number. Mend it where it was filled (a weight that is NaN, a division by zero)."
        )


# --- channels, samples, modifiers ----------------------------------------------------------------------


def _channels(channels: Any) -> dict[str, int]:
    _each(channels, "channels", _channel)
    return {channel["name"]: len(channel["samples"][0]["data"]) for channel in channels}


def _channel(channel: Any) -> None:
    _entries(channel, ("name", "samples"), what="a channel")
    _text(channel["name"], "name")
    _each(channel["samples"], "samples", _sample)
    first, *others = channel["samples"]
    n = len(first["data"])
    for index, sample in enumerate(others, start=1):
        if len(sample["data"]) != n:
            text = f"data has {_count(len(sample['data']), 'bin')}, sample {first['name']!r} has {n}. Rebuild one of them with the channel's binning."
            raise _Fault(text).inside(_segment("samples", index, sample))


def _sample(sample: Any) -> None:
    _entries(sample, ("name", "data", "modifiers"), what="a sample")
    _text(sample["name"], "name")
    _numbers(sample["data"], "data")
    modifiers = sample["modifiers"]
    if not isinstance(modifiers, list):
        raise _Fault(f"modifiers must be a list, this is {_shown(modifiers)}.")
    n = len(sample["data"])
    seen: dict[tuple[str, str], int] = {}
    for index, modifier in enumerate(modifiers):
        try:
            _modifier(modifier, n)
            first = seen.setdefault((modifier["type"], modifier["name"]), index)
            if first != index:
                raise _Fault(
                    f"this {modifier['type']} is already modifiers[{first}]. Remove or rename one of them."
                )
        except _Fault as fault:
            raise fault.inside(_segment("modifiers", index, modifier)) from None


def _modifier(modifier: Any, n: int) -> None:
    _entries(modifier, ("name", "type", "data"), what="a modifier")
    _text(modifier["name"], "name")
    kind, data = modifier["type"], modifier["data"]
    if not isinstance(kind, str) or kind not in _DATA:
        raise _Fault(f"the type {kind!r} does not exist. {nearest(str(kind), MODIFIER_TYPES)}")
    if kind == "lumi" and modifier["name"] != "lumi":
        raise _Fault("a modifier of type lumi must be named 'lumi'. Rename it.")
    _DATA[kind](kind, data, n)


def _no_data(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    if data is not None:
        raise _Fault(f"the data of a {kind} must be null, this is {_shown(data)}.")


def _normsys(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    _entries(data, ("lo", "hi"), what="the data of a normsys")
    _number(data["lo"], "lo")
    _number(data["hi"], "hi")


def _histosys(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    _entries(data, ("lo_data", "hi_data"), what="the data of a histosys")
    for name in ("lo_data", "hi_data"):
        _numbers(
            data[name],
            name,
            n=n,
            owner="the sample",
            remedy="Rebuild the variation with the sample's binning.",
        )


def _per_bin(kind: str, data: Any, n: int) -> None:
    _numbers(data, "data", n=n, owner="the sample", remedy=f"Rebuild the {kind} with the sample's binning.")


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
    _entries(observation, ("name", "data"), what="an observation")
    _text(observation["name"], "name")
    _numbers(observation["data"], "data")
    for index, value in enumerate(observation["data"]):
        if value < 0:
            raise _Fault(f"data[{index}] is {value}: an observed count cannot be negative.")


def _observed_bins(observations: list[dict[str, Any]], bins: dict[str, int]) -> None:
    observed = {observation["name"]: index for index, observation in enumerate(observations)}
    for index, (channel, n) in enumerate(bins.items()):
        if channel not in observed:
            text = f"there is no observation for this channel. {nearest(channel, observed)} Add an entry to observations."
            raise _Fault(text).inside(f"channels[{index}] {channel!r}")
        observation = observations[observed[channel]]
        if len(observation["data"]) != n:
            text = f"data has {_count(len(observation['data']), 'bin')}, the channel's samples have {n}. Rebuild one with the other's binning."
            raise _Fault(text).inside(_segment("observations", observed[channel], observation))


# --- parameters and measurements -----------------------------------------------------------------------


def _parameters(channels: list[dict[str, Any]]) -> dict[str, _Parameter]:
    """Collect the parameters the modifiers ask for; a name must mean one thing."""
    found: dict[str, _Parameter] = {}
    for i, channel in enumerate(channels):
        for j, sample in enumerate(channel["samples"]):
            for k, modifier in enumerate(sample["modifiers"]):
                try:
                    _parameter(modifier, channel["name"], len(sample["data"]), found)
                except _Fault as fault:
                    fault.inside(_segment("modifiers", k, modifier)).inside(_segment("samples", j, sample))
                    raise fault.inside(_segment("channels", i, channel)) from None
    return found


def _parameter(modifier: dict[str, Any], channel: str, n: int, found: dict[str, _Parameter]) -> None:
    name, kind = modifier["name"], modifier["type"]
    bins = n if kind in {"shapefactor", "shapesys", "staterror"} else 1
    known = found.get(name)
    if known is None:
        found[name] = _Parameter(kind, bins, shared=False, places=[channel])
        return
    if _FAMILY[known.kind] != _FAMILY[kind]:
        raise _Fault(
            f"the name {name!r} is already {_FAMILY[known.kind]} in channel {known.places[0]!r}, here it is {_FAMILY[kind]}. Rename one of them."
        )
    if kind == "shapesys":
        raise _Fault(
            f"a shapesys named {name!r} exists already in channel {known.places[0]!r}, and a shapesys belongs to one sample only. Rename one of them."
        )
    if kind == "shapefactor" and known.bins != bins:
        raise _Fault(
            f"the shapefactor {name!r} has {known.bins} bins in channel {known.places[0]!r}, here it has {bins}. Rename one of them."
        )
    if channel not in known.places:
        known.places.append(channel)
        known.shared = True
        if kind == "staterror":
            known.bins += bins


def _measurement(measurement: Any) -> None:
    _entries(measurement, ("name", "config"), what="a measurement")
    _text(measurement["name"], "name")
    config = measurement["config"]
    try:
        _entries(config, ("poi", "parameters"), what="a measurement's config")
        _text(config["poi"], "poi")
        _each(config["parameters"], "parameters", _parameter_setting, may_be_empty=True)
    except _Fault as fault:
        raise fault.inside("config") from None


def _parameter_setting(setting: Any) -> None:
    lists = ("inits", "auxdata", "factors", "sigmas")
    _entries(setting, ("name",), (*lists, "bounds", "fixed"), what="a parameter setting")
    _text(setting["name"], "name")
    for key in lists:
        if key in setting:
            _numbers(setting[key], key)
    if "fixed" in setting and not isinstance(setting["fixed"], bool):
        raise _Fault(f"fixed must be true or false, this is {_shown(setting['fixed'])}.")
    if "bounds" in setting:
        _bounds(setting["bounds"])


def _bounds(bounds: Any) -> None:
    if not isinstance(bounds, list) or not bounds:
        raise _Fault(f"bounds must be a list of [low, high] pairs, this is {_shown(bounds)}.")
    for index, pair in enumerate(bounds):
        _numbers(pair, f"bounds[{index}]")
        if len(pair) != 2:
            raise _Fault(f"bounds[{index}] has {_count(len(pair), 'number')}: it must be a pair [low, high].")
        if pair[0] > pair[1]:
            raise _Fault(f"bounds[{index}] is {pair}: the lower bound lies above the upper one. Swap them.")


def _settings(config: dict[str, Any], parameters: dict[str, _Parameter], require_poi: bool) -> None:
    """Check what only makes sense next to the modifiers: the POI, lengths, the luminosity."""
    settings = {setting["name"]: (index, setting) for index, setting in enumerate(config["parameters"])}
    for name, (index, setting) in settings.items():
        if name in parameters:
            try:
                _setting_fits(setting, parameters[name])
            except _Fault as fault:
                raise fault.inside(_segment("parameters", index, setting)) from None
    if "lumi" in parameters:
        missing = [key for key in ("auxdata", "sigmas") if key not in settings.get("lumi", (0, {}))[1]]
        if missing:
            raise _Fault(
                f"a sample has a lumi modifier, but the parameters give no {' and no '.join(missing)} for 'lumi'. Add {{'name': 'lumi', 'auxdata': [1.0], 'sigmas': [0.02], ...}}."
            )
    _poi(config["poi"], parameters, require_poi)


def _setting_fits(setting: dict[str, Any], parameter: _Parameter) -> None:
    for key in ("inits", "bounds", "auxdata", "factors", "sigmas"):
        if key not in setting:
            continue
        if key not in _SETTINGS[parameter.kind]:
            raise _Fault(f"a {parameter.kind} has no {key}. Remove it.")
        if len(setting[key]) != parameter.bins:
            raise _Fault(
                f"{key} has {_count(len(setting[key]), 'value')}, the parameter has {parameter.bins}. Give one per parameter."
            )


def _poi(poi: str, parameters: dict[str, _Parameter], required: bool) -> None:
    if not poi:
        return
    if poi not in parameters:
        if required:
            scalars = [name for name, parameter in parameters.items() if parameter.bins == 1]
            factors = [name for name in scalars if parameters[name].kind == "normfactor"]
            raise _Fault(
                f"the POI {poi!r} is not a parameter of any sample. {nearest(poi, factors or scalars)} Give a sample a normfactor {poi!r}, or name another POI."
            ).inside("config")
        return
    if parameters[poi].bins > 1:
        raise _Fault(
            f"the POI {poi!r} has {parameters[poi].bins} values, one per bin: a POI must be a single number. Name another POI."
        ).inside("config")


# --- words ---------------------------------------------------------------------------------------------


def _segment(name: str, index: int, item: Any) -> str:
    called = item.get("name") if isinstance(item, dict) else None
    return f"{name}[{index}] {called!r}" if isinstance(called, str) else f"{name}[{index}]"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _shown(value: Any) -> str:
    """Say a value and its kind in JSON's words, shortly."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return f"{text[:40]}{'...' if len(text) > 40 else ''}" + (" (text)" if isinstance(value, str) else "")
