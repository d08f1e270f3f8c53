"""Four-vectors in expressions: made of four columns, computed with the ``vector`` library.

The coordinates a vector was made of are kept, so that the mass somebody put in comes out again to the last
bit; sums are in Cartesian coordinates. A vector with a coordinate that is NaN is not there, and everything
that is asked of it is NaN (``vector`` alone would call its pseudorapidity 0).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import awkward as ak
import numpy as np
import vector

from hepnb.errors import ExpressionError

__all__ = ["ATTRIBUTES", "MAKERS", "FourVectors", "combined", "distance", "make", "of_truth", "opening"]

ATTRIBUTES: dict[str, str] = {
    "pt": "pt",
    "eta": "eta",
    "phi": "phi",
    "mass": "mass",
    "m": "mass",
    "E": "E",
    "energy": "E",
    "px": "px",
    "py": "py",
    "pz": "pz",
    "p": "p",
    "theta": "theta",
    "rapidity": "rapidity",
    "mt": "mt",
    "et": "et",
    "beta": "beta",
    "gamma": "gamma",
}
"""What may follow the dot of a four-vector, and what ``vector`` calls it; nothing else may."""

MAKERS: dict[str, tuple[str, str, str, str]] = {
    "p4": ("px", "py", "pz", "E"),
    "pxpypzm": ("px", "py", "pz", "mass"),
    "ptetaphim": ("pt", "eta", "phi", "mass"),
    "ptetaphie": ("pt", "eta", "phi", "E"),
}
"""The functions that make four-vectors, and the coordinates they take."""

_CARTESIAN = MAKERS["p4"]
_GENERIC = {
    "px": "x",
    "py": "y",
    "pz": "z",
    "E": "t",
    "pt": "rho",
    "eta": "eta",
    "phi": "phi",
    "mass": "tau",
}


@dataclass(frozen=True, eq=False)
class FourVectors:
    """One four-vector, or a list of them, per event.

    Attributes
    ----------
    parts : mapping of str to array
        Four coordinates by their name in ``vector``; numpy of shape (n_events,), or awkward lists.
    """

    parts: Mapping[str, Any]

    def get(self, attribute: str) -> Any:
        """One number of each vector.

        Parameters
        ----------
        attribute : str
            One of :data:`ATTRIBUTES`.

        Returns
        -------
        numpy.ndarray or awkward.Array
            NaN where the vector is not there.

        Examples
        --------
        >>> make("p4", [np.array([3.0]), np.array([4.0]), np.array([0.0]), np.array([13.0])]).get("mass")
        array([12.])
        """
        name = ATTRIBUTES[attribute]
        if name in self.parts:
            found = self.parts[name]
        else:
            found = getattr(self._rows, name)
            found = _numbers(found) if self.is_list else found
        if self._missing is None:
            return found
        return (ak.where if self.is_list else np.where)(self._missing, np.nan, found)

    @cached_property
    def _rows(self) -> Any:
        """The coordinates side by side, as ``vector`` takes them."""
        return vector.zip(dict(self.parts)) if self.is_list else _rows(self.parts)

    @cached_property
    def _missing(self) -> Any:
        """Where a coordinate is NaN; None where none is."""
        missing = reduce(np.logical_or, (np.isnan(part) for part in self.parts.values()))
        return missing if ak.any(missing, axis=None) else None

    @property
    def is_list(self) -> bool:
        """Whether there is a list of them per event."""
        return isinstance(next(iter(self.parts.values())), ak.Array)

    def cartesian(self) -> tuple[Any, ...]:
        """Components px, py, pz and E."""
        return tuple(self.get(name) for name in _CARTESIAN)

    def each(self, function: Callable[[Any], Any]) -> FourVectors:
        """Choose vectors: the same elements of every coordinate."""
        return FourVectors({name: function(part) for name, part in self.parts.items()})

    def summed(self) -> FourVectors:
        """Sum of each list; of an empty one the vector (0, 0, 0, 0)."""
        return _cartesian([_numbers(ak.sum(part, axis=-1)) for part in self.cartesian()])


def make(maker: str, values: list[Any]) -> FourVectors:
    """Make four-vectors.

    Parameters
    ----------
    maker : str
        One of :data:`MAKERS`.
    values : list of four numbers or arrays
        The coordinates; numbers and one value per event are spread over lists.
    """
    return FourVectors(dict(zip(MAKERS[maker], _spread(values), strict=True)))


def combined(op: ast.operator, left: Any, right: Any) -> FourVectors:
    """Sum or difference of two vectors; product or ratio of a vector and a number."""
    if isinstance(op, (ast.Add, ast.Sub)):
        sign = np.add if isinstance(op, ast.Add) else np.subtract
        pairs = zip(left.cartesian(), right.cartesian(), strict=True)
        return _cartesian([sign(one, other) for one, other in pairs])
    scale: Any = np.true_divide if isinstance(op, ast.Div) else np.multiply
    if isinstance(left, FourVectors):
        return _cartesian([scale(part, right) for part in left.cartesian()])
    return _cartesian([scale(left, part) for part in right.cartesian()])


def opening(first: Any, second: Any) -> Any:
    """Difference of two azimuths, or of those of two vectors, in [-pi, pi)."""
    first = first.get("phi") if isinstance(first, FourVectors) else first
    second = second.get("phi") if isinstance(second, FourVectors) else second
    return np.mod(first - second + np.pi, 2 * np.pi) - np.pi


def distance(*values: Any) -> Any:
    """Distance in the plane of pseudorapidity and azimuth: of two vectors, or of eta, phi, eta, phi."""
    if len(values) == 2:
        first, second = values
        return np.hypot(first.get("eta") - second.get("eta"), opening(first, second))
    eta1, phi1, eta2, phi2 = values
    return np.hypot(eta1 - eta2, opening(phi1, phi2))


def of_truth(condition: Any, yes: FourVectors, no: FourVectors) -> FourVectors:
    """Vectors of `yes` where the condition holds, of `no` elsewhere."""
    pairs = zip(yes.cartesian(), no.cartesian(), strict=True)
    if isinstance(condition, ak.Array) or yes.is_list or no.is_list:
        return _cartesian([ak.where(*ak.broadcast_arrays(condition, *pair)) for pair in pairs])
    return _cartesian([np.where(condition, *pair) for pair in pairs])


def _cartesian(values: list[Any]) -> FourVectors:
    return FourVectors(dict(zip(_CARTESIAN, _spread(values), strict=True)))


def _spread(values: list[Any]) -> list[Any]:
    """Give all coordinates one shape, in double precision."""
    if any(isinstance(value, ak.Array) for value in values):
        return [ak.values_astype(value, np.float64) for value in ak.broadcast_arrays(*values)]
    whole = [np.asarray(value, dtype=np.float64) for value in values]
    return list(np.broadcast_arrays(*(np.atleast_1d(value) for value in whole)))


def _rows(parts: Mapping[str, Any]) -> Any:
    """Put coordinates side by side, as ``vector`` keeps them in numpy."""
    dtype = [(_GENERIC[name], np.float64) for name in parts]
    rows = np.empty(next(iter(parts.values())).shape, dtype=dtype)
    for name, part in parts.items():
        rows[_GENERIC[name]] = part
    return rows.view(vector.MomentumNumpy4D)


def _numbers(value: Any) -> Any:
    """Drop the behaviour of vectors from lists of numbers; one number per event as numpy."""
    if isinstance(value, ak.Array) and value.ndim == 1:
        return np.asarray(ak.to_numpy(value), dtype=np.float64)
    if not isinstance(value, ak.Array):
        raise ExpressionError("a four-vector has no such number.")
    return ak.Array(value.layout)
