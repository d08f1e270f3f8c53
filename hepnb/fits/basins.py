"""Where a likelihood may have more than one minimum.

A rate that moves the same way for both signs of a nuisance parameter (an up and a down variation on one
side of the nominal) can be reached from either side, and the fit that starts in the middle falls to one of
them by chance. Such parameters are found by moving each one by a standard deviation; fits then start on
both sides of them. Where there are several, any combination of them can be a basin, and fits start from a
few random points too; in a small model, where that costs little, for a single one already.

A normalisation that is free can take over from another one: then there is a minimum with one of them at its
bound. Fits start there too, at first with the factor held, and at its initial value where it ended at a
bound.

Several systematics together can take a sample below zero in a bin, although each of them alone cannot. Where
only the rate of the whole bin must be positive, such a sample makes room for a signal, and there is a minimum
with it. Fits start where the constraints allow the least of a sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.model import FitModel, Model
from hepnb.model.expectation import cell_rates, differentiate
from hepnb.typing import FloatArray, IntArray

__all__ = [
    "SMALL",
    "anywhere",
    "at_bounds",
    "emptied",
    "everywhere",
    "free_factors",
    "one_sided",
    "other_sides",
    "scattered",
    "suspects",
]


_SIGNIFICANT = 0.2
_BENT, SMALL = 0.1, 40
_MOST = 6
# One-sided changes that are tried once for each model.
_WEAK, _LOPSIDED, _CANDIDATES = 0.15, 0.6, 12
# Random starts: all over a small model, and on the sides of the parameters of a large one.
_RANDOM, _SIDES = 80, 24
_SPREADS, _SIZES = (0.5, 1.0, 1.0, 2.0, 4.0), (0.0, 0.02, 0.1, 0.3, 0.6, 1.0, 1.0, 1.5, 2.0, 4.0, 10.0)
# Factors that are put to their bounds, those with the largest yields first.
_FACTORS, _FAR = 12, 4.0
_MANY = 100
# Samples that systematics take below zero: their cost in -2 log L, how negative they get in units of the
# statistical uncertainty of their bin, and how many are tried.
_COST, _DEPTH, _CELLS = 9.0, 0.3, 8
_RADII, _TURNS = (0.7, 1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.5), 8


def everywhere(
    model: FitModel, best: FloatArray, fixed: NDArray[np.bool_], limits: FloatArray, *, many: bool
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return points from which fits may end in other minima than those that are known.

    Parameters
    ----------
    model : FitModel
        The model.
    best : ndarray, shape (n, parameter)
        A minimum of each fit.
    fixed : ndarray of bool, shape (n, parameter)
        Parameters held.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    many : bool
        Add a hundred random points for each fit.

    Returns
    -------
    start : ndarray, shape (k, parameter)
        Points.
    owner : ndarray of int, shape (k,)
        The fit of each.
    held : ndarray of int, shape (k,)
        The parameter that was moved, to be held there at first; -1 for none.
    """
    bent = np.concatenate([suspects(model), one_sided(model)])
    sides, of_sides = other_sides(model, best, fixed, bent)
    bounds, of_bounds, factor = at_bounds(model, best, fixed, limits, free_factors(model))
    random, of_random = anywhere(model, best, fixed, many=many)
    moved = (sides != best[of_sides]).argmax(axis=1) if len(sides) else np.empty(0, dtype=np.intp)
    held = np.concatenate([moved, factor, np.full(len(random), -1)])
    return np.concatenate([sides, bounds, random]), np.concatenate([of_sides, of_bounds, of_random]), held


def one_sided(model: FitModel) -> IntArray:
    """Find parameters that change the rates to one side alone: there may be a minimum on either side.

    Parameters
    ----------
    model : FitModel
        The model.

    Returns
    -------
    ndarray of int, shape (n,)
        Their positions, at most twelve, the strongest first; without :func:`suspects`.
    """
    moving, up, down, spread = _responses(model)
    bent = np.linalg.norm(0.5 * (up + down) / spread, axis=1)
    size = np.linalg.norm(0.5 * (up - down) / spread, axis=1)
    order = np.argsort(-bent, kind="stable")
    order = order[(bent[order] > _WEAK) & (bent[order] > _LOPSIDED * size[order])]
    found = moving[order]
    return np.asarray(found[~np.isin(found, suspects(model))][:_CANDIDATES])


