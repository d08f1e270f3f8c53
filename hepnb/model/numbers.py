"""Numbers as arrays, or an error that says what was given instead."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.errors import ModelError
from hepnb.typing import FloatArray

__all__ = ["as_numbers"]


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
        They are no numbers.
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{what}: {values!r:.60} is neither a number nor a list of numbers.") from None
