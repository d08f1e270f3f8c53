"""Four-vectors in expressions: made of four columns, computed with the ``vector`` library.

The coordinates a vector was made of are kept, so that the mass somebody put in comes out again to the last
bit; sums are in Cartesian coordinates. A vector with a coordinate that is NaN is not there, and everything
that is asked of it is NaN (``vector`` alone would call its pseudorapidity 0). Where E is below p the mass is
negative, -sqrt(p^2 - E^2), and a negative mass m stands for the square -m^2, as in ROOT and ``vector``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import vector
from numpy.typing import NDArray

__all__ = ["ATTRIBUTES", "CARTESIAN", "MAKERS", "FourVectors"]

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
"""What may follow the dot of a four-vector, and what ``vector`` calls it."""

MAKERS: dict[str, tuple[str, str, str, str]] = {
    "p4": ("px", "py", "pz", "E"),
    "pxpypzm": ("px", "py", "pz", "mass"),
    "ptetaphim": ("pt", "eta", "phi", "mass"),
    "ptetaphie": ("pt", "eta", "phi", "E"),
}
"""The functions that make four-vectors, and the coordinates they take."""

CARTESIAN = MAKERS["p4"]
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

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FourVectors:
    """Four-vectors in a row.

    Attributes
    ----------
    parts : mapping of str to numpy.ndarray, shape (n,)
        Four coordinates by their name in ``vector``.
    whole : bool
        Whether a vector that has NaN in one coordinate is known to have it in all.
    """

    parts: Mapping[str, Numbers]
    whole: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.parts.values())))

    def get(self, attribute: str) -> Numbers:
        """One number of each vector.

        Parameters
        ----------
        attribute : str
            One of :data:`ATTRIBUTES`.

        Returns
        -------
        numpy.ndarray, shape (n,)
            NaN where the vector is not there.

        Examples
        --------
        >>> FourVectors(dict(zip(CARTESIAN, np.array([[3.0], [4.0], [0.0], [13.0]])))).get("mass")
        array([12.])
        """
        name = ATTRIBUTES[attribute]
        if name in self.parts:
            found = self.parts[name]
        elif name in _OWN:
            found = _OWN[name](self)
        else:
            found = np.asarray(getattr(self._rows, name), dtype=np.float64)
        if self.whole and (name in self.parts or name in _OWN):
            return found
        return found if self._missing is None else np.where(self._missing, np.nan, found)

    @property
    def _rows(self) -> Any:
        """The coordinates side by side, as ``vector`` takes them."""
        rows = np.empty(len(self), dtype=[(_GENERIC[name], np.float64) for name in self.parts])
        for name, part in self.parts.items():
            rows[_GENERIC[name]] = part
        return rows.view(vector.MomentumNumpy4D)

    @cached_property
    def _missing(self) -> NDArray[np.bool_] | None:
        """Where a coordinate is NaN; None where none is."""
        if not any(np.isnan(np.dot(part, part)) and np.isnan(part).any() for part in self.parts.values()):
            return None
        return reduce(np.logical_or, (np.isnan(part) for part in self.parts.values()))

    @cached_property
    def cartesian(self) -> FourVectors:
        """The same vectors as px, py, pz and E."""
        if tuple(self.parts) == CARTESIAN and self._missing is None:
            return self
        return FourVectors({name: self.get(name) for name in CARTESIAN}, whole=True)

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The same vectors as rows of px, py, pz, E, shape (n, 4): quick to choose from and to add."""
        parts = self.cartesian.parts
        return np.column_stack([parts[name] for name in CARTESIAN])

    def each(self, function: Callable[[Numbers], Numbers]) -> FourVectors:
        """Apply a function to every coordinate, as to choose vectors."""
        return FourVectors({name: function(part) for name, part in self.parts.items()})


# What most is asked for, with fewer passes over the numbers than through ``vector``; the tests compare.


def _px(v: FourVectors) -> Numbers:
    return v.parts["pt"] * np.cos(v.parts["phi"])


def _py(v: FourVectors) -> Numbers:
    return v.parts["pt"] * np.sin(v.parts["phi"])


def _pz(v: FourVectors) -> Numbers:
    return v.parts["pt"] * np.sinh(v.parts["eta"])


def _pt(v: FourVectors) -> Numbers:
    px, py = v.parts["px"], v.parts["py"]
    return np.sqrt(px * px + py * py)


def _squared_momentum(v: FourVectors) -> Numbers:
    if "px" in v.parts:
        px, py, pz = v.parts["px"], v.parts["py"], v.parts["pz"]
        return px * px + py * py + pz * pz
    momentum = v.parts["pt"] * np.cosh(v.parts["eta"])
    return momentum * momentum


def _energy(v: FourVectors) -> Numbers:
    mass = v.parts["mass"]
    return np.sqrt(np.maximum(_squared_momentum(v) + mass * np.abs(mass), 0.0))


def _mass(v: FourVectors) -> Numbers:
    energy = v.parts["E"]
    squared = energy * energy - _squared_momentum(v)
    return np.copysign(np.sqrt(np.abs(squared)), squared)


_OWN: dict[str, Callable[[FourVectors], Numbers]] = {
    "px": _px,
    "py": _py,
    "pz": _pz,
    "pt": _pt,
    "E": _energy,
    "mass": _mass,
}
