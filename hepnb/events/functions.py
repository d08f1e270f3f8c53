"""The functions an expression may call: a literal table, and nothing outside it.

Arguments are numbers, numpy arrays of one value per event, or awkward arrays of one list per event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import ExpressionError

__all__ = ["FUNCTIONS", "Function", "is_list", "to_numbers"]


@dataclass(frozen=True)
class Function:
    """One callable of the expression language.

    Attributes
    ----------
    call : callable
        The vectorised function.
    n_min, n_max : int
        How many arguments it takes.
    doc : str
        One line for the person who types.
    """

    call: Callable[..., Any]
    n_min: int
    n_max: int
    doc: str


def is_list(value: object) -> bool:
    """Tell whether a value holds one list per event.

    Examples
    --------
    >>> is_list(np.zeros(3)), is_list(ak.Array([[1], [2, 3]]))
    (False, True)
    """
    return isinstance(value, ak.Array)


def to_numbers(array: Any) -> Any:
    """Turn an awkward array of one number per event into numpy; what is missing becomes NaN.

    Examples
    --------
    >>> to_numbers(ak.max(ak.Array([[1.0, 3.0], []]), axis=-1))
    array([ 3., nan])
    """
    if not isinstance(array, ak.Array):
        return array
    if array.ndim > 1:
        return array
    if ak.any(ak.is_none(array)):
        array = ak.fill_none(ak.values_astype(array, np.float64), np.nan)
    return np.asarray(ak.to_numpy(array, allow_missing=False))


def _reduction(reducer: Callable[..., Any], name: str, empty_is_none: bool) -> Callable[[Any], Any]:
    def reduce(value: Any) -> Any:
        if not is_list(value):
            raise ExpressionError(
                f"{name}(...) of one value per event: it reduces a list per event. "
                f"{'Give two or more arguments.' if empty_is_none else 'Leave it out.'}"
            )
        return to_numbers(reducer(value, axis=-1))

    return reduce


def _extremum(reducer: Callable[..., Any], pairwise: Callable[..., Any], name: str) -> Callable[..., Any]:
    one = _reduction(reducer, name, empty_is_none=True)

    def extremum(*values: Any) -> Any:
        if len(values) == 1:
            return one(values[0])
        result = values[0]
        for value in values[1:]:
            result = pairwise(result, value)
        return result

    return extremum


def take(value: Any, index: int) -> Any:
    """Element `index` of each event's list; NaN where the list is too short.

    Examples
    --------
    >>> take(ak.Array([[1.0, 3.0], []]), 0)
    array([ 1., nan])
    """
    wanted = index + 1 if index >= 0 else -index
    enough = ak.num(value, axis=1) >= wanted
    if bool(ak.all(enough)):
        return to_numbers(value[:, index])
    padded = ak.mask(value, enough)
    return to_numbers(padded[:, index])


def _first(value: Any) -> Any:
    if not is_list(value):
        raise ExpressionError("first(...) of one value per event: it takes a list per event. Leave it out.")
    return take(value, 0)


def _count(value: Any) -> Any:
    if not is_list(value):
        raise ExpressionError(
            "count(...) of one value per event: it counts the elements of a list per event."
        )
    return to_numbers(ak.num(value, axis=-1))


def _where(condition: Any, yes: Any, no: Any) -> Any:
    if any(is_list(value) for value in (condition, yes, no)):
        return ak.where(condition, yes, no)
    return np.where(condition, yes, no)


def _clip(value: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(value, low), high)


def _power(base: Any, exponent: Any) -> Any:
    return np.power(as_float(base), as_float(exponent))


def as_float(value: Any) -> Any:
    """Give a number, array or list in double precision."""
    if is_list(value):
        return ak.values_astype(value, np.float64)
    return np.asarray(value, dtype=np.float64) if isinstance(value, np.ndarray) else float(value)


def _delta_phi(first: Any, second: Any) -> Any:
    return np.mod(first - second + np.pi, 2 * np.pi) - np.pi


def _delta_r(eta1: Any, phi1: Any, eta2: Any, phi2: Any) -> Any:
    return np.hypot(eta1 - eta2, _delta_phi(phi1, phi2))


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(np.sqrt, 1, 1, "square root"),
    "cbrt": Function(np.cbrt, 1, 1, "cube root"),
    "exp": Function(np.exp, 1, 1, "exponential"),
    "expm1": Function(np.expm1, 1, 1, "exp(x) - 1"),
    "log": Function(np.log, 1, 1, "natural logarithm"),
    "log2": Function(np.log2, 1, 1, "logarithm to base 2"),
    "log10": Function(np.log10, 1, 1, "logarithm to base 10"),
    "log1p": Function(np.log1p, 1, 1, "log(1 + x)"),
    "pow": Function(_power, 2, 2, "power, as x**y"),
    "sin": Function(np.sin, 1, 1, "sine"),
    "cos": Function(np.cos, 1, 1, "cosine"),
    "tan": Function(np.tan, 1, 1, "tangent"),
    "arcsin": Function(np.arcsin, 1, 1, "arc sine"),
    "arccos": Function(np.arccos, 1, 1, "arc cosine"),
    "arctan": Function(np.arctan, 1, 1, "arc tangent"),
    "arctan2": Function(np.arctan2, 2, 2, "angle of the point (x=second, y=first)"),
    "asin": Function(np.arcsin, 1, 1, "arc sine"),
    "acos": Function(np.arccos, 1, 1, "arc cosine"),
    "atan": Function(np.arctan, 1, 1, "arc tangent"),
    "atan2": Function(np.arctan2, 2, 2, "angle of the point (x=second, y=first)"),
    "sinh": Function(np.sinh, 1, 1, "hyperbolic sine"),
    "cosh": Function(np.cosh, 1, 1, "hyperbolic cosine"),
    "tanh": Function(np.tanh, 1, 1, "hyperbolic tangent"),
    "arcsinh": Function(np.arcsinh, 1, 1, "inverse hyperbolic sine"),
    "arccosh": Function(np.arccosh, 1, 1, "inverse hyperbolic cosine"),
    "arctanh": Function(np.arctanh, 1, 1, "inverse hyperbolic tangent"),
    "abs": Function(np.absolute, 1, 1, "absolute value"),
    "fabs": Function(np.absolute, 1, 1, "absolute value"),
    "sign": Function(np.sign, 1, 1, "-1, 0 or 1"),
    "floor": Function(np.floor, 1, 1, "largest whole number not above"),
    "ceil": Function(np.ceil, 1, 1, "smallest whole number not below"),
    "round": Function(np.rint, 1, 1, "nearest whole number"),
    "hypot": Function(np.hypot, 2, 2, "sqrt(x**2 + y**2)"),
    "clip": Function(_clip, 3, 3, "value held between low and high"),
    "where": Function(_where, 3, 3, "where(condition, yes, no)"),
    "isnan": Function(np.isnan, 1, 1, "true where not a number"),
    "isfinite": Function(np.isfinite, 1, 1, "true where neither infinite nor NaN"),
    "deltaphi": Function(_delta_phi, 2, 2, "difference of two angles in [-pi, pi)"),
    "deltar": Function(_delta_r, 4, 4, "distance of (eta, phi) and (eta, phi)"),
    "min": Function(_extremum(ak.min, np.minimum, "min"), 1, 32, "smallest of a list, or of its arguments"),
    "max": Function(_extremum(ak.max, np.maximum, "max"), 1, 32, "largest of a list, or of its arguments"),
    "sum": Function(_reduction(ak.sum, "sum", False), 1, 1, "sum of a list"),
    "mean": Function(_reduction(ak.mean, "mean", False), 1, 1, "mean of a list"),
    "any": Function(_reduction(ak.any, "any", False), 1, 1, "true where any element of a list is"),
    "all": Function(_reduction(ak.all, "all", False), 1, 1, "true where all elements of a list are"),
    "count": Function(_count, 1, 1, "number of elements of a list"),
    "first": Function(_first, 1, 1, "first element of a list, NaN where it is empty"),
    "flatten": Function(lambda value: value, 1, 1, "all elements of all lists; only outermost"),
}
