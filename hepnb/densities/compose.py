"""Densities of densities: sums, products, truncated ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from hepnb.densities.density import Density, one_dimensional
from hepnb.densities.jets import exp, log, logsumexp, value_of
from hepnb.densities.numeric import norm_with_derivatives
from hepnb.densities.parameters import (
    Expression,
    Parameter,
    as_argument,
    collect_parameters,
    composed,
    values_of,
)
from hepnb.densities.quadrature import Ranges
from hepnb.densities.shape import ShapeDensity
from hepnb.errors import ModelError
from hepnb.typing import FloatArray

__all__ = ["Component", "Extended", "Product", "Sum", "Truncated", "components_of"]

# What must be left of a range without its gaps, but for rounding.
_WHOLE = 1 - 1e-12


@dataclass(frozen=True)
class Component:
    """One term of a density, multiplied out: a coefficient times densities of separate observables.

    Parameters
    ----------
    coefficient : Expression or float
        Its fraction, or its expected number of events.
    factors : tuple of (tuple of int, Density)
        Columns of the data, and the density of them.
    """

    coefficient: Any
    factors: tuple[tuple[tuple[int, ...], Any], ...]


def components_of(density: Density) -> tuple[Component, ...]:
    """Multiply a density out into terms.

    Parameters
    ----------
    density : Density
        Of any depth.

    Returns
    -------
    tuple of Component
        Their sum is the density; with yields, the expected number of events times it.
    """
    if isinstance(density, Sum):
        return tuple(
            Component(_times(weight, part.coefficient), part.factors)
            for weight, term in zip(density.weights, density.densities, strict=True)
            for part in components_of(term)
        )
    if isinstance(density, Product):
        terms = [components_of(factor) for factor in density.densities]
        starts = np.cumsum([0, *(factor.n_dim for factor in density.densities)]).tolist()
        found = []
        for choice in itertools.product(*terms):
            weight: Any = 1.0
            factors: list[tuple[tuple[int, ...], Any]] = []
            for start, part in zip(starts, choice, strict=False):
                weight = _times(weight, part.coefficient)
                factors += [(tuple(start + c for c in columns), leaf) for columns, leaf in part.factors]
            found.append(Component(weight, tuple(factors)))
        return tuple(found)
    return (Component(1.0, ((tuple(range(density.n_dim)), density),)),)


def _times(one: Any, other: Any) -> Any:
    if isinstance(one, float) and one == 1.0:
        return other
    return one if isinstance(other, float) and other == 1.0 else one * other


class _Composite(Density):
    """A density of other densities."""

    densities: tuple[Density, ...]

    def knots(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the places of structure of all of them."""
        return [knot for density in self.densities for knot in density.knots(values)]


