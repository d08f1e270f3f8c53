"""Counts in bins against exact integrals of a density."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.densities.quadrature import gauss_legendre
from hepnb.losses.data import Counts
from hepnb.losses.mixture import Mixture, Prepared
from hepnb.typing import FloatArray, IntArray

__all__ = ["bin_nodes", "binned_sums", "expected_counts"]


def bin_nodes(part: Counts, knots: list[float]) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Cut bins at the places of structure of a density, and put nodes into the pieces.

    Parameters
    ----------
    part : Counts
        The bins.
    knots : list of float
        Places of structure.

    Returns
    -------
    x, weight : ndarray, shape (node,)
        Nodes of Gauss-Legendre's rule in every piece, and their weights.
    starts : ndarray of int, shape (bin,)
        The first node of each bin.
    owner : ndarray of int, shape (node,)
        The bin of each node.
    """
    cuts = np.unique(np.array([k for k in knots if part.low[0] < k < part.high[-1]]))
    place = np.searchsorted(part.high, cuts, side="right")
    inside = (place < part.low.size) & (part.low[np.minimum(place, part.low.size - 1)] < cuts)
    cuts = cuts[inside]
    low = np.sort(np.concatenate([part.low, cuts]))
    high = np.sort(np.concatenate([part.high, cuts]))
    nodes, weights = gauss_legendre(part.nodes)
    half = 0.5 * (high - low)[:, None]
    x = 0.5 * (low + high)[:, None] + half * nodes
    starts = np.searchsorted(low, part.low) * part.nodes
    sizes = np.diff(np.append(starts, x.size))
    return x.ravel(), (half * weights).ravel(), starts, np.repeat(np.arange(starts.size), sizes)


def expected_counts(mixture: Mixture, one: Prepared, part: Counts) -> FloatArray:
    """Return the integral of a mixture over each bin: a probability, or an expected number."""
    x, weight, starts, _ = bin_nodes(part, mixture.knots(one))
    found = mixture.evaluate(one, x, None, 0)
    return np.asarray(np.add.reduceat(weight * np.exp(found.log_density), starts))


def binned_sums(
    mixture: Mixture, one: Prepared, part: Counts, extended: bool, order: int
) -> tuple[Any, Any, Any]:
    """Return -2 log L over its value at rates equal to the counts, with derivatives in the arguments.

    Parameters
    ----------
    mixture : Mixture
        The density.
    one : Prepared
        At one point.
    part : Counts
        The data.
    extended : bool
        Poisson laws of the counts; or else a multinomial law, in which the rates are relative to their sum.
    order : {0, 1, 2}
        Highest derivative.

    Returns
    -------
    value : float
    gradient, curvature : ndarray
    """
    x, weight, starts, owner = bin_nodes(part, mixture.knots(one))
    found = mixture.evaluate(one, x, None, order)
    size, n = mixture.n_arguments, part.counts
    nothing = np.zeros(size), np.zeros((size, size))
    if np.isnan(found.log_density).any():
        return np.inf, *nothing
    density = weight * np.exp(found.log_density)
    rate = np.add.reduceat(density, starts)
    filled = n > 0
    if (filled & ~(rate > 0)).any():
        return np.inf, *nothing
    safe = np.where(rate > 0, rate, 1.0)
    total = rate.sum()
    if extended:
        distance = (safe - n) / np.where(filled, n, 1.0)
        value = 2 * np.sum(np.where(filled, n * (distance - np.log1p(np.where(filled, distance, 0.0))), rate))
        ratio = n / safe
        slope = 2 * (1 - ratio)
    else:
        events = n.sum()
        share = np.where(filled, n / max(events, 1e-300), 1.0)
        value = -2 * np.sum(np.where(filled, n * np.log(safe / total / share), 0.0))
        ratio = n / safe
        slope = 2 * (events / total - ratio)
    if not order:
        return value, *nothing
    # Derivatives of the rates: of exp(log p) they are p G, and p S in sums of second ones.
    slots, rows, scale = found.rows()
    table = np.zeros((n.size, size))
    table[:, slots] = (np.add.reduceat(rows * density, starts, axis=1) * scale[:, None]).T
    gradient = slope @ table
    curvature = found.second(density * slope[owner]) + 2 * (table * (ratio / safe)[:, None]).T @ table
    if not extended:
        whole = table.sum(axis=0)
        curvature -= 2 * n.sum() / total**2 * np.outer(whole, whole)
    return value, gradient, curvature
