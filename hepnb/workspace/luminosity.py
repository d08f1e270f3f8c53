"""What if there were more data: a specification at another integrated luminosity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepnb.errors import WorkspaceError

__all__ = ["scaled_spec"]

_ABSOLUTE = ("staterror", "shapesys")
_SIDES = ("hi_data", "lo_data")


def scaled_spec(spec: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Scale every yield, its variations and the observation; see :meth:`Workspace.scale_luminosity`.

    Parameters
    ----------
    spec : mapping
        Of a workspace; not changed.
    factor : float
        New luminosity over old; positive.

    Returns
    -------
    dict
        The new specification; it shares what is not scaled with the other one.

    Raises
    ------
    WorkspaceError
        When the factor is not a positive number.
    """
    if not 0 < factor < float("inf"):
        raise WorkspaceError(f"luminosity scale {factor!r} is not a positive number. Give 1 for no change.")
    channels = [
        {**channel, "samples": [_sample(sample, factor) for sample in channel["samples"]]}
        for channel in spec["channels"]
    ]
    observations = [{**one, "data": _scaled(one["data"], factor)} for one in spec["observations"]]
    return {**spec, "channels": channels, "observations": observations}


def _sample(sample: Mapping[str, Any], factor: float) -> dict[str, Any]:
    modifiers = [_modifier(modifier, factor) for modifier in sample["modifiers"]]
    return {**sample, "data": _scaled(sample["data"], factor), "modifiers": modifiers}


def _modifier(modifier: Mapping[str, Any], factor: float) -> Mapping[str, Any]:
    data: Any = modifier.get("data")
    if modifier["type"] in _ABSOLUTE:
        return {**modifier, "data": _scaled(data, factor)}
    if modifier["type"] in ("histosys", "morph"):
        scaled = {side: _scaled(data[side], factor) for side in _SIDES}
        if modifier["type"] == "morph":
            scaled["floor"] = data["floor"] * factor
        return {**modifier, "data": {**data, **scaled}}
    if modifier["type"] == "binerror":
        return {**modifier, "data": {**data, "error": data["error"] * factor}}
    return modifier


def _scaled(values: list[float], factor: float) -> list[float]:
    return [float(value) * factor for value in values]
