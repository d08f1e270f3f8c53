"""Terms of a loss without data of their own kind: any function of parameters, and a HistFactory model."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hepnb.densities.jets import Jet, flat
from hepnb.densities.numeric import with_derivatives
from hepnb.densities.parameters import Expression, Parameter, collect_parameters
from hepnb.errors import ModelError
from hepnb.losses.density_term import Sums
from hepnb.model import Model
from hepnb.typing import BoolArray, FloatArray

__all__ = ["FunctionTerm", "ModelTerm"]


class FunctionTerm:
    """A function of parameters that is minimised, or added as a constraint.

    Parameters
    ----------
    function : callable
        Of one number for each parameter; or of one array of all, if it takes one argument.
    parameters : sequence of Parameter or Expression
        What it takes.
    errordef : float
        Its rise at one standard deviation: 0.5 for -log L, 1 for chi-square.
    differences : bool
        It takes numbers only: derivatives are differences.
    """

    data = None

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Expression],
        errordef: float,
        *,
        differences: bool = False,
    ) -> None:
        self._differences = differences
        self.function, self.errordef = function, _rise(errordef)
        self.expressions = tuple(parameters)
        self.parameters: tuple[Parameter, ...] = collect_parameters(self.expressions)
        self._names = tuple(p.name for p in self.parameters)
        self._vector = not differences and _takes_one(function) and len(self.expressions) > 1

    def with_data(self, data: Any) -> FunctionTerm:  # noqa: ARG002
        """Return itself: it has no data."""
        return self

    def describe(self) -> str:
        """Return a few words for messages and checkpoints."""
        return f"function {getattr(self.function, '__name__', '')}({', '.join(self._names)})"

    def yields(self) -> tuple[str, ...]:
        """Return the names of yields: it has none."""
        return ()

    def coarse(self, part: Any, least: int) -> None:
        """Return nothing: it has no data."""

    def constant(self, part: Any) -> float:  # noqa: ARG002
        """Return 0."""
        return 0.0

    def n_points(self, part: Any) -> int:  # noqa: ARG002
        """Raise: a function has no degrees of freedom."""
        raise ModelError("a plain function has no goodness of fit.")

    def scores(self, point: FloatArray, part: Any) -> None:
        """Return nothing: it has no weights."""

    def draw(self, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Any) -> list[Any]:  # noqa: ARG002
        """Return nothing for each toy."""
        return [None] * size

    def asimov(self, values: Mapping[str, float], like: Any) -> None:
        """Return nothing: it has no data."""

    def _call(self, *arguments: Any) -> Any:
        if not self._vector:
            return self.function(*arguments)
        table = np.empty(
            len(arguments), dtype=object if any(isinstance(a, Jet) for a in arguments) else float
        )
        for place, argument in enumerate(arguments):
            table[place] = argument
        return self.function(table)

    def objective(self, points: FloatArray, parts: Sequence[Any], order: int) -> Sums:  # noqa: ARG002
        """Evaluate the function; see :meth:`DensityTerm.objective`."""
        lanes, size = points.shape
        value, gradient, curvature = (
            np.full(lanes, np.inf),
            np.zeros((lanes, size)),
            np.zeros((lanes, size, size)),
        )
        for lane, point in enumerate(points):
            values: dict[str, Any] = {
                name: Jet(float(point[i]), {i: 1.0}, {}) if order else float(point[i])
                for i, name in enumerate(self._names)
            }
            arguments = [e.at(values) for e in self.expressions]
            found = with_derivatives(self._call, arguments, (), jets=not self._differences)
            one, first, second = flat(found, 1, size)
            if np.isfinite(one[0]):
                value[lane], gradient[lane], curvature[lane] = one[0], first[0], second[0]
        scale = 1.0 / self.errordef
        return Sums(scale * value, scale * gradient, scale * curvature)


def _rise(errordef: Any) -> float:
    try:
        rise = float(errordef)
    except (TypeError, ValueError):
        rise = math.nan
    if not 0 < rise < math.inf:
        raise ModelError(f"errordef is {errordef!r:.60}. Give 0.5 for -log L, 1 for chi-square.")
    return rise


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        return len(inspect.signature(function).parameters) == 1
    except (TypeError, ValueError):
        return False


class ModelTerm:
    """A HistFactory model as a part of a loss.

    Parameters
    ----------
    model : Model
        The model.
    data : ndarray or None
        Complete data; the observed ones by default.
    """

    def __init__(self, model: Model, data: FloatArray | None = None) -> None:
        self.model = model
        self.data = model.check_data(data)
        self.parameters = tuple(
            Parameter(p.name, float(x), (float(low), float(high)), bool(fixed))
            for p, x, (low, high), fixed in zip(
                model.parameters, model.init, model.bounds, model.fixed, strict=True
            )
        )

    def with_data(self, data: Any) -> ModelTerm:
        """Return the same term with other observed data."""
        return ModelTerm(self.model, data)

    def describe(self) -> Any:
        """Return the workspace, for checkpoints."""
        return self.model.description()

    def yields(self) -> tuple[str, ...]:
        """Return the parameters of interest."""
        return self.model.poi_names

    def coarse(self, part: Any, least: int) -> None:
        """Return nothing: its data are counts."""

    def constant(self, part: Any) -> float:
        """Return the terms of -2 log L that depend on the data alone."""
        return float(self.model.likelihood.constant(part[None])[0])

    def n_points(self, part: Any) -> int:
        """Return the number of bins."""
        return self.model.n_points(part)

    def scores(self, point: FloatArray, part: Any) -> None:
        """Return nothing: counts have no weights."""

    def _point(self, values: Mapping[str, float]) -> FloatArray:
        return np.array([values[name] for name in self.model.parameter_names])

    def draw(self, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Any) -> list[Any]:  # noqa: ARG002
        """Draw counts and auxiliary data."""
        return list(self.model.draw(self._point(values), size, rng))

    def keep_auxiliary(self, drawn: FloatArray, observed: FloatArray, fixed: BoolArray) -> FloatArray:
        """Return drawn data with the observed auxiliary data of the parameters that are fixed."""
        model = copy.copy(self.model)
        model.fixed = fixed
        (kept,) = model.keep_auxiliary(drawn[None].copy(), observed)
        return np.asarray(kept)

    def asimov(self, values: Mapping[str, float], like: Any) -> FloatArray:  # noqa: ARG002
        """Return expected counts and auxiliary data."""
        return self.model.expected_data(self._point(values))

    def objective(self, points: FloatArray, parts: Sequence[Any], order: int) -> Sums:
        """Evaluate -2 log L; see :meth:`DensityTerm.objective`."""
        found = self.model.likelihood.objective(points, np.stack(parts), 2 if order else 0)
        outside = ~np.isfinite(found.value)
        if order:
            found.gradient[outside], found.curvature[outside] = 0.0, 0.0
        return Sums(found.value, found.gradient, found.curvature)
