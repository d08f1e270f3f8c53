"""What if there were more data: a specification at another integrated luminosity."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hepnb.errors import WorkspaceError

__all__ = ["scaled_spec"]

_ABSOLUTE = ("staterror", "shapesys")


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
        The new specification.

    Raises
    ------
    WorkspaceError
        When the factor is not a positive number.
    """
    if not 0 < factor < float("inf"):
        raise WorkspaceError(f"luminosity scale {factor!r} is not a positive number. Give 1 for no change.")
    scaled: dict[str, Any] = copy.deepcopy(dict(spec))
    for channel in scaled["channels"]:
        for sample in channel["samples"]:
            sample["data"] = _scaled(sample["data"], factor)
            for modifier in sample["modifiers"]:
                if modifier["type"] in _ABSOLUTE:
                    modifier["data"] = _scaled(modifier["data"], factor)
                elif modifier["type"] == "histosys":
                    for side in ("hi_data", "lo_data"):
                        modifier["data"][side] = _scaled(modifier["data"][side], factor)
    for observation in scaled["observations"]:
        observation["data"] = _scaled(observation["data"], factor)
    return scaled


def _scaled(values: list[float], factor: float) -> list[float]:
    return [float(value) * factor for value in values]
