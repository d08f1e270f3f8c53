"""Numbers that were given to a function: of the right kind, size and shape, or refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.errors import ModelError
from hepnb.typing import FloatArray
from hepnb.workspace.faults import LARGEST

__all__ = ["as_numbers", "as_points"]


def as_numbers(values: Any, what: str) -> FloatArray:
    """Turn what was given into an array of numbers, or say what it is instead.

    Parameters
    ----------
    values : array_like
        A number, or numbers.
    what : str
        What they are, for the message.

    Returns
    -------
    ndarray
        In double precision.

    Raises
    ------
    ModelError
        They are no numbers but truth values, for instance, or larger than 1e100.
    """
    if _is_truth(values):
        raise ModelError(f"{what}: {values!r:.60} is a truth value, not a number. Give the number itself.")
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{what}: {values!r:.60} is neither a number nor a list of numbers.") from None
    # Products of larger numbers overflow. Infinity may say that there is no bound.
    if ((np.abs(numbers) > LARGEST) & np.isfinite(numbers)).any():
        raise ModelError(f"{what}: {values!r:.60} is larger than {LARGEST:g}. Give a number of usual size.")
    return numbers


def _is_truth(values: Any) -> bool:
    """Return whether something is true or false, which Python would take for 1 or 0."""
    if isinstance(values, list | tuple):
        return any(isinstance(value, bool | np.bool_) for value in values)
    return isinstance(values, bool | np.bool_) or getattr(getattr(values, "dtype", None), "kind", "") == "b"


def as_points(values: Any, what: str) -> FloatArray:
    """Turn what was given into values of a parameter to fit at.

    Parameters
    ----------
    values : array_like
        A number, or numbers in one dimension.
    what : str
        What they are, for the message.

    Returns
    -------
    ndarray, shape (k,)
        At least one, all finite.

    Raises
    ------
    ModelError
        They are none, or not finite.
    """
    points = np.atleast_1d(as_numbers(values, what))
    if points.ndim != 1 or not points.size or not np.isfinite(points).all():
        raise ModelError(
            f"{what}: {values!r:.60}. Give finite numbers, for instance numpy.linspace(0, 5, 41)."
        )
    return points
