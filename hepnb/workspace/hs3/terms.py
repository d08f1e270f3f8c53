"""The constraint terms of an HS3 document: Gaussian and Poisson distributions of auxiliary measurements."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from hepnb.workspace.faults import Fault, shown
from hepnb.workspace.hs3.document import Document, Point, inside

__all__ = ["Term", "Terms"]

# The words for a law in a modifier, in ROOT's spelling and that of the specification.
TYPES = {
    "gauss": "gaussian", "gaussian": "gaussian", "gaussian_dist": "gaussian", "normal": "gaussian",
    "poisson": "poisson", "poisson_dist": "poisson", "const": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """An auxiliary measurement.

    Attributes
    ----------
    law : {"gaussian", "poisson"}
        Its law.
    parameter : str
        The parameter that it measures, by its name in the document.
    observed : float or None
        What was measured: the count for a Poisson law. None where the document has no value.
    width : float
        The standard deviation of a Gaussian; the factor tau of a Poisson law Pois(count | tau parameter).
    """

    law: str
    parameter: str
    observed: float | None
    width: float


class Terms:
    """The distributions of a document that constrain parameters.

    Parameters
    ----------
    document : Document
        The document.
    functions : mapping of str to mapping
        Its functions by name.
    points : mapping of str to Point
        Values of its constants.
    """

    def __init__(self, document: Document, functions: Mapping[str, Any], points: Mapping[str, Point]) -> None:
        self._distributions, self._functions, self._points = document.distributions, functions, points
        self.used: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._distributions

    def read(self, name: str, parameters: Container[str]) -> Term:
        """Read the distribution of a name.

        Parameters
        ----------
        name : str
            Its name.
        parameters : container of str
            The parameters that it may measure.

        Raises
        ------
        Fault
            It does not exist, is of another type, or measures none of these parameters.
        """
        if name not in self._distributions:
            raise Fault(f"the distribution {name!r} does not exist in the document.")
        self.used.add(name)
        with inside(f"distributions {name!r}"):
            return self._read(self._distributions[name], parameters)

    def others(self) -> list[str]:
        """Return the names of distributions that are no channel and were not read."""
        return [
            name for name, entry in self._distributions.items()
            if entry.get("type") != "histfactory_dist" and name not in self.used
        ]  # fmt: skip

    def measured(self, name: str, parameters: Container[str]) -> str | None:
        """Return which of some parameters a distribution depends on; None for none of them."""
        return next(
            (text for text in _words(self._distributions[name], self._functions) if text in parameters), None
        )

    def _read(self, entry: Mapping[str, Any], parameters: Container[str]) -> Term:
        kind = entry.get("type")
        if kind not in ("gaussian_dist", "normal_dist", "poisson_dist"):
            raise Fault(
                f"the constraint is a {kind!r}, which is not supported. Supported are gaussian_dist and "
                "poisson_dist."
            )
        sides = ("x", "mean")
        if any(key not in entry for key in sides):
            raise Fault(f"a {kind} needs entries 'x' and 'mean'.")
        sought = [(key, self._parameter(entry[key], parameters)) for key in sides]
        found = [(key, one) for key, one in sought if one is not None]
        if len(found) != 1:
            raise Fault(
                "a constraint must be of one parameter of the model and a constant, this is of "
                f"{shown(entry['x'])} and {shown(entry['mean'])}."
            )
        ((side, (parameter, factor)),) = found
        observed = self._number(entry["mean" if side == "x" else "x"])
        if kind == "poisson_dist":
            if side != "mean":
                raise Fault("the mean of a Poisson constraint must depend on the parameter, not its count.")
            return Term("poisson", parameter, observed, factor)
        if factor != 1:
            raise Fault(f"the parameter {parameter!r} of a Gaussian constraint has a factor {factor:g}.")
        sigma = self._number(entry.get("sigma"))
        if sigma is None or not 0 < sigma < math.inf:
            raise Fault(
                f"the sigma of the constraint is {shown(entry.get('sigma'))}, not a positive constant."
            )
        return Term("gaussian", parameter, observed, sigma)

    def _parameter(self, value: Any, parameters: Container[str]) -> tuple[str, float] | None:
        """Return a parameter and the constant factor it has; None for a constant."""
        if not isinstance(value, str):
            return None
        if value in parameters:
            return value, 1.0
        function = self._functions.get(value)
        if function is None or function.get("type") != "product":
            return None
        factors = function.get("factors", [])
        inner = [name for name in factors if name in parameters]
        if len(inner) != 1:
            return None
        constants = [self._number(name) for name in factors if name != inner[0]]
        if any(number is None for number in constants):
            raise Fault(f"the function {value!r} has a factor without a value.")
        return inner[0], math.prod(number for number in constants if number is not None)

    def _number(self, value: Any) -> float | None:
        if isinstance(value, str):
            return self._points.get(value, Point()).value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value)


def _words(entry: Mapping[str, Any], functions: Mapping[str, Any]) -> list[str]:
    found = []
    for value in entry.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                found.append(text)
                found += [
                    name for name in functions.get(text, {}).get("factors", []) if isinstance(name, str)
                ]
    return found
