"""Derivatives of functions that a user wrote: exact where jets go through, differences elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from hepnb.densities.jets import Jet, first_of, second_of, value_of
from hepnb.errors import ModelError
from hepnb.typing import FloatArray

__all__ = ["chained", "norm_with_derivatives", "with_derivatives"]

# Central differences of fourth order: the error is a few 1e-10 of the scale over which a function changes.
_STEP = 2e-3
# What a cost function bends by along a good step.
_BEND = 0.02
_FIRST = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
_SECOND = ((-2, -1 / 12), (-1, 16 / 12), (0, -30 / 12), (1, 16 / 12), (2, -1 / 12))


def with_derivatives(
    function: Callable[..., Any], arguments: Sequence[Any], shape: tuple[int, ...], *, jets: bool = True
) -> Any:
    """Call a function of a user with jets, or with shifted numbers where it does not take them.

    Parameters
    ----------
    function : callable
        Of numbers, or arrays.
    arguments : sequence of float, ndarray or Jet
        Where.
    shape : tuple of int
        Of the result, which may come as a scalar.
    jets : bool
        Try jets first.

    Returns
    -------
    ndarray or Jet
        A jet if an argument is one.
    """
    if not any(isinstance(a, Jet) for a in arguments):
        return _plain(function(*arguments), shape)
    if not jets:
        return _differences(function, arguments, shape)
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


def _plain(found: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return what a function of a user gave as numbers of a shape, or say that it is none."""
    try:
        if found is None:
            raise TypeError
        return np.broadcast_to(np.asarray(found, dtype=float), shape)
    except (TypeError, ValueError):
        wanted = f"an array of shape {shape}" if shape else "one number"
        raise ModelError(f"a function gave {found!r:.60}. Return {wanted}.") from None


def _differences(function: Callable[..., Any], arguments: Sequence[Any], shape: tuple[int, ...]) -> Any:
    values = [value_of(a) for a in arguments]
    moving = [i for i, a in enumerate(arguments) if isinstance(a, Jet)]
    steps = {i: _STEP * np.maximum(np.abs(values[i]), 0.1) for i in moving}

    def at(shifts: dict[int, float]) -> Any:
        shifted = [v + shifts[i] * steps[i] if i in shifts else v for i, v in enumerate(values)]
        return _plain(function(*shifted), shape)

    middle = at({})
    if not shape:
        for i in moving:
            steps[i] = _suitable(partial(_shifted, function, values, i), float(steps[i]), float(middle))
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
    return chained(middle, arguments, slopes, bends)


def _shifted(function: Callable[..., Any], values: Sequence[Any], place: int, step: float) -> float:
    return float(function(*(v + step if i == place else v for i, v in enumerate(values))))


def _suitable(function: Callable[[float], float], step: float, middle: float) -> float:
    """Return a step over which a function bends as over a fifth of a standard deviation."""
    largest = 1e3 * step / _STEP
    for _ in range(30):
        rise = abs(function(step) + function(-step) - 2 * middle)
        if _BEND / 10 <= rise <= _BEND * 10:
            break
        factor = (
            0.1 if not np.isfinite(rise) else float(np.clip(np.sqrt(_BEND / max(rise, 1e-300)), 0.01, 100.0))
        )
        step = min(step * factor, largest)
        if step == largest:
            break
    return step


