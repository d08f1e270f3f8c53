"""Conditional minima along the parameter of interest, each from the best start that is known.

A few values are fitted from the tangents at the free and at the Asimov minimum; between them the minima lie
on smooth curves, so that the others start from cubics through them and take two or three steps each.
"""

from __future__ import annotations

import numpy as np

from hepnb.fits import BatchedFit, Explored, explore, solve
from hepnb.fits.batched import shares_curvature
from hepnb.fits.neighbours import hand_over
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["along", "between", "starts", "sweep"]


# Between the values fitted first lie three others, where there are enough of them to be worth two rounds.
_EVERY, _MANY = 4, 17
# Minima on which a cubic stands, and one more.
_KNOTS = 5


def starts(
    model: FitModel,
    data: FloatArray,
    mu: FloatArray,
    origins: tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    known: tuple[FloatArray, BoolArray, FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """Choose for each lane the best of: a known minimum, its tangent, and the nearest value already tested.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (2 k, n_data)
        The data, then the Asimov data, k times each.
    mu : ndarray, shape (k,)
        Values of the POI.
    origins : pair of (point, slope)
        For the data and for the Asimov data, each of shape (n_parameters,).
    known : tuple, optional
        Values already tested, where they succeeded, and their minima for the data and the Asimov data.

    Returns
    -------
    ndarray, shape (2 k, n_parameters)
        Starts within the bounds.
    """
    poi = model.require_poi()
    both = np.concatenate([mu, mu])
    plain = np.concatenate([np.tile(origin, (mu.size, 1)) for origin, _ in origins])
    slope = np.concatenate([np.tile(slope, (mu.size, 1)) for _, slope in origins])
    choices = [plain, plain + (both - plain[:, poi])[:, None] * slope]
    if known is not None and known[1].any():
        tested, ok, fixed, fixed_asimov = known
        which = np.flatnonzero(ok)[np.abs(tested[ok][None, :] - mu[:, None]).argmin(axis=1)]
        choices.append(np.concatenate([fixed[which], fixed_asimov[which]]))
    points = _inside(model, np.concatenate(choices), np.tile(both, len(choices)))
    values = model.likelihood.objective(points, np.tile(data, (len(choices), 1)), 0).value
    best = np.argmin(values.reshape(len(choices), -1), axis=0)
    return np.asarray(points.reshape(len(choices), *plain.shape)[best, np.arange(len(data))])


def _inside(model: FitModel, points: FloatArray, mu: FloatArray) -> FloatArray:
    points = np.clip(points, *model.bounds.T)
    points[:, model.fixed] = model.init[model.fixed]
    points[:, model.require_poi()] = mu
    return points


def along(model: FitModel, data: FloatArray, start: FloatArray, fixed: BoolArray, mu: FloatArray) -> Explored:
    """Fit conditionally at many values of the POI.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (2 k, n_data)
        The data, then the Asimov data, k times each.
    start : ndarray, shape (2 k, n_parameters)
        Where each lane starts.
    fixed : ndarray of bool, shape (2 k, n_parameters)
        Parameters held, the POI among them.
    mu : ndarray, shape (k,)
        Values of the POI.

    Returns
    -------
    Explored
        One row per lane.
    """
    order = np.argsort(mu, kind="stable")
    knots = order
    cheap = bool(model.likelihood.operator_bytes) or shares_curvature(model.likelihood, 2 * mu.size)
    if mu.size >= _MANY and cheap:
        knots = order[np.unique(np.append(np.arange(0, mu.size, _EVERY), mu.size - 1))]
    lanes = np.concatenate([knots, mu.size + knots])
    some = explore(model, data[lanes], start[lanes], fixed[lanes])
    several = some.several
    explored = _spread(some, lanes, len(data))
    if knots.size < mu.size:
        rest = np.setdiff1d(np.arange(len(data)), lanes)
        begin = _between(model, some.fit, mu[knots], rest, mu, start)
        if several:
            begin = _best(model, data[rest], begin, some.fit.points, lanes, rest, mu)
        part = Explored.without_second(solve(model, data[rest], begin, fixed[rest], check_saddles=several))
        _fill(explored, part, rest)
    if mu.size > 1 and several:
        sweep(model, data, explored.fit, mu, fixed)
    return explored


def _between(
    model: FitModel, found: BatchedFit, knots: FloatArray, rest: IntArray, mu: FloatArray, start: FloatArray
) -> FloatArray:
    """Interpolate between the minima at the knots, for the data and for the Asimov data."""
    begin = start[rest].copy()
    for half in (0, 1):
        rows = slice(half * knots.size, (half + 1) * knots.size)
        here = np.flatnonzero(rest // mu.size == half)
        if found.ok[rows].all():
            begin[here] = _cubics(knots, mu[rest[here] - half * mu.size]) @ found.points[rows]
    return _inside(model, begin, np.concatenate([mu, mu])[rest])


def between(
    model: FitModel,
    data: FloatArray,
    known: tuple[FloatArray, FloatArray, FloatArray],
    mu: FloatArray,
    several: bool,
) -> FloatArray | None:
    """Interpolate starts between minima that are known.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (2 k, n_data)
        The data, then the Asimov data, k times each.
    known : tuple of ndarray
        Values of the POI tested, ascending, shape (n,), and their minima for the data and for the Asimov
        data, shape (n, n_parameters).
    mu : ndarray, shape (k,)
        Values of the POI to be tested.
    several : bool
        These may be different minima: the best of both neighbours and of what lies between them is chosen.

    Returns
    -------
    ndarray, shape (2 k, n_parameters), or None
        None where a value is not between those tested, or these are too few.
    """
    tested, *minima = known
    if tested.size < _KNOTS or mu.min() < tested[0] or mu.max() > tested[-1]:
        return None
    weights, values = _cubics(tested, mu), np.tile(mu, 2)
    start = _inside(model, np.concatenate([weights @ points for points in minima]), values)
    if not several:
        return start
    after = np.clip(np.searchsorted(tested, mu), 1, tested.size - 1)
    neighbours = [np.concatenate([points[side] for points in minima]) for side in (after - 1, after)]
    choices = [start, *(_inside(model, points, values) for points in neighbours)]
    heights = np.stack([model.likelihood.objective(points, data, 0).value for points in choices])
    return np.asarray(np.stack(choices)[np.argmin(heights, axis=0), np.arange(len(data))])


def _best(
    model: FitModel,
    data: FloatArray,
    begin: FloatArray,
    knots: FloatArray,
    lanes: IntArray,
    rest: IntArray,
    mu: FloatArray,
) -> FloatArray:
    """Choose between a start and the minima of the two nearest knots, which may be in different ones."""
    distance = np.abs(np.tile(mu, 2)[lanes][None, :] - np.tile(mu, 2)[rest][:, None])
    distance[(lanes[None, :] < mu.size) != (rest[:, None] < mu.size)] = np.inf
    nearest = np.argsort(distance, axis=1)[:, :2]
    values = np.tile(mu, 2)[rest]
    choices = [begin, *(_inside(model, knots[column].copy(), values) for column in nearest.T)]
    heights = np.stack([model.likelihood.objective(points, data, 0).value for points in choices])
    return np.asarray(np.stack(choices)[np.argmin(heights, axis=0), np.arange(rest.size)])


def _cubics(knots: FloatArray, x: FloatArray) -> FloatArray:
    """Give the weights of the knots in Lagrange's cubics through the four nearest, shape (x, knots).

    scipy.interpolate would do, but importing it takes longer than a band.
    """
    first = np.clip(np.searchsorted(knots, x) - 2, 0, knots.size - 4)
    near = first[:, None] + np.arange(4)
    weights = np.ones(near.shape)
    for j in range(4):
        for k in range(4):
            if k != j:
                weights[:, j] *= (x - knots[near[:, k]]) / (knots[near[:, j]] - knots[near[:, k]])
    table = np.zeros((x.size, knots.size))
    np.put_along_axis(table, near, weights, axis=1)
    return table


def _spread(some: Explored, lanes: IntArray, count: int) -> Explored:
    """Put rows at their lanes of a larger batch."""
    rows = {
        name: np.zeros((count, *array.shape[1:]), dtype=array.dtype) for name, array in vars(some.fit).items()
    }
    second = np.full(count, np.nan), np.full((count, *some.second_points.shape[1:]), np.nan)
    whole = Explored(BatchedFit(**rows), *second, some.known)
    _fill(whole, some, lanes)
    return whole


def _fill(whole: Explored, part: Explored, lanes: IntArray) -> None:
    for name, array in vars(whole.fit).items():
        array[lanes] = getattr(part.fit, name)
    whole.second_value[lanes] = part.second_value
    whole.second_points[lanes] = part.second_points


def sweep(model: FitModel, data: FloatArray, found: BatchedFit, mu: FloatArray, fixed: BoolArray) -> bool:
    """Hand minima on to the neighbouring values of the POI until none gets lower; say whether any did."""
    order = np.argsort(mu, kind="stable")
    both = np.concatenate([order, mu.size + order])
    pairs = np.stack([both[:-1], both[1:]])
    pairs = pairs[:, np.arange(both.size - 1) != mu.size - 1]
    return hand_over(
        model, data, found, fixed, np.concatenate([pairs[0], pairs[1]]), np.concatenate([pairs[1], pairs[0]])
    )