def _responses(model: FitModel) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Move each Gaussian parameter by a standard deviation: which, changes up and down, and their scale."""
    notes = model.likelihood.notes
    if "responses" not in notes:
        moving = np.array(
            [i for i, p in enumerate(model.parameters) if p.kind != "free" and p.init == 0 and not p.fixed],
            dtype=np.intp,
        )
        step = np.zeros((moving.size, model.n_parameters))
        step[np.arange(moving.size), moving] = 1.0
        rates = model.expected(np.concatenate([model.init[None], model.init + step, model.init - step]))
        nominal, (up, down) = rates[0], np.split(rates[1:] - rates[0], 2)
        notes["responses"] = moving, up, down, np.sqrt(np.maximum(nominal, 1.0))
    found: tuple[IntArray, FloatArray, FloatArray, FloatArray] = notes["responses"]
    return found


def suspects(model: FitModel) -> IntArray:
    """Find parameters whose two signs do not undo each other.

    Parameters
    ----------
    model : FitModel
        The model.

    Returns
    -------
    ndarray of int, shape (n,)
        Their positions: at most six, the strongest first. A one-sided change counts from a fifth of the
        statistical uncertainty of its bin. In a small model, where looking costs little, the part of a change
        that is the same for both signs counts too, over all bins, from a tenth.
    """
    notes = model.likelihood.notes
    if "suspects" not in notes:
        moving, up, down, spread = _responses(model)
        both = np.where(up * down > 0, np.minimum(np.abs(up), np.abs(down)), 0.0)
        strength = (both / spread).max(axis=1, initial=0.0)
        if model.n_parameters <= SMALL:
            # Other parameters may take up the straight part of a change, and the bent part is what is left.
            bent = np.linalg.norm(0.5 * (up + down) / spread, axis=1)
            strength = np.maximum(strength, bent * _SIGNIFICANT / _BENT)
        order = np.argsort(-strength, kind="stable")[:_MOST]
        notes["suspects"] = moving[order[strength[order] > _SIGNIFICANT]]
    return np.asarray(notes["suspects"])


def other_sides(
    model: FitModel, points: FloatArray, fixed: NDArray[np.bool_], which: IntArray | None = None
) -> tuple[FloatArray, IntArray]:
    """Return starting points on the other side of each suspect.

    Parameters
    ----------
    model : FitModel
        The model.
    points : ndarray, shape (batch, parameter)
        The minima found.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters that may not move.
    which : ndarray of int, shape (k,), optional
        Other parameters than the suspects.

    Returns
    -------
    start : ndarray, shape (n, parameter)
        New starting points.
    lane : ndarray of int, shape (n,)
        The lane each belongs to.
    """
    start, lane = [], []
    for position in suspects(model) if which is None else which:
        for side in (-1.0, 1.0):
            # A point well to one side needs the other only; one in the middle needs both.
            wanted = ~fixed[:, position] & (side * points[:, position] < 0.5)
            here = points[wanted].copy()
            here[:, position] = side * np.maximum(np.abs(here[:, position]), 1.0)
            start.append(here)
            lane.append(np.flatnonzero(wanted))
    if not start:
        return np.empty((0, points.shape[1])), np.empty(0, dtype=np.intp)
    return np.concatenate(start), np.concatenate(lane)


def free_factors(model: FitModel) -> IntArray:
    """Return the parameters that are free and scale yields, the strongest first, at most twelve.

    Parameters
    ----------
    model : FitModel
        The model.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions.
    """
    if not isinstance(model, Model):
        return np.empty(0, dtype=np.intp)
    notes = model.likelihood.notes
    if "free factors" not in notes:
        where = np.array([i for i, p in enumerate(model.parameters) if p.kind == "free"], dtype=np.intp)
        without = np.tile(model.init, (where.size, 1))
        without[np.arange(where.size), where] = 0.0
        change = np.abs(model.expected(without) - model.expected(model.init))
        strength = np.nan_to_num(change).sum(axis=1)
        # One per bin, a shapefactor's, comes after those of whole samples.
        sets = [(model.parameters[i].name, model.parameters[i].set_name) for i in where]
        order = np.lexsort((-strength, np.array([name != group for name, group in sets], dtype=bool)))
        notes["free factors"] = where[order][:_FACTORS]
    return np.asarray(notes["free factors"])


def at_bounds(
    model: FitModel, points: FloatArray, fixed: NDArray[np.bool_], limits: FloatArray, factors: IntArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return starting points with one free factor at its bound, or away from it if it is there.

    Parameters
    ----------
    model : FitModel
        The model.
    points : ndarray, shape (batch, parameter)
        The minima found.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters that may not move.
    limits : ndarray, shape (parameter, 2)
        Bounds.
    factors : ndarray of int, shape (k,)
        Which of the free factors.

    Returns
    -------
    start : ndarray, shape (n, parameter)
        New starting points.
    lane : ndarray of int, shape (n,)
        The lane each belongs to.
    factor : ndarray of int, shape (n,)
        The parameter that was put where it is; to be held there at first.
    """
    start, lane, factor = [], [], []
    for position in factors:
        low, high = limits[position]
        inside = min(max(float(model.init[position]), low), high)
        inside = inside if low < inside < high else 0.5 * (low + high)
        here = points[:, position]
        for value in (low, inside, high):
            if not np.isfinite(value) or not low < high:
                continue
            there = (here <= low) | (here >= high) if value == inside else here != value
            if value == high and model.n_parameters > SMALL:
                # The usual upper bound is far from any minimum, and each start costs something.
                there &= high < _FAR * np.maximum(here, inside)
            wanted = np.flatnonzero(~fixed[:, position] & there)
            moved = points[wanted].copy()
            moved[:, position] = value
            start.append(moved)
            lane.append(wanted)
            factor.append(np.full(wanted.size, position))
    if not start:
        return np.empty((0, points.shape[1])), np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    return np.concatenate(start), np.concatenate(lane), np.concatenate(factor)