def chained(
    value: Any, arguments: Sequence[Any], slopes: Mapping[int, Any], bends: Mapping[tuple[int, int], Any]
) -> Any:
    """Put derivatives with respect to arguments through the arguments' own.

    Parameters
    ----------
    value : float or ndarray
        Of the function.
    arguments : sequence of float, ndarray or Jet
        What it was evaluated at.
    slopes, bends : mapping
        First and second derivatives by position of the arguments, the smaller position first.

    Returns
    -------
    float, ndarray or Jet
        A jet if an argument is one.
    """
    if not any(isinstance(a, Jet) for a in arguments):
        return value
    first: dict[int, Any] = {}
    second: dict[tuple[int, int], Any] = {}
    for i, slope in slopes.items():
        if not isinstance(arguments[i], Jet):
            continue
        for key, d in arguments[i].first.items():
            first[key] = first.get(key, 0.0) + slope * d
        for pair, d in arguments[i].second.items():
            second[pair] = second.get(pair, 0.0) + slope * d
    for (i, j), bend in bends.items():
        if not (isinstance(arguments[i], Jet) and isinstance(arguments[j], Jet)):
            continue
        for a, da in arguments[i].first.items():
            for b, db in arguments[j].first.items():
                if i == j and b < a:
                    continue
                key2 = (min(a, b), max(a, b))
                factor = 1.0 if i == j or a != b else 2.0
                second[key2] = second.get(key2, 0.0) + factor * bend * (da * db)
    return Jet(value, first, second)


# By so much two ways to derivatives of a norm may differ, and steps that suit second differences.
_AGREE, _NORM_STEP = 1e-4, 5e-3


def norm_with_derivatives(norm: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Return the logarithm of a norm with derivatives that are right at kinks and jumps.

    The derivatives under the integral miss what moves with a parameter, such as an edge or a kink. They are
    compared with differences of the norm itself, and replaced by them where they disagree.

    Parameters
    ----------
    norm : callable
        Takes the arguments, numbers or jets.
    arguments : sequence of float, ndarray or Jet
        Where.

    Returns
    -------
    float, ndarray or Jet
    """
    if not any(isinstance(a, Jet) for a in arguments):
        return norm(*arguments)
    values = [value_of(a) for a in arguments]
    moving = [i for i, a in enumerate(arguments) if isinstance(a, Jet)]
    inner = norm(*(Jet(v, {i: 1.0}, {}) if i in moving else v for i, v in enumerate(values)))
    steps = {i: _NORM_STEP * np.maximum(np.abs(values[i]), 0.1) for i in moving}

    def at(shifts: Mapping[int, float]) -> Any:
        return norm(*(v + shifts[i] * steps[i] if i in shifts else v for i, v in enumerate(values)))

    middle = value_of(inner)
    shifts = [{i: 1.0} for i in moving] + [{i: 1.0, j: 1.0} for i in moving for j in moving if i < j]
    try:
        if all(_agree(inner, middle, at, steps, shift) for shift in shifts):
            return chained(middle, arguments, inner.first, inner.second)
    except ModelError:
        # A step away there is no norm: nothing to compare with.
        return chained(middle, arguments, inner.first, inner.second)
    along = {(i, k): at({i: k}) for i in moving for k in (-2, -1, 1, 2)} | {(i, 0): middle for i in moving}
    slopes = {i: sum(w * along[i, k] for k, w in _FIRST) / steps[i] for i in moving}
    bends = {(i, i): sum(w * along[i, k] for k, w in _SECOND) / steps[i] ** 2 for i in moving}
    for place, i in enumerate(moving):
        for j in moving[place + 1 :]:
            corners = [(a, b, at({i: a, j: b})) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
            bends[i, j] = sum(a * b * value for a, b, value in corners) / (4 * steps[i] * steps[j])
    return chained(middle, arguments, slopes, bends)


def _agree(
    inner: Jet, middle: Any, at: Callable[..., Any], steps: Mapping[int, Any], shift: Mapping[int, float]
) -> bool:
    """Tell whether derivatives along some variables are those of differences of the norm."""
    up, down = at(shift), at(dict.fromkeys(shift, -1.0))
    slope = sum(first_of(inner, i) * steps[i] for i in shift)
    bend = sum(second_of(inner, i, j) * steps[i] * steps[j] for i in shift for j in shift)
    # Terms of third and fourth order, and the rounding of the norm.
    size = np.abs(up - middle) + np.abs(down - middle)
    near = np.abs(0.5 * (up - down) - slope) <= _AGREE * size + 1e-11
    near = near & (np.abs(up - 2 * middle + down - bend) <= 1e-3 * np.abs(bend) + 1e-3 * size * size + 1e-10)
    return bool(np.all(near))
