"""Distribution functions of densities, and events drawn by inverting them, or by rejection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hepnb.densities.quadrature import Nodes
from hepnb.errors import ModelError
from hepnb.typing import FloatArray, IntArray

__all__ = ["inverse_draws", "probability_below", "rejection_draws"]

_N = 16
_X, _W = np.polynomial.legendre.leggauss(_N)
_BISECTIONS, _TURNS = 6, 10
# Pieces of a panel, and by how much the density may change along one: the cubics are good to 1e-7 of it.
_PIECES, _NEARLY = 64, 1.15


def inverse_draws(nodes: Nodes, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw from the density that nodes of :func:`~hepnb.densities.quadrature.integrate` describe.

    In each panel the density is the polynomial of degree 15 through its nodes, which the integration has
    found to be exact to rounding; its integral is inverted, by interpolation where it is nearly straight.

    Parameters
    ----------
    nodes : Nodes
        Of one set of parameters.
    size : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (size,)
        Events.
    """
    weight = np.exp(nodes.log_weight + nodes.log_value - (nodes.log_weight + nodes.log_value).max())
    parts = weight.reshape(-1, _N).sum(axis=1)
    ends = np.cumsum(parts)
    u = rng.uniform(0.0, ends[-1], size)
    panel = np.minimum(np.searchsorted(ends, u, side="right"), len(parts) - 1)
    target = u - (ends - parts)[panel]
    series, integral = _series(nodes)
    share = target / parts[panel] * integral.sum(axis=1)[panel]
    return _tabled(integral, series, panel, share, nodes.low, nodes.high)


def probability_below(nodes: Nodes, x: FloatArray) -> FloatArray:
    """Return the distribution function of the density that nodes describe.

    Parameters
    ----------
    nodes : Nodes
        Of one set of parameters.
    x : ndarray
        Where.

    Returns
    -------
    ndarray
        0 below the first panel, 1 above the last, and constant between two ranges; nan where x is.
    """
    weight = np.exp(nodes.log_weight + nodes.log_value - (nodes.log_weight + nodes.log_value).max())
    ends = np.cumsum(weight.reshape(-1, _N).sum(axis=1))
    below = np.concatenate([[0.0], ends])
    _, integral = _series(nodes)
    where = x.ravel()
    panel = np.clip(np.searchsorted(nodes.low, where, side="right") - 1, 0, len(ends) - 1)
    t = (2 * where - nodes.low[panel] - nodes.high[panel]) / (nodes.high - nodes.low)[panel]
    coefficients = integral[panel].T
    inside = np.polynomial.legendre.legval(np.clip(t, -1.0, 1.0), coefficients, tensor=False)
    whole = integral.sum(axis=1)[panel]
    share = np.clip(np.divide(inside, whole, out=np.zeros_like(inside), where=whole > 0), 0.0, 1.0)
    found = (below[panel] + share * np.diff(below)[panel]) / ends[-1]
    return np.asarray(np.where(np.isnan(where), np.nan, found).reshape(x.shape))


def _series(nodes: Nodes) -> tuple[FloatArray, FloatArray]:
    """Return Legendre coefficients in each panel, and those of the integral from its low end."""
    heights = nodes.log_value.reshape(-1, _N)
    tops = heights.max(axis=1, keepdims=True)
    density = np.exp(heights - np.where(np.isfinite(tops), tops, 0.0))
    degree = np.arange(_N)
    basis = np.polynomial.legendre.legvander(_X, _N - 1)
    series = (density * _W) @ basis * (degree + 0.5)
    integral = np.zeros((len(series), _N + 1))
    integral[:, 1:] += series / (2 * degree + 1)
    integral[:, :-2] -= series[:, 1:] / (2 * degree[1:] + 1)
    integral[:, 0] -= integral @ np.where(np.arange(_N + 1) % 2, -1.0, 1.0)
    return series, integral


