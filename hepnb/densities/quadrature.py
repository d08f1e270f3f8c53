"""Integrals of densities to rounding, for many sets of parameters at once, in logarithms.

Panels between places of structure that a density names (its knots) are halved until Gauss-Legendre's
rule with
16 nodes on a panel and on its halves agree to 1e-14 of the whole integral. All is done relative to the
largest
value, so that a range in which a density is 1e-300 of its peak is normalised as well as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hepnb.errors import ModelError
from hepnb.typing import FloatArray, IntArray

__all__ = ["Nodes", "Ranges", "gauss_legendre", "integrate", "log_segment_sums", "simple_panels"]

Ranges = tuple[tuple[float, float], ...]
"""Ranges of one observable, ascending and apart."""


@cache
def gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes in (-1, 1) and weights of Gauss-Legendre's rule, computed once for each number of nodes.

    Parameters
    ----------
    count : int
        How many nodes.

    Returns
    -------
    nodes, weights : ndarray, shape (count,)
        Not to be written to.
    """
    rule = np.polynomial.legendre.leggauss(count)
    for array in rule:
        array.flags.writeable = False
    return rule


LogFunction = Callable[[FloatArray, IntArray], FloatArray]

_N_NODES = 16
_X, _W = np.polynomial.legendre.leggauss(_N_NODES)
_LOG_W = np.log(_W)
_HIGHEST = np.polynomial.legendre.legvander(_X, _N_NODES - 1)[:, -2:] * _W[:, None] * (_N_NODES - 0.5)
# The ends, a little inside, and what the polynomial through the nodes is there.
_ENDS = np.array([-1.0, 1.0]) * (1 - 1e-9)
_X_AND_ENDS = np.concatenate([_X, _ENDS])
_AT_ENDS = (
    np.polynomial.legendre.legvander(_ENDS, _N_NODES - 1)
    * (np.arange(_N_NODES) + 0.5)
    @ (np.polynomial.legendre.legvander(_X, _N_NODES - 1).T * _W)
).T
_TOLERANCE, _ROUGH, _DEPTH = 1e-14, 1e-11, 48
# A panel that cannot be halved any more may not have more of the whole.
_STUCK = 1e-6
# A panel whose part of the whole is below exp(-50) needs no halving.
_NOTHING = 50.0


@dataclass(frozen=True)
class Nodes:
    """Where to evaluate a function to integrate it.

    Parameters
    ----------
    x : ndarray, shape (node,)
        Abscissae.
    log_weight : ndarray, shape (node,)
        Logarithms of the weights.
    log_value : ndarray, shape (node,)
        The logarithm of the function there.
    lane : ndarray of int, shape (node,)
        The set of parameters that each belongs to, ascending.
    starts : ndarray of int, shape (lane,)
        The first node of each.
    low, high : ndarray, shape (panel,)
        Panels; each has 16 consecutive nodes.
    """

    x: FloatArray
    log_weight: FloatArray
    log_value: FloatArray
    lane: IntArray
    starts: IntArray
    low: FloatArray
    high: FloatArray

    def log_integral(self) -> FloatArray:
        """Return the logarithm of the integral of each set of parameters."""
        return log_segment_sums(self.log_weight + self.log_value, self.starts, self.lane)


def log_segment_sums(exponents: FloatArray, starts: IntArray, lane: IntArray) -> FloatArray:
    """Return the logarithm of the sum of exponentials of each segment."""
    top = np.maximum.reduceat(exponents, starts)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.add.reduceat(np.exp(exponents - safe[lane]), starts)) + safe)


