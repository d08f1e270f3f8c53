"""Specifications as JSON would give them: dicts, lists, texts and Python numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError

__all__ = ["plain"]

_MOST_NESTED = 100  # a workspace needs nine
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


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
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict or isinstance(value, Mapping):
        # One call for each number and text would take most of the time.
        return {
            key: item if type(item) in _AS_IT_IS else plain(item, levels - 1) for key, item in value.items()
        }
    if kind is list or isinstance(value, list | tuple):
        if set(map(type, value)) <= {int, float}:
            return list(value)
        return [plain(item, levels - 1) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value
