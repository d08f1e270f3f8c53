"""The expected data of a channel where its parameters start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import WorkspaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["expected_data"]

_FACTORS = ("normfactor", "lumi", "shapefactor", "shapesys", "staterror")


def expected_data(channel: dict[str, Any], parameters: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Return the rates where the parameters start.

    Parameters
    ----------
    channel : dict
        In pyhf's vocabulary.
    parameters : sequence of dict
        The settings of a measurement.

    Returns
    -------
    ndarray, shape (bins,)
        Expected events.

    Raises
    ------
    WorkspaceError
        A systematic starts elsewhere than at 0, which would have to be interpolated.

    Examples
    --------
    >>> mu = {"name": "mu", "type": "normfactor", "data": None}
    >>> sample = {"name": "signal", "data": [5.0, 1.0], "modifiers": [mu]}
    >>> expected_data({"name": "SR", "samples": [sample]}, [{"name": "mu", "inits": [2.0]}])
    array([10.,  2.])
    """
    inits = {setting["name"]: setting["inits"] for setting in parameters if "inits" in setting}
    total = np.zeros(len(channel["samples"][0]["data"]))
    for sample in channel["samples"]:
        rate = np.asarray(sample["data"], dtype=float)
        for modifier in sample["modifiers"]:
            values = inits.get(modifier["name"])
            if values is None:
                continue
            if modifier["type"] in _FACTORS:
                rate = rate * np.asarray(values, dtype=float)
            elif any(values):
                raise WorkspaceError(
                    f"channel {channel['name']!r} has no <Data>, and a <ParamSetting> sets the systematic "
                    f"{modifier['name']!r} to {values[0]:g}. Give it data, or the value 0."
                )
        total = total + rate
    return total
