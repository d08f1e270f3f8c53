"""Densities from Python functions, of one observable or of several."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from hepnb.densities.density import Density, as_ranges
from hepnb.densities.jets import Jet, log, value_of
from hepnb.densities.numeric import norm_with_derivatives, with_derivatives
from hepnb.densities.parameters import as_argument, collect_parameters
from hepnb.densities.quadrature import Ranges, gauss_legendre
from hepnb.densities.sampling import rejection_draws
from hepnb.densities.shape import ShapeDensity
from hepnb.errors import ModelError, OptionError, nearest
from hepnb.typing import FloatArray

__all__ = ["Custom", "CustomND"]


def _log_positive(value: Any) -> Any:
    """Return the logarithm of a shape, nan where it is negative."""
    result = log(value)
    plain = np.asarray(value_of(value))
    return result + np.where(plain < 0, np.nan, 0.0) if np.any(plain < 0) else result


def _positive(integral: Any) -> float:
    """Check the integral of a function."""
    try:
        number = float(integral)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ModelError(f"custom: integral={integral!r:.60}. Give a positive number, or a function.")
    return number


def _names(function: Callable[..., Any], observables: Sequence[str] | int, what: str) -> tuple[str, ...]:
    """Return the arguments of a function after its observables."""
    try:
        names = tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise ModelError(
            f"{what}: {function!r:.60} has no signature. Give a function of x and of named parameters."
        ) from None
    count = observables if isinstance(observables, int) else len(observables)
    if len(names) < count or (not isinstance(observables, int) and names[:count] != tuple(observables)):
        raise ModelError(
            f"{what}: the function takes {', '.join(names) or 'nothing'}. Its first arguments are the "
            "observables" + ("." if isinstance(observables, int) else f", {', '.join(observables)}.")
        )
    return names[count:]


class Custom(ShapeDensity):
    """A density from a function of x and of named parameters, normalised numerically.

    Parameters
    ----------
    function : callable
        ``function(x, first, second, ...)`` takes an array and numbers, and gives the shape, which need not be
        normalised but must not be negative. Written with arithmetic and NumPy's functions its derivatives are
        exact; otherwise they are differences of fourth order.
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    knots : sequence of float
        Places of structure, such as kinks and narrow peaks, so that the integral does not miss them.
    **arguments : float, Parameter or Expression
        The parameters by the names in the function's signature.

    Notes
    -----
    The integral is exact to about 1e-12 of itself where the function is smooth between its knots.

    Examples
    --------
    >>> import numpy as np
    >>> rising = Custom(lambda x, alpha: np.exp(alpha * x), range=(-1, 2), alpha=0.2)
    >>> float(rising.pdf(0.0).round(6)), round(rising.integral(-1, 0), 6)
    (0.297135, 0.269307)
    """

    name = "custom"
    signed: ClassVar = True

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        range: Any,
        observable: str = "x",
        knots: Sequence[float] = (),
        **arguments: Any,
    ) -> None:
        if not callable(function):
            raise ModelError(f"custom: {function!r:.60} is no function.")
        self.function, self._knots = function, [float(knot) for knot in knots]
        self._wanted = _names(function, 1, "custom")
        super().__init__(range=range, observable=observable, **arguments)

    def names_of(self, given: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names in the function's signature."""
        return self._wanted

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the function."""
        return _log_positive(with_derivatives(lambda *a: self.function(x, *a), arguments, np.shape(x)))

    def log_norm(self, *arguments: Any) -> Any:
        """Return the logarithm of the integral, right also where edges move with a parameter."""
        return norm_with_derivatives(super().log_norm, arguments)

    def shape_knots(self, *arguments: Any) -> list[Any]:  # noqa: ARG002
        """Return the given knots, and a grid."""
        grid = [np.linspace(low, high, 33)[1:-1] for low, high in self.range]
        return [*self._knots, *np.concatenate(grid).tolist()]


class CustomND(Density):
    """A density of several observables from a function.

    Parameters
    ----------
    function : callable
        ``function(x, y, ..., first, second, ...)`` of arrays of the observables, by the names in ``range``,
        and of numbers.
    range : mapping of str to pair of float
        The range of each observable, in the order of the function.
    integral : float or callable, optional
        The function's integral over the range: a number if it does not depend on the parameters, or a
        function of them. By default Gauss-Legendre's product rule with 40 nodes a dimension, checked against
        28: a difference above 1e-8 is an error.
    **arguments : float, Parameter or Expression
        The parameters by the names in the function's signature.

    Examples
    --------
    >>> flat = CustomND(lambda x, y, a: 1 + a * x * y, range={"x": (-1, 1), "y": (-1, 1)}, a=0.5)
    >>> flat.pdf([[1.0, 1.0], [0.0, 0.0]])
    array([0.375, 0.25 ])
    """

    signed: ClassVar = True

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        range: Mapping[str, Any],
        integral: float | Callable[..., Any] | None = None,
        **arguments: Any,
    ) -> None:
        given: Any = range
        if not isinstance(given, Mapping) or len(given) < 2:
            raise ModelError(
                f"range={range!r:.80}: give a range for each observable by name; for one use Custom."
            )
        self.observables = tuple(range)
        self.ranges = tuple(as_ranges(pair, f"observable {name!r}") for name, pair in range.items())
        if any(len(ranges) > 1 for ranges in self.ranges):
            raise ModelError("a function of several observables takes one range for each.")
        if integral is not None and not callable(integral):
            integral = _positive(integral)
        self.function, self._integral = function, integral
        wanted = _names(function, self.observables, "custom")
        for name in arguments:
            if name not in wanted:
                raise OptionError(f"custom: argument {name!r} does not exist. {nearest(name, wanted)}")
        missing = [name for name in wanted if name not in arguments]
        if missing:
            raise OptionError(f"custom: {', '.join(missing)} missing. Give a number or a Parameter for each.")
        self.arguments = wanted
        self.expressions = tuple(as_argument(name, arguments[name], None, "custom") for name in wanted)
        self.parameters = collect_parameters(self.expressions)

    def __repr__(self) -> str:
        return f"CustomND({', '.join(self.observables)}; {', '.join(self.arguments)})"

    def valid(self, *arguments: Any) -> Any:  # noqa: ARG002
        """Tell whether arguments are within their limits: it has none."""
        return True

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the function at events, shape (n, n_dim)."""
        columns = [x[..., place] for place in range(self.n_dim)]
        return _log_positive(
            with_derivatives(lambda *a: self.function(*columns, *a), arguments, columns[0].shape)
        )

    def log_norm(self, *arguments: Any) -> Any:
        """Return the logarithm of the integral."""
        if self._integral is not None and not callable(self._integral):
            return math.log(self._integral)
        if callable(self._integral):
            return log(with_derivatives(self._integral, arguments, ()))
        if arguments and np.shape(value_of(arguments[0])):
            raise ModelError(f"{self!r} is normalised numerically, one set of parameters at a time.")
        return norm_with_derivatives(self._checked_rule, arguments)

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of a box, by the product rule that normalises a function."""
        arguments = self.arguments_at(values)
        part = self._checked_rule(*arguments, box=box)
        return float(np.exp(part - value_of(self.log_norm(*arguments))))

    def _checked_rule(self, *arguments: Any, box: tuple[Ranges, ...] | None = None) -> Any:
        coarse, fine = (self._product_rule(n, arguments, box or self.ranges) for n in (28, 40))
        one, other = float(value_of(coarse)), float(value_of(fine))
        if not abs(one - other) < 1e-8:
            raise ModelError(
                f"{self!r}: its numerical integral is not good to 1e-8 (exp of {one:.10g} and {other:.10g}). "
                "Give integral=, as a number or a function of the parameters."
            )
        return fine

    def _product_rule(self, n: int, arguments: Sequence[Any], box: tuple[Ranges, ...]) -> Any:
        nodes, weights = gauss_legendre(n)
        grids, log_weight = [], np.zeros(())
        for ((low, high),) in box:
            grids.append(0.5 * (low + high) + 0.5 * (high - low) * nodes)
            log_weight = np.add.outer(log_weight, np.log(weights * 0.5 * (high - low)))
        points = np.stack([axis.ravel() for axis in np.meshgrid(*grids, indexing="ij")], axis=-1)
        shape = self.log_shape(points, *arguments) + log_weight.ravel()
        value = value_of(shape)
        if np.isnan(value).any() or np.isposinf(value).any():
            raise ModelError(
                f"{self!r} is negative, infinite or undefined at "
                f"{points[np.flatnonzero(~(value < np.inf))[0]]}."
            )
        top = value.max()
        total = np.exp(value - top).sum()
        norm = float(np.log(total) + top)
        if not isinstance(shape, Jet):
            return norm
        weight = np.exp(value - norm)
        first = {key: float(np.sum(weight * part)) for key, part in shape.first.items()}
        second = {}
        for i, j in itertools.combinations_with_replacement(sorted(first), 2):
            product = shape.first[i] * shape.first[j] + shape.second.get((i, j), 0.0)
            second[i, j] = float(np.sum(weight * product)) - first[i] * first[j]
        return Jet(norm, first, second)

    def arguments_at(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments at values of the parameters."""
        return [expression.at(values) for expression in self.expressions]

    def log_at(self, x: FloatArray, values: Mapping[str, Any]) -> Any:
        """Return the logarithm of the normalised density at events."""
        arguments = self.arguments_at(values)
        norm = self.log_norm(*arguments)
        if not np.isfinite(value_of(norm)):
            raise ModelError(f"{self!r}: its integral is not positive and finite: it cannot be normalised.")
        return self.log_shape(x, *arguments) - norm

    def knots(self, values: Mapping[str, Any]) -> list[Any]:  # noqa: ARG002
        """Raise: only a density of one observable has knots."""
        raise ModelError(f"{self!r} has {self.n_dim} observables; this is for one.")

    def draw(self, size: int, rng: np.random.Generator, values: Mapping[str, Any]) -> FloatArray:
        """Draw events by rejection."""
        box = np.array([ranges[0] for ranges in self.ranges])
        arguments = self.arguments_at(values)
        return rejection_draws(
            lambda x: np.asarray(self.log_shape(x, *arguments)), box, size, rng, repr(self)
        )
