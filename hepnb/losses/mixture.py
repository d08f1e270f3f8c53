"""A density multiplied out for fits: sums over events of its logarithm and of its derivatives.

Every density is a sum of components, each a coefficient times shapes of separate observables. With

    p = sum_k c_k exp(l_k),   E_k = exp(l_k) / p,   t_k = c_k E_k

the derivatives of log p with respect to the coefficients and the arguments of the shapes are

    d log p / d c_k = E_k,   d log p / d a = t_k dl_k/da,
    d2 log p = S - G G^T,    S(c_k, a) = E_k dl_k/da,   S(a, b) = t_k (d2l_k/da db + dl_k/da dl_k/db)

with G the gradient and S zero between components. The sums of G, G G^T and S over events are all that a fit
needs; they are then put through the derivatives of the arguments with respect to the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hepnb.densities import Density, Parameter
from hepnb.densities.compose import components_of
from hepnb.densities.jets import Jet, flat, stacked, take, value_of
from hepnb.errors import ModelError
from hepnb.losses.evaluated import Evaluated, Part
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Mixture", "Prepared", "chain"]

# A sum of densities that is not below it in units of its largest term is not negative.
_ROUNDING = 1e-12
# Below it a sum of densities may have lost digits.
_LEAST = 1e-280


@dataclass(frozen=True)
class _Factor:
    """A shape of some columns, and where its arguments are among all."""

    columns: tuple[int, ...]
    shape: Any
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Prepared:
    """A mixture at the points of some lanes: everything that does not depend on events.

    Parameters
    ----------
    arguments : ndarray, shape (lane, argument)
        Coefficients and arguments of shapes.
    slopes : ndarray, shape (lane, argument, parameter)
        Their derivatives.
    bends : ndarray, shape (lane, argument, parameter, parameter), or None
        Their second derivatives; None where all are 0.
    norms : tuple
        The logarithm of the normalisation of each component, a jet in its arguments.
    good : ndarray of bool, shape (lane,)
        Where all shapes exist; the other lanes are copies of some good one, or nothing.
    """

    arguments: FloatArray
    slopes: FloatArray
    bends: FloatArray | None
    norms: tuple[Any, ...]
    good: BoolArray


class Mixture:
    """A density multiplied out.

    Parameters
    ----------
    density : Density
        Of any depth.
    """

    def __init__(self, density: Density) -> None:
        self.density = density
        self.names = density.parameter_names
        self._expressions: list[Any] = []
        components = components_of(density)
        self.coefficients: list[int | None] = []
        self._factors: list[tuple[_Factor, ...]] = []
        for component in components:
            constant = isinstance(component.coefficient, float)
            self.coefficients.append(None if constant else self._slot(component.coefficient))
            factors = []
            for columns, shape in component.factors:
                slots = tuple(self._slot(expression) for expression in shape.expressions)
                factors.append(_Factor(columns, shape, slots))
            self._factors.append(tuple(factors))

    def _slot(self, expression: Any) -> int:
        self._expressions.append(expression)
        return len(self._expressions) - 1

    @property
    def n_arguments(self) -> int:
        """How many coefficients and arguments there are."""
        return len(self._expressions)

    @cached_property
    def many_at_once(self) -> bool:
        """Whether several lanes can be evaluated together."""
        return all(getattr(f.shape, "many_at_once", True) for factors in self._factors for f in factors)

    @cached_property
    def _plain(self) -> list[int | None]:
        """The parameter that each argument is, None for an expression."""
        return [self.names.index(e.name) if isinstance(e, Parameter) else None for e in self._expressions]

    def _arguments(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        lanes, size = points.shape
        values = np.empty((lanes, self.n_arguments))
        slopes = np.zeros((lanes, self.n_arguments, size))
        bends = None
        jets: Mapping[str, Any] | None = None
        for place, (expression, parameter) in enumerate(zip(self._expressions, self._plain, strict=True)):
            if parameter is not None:
                values[:, place], slopes[:, place, parameter] = points[:, parameter], 1.0
                continue
            if jets is None:
                jets = {name: Jet(points[:, i], {i: 1.0}, {}) for i, name in enumerate(self.names)}
            found = expression.at(jets)
            values[:, place], slopes[:, place], second = flat(found, lanes, size)
            if isinstance(found, Jet) and found.second:
                bends = np.zeros((lanes, self.n_arguments, size, size)) if bends is None else bends
                bends[:, place] = second
        return values, slopes, bends

    def prepare(self, points: FloatArray, order: int) -> Prepared:
        """Evaluate arguments and normalisations.

        Parameters
        ----------
        points : ndarray, shape (lane, parameter)
            Points, in the order of the density's parameters.
        order : {0, 1, 2}
            Highest derivative that will be asked for.

        Returns
        -------
        Prepared
            For all lanes; see there.
        """
        values, slopes, bends = self._arguments(points)
        good: BoolArray = np.asarray(np.isfinite(values).all(axis=1))
        for factors in self._factors:
            for factor in factors:
                good = good & np.broadcast_to(
                    factor.shape.valid(*values[:, list(factor.slots)].T), good.shape
                )
        if not good.any():
            return Prepared(values, slopes, bends, (), good)
        if not good.all():
            values[~good] = values[int(np.argmax(good))]
        norms = []
        for factors in self._factors:
            norm: Any = 0.0
            for factor in factors:
                part, fine = self._norm(factor, values, order)
                norm = norm + part
                good = good & fine
            norms.append(norm)
        return Prepared(values, slopes, bends, tuple(norms), good)

    def _norm(self, factor: _Factor, values: FloatArray, order: int) -> tuple[Any, BoolArray]:
        if len(values) == 1 or getattr(factor.shape, "many_at_once", True):
            try:
                norm = factor.shape.log_norm(*self._jets(factor.slots, values, order))
                return norm, np.broadcast_to(np.isfinite(value_of(norm)), (len(values),))
            except ModelError:
                if len(values) == 1:
                    return 0.0, np.zeros(1, dtype=bool)
        # One of the lanes cannot be normalised, or the shape takes one at a time.
        rows = [self._norm(factor, values[[i]], order) for i in range(len(values))]
        return stacked([norm for norm, _ in rows]), np.concatenate([fine for _, fine in rows])

    def _jets(self, slots: Sequence[int], values: FloatArray, order: int) -> list[Any]:
        columns = [values[0, s] if len(values) == 1 else values[:, s] for s in slots]
        if not order:
            return columns
        return [Jet(column, {slot: 1.0}, {}) for slot, column in zip(slots, columns, strict=True)]

    def _logs(self, prepared: Prepared, x: FloatArray, lane: IntArray | None, order: int) -> list[Any]:
        """Return the logarithm of each component without its coefficient."""
        values = prepared.arguments
        logs = []
        for factors, norm in zip(self._factors, prepared.norms, strict=True):
            whole: Any = -norm if lane is None else -take(norm, lane)
            for factor in factors:
                column = (
                    x
                    if x.ndim == 1
                    else (x[:, factor.columns[0]] if len(factor.columns) == 1 else x[:, factor.columns])
                )
                arguments = self._jets(factor.slots, values, order)
                if lane is not None:
                    arguments = [take(a, lane) for a in arguments]
                whole = factor.shape.log_shape(column, *arguments) + whole
            logs.append(whole)
        return logs

    def evaluate(self, prepared: Prepared, x: FloatArray, lane: IntArray | None, order: int) -> Evaluated:
        """Evaluate at events.

        Parameters
        ----------
        prepared : Prepared
            Of some lanes.
        x : ndarray, shape (n,) or (n, n_dim)
            Events in the range.
        lane : ndarray of int, shape (n,), or None
            The lane of each event; None where there is one lane.
        order : {0, 1, 2}
            Highest derivative.

        Returns
        -------
        Evaluated
            At the events.
        """
        values, n = prepared.arguments, len(x)
        logs = self._logs(prepared, x, lane, order)
        weights = [
            1.0 if c is None else (values[0, c] if lane is None else values[lane, c])
            for c in self.coefficients
        ]
        if len(logs) == 1 and not order:
            value = np.broadcast_to(np.asarray(value_of(logs[0]), dtype=float), (n,))
            return Evaluated(value + _log(weights[0]), self.n_arguments, ())
        heights = [np.broadcast_to(np.asarray(value_of(log), dtype=float), (n,)) for log in logs]
        density, raw = _summed(heights, weights, 0.0)
        # Far out in all tails, or at a very narrow peak, in units of the largest component.
        top: Any = 0.0
        if not (density.min(initial=1.0) > _LEAST and density.max(initial=0.0) < np.inf):
            top = np.maximum.reduce(heights)
            top = np.where(np.isfinite(top), top, 0.0)
            density, raw = _summed(heights, weights, top)
        value = _log(density) + top
        if not order:
            return Evaluated(value, self.n_arguments, ())
        inverse = 1.0 / np.where(density > 0, density, 1.0)
        parts = []
        for place, weight, e, log in zip(self.coefficients, weights, raw, logs, strict=True):
            first, second = (log.first, log.second) if isinstance(log, Jet) else ({}, {})
            parts.append(Part(place, weight, e * inverse, first, second))
        return Evaluated(value, self.n_arguments, tuple(parts))

    def may_be_negative(self, prepared: Prepared) -> bool:
        """Tell whether a coefficient of one lane is negative, or a shape can be."""
        coefficients = [prepared.arguments[0, c] for c in self.coefficients if c is not None]
        return any(c < 0 for c in coefficients) or any(
            getattr(f.shape, "signed", False) for factors in self._factors for f in factors
        )

    def negative_at(self, prepared: Prepared, x: FloatArray) -> BoolArray:
        """Tell where a mixture of one lane is negative, shape (n,).

        Parameters
        ----------
        prepared : Prepared
            Of one lane.
        x : ndarray, shape (n,) or (n, n_dim)
            Where.
        """
        logs = self._logs(prepared, x, None, 0)
        heights = [np.broadcast_to(np.asarray(log, dtype=float), (len(x),)) for log in logs]
        top = np.maximum.reduce(heights)
        weights = [1.0 if c is None else prepared.arguments[0, c] for c in self.coefficients]
        density, _ = _summed(heights, weights, np.where(np.isfinite(top), top, 0.0))
        scale = sum(abs(weight) for weight in weights)
        return np.asarray(np.isnan(density) | (density < -_ROUNDING * scale))

    def expected(self, prepared: Prepared) -> FloatArray:
        """Return the sum of the coefficients of each lane: the expected number of events."""
        places = [c for c in self.coefficients if c is not None]
        return np.asarray(prepared.arguments[:, places].sum(axis=1))

    def knots(self, prepared: Prepared) -> list[float]:
        """Return the places of structure of a mixture of one observable and one lane."""
        return self.knots_of(prepared, 0) or []

    def knots_of(self, prepared: Prepared, column: int) -> list[float] | None:
        """Return the places of structure along one observable, or None where a shape has several."""
        found: list[float] = []
        for factors in self._factors:
            for factor in factors:
                if column not in factor.columns:
                    continue
                if len(factor.columns) > 1:
                    return None
                places = factor.shape.shape_knots(*(prepared.arguments[0, s] for s in factor.slots))
                found += [float(np.ravel(place)[0]) for place in places]
        return found


def chain(prepared: Prepared, gradient: FloatArray, curvature: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put derivatives with respect to the arguments through those of the arguments.

    Parameters
    ----------
    prepared : Prepared
        Of the lanes.
    gradient, curvature : ndarray, shape (lane, argument), (lane, argument, argument)
        With respect to the arguments.

    Returns
    -------
    gradient, curvature : ndarray, shape (lane, parameter), (lane, parameter, parameter)
        With respect to the parameters.
    """
    slopes = prepared.slopes
    # A step may lead where a density does not exist. The loss is infinite there, and the fit turns away.
    with np.errstate(invalid="ignore"):
        first = np.einsum("la,lap->lp", gradient, slopes)
        second = slopes.transpose(0, 2, 1) @ curvature @ slopes
    if prepared.bends is not None:
        second = second + np.einsum("la,lapq->lpq", gradient, prepared.bends)
    return first, second


def _summed(
    heights: Sequence[FloatArray], weights: Sequence[Any], top: Any
) -> tuple[FloatArray, list[FloatArray]]:
    """Return the sum of components over exp(top), and each of them without its coefficient."""
    raw = [np.exp(height - top) if np.ndim(top) else np.exp(height) for height in heights]
    whole = raw[0] * weights[0]
    for weight, e in zip(weights[1:], raw[1:], strict=True):
        whole = whole + weight * e
    return whole, raw


def _log(value: Any) -> FloatArray:
    positive = value > 0
    if np.all(positive):
        return np.asarray(np.log(value))
    return np.where(positive, np.log(np.where(positive, value, 1.0)), -np.inf)
