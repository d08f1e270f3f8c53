"""Densities made from data: histograms and kernel estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepnb.densities.density import as_floats, as_ranges
from hepnb.densities.shape import ShapeDensity
from hepnb.errors import ModelError, check_choice
from hepnb.typing import FloatArray

__all__ = ["Histogram", "KernelDensity"]


def _counts(histogram: Any) -> tuple[FloatArray, FloatArray]:
    """Return contents and edges of a histogram, or of a pair of them."""
    if hasattr(histogram, "axes") and hasattr(histogram, "values"):
        if len(histogram.axes) != 1:
            raise ModelError(f"the histogram has {len(histogram.axes)} axes; a template has one.")
        return np.asarray(histogram.values(), dtype=float), np.asarray(histogram.axes[0].edges, dtype=float)
    try:
        contents, edges = (np.asarray(part, dtype=float) for part in histogram)
    except (TypeError, ValueError):
        raise ModelError(f"histogram={histogram!r:.60}. Give a hist.Hist, or (contents, edges).") from None
    return contents, edges


class Histogram(ShapeDensity):
    """A template: the density of a histogram.

    Parameters
    ----------
    histogram : hist.Hist, or pair of array_like
        Contents and edges.
    interpolation : {"step", "spline"}
        Constant in each bin; or the monotone cubic through the running sum, which keeps every bin's content
        and is smooth.
    range : pair of float, or sequence of pairs, optional
        Where it lives; that of the histogram by default.
    observable : str
        Name of the observable.

    Examples
    --------
    >>> template = Histogram(([1.0, 3.0], [0.0, 1.0, 2.0]))
    >>> template.pdf([0.5, 1.5])
    array([0.25, 0.75])
    """

    name = "histogram"

    def __init__(
        self, histogram: Any, *, interpolation: str = "step", range: Any = None, observable: str = "x"
    ) -> None:
        contents, edges = _counts(histogram)
        check_choice(interpolation, ("step", "spline"), "interpolation")
        if contents.ndim != 1 or edges.shape != (contents.size + 1,) or not (np.diff(edges) > 0).all():
            raise ModelError(
                f"a template needs one more edge than contents, ascending: {contents.shape}, {edges.shape}."
            )
        if not np.isfinite(contents).all() or (contents < 0).any() or not contents.sum() > 0:
            raise ModelError("a template's contents must be finite, not negative, and not all 0.")
        whole = (float(edges[0]), float(edges[-1]))
        chosen = as_ranges(whole if range is None else range, "histogram")
        if chosen[0][0] < whole[0] or chosen[-1][1] > whole[1]:
            raise ModelError(f"the range {range!r:.60} goes beyond the histogram's, {whole}.")
        self.contents, self.edges, self.interpolation = contents, edges, interpolation
        self._heights = contents / contents.sum() / np.diff(edges)
        self._slopes = None
        if interpolation == "spline":
            from scipy.interpolate import PchipInterpolator  # noqa: PLC0415  # slow to import

            sums = np.concatenate([[0.0], np.cumsum(contents / contents.sum())])
            self._slopes = PchipInterpolator(edges, sums).derivative()
        super().__init__(range=chosen, observable=observable)

    def log_shape(self, x: Any, *arguments: Any) -> Any:  # noqa: ARG002
        """Return the logarithm of the template."""
        with np.errstate(divide="ignore"):
            if self._slopes is not None:
                return np.log(np.maximum(self._slopes(x), 0.0))
            place = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, self.contents.size - 1)
            return np.log(self._heights[place])

    def shape_knots(self, *arguments: Any) -> list[Any]:  # noqa: ARG002
        """Return the edges."""
        return list(self.edges)


class KernelDensity(ShapeDensity):
    """A sum of Gaussians, one for each event of a sample.

    Parameters
    ----------
    sample : array_like, shape (n,)
        Events to be described; those out of range count too.
    range : pair of float, or sequence of pairs
        Where it lives; normalised there.
    bandwidth : float, optional
        Width of the Gaussians; Silverman's 0.9 min(sigma, IQR / 1.34) n^(-1/5) by default.
    weights : array_like, shape (n,), optional
        Weights of the sample.
    observable : str
        Name of the observable.

    References
    ----------
    B. W. Silverman, Density Estimation (1986), equation (3.31).

    Examples
    --------
    >>> smooth = KernelDensity([-0.5, 0.0, 0.5], range=(-5, 5), bandwidth=1.0)
    >>> float(smooth.pdf(0.0).round(5))
    0.36769
    """

    name = "kernel_density"

    def __init__(
        self,
        sample: ArrayLike,
        *,
        range: Any,
        bandwidth: float | None = None,
        weights: ArrayLike | None = None,
        observable: str = "x",
    ) -> None:
        events = as_floats(sample, "the sample of a kernel density").ravel()
        weight = np.ones(events.size)
        if weights is not None:
            weight = as_floats(weights, "the weights of a kernel density").ravel()
        if not events.size or not np.isfinite(events).all():
            raise ModelError("a kernel density needs events, all finite.")
        if (
            weight.shape != events.shape
            or not np.isfinite(weight).all()
            or (weight < 0).any()
            or not weight.sum() > 0
        ):
            raise ModelError("the weights of a kernel density are one each, not negative, and not all 0.")
        if bandwidth is None:
            spread = np.std(events)
            quartiles = np.subtract(*np.percentile(events, [75, 25])) / 1.34
            bandwidth = 0.9 * min(v for v in (spread, quartiles, np.inf) if v > 0) * events.size**-0.2
        width: Any = bandwidth
        if not isinstance(width, int | float | np.number) or not 0 < width < np.inf:
            raise ModelError(f"bandwidth={bandwidth!r}: give a positive number.")
        order = np.argsort(events)
        self._events, self._weights = events[order], weight[order] / weight.sum()
        self.bandwidth = float(bandwidth)
        super().__init__(range=range, observable=observable)

    def log_shape(self, x: Any, *arguments: Any) -> Any:  # noqa: ARG002
        """Return the logarithm of the sum."""
        where = np.asarray(x, dtype=float)
        flat, result = where.ravel(), np.empty(where.size)
        step = max(1, 2_000_000 // self._events.size)
        for begin in np.arange(0, flat.size, step):
            some = flat[begin : begin + step, None]
            exponent = -0.5 * ((some - self._events) / self.bandwidth) ** 2
            top = exponent.max(axis=1, keepdims=True)
            result[begin : begin + step] = np.log(np.exp(exponent - top) @ self._weights) + top[:, 0]
        return result.reshape(where.shape)

    def shape_knots(self, *arguments: Any) -> list[Any]:  # noqa: ARG002
        """Return a grid of about two bandwidths, not more than some hundred places."""
        low, high = self.span
        count = int(np.clip((high - low) / (2 * self.bandwidth), 8, 200))
        return list(np.linspace(low, high, count + 1)[1:-1])
