"""The term of a curve in a loss: chi-square of points."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.densities.jets import Jet, first_of, flat, second_of, value_of
from hepnb.densities.numeric import with_derivatives
from hepnb.densities.parameters import Expression, Parameter, as_argument, collect_parameters
from hepnb.errors import ModelError, OptionError, nearest
from hepnb.losses.density_term import Sums
from hepnb.typing import FloatArray

__all__ = ["CurveTerm", "Points"]

_INNER = 60


@dataclass(frozen=True, eq=False)
class Points:
    """Measured values of a curve.

    Parameters
    ----------
    y : ndarray, shape (n,)
        The values.
    x : ndarray, shape (n,) or (n_dim, n)
        Where they were measured.
    """

    y: FloatArray
    x: FloatArray

    @property
    def arrays(self) -> tuple[FloatArray, ...]:
        """What it consists of."""
        return self.x, self.y


class CurveTerm:
    """A curve and how it is compared with points.

    Parameters
    ----------
    function : callable
        ``function(x, first, second, ...)``.
    arguments : mapping of str to float, Parameter or Expression
        The parameters by the names in the signature.
    data : Points
        Measured.
    yerror, xerror : ndarray, shape (n,), or None
        Standard deviations.
    covariance : ndarray, shape (n, n), or None
        Of y, in place of ``yerror``.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        data: Points,
        yerror: FloatArray | None,
        xerror: FloatArray | None,
        covariance: FloatArray | None,
    ) -> None:
        names = _argument_names(function)
        for name in arguments:
            if name not in names:
                raise OptionError(f"the curve has no parameter {name!r}. {nearest(name, names)}")
        missing = [name for name in names if name not in arguments]
        if missing:
            raise OptionError(
                f"the curve: {', '.join(missing)} missing. Give a number or a Parameter for each."
            )
        self.function, self.data = function, data
        self.expressions: tuple[Expression, ...] = tuple(
            as_argument(n, arguments[n], None, "the curve") for n in names
        )
        self.parameters: tuple[Parameter, ...] = collect_parameters(self.expressions)
        self._names = tuple(p.name for p in self.parameters)
        self.yerror, self.xerror, self.covariance = yerror, xerror, covariance
        self._whitener = None
        if covariance is not None:
            try:
                self._whitener = np.linalg.inv(np.linalg.cholesky(covariance))
            except np.linalg.LinAlgError:
                raise ModelError("the covariance of y is not positive definite.") from None

    def with_data(self, data: Any) -> CurveTerm:
        """Return the same term with other observed data."""
        other = copy.copy(self)
        other.data = data
        return other

    def describe(self) -> str:
        """Return a few words for messages and checkpoints."""
        return f"chi-square of {getattr(self.function, '__name__', 'a curve')}({', '.join(self._names)})"

    def yields(self) -> tuple[str, ...]:
        """Return the names of yields: it has none."""
        return ()

    def coarse(self, part: Any, least: int) -> None:
        """Return nothing: points are few."""

    def constant(self, part: Any) -> float:  # noqa: ARG002
        """Return 0: chi-square is 0 where the curve meets the points."""
        return 0.0

    def n_points(self, part: Any) -> int:
        """Return the number of points."""
        return int(part.y.size)

    def scores(self, point: FloatArray, part: Any) -> None:
        """Return nothing: points have no weights."""

    def curve(self, values: Mapping[str, Any], x: Any) -> Any:
        """Return the curve at values of the parameters by name."""
        arguments = [e.at(values) for e in self.expressions]
        return with_derivatives(lambda *a: self.function(x, *a), arguments, np.shape(value_of(x))[-1:])

    def draw(
        self, values: Mapping[str, float], size: int, rng: np.random.Generator, like: Points
    ) -> list[Points]:
        """Draw points around the curve."""
        middle = np.asarray(self.curve(values, like.x))
        if self.xerror is not None:
            # The true x are taken to be the measured ones.
            x = like.x + rng.normal(size=(size, like.x.size)) * self.xerror
        else:
            x = [like.x] * size  # type: ignore[assignment]
        if self.covariance is not None:
            y = rng.multivariate_normal(middle, self.covariance, size)
        else:
            y = middle + rng.normal(size=(size, middle.size)) * np.asarray(self.yerror)
        return [Points(row, where) for row, where in zip(y, x, strict=True)]

    def asimov(self, values: Mapping[str, float], like: Points) -> Points:
        """Return points on the curve."""
        return Points(np.array(self.curve(values, like.x), dtype=float), like.x)

    def objective(self, points: FloatArray, parts: Sequence[Any], order: int) -> Sums:
        """Evaluate chi-square of some fits; see :meth:`DensityTerm.objective`."""
        lanes, size = points.shape
        value = np.full(lanes, np.inf)
        gradient, curvature = np.zeros((lanes, size)), np.zeros((lanes, size, size))
        with np.errstate(all="ignore"):
            for lane, (point, part) in enumerate(zip(points, parts, strict=True)):
                found = (
                    self._profiled(point, part)
                    if self.xerror is not None
                    else self._plain(point, part, order)
                )
                if np.isfinite(found[0]):
                    value[lane], gradient[lane], curvature[lane] = found
        return Sums(value, gradient, curvature)

    def _values(self, point: FloatArray, jets: bool) -> dict[str, Any]:
        if not jets:
            return dict(zip(self._names, point.tolist(), strict=True))
        return {name: Jet(float(point[i]), {i: 1.0}, {}) for i, name in enumerate(self._names)}

    def _plain(self, point: FloatArray, part: Points, order: int) -> tuple[Any, Any, Any]:
        size, n = point.size, part.y.size
        f = self.curve(self._values(point, order > 0), part.x)
        value, slopes, bends = flat(f, n, size)
        residual = part.y - value
        if self._whitener is not None:
            white = self._whitener @ residual
            pull = self._whitener.T @ white
            tilt = self._whitener @ slopes
        else:
            weight = 1.0 / np.asarray(self.yerror)
            white, tilt = residual * weight, slopes * weight[:, None]
            pull = white * weight
        gradient = -2 * slopes.T @ pull
        curvature = 2 * tilt.T @ tilt - 2 * np.einsum("n,nij->ij", pull, bends)
        return float(white @ white), gradient, curvature

    def _profiled(self, point: FloatArray, part: Points) -> tuple[Any, Any, Any]:
        """Minimise over the true x of every point, and give the derivatives of the minimum.

        With h the two terms of a point, dh/dx = 0 at the minimum: the gradient is that of h, and the second
        derivatives are h'' - h_px h_xp / h_xx.
        """
        size, n, x_slot = point.size, part.y.size, point.size
        values = self._values(point, True)
        x, xe, ye = part.x.copy(), np.asarray(self.xerror), np.asarray(self.yerror)

        def terms(where: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
            jet = with_derivatives(
                self.function,
                [Jet(where, {x_slot: 1.0}, {}), *(e.at(values) for e in self.expressions)], (n,),
            )  # fmt: skip
            f = [first_of(jet, i) * np.ones(n) for i in range(size + 1)]
            pull = (part.y - value_of(jet)) / ye**2
            h = ((part.x - where) / xe) ** 2 + (part.y - value_of(jet)) ** 2 / ye**2
            first = np.stack([-2 * pull * part_f for part_f in f], axis=1)
            first[:, x_slot] += -2 * (part.x - where) / xe**2
            second = np.empty((n, size + 1, size + 1))
            for i in range(size + 1):
                for j in range(size + 1):
                    second[:, i, j] = 2 * f[i] * f[j] / ye**2 - 2 * pull * second_of(jet, i, j)
            second[:, x_slot, x_slot] += 2 / xe**2
            return h, first, second

        h, first, second = terms(x)
        for _ in range(_INNER):
            bend = second[:, x_slot, x_slot]
            # Where the curvature is not positive, that of a straight line.
            safe = np.where(bend > 0, bend, 2 / xe**2)
            step = -first[:, x_slot] / safe
            step = np.clip(step, -2 * xe, 2 * xe)
            if np.abs(step / xe).max() < 1e-13:
                break
            length = np.ones(n)
            for _ in range(12):
                trial = terms(x + length * step)
                worse = ~(trial[0] <= h + 1e-15 * (1 + np.abs(h)))
                if not worse.any():
                    break
                length = np.where(worse, 0.5 * length, length)
            x = x + length * step
            h, first, second = trial
        own = second[:, x_slot, x_slot]
        cross = second[:, :size, x_slot]
        curvature = second[:, :size, :size].sum(axis=0) - (cross / own[:, None]).T @ cross
        return float(h.sum()), first[:, :size].sum(axis=0), curvature


def _argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        names = tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = ()
    if len(names) < 2:
        raise ModelError(f"{function!r:.60} is no curve. Give a function of x and of named parameters.")
    return names[1:]