def _tabled(
    integral: FloatArray,
    series: FloatArray,
    panel: IntArray,
    share: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Invert by Hermite's cubics between points so close that the density hardly changes, else exactly."""
    t = np.linspace(-1.0, 1.0, _PIECES + 1)
    sums = integral @ np.polynomial.legendre.legvander(t, _N).T
    heights = series @ np.polynomial.legendre.legvander(t, _N - 1).T
    smooth = np.minimum(heights[:, 1:], heights[:, :-1]) * _NEARLY > np.maximum(
        heights[:, 1:], heights[:, :-1]
    )
    # One search for all: the running sums of panel k lie between k and k + 1.
    scale = np.where(sums[:, -1:] > 0, sums[:, -1:], 1.0)
    ladder = (sums[:, :-1] / scale + np.arange(len(sums))[:, None]).ravel()
    piece = np.searchsorted(ladder, share / scale[panel, 0] + panel, side="right") - 1
    row, column = piece // _PIECES, piece % _PIECES
    row = np.where(row == panel, row, panel)
    a, b = sums[row, column], sums[row, column + 1]
    width = np.where(b > a, b - a, 1.0)
    s = (share - a) / width
    step = 2.0 / _PIECES
    with np.errstate(divide="ignore", invalid="ignore"):
        begin, end = width / heights[row, column], width / heights[row, column + 1]
        place = t[column] + s * (begin + s * (3 * step - 2 * begin - end + s * (begin + end - 2 * step)))
    result = low[panel] + 0.5 * (high - low)[panel] * (1 + place)
    hard = ~(smooth[row, column] & (s >= 0) & (s <= 1))
    if hard.any():
        few = panel[hard]
        result[hard] = _inverted(integral[few], share[hard], low[few], high[few])
    return np.asarray(np.clip(result, low[panel], high[panel]))


def _inverted(integral: FloatArray, share: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Solve integral(t) = share for t in [-1, 1]: bisection, then Newton's steps kept inside the bracket."""
    table = integral.T
    slope = np.polynomial.legendre.legder(table, axis=0)
    a, b = np.full(share.size, -1.0), np.full(share.size, 1.0)
    t = 0.5 * (a + b)
    for turn in range(_TURNS):
        excess = np.polynomial.legendre.legval(t, table, tensor=False) - share
        a, b = np.where(excess < 0, t, a), np.where(excess < 0, b, t)
        t = 0.5 * (a + b)
        if turn >= _BISECTIONS:
            rate = np.polynomial.legendre.legval(t, slope, tensor=False)
            here = np.polynomial.legendre.legval(t, table, tensor=False) - share
            t = np.clip(t - np.where(rate > 0, here / np.where(rate > 0, rate, 1.0), 0.0), a, b)
    return np.asarray(np.clip(low + 0.5 * (high - low) * (1 + t), low, high))


def rejection_draws(
    log_density: Callable[[FloatArray], FloatArray],
    box: FloatArray,
    size: int,
    rng: np.random.Generator,
    what: str,
) -> FloatArray:
    """Draw from a density of several observables by rejection.

    Parameters
    ----------
    log_density : callable
        Takes events, shape (n, n_dim); gives logarithms, up to a constant.
    box : ndarray, shape (n_dim, 2)
        Where to look.
    size : int
        How many.
    rng : numpy.random.Generator
        Source of chance.
    what : str
        The density, for messages.

    Returns
    -------
    ndarray, shape (size, n_dim)
        Events. Where the density is found to be larger than all that was seen, drawing starts again with
        that bound.

    Raises
    ------
    ModelError
        Next to nothing is accepted.
    """
    first = rng.uniform(box[:, 0], box[:, 1], size=(20_000, len(box)))
    bound = float(log_density(first).max()) + 0.3
    kept: list[FloatArray] = []
    count, tries = 0, 0
    while count < size:
        n = int(np.clip(4 * (size - count), 1000, 100_000))
        x = rng.uniform(box[:, 0], box[:, 1], size=(n, len(box)))
        height = log_density(x)
        if height.max() > bound:
            bound, kept, count = float(height.max()) + 0.3, [], 0
            continue
        good = x[np.log(rng.uniform(size=n)) < height - bound]
        kept.append(good)
        count, tries = count + len(good), tries + n
        if tries > 50_000 and count < 1e-4 * tries:
            raise ModelError(f"{what}: it is too narrow in its range to be drawn from by rejection.")
    return np.concatenate(kept)[:size] if kept else np.empty((0, len(box)))
