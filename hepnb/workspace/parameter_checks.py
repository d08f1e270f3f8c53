"""The checks of what modifiers and measurements say about the same parameters."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hepnb.errors import nearest
from hepnb.workspace.faults import (
    Fault,
    check_each,
    check_entries,
    check_numbers,
    check_text,
    counted,
    segment,
    shown,
)

__all__ = ["ModifiedParameter", "check_measurement", "check_settings", "parameters_of", "pois_of"]

# Modifiers of one family may share a name (a correlated systematic); across families they may not.
_FAMILY = {
    "histosys": "a constrained systematic (histosys, normsys, morph)",
    "normsys": "a constrained systematic (histosys, normsys, morph)",
    "morph": "a constrained systematic (histosys, normsys, morph)",
    "binerror": "the uncertainty of a bin (binerror)",
    "bincount": "a count of simulated events (bincount)",
    "argument": "the argument of a formula",
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
    "morph": {"inits", "bounds", "auxdata"},
    "binerror": {"inits", "bounds", "auxdata"},
    "bincount": {"inits", "bounds", "auxdata"},
    "argument": {"inits", "bounds"},
    "lumi": {"inits", "bounds", "auxdata", "sigmas"},
    "normfactor": {"inits", "bounds"},
    "shapefactor": {"inits", "bounds"},
    "shapesys": {"inits", "bounds", "auxdata", "factors"},
    "staterror": {"inits", "bounds", "auxdata", "sigmas"},
}


@dataclass
class ModifiedParameter:
    """Requirements of the modifiers of one name on their parameter.

    Parameters
    ----------
    kind : str
        The type of the first modifier.
    bins : int
        How many numbers it has.
    shared : bool
        Whether several channels have it.
    places : list of str
        The channels that have it.
    """

    kind: str
    bins: int
    shared: bool
    places: list[str] = field(default_factory=list)


def parameters_of(
    channels: list[dict[str, Any]],
    begun: Mapping[str, ModifiedParameter] | None = None,
    known: Container[int] = (),
) -> dict[str, ModifiedParameter]:
    """Collect the parameters that the modifiers ask for; a name must mean one thing.

    Parameters
    ----------
    channels : list
        Channels that have been checked one by one.
    begun : mapping of str to ModifiedParameter, optional
        The parameters of some of their samples.
    known : container of int
        The ``id`` of these samples.

    Returns
    -------
    dict of str to ModifiedParameter
        By name.

    Raises
    ------
    Fault
        What is wrong, and where.
    """
    found = {name: replace(old, places=[*old.places]) for name, old in (begun or {}).items()}
    for i, channel in enumerate(channels):
        for j, sample in enumerate(channel["samples"]):
            if id(sample) in known:
                continue
            for k, modifier in enumerate(sample["modifiers"]):
                try:
                    _parameter(modifier, channel["name"], len(sample["data"]), found)
                except Fault as fault:
                    fault.inside(segment("modifiers", k, modifier)).inside(segment("samples", j, sample))
                    raise fault.inside(segment("channels", i, channel)) from None
    _names_differ(found)
    return found


def _names_differ(found: dict[str, ModifiedParameter]) -> None:
    """Refuse a modifier that is called like one bin of another: two parameters would have one name."""
    for name, parameter in found.items():
        taken = re.fullmatch(r"(.+)\[(0|[1-9]\d{0,8})\]", name, re.DOTALL)
        other = found.get(taken[1]) if taken else None
        if taken and other and other.kind in _PER_BIN and int(taken[2]) < other.bins:
            raise Fault(
                f"the {parameter.kind} {name!r} in channel {parameter.places[0]!r} has the name of a bin of "
                f"the {other.kind} {taken[1]!r} in channel {other.places[0]!r}. Rename one of them."
            )


def _parameter(modifier: dict[str, Any], channel: str, n: int, found: dict[str, ModifiedParameter]) -> None:
    name, kind = modifier["name"], modifier["type"]
    if kind == "formula":
        _arguments(modifier["data"]["arguments"], channel, found)
        return
    bins = n if kind in _PER_BIN else 1
    known = found.get(name)
    if known is not None and known.kind == "argument" and bins == 1:
        known.kind = kind
    if known is None:
        found[name] = ModifiedParameter(kind, bins, shared=False, places=[channel])
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


def _arguments(names: list[str], channel: str, found: dict[str, ModifiedParameter]) -> None:
    """Note the parameters of a formula, which may be those of other modifiers."""
    for name in names:
        known = found.setdefault(name, ModifiedParameter("argument", 1, shared=False, places=[channel]))
        if known.bins != 1 or known.kind in _PER_BIN:
            raise Fault(
                f"its argument {name!r} is {_FAMILY[known.kind]} in channel {known.places[0]!r}. "
                "Only single parameters can be arguments."
            )
        if channel not in known.places:
            known.places.append(channel)
            known.shared = True


def check_measurement(measurement: Any) -> None:
    """Check a measurement by itself; raise a Fault."""
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


def check_settings(
    config: dict[str, Any], parameters: dict[str, ModifiedParameter], require_poi: bool
) -> None:
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


def _setting_fits(setting: dict[str, Any], parameter: ModifiedParameter) -> None:
    for key in ("inits", "bounds", "auxdata", "factors", "sigmas"):
        if key not in setting:
            continue
        if key not in _SETTINGS[parameter.kind]:
            raise Fault(f"a {parameter.kind} has no {key}. Remove it.")
        _one_each(key, setting[key], parameter)
    if isinstance(setting.get("fixed"), list):
        _one_each("fixed", setting["fixed"], parameter)


def _one_each(key: str, values: list[Any], parameter: ModifiedParameter) -> None:
    if len(values) != parameter.bins:
        raise Fault(
            f"{key} has {counted(len(values), 'value')}, the parameter has {parameter.bins}. "
            "Give one per parameter."
        )


def pois_of(poi: str, known: Container[str]) -> list[str]:
    """Take a measurement's POI apart: HistFactory XML may name several, with spaces between them."""
    return [poi] if poi in known else poi.split()


def _poi(poi: str, parameters: dict[str, ModifiedParameter], required: bool) -> None:
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