def anywhere(
    model: FitModel, points: FloatArray, fixed: NDArray[np.bool_], *, many: bool = False
) -> tuple[FloatArray, IntArray]:
    """Return random starting points, always the same ones.

    In a small model, where they cost little, free factors are anywhere between 0 and ten times their initial
    value. In others only parameters with two sides are moved, and only where there are several of them.

    Parameters
    ----------
    model : FitModel
        The model.
    points : ndarray, shape (batch, parameter)
        The minima found; what is fixed stays there.
    fixed : ndarray of bool, shape (batch, parameter)
        Parameters that may not move.
    many : bool
        Return a hundred points for each fit, whatever the model.

    Returns
    -------
    start : ndarray, shape (n, parameter)
        New starting points.
    lane : ndarray of int, shape (n,)
        The fit each belongs to.
    """
    if many or model.n_parameters <= SMALL:
        return scattered(model, points, fixed, _MANY if many else _RANDOM)
    bent = np.concatenate([suspects(model), one_sided(model)])
    if suspects(model).size < 2:
        return np.empty((0, points.shape[1])), np.empty(0, dtype=np.intp)
    lane = np.repeat(np.arange(len(points)), _SIDES)
    start = points[lane]
    sigma = np.array([p.sigma for p in model.parameters])[bent]
    draws = 1.2 * np.random.default_rng(1).normal(size=(_SIDES, bent.size))
    start[:, bent] = np.where(fixed[lane][:, bent], start[:, bent], np.tile(sigma * draws, (len(points), 1)))
    return np.clip(start, *model.bounds.T), lane


def scattered(
    model: FitModel, points: FloatArray, fixed: NDArray[np.bool_], count: int
) -> tuple[FloatArray, IntArray]:
    """Return random starting points all over the range of a model.

    Constrained parameters lie between one half and four standard deviations around their auxiliary
    measurements, free ones anywhere between 0 and ten times their initial value.
    """
    lane = np.repeat(np.arange(len(points)), count)
    low, high = model.bounds.T
    sigma = np.array([p.sigma for p in model.parameters])
    free = np.isnan(sigma)
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(count, points.shape[1])) * rng.choice(_SPREADS, (count, 1))
    about = model.init + np.where(free, 0.0, sigma) * draws
    # A factor that starts at 0 has no scale but its bounds'.
    room = np.where(np.isfinite(high - low), 0.05 * (high - low), 1.0)
    sizes = rng.choice(_SIZES, (count, points.shape[1]))
    loose = np.where(model.init > 0, model.init * sizes, model.init + room * draws)
    start = np.clip(np.where(free, loose, about), low, high)
    return np.where(fixed[lane], points[lane], np.tile(start, (len(points), 1))), lane


