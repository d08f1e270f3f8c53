"""Newton steps of many fits in lock step, in JAX.

Every fit of a batch steps at the same time with the curvature of its own, as :mod:`hepnb.fits.batched` does
with numpy: the same bounds, lengths of steps and criteria. A fit that has arrived stays where it is. Where
the curvature is not positive the step is that of the expected curvature, and the fit has not arrived.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from hepnb.accelerated.arrays import Structure, Tables
from hepnb.accelerated.curvature import Derivatives, derivatives, values_of
from hepnb.accelerated.rates import Array

__all__ = ["ALL_LENGTHS", "Fits", "advance"]

# Lengths of a step that are tried before a fit is given up.
ALL_LENGTHS = 16
# Estimated distance to the minimum, in -2 log L, at which a fit has arrived, as in hepnb.fits.newton.
_ARRIVED = 1e-10


class Fits(NamedTuple):
    """The state of a batch of fits.

    Parameters
    ----------
    points : array, shape (fit, parameter)
        Where they are.
    arrived : array of bool, shape (fit,)
        Which have converged, at a point where the curvature is positive.
    lost : array of bool, shape (fit,)
        Which can go no further here.
    value, edm, gradient_norm : array, shape (fit,)
        -2 log L of those that have arrived, their estimated distance to the minimum, and the norm of their
        projected gradient.
    held : array of bool, shape (fit, parameter)
        Their parameters that are fixed, or pushed against a bound.
    steps : array of int, shape (fit,)
        Steps taken.
    """

    points: Array
    arrived: Array
    lost: Array
    value: Array
    edm: Array
    gradient_norm: Array
    held: Array
    steps: Array


class _Step(NamedTuple):
    here: Derivatives
    held: Array
    direction: Array
    edm: Array


def _solve(matrix: Array, downhill: Array, held: Array) -> tuple[Array, Array]:
    """Solve for the parameters that are free to move; say for which fits the matrix is positive."""
    spots = jnp.arange(matrix.shape[-1])
    diagonal = matrix[:, spots, spots]
    scale = jnp.where(held | (diagonal <= 0), 1.0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0)))
    free = ~held[:, :, None] & ~held[:, None, :]
    scaled = jnp.where(free, matrix * scale[:, :, None] * scale[:, None, :], 0.0)
    lower = jnp.linalg.cholesky(scaled.at[:, spots, spots].add(held.astype(matrix.dtype)))
    good = jnp.isfinite(lower).all(axis=(1, 2))
    right = (scale * downhill)[:, :, None]
    solve = partial(jax.lax.linalg.triangular_solve, lower, left_side=True, lower=True)
    solution = solve(solve(right), transpose_a=True)[:, :, 0]
    return scale * solution, good & jnp.isfinite(solution).all(axis=1)


def _newton_step(
    structure: Structure, tables: Tables, x: Array, data: Array, lower: Array, upper: Array, fixed: Array
) -> _Step:
    here = derivatives(structure, tables, x, data)
    held = fixed | ((x <= lower) & (here.gradient > 0)) | ((x >= upper) & (here.gradient < 0))
    downhill = -jnp.where(held, 0.0, here.gradient)
    direction, convex = _solve(here.curvature, downhill, held)

    def softer() -> Array:
        other, good = _solve(here.expected, downhill, held)
        return jnp.where(convex[:, None], direction, jnp.where(good[:, None], other, jnp.nan))

    direction = jax.lax.cond(convex.all(), lambda: direction, softer)
    edm = jnp.where(convex, 0.5 * (downhill * direction).sum(axis=1), jnp.inf)
    far = (jnp.abs(direction) / tables.max_step).max(axis=1)
    return _Step(here, held, direction / jnp.maximum(far, 1.0)[:, None], edm)


@partial(jax.jit, static_argnums=0)
def advance(
    structure: Structure,
    tables: Tables,
    fits: Fits,
    data: Array,
    room: tuple[Array, Array, Array],
    limits: tuple[Any, Any],
) -> Fits:
    """Step until all fits have arrived or are lost, but not more than so many times.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    fits : Fits
        Where the fits are.
    data : array, shape (fit, data)
        Data of each fit.
    room : tuple of array, shape (fit, parameter) or (1, parameter)
        Lower and upper bounds, and which parameters are fixed.
    limits : tuple of int
        How many steps, and how many lengths of each are tried.

    Returns
    -------
    Fits
        Where they are then.
    """
    lower, upper, fixed = room
    steps, lengths = limits

    def unfinished(state: tuple[Array, Fits]) -> Array:
        count, now = state
        return (count < steps) & ~(now.arrived | now.lost).all()

    def body(state: tuple[Array, Fits]) -> tuple[Array, Fits]:
        count, now = state
        step = _newton_step(structure, tables, now.points, data, lower, upper, fixed)
        usable = jnp.isfinite(step.here.value) & jnp.isfinite(step.direction).all(axis=1)
        waiting = now.arrived | now.lost
        arriving = ~waiting & usable & (jnp.abs(step.edm) < _ARRIVED)
        still = waiting | arriving | ~usable

        def shorten(probe: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            attempt, length, best, found = probe
            trial = now.points + length * step.direction
            trial = jnp.where(fixed, now.points, jnp.clip(trial, lower, upper))
            value = values_of(structure, tables, trial, data)
            change = trial - now.points
            promised = (step.here.gradient * change).sum(axis=1)
            before = step.here.value
            slack = 4e-16 * jnp.maximum(jnp.abs(before), 1.0)
            enough = value <= before + 1e-4 * jnp.minimum(promised, 0.0) + slack
            enough = enough & jnp.isfinite(value) & (change != 0).any(axis=1)
            best = jnp.where((enough & ~found)[:, None], trial, best)
            return attempt + 1, length * jnp.where(attempt < 4, 0.5, 0.1), best, found | enough

        def going(probe: tuple[Array, Array, Array, Array]) -> Array:
            return (probe[0] < lengths) & ~probe[3].all()

        begin = (jnp.zeros((), int), jnp.ones(()), now.points, still)
        _, _, points, found = jax.lax.while_loop(going, shorten, begin)
        norm = jnp.sqrt(jnp.where(step.held, 0.0, step.here.gradient**2).sum(axis=1))
        return count + 1, Fits(
            points=points,
            arrived=now.arrived | arriving,
            lost=now.lost | (~waiting & ~usable) | (~found & (lengths >= ALL_LENGTHS)),
            value=jnp.where(arriving, step.here.value, now.value),
            edm=jnp.where(arriving, step.edm, now.edm),
            gradient_norm=jnp.where(arriving, norm, now.gradient_norm),
            held=jnp.where(arriving[:, None], step.held, now.held),
            steps=now.steps + ~(waiting | arriving),
        )

    ended: Fits = jax.lax.while_loop(unfinished, body, (jnp.zeros((), int), fits))[1]
    return ended