class Sum(_Composite):
    """A sum of densities of the same observables.

    Parameters
    ----------
    densities : sequence of Density
        Two or more, on the same range.
    fractions : sequence of float, Parameter or Expression, optional
        One fewer than densities: the last has what is left. A number becomes a parameter ``f1``, ``f2``, and
        so on, between 0 and 1.
    yields : sequence of float, Parameter or Expression, optional
        Instead: the expected number of events of each. The sum is extended then. A number becomes a
        parameter ``n1``, ``n2``, and so on, not negative.

    Raises
    ------
    ModelError
        Other numbers of fractions or yields, fractions that sum above one, ranges that differ.

    Examples
    --------
    >>> from hepnb.densities import Exponential, Gauss
    >>> model = Sum(
    ...     [Gauss(range=(0, 10), mu=5, sigma=0.5), Exponential(range=(0, 10), lambda_=-0.3)],
    ...     yields=[Parameter("nsig", 200, bounds=(0, 1000)), Parameter("nbkg", 800, bounds=(0, 2000))],
    ... )
    >>> model.parameter_names, model.expected_events()
    (('nsig', 'nbkg', 'mu', 'sigma', 'lambda'), 1000.0)
    """

    def __init__(
        self,
        densities: Sequence[Density],
        *,
        fractions: Sequence[Any] | None = None,
        yields: Sequence[Any] | None = None,
    ) -> None:
        self.densities = _checked(densities, "a sum")
        first = self.densities[0]
        for other in self.densities[1:]:
            if other.ranges != first.ranges:
                raise ModelError(
                    f"{first!r} and {other!r} are summed, but their ranges differ. Give them the same "
                    "one, or "
                    "truncate one of them."
                )
        if (fractions is None) == (yields is None):
            raise ModelError("a sum takes either fractions= or yields=.")
        count = len(self.densities)
        shares: Any = fractions if yields is None else yields
        if not np.iterable(shares):
            raise ModelError(f"the fractions or yields of a sum are {shares!r:.60}. Give a list of them.")
        given = list(shares)
        if len(given) != (count - 1 if yields is None else count):
            wanted = (
                f"{count - 1} fractions, one fewer than densities," if yields is None else f"{count} yields,"
            )
            raise ModelError(f"a sum of {count} densities takes {wanted} and not {len(given)}.")
        prefix, limits = ("f", (0.0, 1.0)) if yields is None else ("n", (0.0, np.inf))
        self.given = tuple(_share(f"{prefix}{i + 1}", value, limits) for i, value in enumerate(given))
        if yields is None:
            total = sum(e.value for e in self.given)
            if total > 1 + 1e-12 or any(e.value < 0 for e in self.given):
                raise ModelError(
                    f"the fractions {', '.join(f'{e.value:g}' for e in self.given)} sum to {total:g}: "
                    "they are not "
                    "negative, and the last density has what is left of 1."
                )
        self.yields = self.given if yields is not None else None
        self.ranges, self.observables = first.ranges, first.observables
        self.parameters = collect_parameters(
            [*self.given, *(p for d in self.densities for p in d.parameters)]
        )

    def __repr__(self) -> str:
        kind = "yields" if self.extended else "fractions"
        shown = ", ".join(f"{expression.value:g}" for expression in self.given)
        return f"Sum({', '.join(map(repr, self.densities))}; {kind} {shown})"

    @property
    def extended(self) -> bool:
        """Whether it expects a number of events."""
        return self.yields is not None

    @cached_property
    def weights(self) -> tuple[Expression, ...]:
        """The coefficient of each density."""
        if self.yields is not None:
            return self.yields
        return (*self.given, composed(_rest, *self.given))

    def expected_events(self, parameters: Any = None) -> float:
        """Return the expected number of events.

        Parameters
        ----------
        parameters : mapping, sequence or FitResults, optional
            Values of parameters; those with which they start by default.

        Returns
        -------
        float
            The sum of the yields; 1 without yields.
        """
        values = values_of(self.parameters, parameters)
        return float(sum(value_of(w.at(values)) for w in self.weights))

    def log_at(self, x: FloatArray, values: Mapping[str, Any]) -> Any:
        """Return the logarithm of the normalised density at events."""
        weights = [weight.at(values) for weight in self.weights]
        whole = sum(weights[1:], start=weights[0])
        terms = [density.log_at(x, values) for density in self.densities]
        if all(np.all(value_of(w) >= 0) for w in weights):
            return logsumexp([term + log(w) for term, w in zip(terms, weights, strict=True)]) - log(whole)
        # A negative yield: the sum is taken in units of the largest term.
        top = np.maximum.reduce([np.asarray(value_of(term), dtype=float) for term in terms])
        linear = sum((exp(term - top) * w for term, w in zip(terms, weights, strict=True)), start=0.0)
        result = log(linear) + top
        negative = value_of(linear) < 0
        return result + np.where(negative, np.nan, 0.0) - log(whole)

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of a box: the mean of that of each density."""
        weights = [float(value_of(weight.at(values))) for weight in self.weights]
        parts = [density.integral_at(box, values) for density in self.densities]
        return sum(w * part for w, part in zip(weights, parts, strict=True)) / sum(weights)

    def draw(self, size: int, rng: np.random.Generator, values: Mapping[str, Any]) -> FloatArray:
        """Draw events: first how many of each density."""
        weights = np.array([float(value_of(w.at(values))) for w in self.weights])
        if (weights < 0).any():
            return super().draw(size, rng, values)
        counts = rng.multinomial(size, weights / weights.sum())
        parts = [d.draw(int(n), rng, values) for d, n in zip(self.densities, counts, strict=True)]
        return rng.permutation(np.concatenate(parts))


def _rest(*fractions: Any) -> Any:
    return 1.0 - sum(fractions)


def _share(name: str, given: Any, limits: tuple[float, float]) -> Expression:
    if isinstance(given, Expression):
        if isinstance(given, Parameter) and given.bounds is None:
            return Parameter(given.name, given.value, limits, given.fixed, given.constraint)
        return given
    number = as_argument(name, given, None, "a sum").value
    if not limits[0] <= number <= limits[1]:
        raise ModelError(
            f"{name} = {number:g} is outside [{limits[0]:g}, {limits[1]:g}]. Give a Parameter with "
            "its own bounds."
        )
    return Parameter(name, number, limits)


def _checked(densities: Sequence[Density], what: str) -> tuple[Density, ...]:
    try:
        found = tuple(densities)
    except TypeError:
        found = ()
    if not found or not all(isinstance(density, Density) for density in found):
        raise ModelError(f"{what} is made of {densities!r:.80}. Give a list of densities.")
    extended = [density for density in found if density.extended]
    if extended:
        raise ModelError(
            f"{extended[0]!r} has yields, and cannot be a part of {what}. Give its densities their "
            "yields there."
        )
    return found


def Extended(density: Density, yield_: Any) -> Sum:  # it makes a density, as the classes do
    """Return a density that expects a number of events.

    Parameters
    ----------
    density : Density
        The density.
    yield_ : float, Parameter or Expression
        The number; a float becomes the parameter ``n1``.

    Returns
    -------
    Sum
        Of one density.

    Examples
    --------
    >>> from hepnb.densities import Uniform
    >>> Extended(Uniform(range=(0, 1)), 100.0).expected_events()
    100.0
    """
    return Sum([density], yields=[yield_])


class Product(_Composite):
    """A product of densities of different observables, which are independent.

    Parameters
    ----------
    **densities : Density
        By the name of the observable; the order is that of the columns of the data.

    Examples
    --------
    >>> from hepnb.densities import Exponential, Gauss
    >>> both = Product(x=Gauss(range=(0, 10), mu=5, sigma=0.5), y=Exponential(range=(0, 6), lambda_=-0.8))
    >>> both.observables, float(both.pdf([5.0, 0.0]).round(5))
    (('x', 'y'), 0.6436)
    """

    def __init__(self, **densities: Density) -> None:
        self.densities = _checked(list(densities.values()), "a product")
        for name, density in densities.items():
            if density.n_dim != 1:
                raise ModelError(
                    f"a product: {name}={density!r} has {density.n_dim} observables. Give one of each."
                )
        self.observables = tuple(densities)
        self.ranges = tuple(density.ranges[0] for density in self.densities)
        self.parameters = collect_parameters(p for d in self.densities for p in d.parameters)

    def __repr__(self) -> str:
        parts = [f"{name}={d!r}" for name, d in zip(self.observables, self.densities, strict=True)]
        return f"Product({', '.join(parts)})"

    def log_at(self, x: FloatArray, values: Mapping[str, Any]) -> Any:
        """Return the logarithm of the normalised density at events, shape (n, n_dim)."""
        terms = [density.log_at(x[..., place], values) for place, density in enumerate(self.densities)]
        return sum(terms[1:], start=terms[0])

    def integral_at(self, box: tuple[Ranges, ...], values: Mapping[str, Any]) -> float:
        """Return the probability of a box: the product of those of each observable."""
        return math.prod(d.integral_at((part,), values) for d, part in zip(self.densities, box, strict=True))

    def draw(self, size: int, rng: np.random.Generator, values: Mapping[str, Any]) -> FloatArray:
        """Draw events, each observable for itself."""
        return np.stack([density.draw(size, rng, values) for density in self.densities], axis=-1)


class Truncated(ShapeDensity):
    """Any density of one observable on a part of its range, normalised there.

    A sum keeps the proportions of its densities, other than a sum of densities on the smaller range.

    Parameters
    ----------
    density : Density
        The density.
    range : pair of float, or sequence of pairs
        The part.

    Examples
    --------
    >>> from hepnb.densities import Gauss
    >>> half = Truncated(Gauss(range=(-5, 5), mu=0, sigma=1), range=(0, 5))
    >>> float(half.pdf(0.0).round(6))
    0.797885
    """

    name = "truncated"
    signed: ClassVar = True
    many_at_once: ClassVar = False

    def __init__(self, density: Density, *, range: Any) -> None:
        self.density = one_dimensional(density, "truncated")
        super().__init__(
            range=range, observable=density.observables[0], **{p.name: p for p in density.parameters}
        )
        for low, high in self.range:
            covered = sum(max(min(high, b) - max(low, a), 0.0) for a, b in density.range)
            if low < density.range[0][0] or high > density.range[-1][1] or covered < (high - low) * _WHOLE:
                raise ModelError(
                    f"the range {range!r:.60} goes beyond that of {density!r}, or over a gap in it. "
                    "Give parts of that range."
                )

    def log_norm(self, *arguments: Any) -> Any:
        """Return the logarithm of the integral, right also where edges move with a parameter."""
        return norm_with_derivatives(super().log_norm, arguments)

    def names_of(self, given: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the parameters of the density."""
        return self.density.parameter_names

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return the logarithm of the density."""
        return self.density.log_at(x, dict(zip(self.arguments, arguments, strict=True)))

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return those of the density."""
        return self.density.knots(dict(zip(self.arguments, arguments, strict=True)))
