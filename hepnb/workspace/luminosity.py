"""What if there were more data: a workspace at another integrated luminosity."""

from __future__ import annotations

import copy
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.workspace.workspace import Workspace

__all__ = ["scale_luminosity"]

_ABSOLUTE = ("staterror", "shapesys")


def scale_luminosity(workspace: Workspace, factor: float) -> Workspace:
    """Scale every yield, its variations and the observation together.

    Relative uncertainties stay as they are, those of the simulation's size too. Observed counts may
    become fractions, which the asymptotic formulae do not mind.

    Parameters
    ----------
    workspace : Workspace
        As it is.
    factor : float
        New luminosity over old; positive.

    Returns
    -------
    Workspace
        A new workspace.

    Raises
    ------
    WorkspaceError
        Where the factor is not a positive number.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[51, 48])
    >>> scale_luminosity(workspace, 2.0).observed
    {'singlechannel': [102.0, 96.0]}
    """
    if not 0 < factor < float("inf"):
        raise WorkspaceError(f"luminosity scale {factor!r} is not a positive number. Give 1 for no change.")
    spec: dict[str, Any] = copy.deepcopy(workspace.spec)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["data"] = _scaled(sample["data"], factor)
            for modifier in sample["modifiers"]:
                if modifier["type"] in _ABSOLUTE:
                    modifier["data"] = _scaled(modifier["data"], factor)
                elif modifier["type"] == "histosys":
                    for side in ("hi_data", "lo_data"):
                        modifier["data"][side] = _scaled(modifier["data"][side], factor)
    for observation in spec["observations"]:
        observation["data"] = _scaled(observation["data"], factor)
    return Workspace(
        spec,
        edges=workspace.edges,
        labels=workspace.labels,
        colors=workspace.colors,
        constraints=workspace.constraints,
    )


def _scaled(values: list[float], factor: float) -> list[float]:
    return [float(value) * factor for value in values]
