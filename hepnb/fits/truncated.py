"""One Newton step of each fit of a batch with its curvature as an operator, inside bounds.

For models with many more parameters than bins (:mod:`hepnb.model.operator`): conjugate gradients on the true
curvature, preconditioned with the expected one, which such a model inverts in the space of its bins. They
are truncated where the curvature is negative (J. Nocedal, S. Wright, Numerical Optimization, Algorithm 7.1).
A step costs little more than a few gradients and is as good as one with a matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.fits.likelihood import Bounds
from hepnb.fits.newton import CONVERGED, Step
from hepnb.progress import check_stop
from hepnb.typing import BoolArray, FloatArray

__all__ = ["truncated_step"]


_MAX_INNER = 25
_NEGATIVE = 1e-9
_PROBES = 6
# Conjugate gradients leave fits that are done out when less than this part of many goes on.
_CROWDED, _FEW_ROWS = 0.6, 16


def truncated_step(here: Any, bounds: Bounds, *, check_saddles: bool = True) -> Step:
    """Return the Newton step of each fit, solved for by conjugate gradients.

    Parameters
    ----------
    here : Operator
        The likelihood where the fits are; it must be finite there.
    bounds : Bounds
        Where they may move.
    check_saddles : bool
        Make sure that a fit that has arrived is not at a saddle point.

    Returns
    -------
    Step
        A direction in which -2 log L falls, 0 for parameters that are held.
    """
    check_stop()
    gradient = here.gradient
    held = bounds.held(here.points, gradient)
    residual = -np.where(held, 0.0, gradient)
    direction = _conjugate_gradients(here.product, here.preconditioner(held), residual, held)
    edm = -0.5 * np.einsum("lp,lp->l", np.where(held, 0.0, gradient), direction)
    arrived = edm < CONVERGED
    if check_saddles and arrived.any():
        some = here if arrived.all() else here.take(np.flatnonzero(arrived))
        saddle = _negative_direction(some, held[arrived])
        found = (saddle != 0).any(axis=1)
        direction[arrived] = np.where(found[:, None], saddle, direction[arrived])
        edm[arrived] = np.where(found, np.inf, edm[arrived])
    return Step(gradient, direction, held, edm)


def _conjugate_gradients(
    product: Any, precondition: Any, residual: FloatArray, held: BoolArray
) -> FloatArray:
    """Solve for the step of each fit, as exactly as it pays; fits that are done are left out in time."""
    direction = np.zeros_like(residual)
    rows = np.arange(len(residual))
    search = precondition(residual)
    size = np.einsum("lp,lp->l", residual, search)
    # The closer to the minimum, the more exact the step: that makes the convergence superlinear.
    goal = size * np.clip(size, 1e-4, 0.1)
    active = size > 0
    for inner in range(_MAX_INNER):
        bent = np.where(held, 0.0, product(search))
        curvature = np.einsum("lp,lp->l", search, bent)
        positive = curvature > 0
        if inner == 0:
            # Negative curvature along the first direction: take the step of the expected curvature.
            direction = np.where((active & ~positive)[:, None], search, direction)
        active &= positive
        length = np.where(active, size / np.where(positive, curvature, 1.0), 0.0)[:, None]
        direction[rows] += length * search
        residual = residual - length * bent
        better = precondition(residual)
        new = np.einsum("lp,lp->l", residual, better)
        active &= new > goal
        left = int(active.sum())
        if not left:
            break
        search = better + np.where(active, new / np.where(size > 0, size, 1.0), 0.0)[:, None] * search
        size = new
        if left < _CROWDED * len(active) and len(active) > _FEW_ROWS:
            kept = np.flatnonzero(active)
            product, precondition = product.take(kept), precondition.take(kept)
            rows, held, active = rows[kept], held[kept], active[kept]
            search, residual, size, goal = search[kept], residual[kept], size[kept], goal[kept]
    return direction


def _negative_direction(operator: Any, held: BoolArray) -> FloatArray:
    """Look for a direction of negative curvature, where the gradient no longer shows one.

    Conjugate gradients from a vector that has a part along everything meet a negative curvature within a
    few steps if there is one, since the preconditioned curvature is near 1 in all other directions.
    """
    precondition = operator.preconditioner(held)
    probe = np.random.default_rng(7).normal(size=held.shape[1])
    residual = np.where(held, 0.0, probe * np.sqrt(np.abs(operator.constraint_curvature) + 1.0))
    search = precondition(residual)
    size = np.einsum("lp,lp->l", residual, search)
    first = size.copy()
    answer = np.zeros_like(residual)
    active = size > 0
    for _ in range(_PROBES):
        bent = np.where(held, 0.0, operator.product(search))
        curvature = np.einsum("lp,lp->l", search, bent)
        scale = np.einsum("lp,lp->l", search, search * (np.abs(operator.constraint_curvature) + 1e-12))
        negative = active & (curvature < -_NEGATIVE * scale)
        # One standard deviation of a parabola of that curvature.
        length = np.sqrt(2 / np.where(negative, np.abs(curvature), 1.0))
        answer = np.where(negative[:, None], length[:, None] * search, answer)
        active &= curvature > 0
        residual = residual - np.where(active, size / np.where(active, curvature, 1.0), 0.0)[:, None] * bent
        better = precondition(residual)
        new = np.einsum("lp,lp->l", residual, better)
        active &= new > 1e-8 * first
        if not active.any():
            break
        search = better + np.where(active, new / np.where(size > 0, size, 1.0), 0.0)[:, None] * search
        size = new
    return answer
