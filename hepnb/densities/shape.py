"""Densities that are one formula of one observable, normalised on a range."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from hepnb.densities.density import Density, as_ranges
from hepnb.densities.jets import Jet, logsumexp, take, value_of
from hepnb.densities.parameters import Expression, as_argument, collect_parameters
from hepnb.densities.quadrature import Nodes, Ranges, integrate
from hepnb.errors import ModelError, OptionError, nearest
from hepnb.typing import FloatArray, IntArray

__all__ = ["POSITIVE", "ShapeDensity"]

POSITIVE = (0.0, math.inf)


class ShapeDensity(Density):
    """A density that is one formula of one observable.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives; several ranges share one normalisation.
    observable : str
        Name of the observable.
    **arguments : float, Parameter or Expression
        Its arguments by name. ``lambda_`` is ``lambda``, which is a word of Python.

    Raises
    ------
    ModelError
        A range that is none, an argument that is missing, misspelt or outside its limits.
    """

    name: ClassVar[str]
    arguments: tuple[str, ...] = ()
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    # Whether the shape takes arguments of its own for every event; else one set at a time.
    many_at_once: ClassVar[bool] = True
    # Whether the shape can be negative at some arguments; its logarithm is nan there.
    signed: ClassVar[bool] = False

    def __init__(self, *, range: Any, observable: str = "x", **arguments: Any) -> None:
        self.ranges = (as_ranges(range, self.name),)
        self.observables = (observable,)
        given = {("lambda" if name == "lambda_" else name): value for name, value in arguments.items()}
        self.arguments = self.names_of(given)
        for name in given:
            if name not in self.arguments:
                raise OptionError(
                    f"{self.name}: argument {name!r} does not exist. {nearest(name, self.arguments)}"
                )
        missing = [name for name in self.arguments if name not in given]
        if missing:
            raise OptionError(
                f"{self.name}: {', '.join(missing)} missing. Give a number or a Parameter for each."
            )
        self.expressions: tuple[Expression, ...] = tuple(
            as_argument(name, given[name], self.limits.get(name), self.name) for name in self.arguments
        )
        self.parameters = collect_parameters(self.expressions)

    def __repr__(self) -> str:
        parts = [f"{name}={e.value:g}" for name, e in zip(self.arguments, self.expressions, strict=True)]
        return f"{type(self).__name__}({', '.join([f'range={_short(self.range)}', *parts])})"

    def names_of(self, given: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the arguments in order; some shapes have as many as are given."""
        return type(self).arguments

    @cached_property
    def span(self) -> tuple[float, float]:
        """The outermost edges of all ranges."""
        return self.range[0][0], self.range[-1][1]

    @abstractmethod
    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the shape, not normalised; any argument may be a jet."""

    @abstractmethod
    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return places of structure: peaks, kinks, and points a few widths away."""

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:  # noqa: ARG002
        """Return the logarithm of the shape's integral in closed form, or None where there is none."""
        return None

    def valid(self, *arguments: Any) -> Any:
        """Tell whether arguments, shape () or (lane,), are within their limits."""
        good: Any = True
        for name, argument in zip(self.arguments, arguments, strict=True):
            value = value_of(argument)
            low, high = self.limits.get(name, (-math.inf, math.inf))
            good = good & (value > low) & (value < high)
        return good

    def log_norm(self, *arguments: Any) -> Any:
        """Return the logarithm of the integral over all ranges.

        Parameters
        ----------
        *arguments : float, ndarray of shape (lane,), or Jet
            The arguments; with jets the derivatives come along.

        Returns
        -------
        float, ndarray or Jet
        """
        closed = [self.log_integral(low, high, *arguments) for low, high in self.range]
        if all(part is not None for part in closed):
            return logsumexp(closed)
        return self._numeric_norm(arguments)

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of parts of the range: in closed form where there is one."""
        arguments = self.arguments_at(values)
        self._check(arguments)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            closed = [self.log_integral(low, high, *arguments) for low, high in box[0]]
            if any(part is None for part in closed):
                return super().integral_at(box, values)
            return float(np.exp(logsumexp(closed) - self._finite_norm(arguments)))

    def _numeric_norm(self, arguments: Sequence[Any]) -> Any:
        values = [np.atleast_1d(np.asarray(value_of(a), dtype=float)) for a in arguments]
        lanes = max((value.size for value in values), default=1)
        scalar = all(np.ndim(value_of(a)) == 0 for a in arguments)
        values = [np.broadcast_to(value, (lanes,)) for value in values]

        def log_function(x: FloatArray, lane: IntArray) -> FloatArray:
            return np.asarray(self.log_shape(x, *(v[0] if lanes == 1 else v[lane] for v in values)))

        nodes = integrate(log_function, self.range, self.shape_knots(*values), lanes, repr(self))
        norm = nodes.log_integral()
        if any(isinstance(a, Jet) for a in arguments):
            return self._norm_jet(nodes, norm, arguments, scalar)
        return float(norm[0]) if scalar else norm

    def _norm_jet(self, nodes: Nodes, norm: FloatArray, arguments: Sequence[Any], scalar: bool) -> Jet:
        """Return the logarithm of an integral with its derivatives, which are means over the density.

        With l the logarithm of the shape, the first derivative is <l'>, the second <l''> + <l' l'> -
        <l'><l'>.
        """
        spread = [take(a, nodes.lane) for a in arguments]
        shape = self.log_shape(nodes.x, *spread)
        weight = np.exp(nodes.log_weight + nodes.log_value - norm[nodes.lane])

        def mean(part: Any) -> Any:
            sums = np.add.reduceat(weight * part, nodes.starts)
            return float(sums[0]) if scalar else sums

        value = float(norm[0]) if scalar else norm
        if not isinstance(shape, Jet):
            return Jet(value, {}, {})
        first = {key: mean(part) for key, part in shape.first.items()}
        second = {}
        keys = sorted(shape.first)
        for place, i in enumerate(keys):
            for j in keys[place:]:
                product = shape.first[i] * shape.first[j] + shape.second.get((i, j), 0.0)
                second[i, j] = mean(product) - first[i] * first[j]
        return Jet(value, first, second)

    def arguments_at(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments at values of the parameters."""
        return [expression.at(values) for expression in self.expressions]

    def log_at(self, x: FloatArray, values: Mapping[str, Any]) -> Any:
        """Return the logarithm of the normalised density at events."""
        arguments = self.arguments_at(values)
        self._check(arguments)
        norm = self._finite_norm(arguments)
        return self.log_shape(x, *arguments) - norm

    def _check(self, arguments: Sequence[Any]) -> None:
        """Raise a ModelError where the shape does not exist."""
        if not np.all(self.valid(*arguments)):
            shown = ", ".join(
                f"{n} = {value_of(a):.6g}" for n, a in zip(self.arguments, arguments, strict=True)
            )
            raise ModelError(f"{self.name} does not exist with {shown}.")

    def _finite_norm(self, arguments: Sequence[Any]) -> Any:
        norm = self.log_norm(*arguments)
        if not np.isfinite(value_of(norm)):
            raise ModelError(f"{self!r} is 0, or not positive, in all of its range: it cannot be normalised.")
        return norm

    def knots(self, values: Mapping[str, Any]) -> list[Any]:
        """Return places of structure."""
        return self.shape_knots(*(value_of(a) for a in self.arguments_at(values)))


def _short(ranges: Ranges) -> str:
    pairs = [f"({low:g}, {high:g})" for low, high in ranges]
    return pairs[0] if len(pairs) == 1 else f"[{', '.join(pairs)}]"