def emptied(model: FitModel) -> FloatArray:
    """Return points where systematics together take a sample below zero in a bin.

    Parameters
    ----------
    model : FitModel
        The model.

    Returns
    -------
    ndarray, shape (n, radius, parameter)
        One row for each of at most eight samples and bins. Along the radius the constraints add more to
        -2 log L. Free parameters have their initial values.
    """
    notes = model.likelihood.notes
    if "emptied" not in notes:
        notes["emptied"] = _emptied(model)
    return np.asarray(notes["emptied"])


def _emptied(model: FitModel) -> FloatArray:
    none = np.empty((0, len(_RADII), model.n_parameters))
    if not isinstance(model, Model):
        return none
    compiled = model.likelihood.compiled
    moving = np.array(
        [i for i, p in enumerate(model.parameters) if p.kind != "free" and p.init == 0 and not p.fixed],
        dtype=np.intp,
    )
    shaped = compiled.shape_parameters
    if compiled.floor is not None or compiled.extension is not None or not (shaped.size and moving.size):
        return none
    up, down = (_shifts(model, sign) for sign in (1.0, -1.0))
    up[~np.isin(shaped, moving)] = down[~np.isin(shaped, moving)] = 0.0
    fall = np.maximum(-np.minimum(up, down), 0.0)
    strength = (fall**2).sum(axis=0)
    cells = np.flatnonzero((compiled.nominal > 0) & (compiled.nominal**2 < _COST * strength))
    if not cells.size:
        return none
    cells = cells[np.argsort(compiled.nominal[cells] ** 2 / strength[cells], kind="stable")[: 3 * _CELLS]]
    points = np.tile(model.init, (cells.size, 1))
    points[:, shaped] = (np.where(up < down, 1.0, -1.0) * fall)[:, cells].T
    rows = []
    for radius in _RADII:
        points = _least(model, points, cells, moving, radius)
        rows.append(points)
    stacked = np.stack(rows, axis=1)
    least = cell_rates(compiled, points).cells[np.arange(cells.size), cells]
    depth = -least / np.sqrt(np.maximum(model.expected(model.init), 1.0))[compiled.cell_bin[cells]]
    order = np.argsort(-depth, kind="stable")
    return np.asarray(stacked[order[depth[order] > _DEPTH][:_CELLS]])


def _shifts(model: Model, sign: float) -> FloatArray:
    """Return the shift of each cell by each histosys at one standard deviation, shape (shape, cell)."""
    compiled = model.likelihood.compiled
    h, g = compiled.shape_code.basis(np.full((1, compiled.shape_parameters.size), sign), 0)
    return np.asarray(h.T * compiled.shape_odd + g.T * compiled.shape_even)


def _least(model: Model, points: FloatArray, cells: IntArray, moving: IntArray, radius: float) -> FloatArray:
    """Find the least rate of each cell at a distance from the auxiliary measurements."""
    compiled, rows = model.likelihood.compiled, np.arange(cells.size)
    sigma = np.array([p.sigma for p in model.parameters])[moving]

    def at_radius(shift: FloatArray) -> FloatArray:
        length = np.linalg.norm(shift, axis=1, keepdims=True)
        return np.asarray(radius * shift / np.where(length > 0, length, 1.0))

    points = points.copy()
    points[:, moving] = sigma * at_radius(points[:, moving] / sigma)
    for _ in range(_TURNS):
        slopes = differentiate(compiled, points, cell_rates(compiled, points, 2))[2][rows, cells][:, moving]
        downhill = np.nan_to_num(-slopes * sigma)
        points[:, moving] = sigma * at_radius(points[:, moving] / sigma + at_radius(downhill))
    return np.clip(points, *model.bounds.T)
