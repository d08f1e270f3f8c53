"""The checks of channels, samples, modifiers and observations, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.faults import (
    LARGEST,
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
from hepnb.workspace.formula import Formula

__all__ = [
    "HISTFACTORY_TYPES",
    "MODIFIER_TYPES",
    "check_channels",
    "check_observation",
    "check_observed_bins",
]

HISTFACTORY_TYPES = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")
MODIFIER_TYPES = (*HISTFACTORY_TYPES, "morph", "binerror", "bincount", "formula")
"""HistFactory's seven, and those of Combine's datacards, which pyhf does not have."""

MORPH_METHODS = ("additive", "renormalized", "logarithmic")


def check_channels(channels: Any, known: Container[int] = ()) -> dict[str, int]:
    """Check channels, and return the number of bins of each.

    Parameters
    ----------
    channels : list
        As a workspace has them.
    known : container of int
        The ``id`` of samples that have been checked already.

    Returns
    -------
    dict of str to int
        By name.

    Raises
    ------
    Fault
        What is wrong, and where.
    """
    check_each(channels, "channels", lambda channel: _channel(channel, known))
    return {channel["name"]: len(channel["samples"][0]["data"]) for channel in channels}


def _channel(channel: Any, known: Container[int]) -> None:
    check_entries(channel, ("name", "samples"), what="a channel")
    check_text(channel["name"], "name")
    check_each(channel["samples"], "samples", lambda sample: None if id(sample) in known else _sample(sample))
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
            if not _usual(modifier, n):
                _modifier(modifier, n)
            first = seen.setdefault((modifier["type"], modifier["name"]), index)
            if first != index:
                raise Fault(
                    f"this {modifier['type']} is already modifiers[{first}]. Remove or rename one of them."
                )
            if modifier["type"] == "morph":
                _same_morphs(modifiers, modifier)
        except Fault as fault:
            raise fault.inside(segment("modifiers", index, modifier)) from None


def _same_morphs(modifiers: list[Any], modifier: dict[str, Any]) -> None:
    """Refuse morphs of one sample that differ in what belongs to the sample."""
    first = next(m for m in modifiers if isinstance(m, dict) and m.get("type") == "morph")
    for key in ("method", "floor"):
        if modifier["data"][key] != first["data"][key]:
            raise Fault(
                f"its {key} is {modifier['data'][key]!r}, "
                f"that of {first['name']!r} is {first['data'][key]!r}. "
                "All morphs of a sample have the same."
            )


def _usual(modifier: Any, n: int) -> bool:
    """Say quickly that a modifier is as most are; False says nothing yet."""
    if type(modifier) is not dict or len(modifier) != 3 or type(modifier.get("name")) is not str:
        return False
    kind, data = modifier.get("type"), modifier.get("data")
    if type(data) is dict and len(data) == 2:
        if kind == "normsys":
            return _are_usual((data.get("lo"), data.get("hi")))
        if kind == "histosys":
            low, high = data.get("lo_data"), data.get("hi_data")
            return (
                type(low) is list
                and type(high) is list
                and len(low) == len(high) == n
                and _are_usual(low)
                and _are_usual(high)
            )
    return False


def _are_usual(values: Sequence[Any]) -> bool:
    """Say whether all are numbers in double precision and of a usual size."""
    for value in values:
        if type(value) is not float or not (value == 0 or 1 / LARGEST <= abs(value) <= LARGEST):
            return False
    return True


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


def _morph(kind: str, data: Any, n: int) -> None:
    check_entries(
        data, ("lo_data", "hi_data", "scale", "width", "method", "floor"), what="the data of a morph"
    )
    _histosys(kind, {name: data[name] for name in ("lo_data", "hi_data")}, n)
    for name in ("scale", "width", "floor"):
        check_number(data[name], name)
    if not (data["scale"] > 0 and data["width"] > 0 and data["floor"] >= 0):
        raise Fault("scale and width of a morph must be positive, and its floor not negative.")
    if data["method"] not in MORPH_METHODS:
        raise Fault(
            f"the method {data['method']!r} does not exist. {nearest(str(data['method']), MORPH_METHODS)}"
        )


def _one_bin(kind: str, data: Any, n: int) -> None:
    entry = {"binerror": "error", "bincount": "events"}[kind]
    check_entries(data, ("bin", entry), what=f"the data of a {kind}")
    check_number(data[entry], entry)
    if type(data["bin"]) is not int or not 0 <= data["bin"] < n:
        raise Fault(f"bin is {shown(data['bin'])}: it must be a number from 0 to {n - 1}.")
    if not data[entry] > 0:
        raise Fault(f"{entry} is {data[entry]}: it must be positive.")


def _formula(kind: str, data: Any, n: int) -> None:  # noqa: ARG001  # one signature for the table
    check_entries(data, ("formula", "arguments"), what="the data of a formula")
    check_text(data["formula"], "formula")
    arguments = data["arguments"]
    if not isinstance(arguments, list) or len(set(map(str, arguments))) != len(arguments):
        raise Fault(f"arguments must be a list of different names, this is {shown(arguments)}.")
    for name in arguments:
        check_text(name, "arguments")
    try:
        Formula(data["formula"], tuple(arguments))
    except WorkspaceError as error:
        raise Fault(str(error)) from None


_DATA: dict[str, Callable[[str, Any, int], None]] = {
    "morph": _morph,
    "binerror": _one_bin,
    "bincount": _one_bin,
    "formula": _formula,
    "histosys": _histosys,
    "lumi": _no_data,
    "normfactor": _no_data,
    "normsys": _normsys,
    "shapefactor": _no_data,
    "shapesys": _per_bin,
    "staterror": _per_bin,
}


def check_observation(observation: Any) -> None:
    """Check an observation; raise a Fault."""
    check_entries(observation, ("name", "data"), what="an observation")
    check_text(observation["name"], "name")
    check_numbers(observation["data"], "data")
    for index, value in enumerate(observation["data"]):
        if value < 0:
            raise Fault(f"data[{index}] is {value}: an observed count cannot be negative.")


def check_observed_bins(observations: list[dict[str, Any]], bins: dict[str, int]) -> None:
    """Check that each channel has an observation of as many bins; raise a Fault."""
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
