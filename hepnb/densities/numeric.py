"""Derivatives of functions that a user wrote: exact where jets go through, differences elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hepnb.densities.jets import Jet, value_of

__all__ = ["with_derivatives"]

# Central differences of fourth order: the error is a few 1e-10 of the scale over which a function changes.
_STEP = 2e-3
_FIRST = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
_SECOND = ((-2, -1 / 12), (-1, 16 / 12), (0, -30 / 12), (1, 16 / 12), (2, -1 / 12))


def with_derivatives(function: Callable[..., Any], arguments: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Call a function of a user with jets, or with shifted numbers where it does not take them.

    Parameters
    ----------
    function : callable
        Of numbers, or arrays.
    arguments : sequence of float, ndarray or Jet
        Where.
    shape : tuple of int
        Of the result, which may come as a scalar.

    Returns
    -------
    ndarray or Jet
        A jet if an argument is one.
    """
    if not any(isinstance(a, Jet) for a in arguments):
        return (
            np.broadcast_to(np.asarray(function(*arguments), dtype=float), shape)
            if shape
            else function(*arguments)
        )
    try:
        found = function(*arguments)
        if isinstance(found, Jet):
            if np.shape(found.value) != shape and shape:
                found = found + np.zeros(shape)
            return found
        if np.asarray(found).dtype != object:
            # It does not depend on them.
            return Jet(np.broadcast_to(np.asarray(found, dtype=float), shape), {}, {})
    except (TypeError, AttributeError, ValueError):
        pass
    return _differences(function, arguments, shape)


def _differences(function: Callable[..., Any], arguments: Sequence[Any], shape: tuple[int, ...]) -> Jet:
    values = [value_of(a) for a in arguments]
    moving = [i for i, a in enumerate(arguments) if isinstance(a, Jet)]
    steps = {i: _STEP * np.maximum(np.abs(values[i]), 0.1) for i in moving}

    def at(shifts: dict[int, float]) -> Any:
        shifted = [v + shifts[i] * steps[i] if i in shifts else v for i, v in enumerate(values)]
        return np.broadcast_to(np.asarray(function(*shifted), dtype=float), shape)

    middle = at({})
    along = {(i, k): at({i: k}) for i in moving for k in (-2, -1, 1, 2)}
    along |= {(i, 0): middle for i in moving}
    slopes = {i: sum(w * along[i, k] for k, w in _FIRST) / steps[i] for i in moving}
    bends: dict[tuple[int, int], Any] = {
        (i, i): sum(w * along[i, k] for k, w in _SECOND) / steps[i] ** 2 for i in moving
    }
    for place, i in enumerate(moving):
        for j in moving[place + 1 :]:
            mixed = sum(wi * wj * at({i: ki, j: kj}) for ki, wi in _FIRST for kj, wj in _FIRST)
            bends[i, j] = mixed / (steps[i] * steps[j])
    return _chain(middle, arguments, slopes, bends)


def _chain(
    value: Any, arguments: Sequence[Any], slopes: dict[int, Any], bends: dict[tuple[int, int], Any]
) -> Jet:
    """Put derivatives with respect to the arguments through the arguments' own."""
    first: dict[int, Any] = {}
    second: dict[tuple[int, int], Any] = {}
    for i, slope in slopes.items():
        for key, d in arguments[i].first.items():
            first[key] = first.get(key, 0.0) + slope * d
        for pair, d in arguments[i].second.items():
            second[pair] = second.get(pair, 0.0) + slope * d
    for (i, j), bend in bends.items():
        for a, da in arguments[i].first.items():
            for b, db in arguments[j].first.items():
                if i == j and b < a:
                    continue
                key2 = (min(a, b), max(a, b))
                factor = 1.0 if i == j or a != b else 2.0
                second[key2] = second.get(key2, 0.0) + factor * bend * (da * db)
    return Jet(value, first, second)
