"""The exponential."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.densities.jets import Jet, apply, value_of
from hepnb.densities.shape import ShapeDensity

__all__ = ["Exponential"]


class Exponential(ShapeDensity):
    """exp(lambda x), normalised on its range; a positive lambda rises.

    Parameters
    ----------
    range : pair of float, or sequence of pairs
        Where it lives.
    observable : str
        Name of the observable.
    lambda_ : float, Parameter or Expression
        The slope; ``**{"lambda": -0.3}`` is the same.

    Examples
    --------
    >>> falling = Exponential(range=(0, 10), lambda_=-0.8)
    >>> float(falling.pdf(0.0).round(6)), falling.parameter_names
    (0.800268, ('lambda',))
    """

    name = "exponential"
    arguments = ("lambda",)

    def log_shape(self, x: Any, *arguments: Any) -> Any:
        """Return lambda (x - x0), with x0 the edge at which it is largest."""
        (slope,) = arguments
        low, high = self.span
        value = value_of(slope)
        edge = (low if value <= 0 else high) if np.ndim(value) == 0 else np.where(value <= 0, low, high)
        return slope * (x - edge)

    def shape_knots(self, *arguments: Any) -> list[Any]:
        """Return points some decay lengths away from the edge at which it is largest."""
        slope = np.asarray(arguments[0], dtype=float)
        low, high = self.span
        edge = np.where(slope <= 0, low, high)
        length = -1.0 / np.where(slope == 0, -1.0, slope)
        return [edge + step * length for step in (1.0, 3.0, 6.0, 10.0, 15.0, 21.0, 28.0, 36.0, 50.0)]

    def log_integral(self, low: float, high: float, *arguments: Any) -> Any:
        """Return the closed form, which is exact for every slope, 0 as well."""
        (slope,) = arguments
        width = high - low
        return self.log_shape(low, slope) + _log_mean_exp(slope * width) + np.log(width)


def _log_mean_exp(z: Any) -> Any:
    """Return log((exp(z) - 1) / z), 0 at 0: the mean of exp over (0, z)."""
    v = np.asarray(value_of(z), dtype=float)
    small = np.abs(v) < 0.3
    size = np.where(small, 1.0, np.abs(v))
    # With -|z| nothing overflows; the mean over (0, z) is exp(z) times that over (0, -z).
    away = np.log(-np.expm1(-size)) - np.log(size) + np.where(v > 0, size, 0.0)
    s = v * v
    near = v / 2 + s * (1 / 24 - s * (1 / 2880 - s * (1 / 181440 - s / 9676800)))
    value = np.where(small, near, away)
    if not isinstance(z, Jet):
        return value
    decay = np.exp(-size)
    ratio = decay / -np.expm1(-size)
    slope_away = np.where(v > 0, 1 + ratio - 1 / size, 1 / size - ratio)
    slope_near = 0.5 + v * (1 / 12 - s * (1 / 720 - s * (1 / 30240 - s / 1209600)))
    bend_away = 1 / size**2 - ratio * (1 + ratio)
    bend_near = 1 / 12 - s * (1 / 240 - s * (1 / 6048 - s / 172800))
    return apply(z, value, np.where(small, slope_near, slope_away), np.where(small, bend_near, bend_away))