def simple_panels(
    ranges: Ranges, knots: Sequence[FloatArray | float], lanes: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Cut ranges at knots.

    Parameters
    ----------
    ranges : tuple of pairs
        The ranges.
    knots : sequence of float or ndarray of shape (lane,)
        Places, in any order, also outside.
    lanes : int
        How many sets of parameters.

    Returns
    -------
    low, high : ndarray, shape (panel,)
        Ends of the panels, none of them empty.
    lane : ndarray of int, shape (panel,)
        Whose they are.
    """
    table = np.array([np.broadcast_to(knot, (lanes,)) for knot in knots]).reshape(len(knots), lanes)
    lows, highs, owners = [], [], []
    for low, high in ranges:
        ends = np.full((1, lanes), low), np.full((1, lanes), high)
        with np.errstate(invalid="ignore"):
            inside = np.clip(np.where(np.isnan(table), low, table), low, high)
        edges = np.sort(np.concatenate([ends[0], inside, ends[1]]), axis=0)
        lows.append(edges[:-1].ravel())
        highs.append(edges[1:].ravel())
        owners.append(np.tile(np.arange(lanes), len(edges) - 1))
    low_ends, high_ends, lane = np.concatenate(lows), np.concatenate(highs), np.concatenate(owners)
    kept = high_ends - low_ends > 8e-16 * np.maximum(np.abs(low_ends), np.abs(high_ends))
    # One panel of each range stays, whatever the knots.
    return low_ends[kept], high_ends[kept], lane[kept]


def integrate(
    log_function: LogFunction, ranges: Ranges, knots: Sequence[FloatArray | float], lanes: int, what: str
) -> Nodes:
    """Find nodes that integrate a positive function over ranges to rounding.

    Parameters
    ----------
    log_function : callable
        Takes abscissae and the set of parameters of each, both of shape (panel, 16); gives the logarithm of
        the function, -inf where it is 0.
    ranges : tuple of pairs
        The ranges.
    knots : sequence of float or ndarray of shape (lane,)
        Places of structure: peaks, kinks, and points a few widths away.
    lanes : int
        How many sets of parameters.
    what : str
        What is integrated, for messages.

    Returns
    -------
    Nodes
        At least two panels of each range.

    Raises
    ------
    ModelError
        The function is infinite or undefined somewhere.
    """
    low, high, lane = simple_panels(ranges, knots, lanes)
    value, size, _ = _panel(log_function, low, high, lane, what)
    done: list[tuple[FloatArray, ...]] = []
    finished = np.zeros(lanes)
    top = np.full(lanes, -np.inf)
    np.maximum.at(top, lane, size)
    for depth in range(_DEPTH):
        middle = 0.5 * (low + high)
        halves_low, halves_high = np.concatenate([low, middle]), np.concatenate([middle, high])
        halves_lane = np.concatenate([lane, lane])
        halves_value, halves_size, rough = _panel(log_function, halves_low, halves_high, halves_lane, what)
        new_top = top.copy()
        np.maximum.at(new_top, halves_lane, halves_size)
        base = np.where(np.isfinite(new_top), new_top, 0.0)
        finished *= np.exp(np.where(np.isfinite(top), top, base) - base)
        top = new_top
        one, two = np.split(np.exp(halves_size - base[halves_lane]), 2)
        both = one + two
        whole = finished + np.bincount(lane, both, lanes)
        # Both sums may be wrong alike where the function jumps: then its high harmonics are large.
        rough_parts = np.split(np.exp(rough - base[halves_lane]), 2)
        # In a narrow panel the rounding of x itself moves the function.
        noise = 2e-15 * np.maximum(np.abs(low), np.abs(high)) / (high - low)
        wrong = np.abs(np.exp(size - base[lane]) - both) > _TOLERANCE * whole[lane] + noise * both
        wrong |= np.maximum(*rough_parts) > _ROUGH * whole[lane] + noise * both
        if (~(noise < 1e-3) & (both > _STUCK * whole[lane])).any():
            place = low[np.argmax(both * (noise >= 1e-3))]
            raise ModelError(f"{what} grows without bound near {place:.6g}: it cannot be normalised.")
        wrong &= both > np.exp(-_NOTHING) * whole[lane]
        wrong &= high - low > 1e-14 * np.maximum(np.abs(low), np.abs(high))
        if depth == _DEPTH - 1:
            stuck = wrong & (both > _STUCK * whole[lane]) & (np.abs(one - two) > 0.1 * both)
            if stuck.any():
                # At 0 abscissae stay exact: next to a pole one half has more than the other, however narrow.
                raise ModelError(
                    f"{what} grows without bound near {low[np.argmax(stuck)]:.6g}: it cannot be normalised."
                )
            wrong[:] = False
        good = np.concatenate([~wrong, ~wrong])
        done.append((halves_low[good], halves_high[good], halves_lane[good], halves_value[good]))
        finished += np.bincount(lane[~wrong], both[~wrong], lanes)
        if not wrong.any():
            break
        bad = ~good
        low, high, lane = halves_low[bad], halves_high[bad], halves_lane[bad]
        size = halves_size[bad]
    low, high, lane, value = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.lexsort((low, lane))
    low, high, lane, value = low[order], high[order], lane[order], value[order]
    half = 0.5 * (high - low)
    x = 0.5 * (low + high)[:, None] + half[:, None] * _X
    owner = np.repeat(lane, _N_NODES)
    return Nodes(
        x.ravel(), (np.log(half)[:, None] + _LOG_W).ravel(), value.ravel(), owner,
        np.searchsorted(owner, np.arange(lanes)), low, high,
    )  # fmt: skip


def _panel(
    log_function: LogFunction, low: FloatArray, high: FloatArray, lane: IntArray, what: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the logarithm of a function at the nodes of panels, of its integral, and of its roughness.

    The roughness is the larger of its two highest Legendre coefficients, or what it jumps by next to an end,
    times half the width.
    """
    half = 0.5 * (high - low)[:, None]
    x = 0.5 * (low + high)[:, None] + half * _X_AND_ENDS
    whole = np.asarray(log_function(x, np.broadcast_to(lane[:, None], x.shape)), dtype=float)
    value = whole[:, :_N_NODES]
    if np.isnan(value).any() or np.isposinf(value).any():
        place = x[:, :_N_NODES][~(value < np.inf)][0]
        raise ModelError(
            f"{what} is negative, infinite or undefined near {place:.6g}: it cannot be normalised."
        )
    top = value.max(axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)[:, None]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        height, width = np.exp(value - safe), np.log(half[:, 0])
        size = np.log(height @ _W) + safe[:, 0] + width
        harmonics = np.abs(height @ _HIGHEST).max(axis=1)
        # A jump beyond the outermost nodes shows only there, and is wrong by that part of the panel.
        beyond = np.abs(np.exp(whole[:, _N_NODES:] - safe) - height @ _AT_ENDS).max(axis=1) * (1 - _X[-1])
        rough = np.log(np.fmax(harmonics, np.where(np.isfinite(beyond), beyond, 0.0))) + safe[:, 0] + width
    return value, np.asarray(size), np.asarray(rough)
