"""The terms of -2 log L in JAX: Poisson laws of bins, and constraints; see :mod:`hepnb.model.likelihood`."""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import gammaln, xlogy

from hepnb.accelerated.arrays import Structure, Tables
from hepnb.accelerated.rates import Array, rates_of
from hepnb.model.constraints import EMPTY, LARGE
from hepnb.model.cut_law import log_norm
from hepnb.model.expectation import NOTHING
from hepnb.model.likelihood import NO_RATE

__all__ = ["constant", "constraint_terms", "objective_of", "outside", "poisson", "twice_nll_of"]


def poisson(rate: Array, count: Array) -> Array:
    """Return -2 log of the Poisson law over its largest value; see :mod:`hepnb.model.constraints`."""
    filled = count > 0
    safe = jnp.where(filled, count, 1.0)
    d = (rate - safe) / safe
    near = jnp.abs(d) < 0.5
    log = jnp.where(
        near,
        jnp.log1p(jnp.where(near, d, 0.0)),
        jnp.log(jnp.where(near | ~filled, 1.0, rate / safe)),
    )
    return jnp.where(filled, 2 * safe * (d - log), 2 * rate)


def saturated(count: Array) -> Array:
    """Return -2 log of the Poisson law at its largest, where the rate is the count."""
    large = jnp.maximum(count, LARGE)
    stirling = 0.5 * jnp.log(2 * jnp.pi * large) + 1 / (12 * large) - 1 / (360 * large**3)
    small = jnp.minimum(count, LARGE)
    exact = gammaln(small + 1) + small - xlogy(small, small)
    return 2 * jnp.where(count > LARGE, stirling, exact)


def constant(structure: Structure, tables: Tables, data: Array) -> Array:
    """Return the terms of -2 log L that depend on the data alone, shape (...,)."""
    main, aux = data[..., : structure.n_bins], data[..., structure.n_bins :]
    total = saturated(main).sum(axis=-1) + jnp.log(2 * jnp.pi / tables.weight).sum()
    return total + saturated(aux[..., tables.poisson_aux]).sum(axis=-1)


def constraint_terms(tables: Tables, x: Array, aux: Array) -> Array:
    """Return the part of -2 log L that comes from auxiliary data, shape (...,)."""
    pulls = x[..., tables.gauss] - aux[..., tables.gauss_aux]
    total = (pulls * pulls * tables.weight).sum(axis=-1)
    if tables.poisson.shape[0]:
        rate = (x[..., tables.poisson] + tables.offset) * tables.tau
        total = total + poisson(rate, aux[..., tables.poisson_aux]).sum(axis=-1)
        if tables.cut.shape[0]:
            total = total + 2 * log_norm(rate[..., tables.cut], jnp)[0].sum(axis=-1)
    return total


def outside(structure: Structure, nu: Array, main: Array) -> Array:
    """Tell in which bins the likelihood is 0: the rate is negative, or 0 with events, shape (..., bin)."""
    dark = jnp.abs(nu) < NOTHING
    if structure.has_faint:
        dark = dark | ((main == 0) & (jnp.abs(nu) < NO_RATE))
    return jnp.where(dark, main != 0, ~(nu > 0))


def objective_of(
    structure: Structure, tables: Tables, x: Array, nu: Array, data: Array
) -> tuple[Array, Array]:
    """Return -2 log L without the terms that depend on the data alone, and where it is infinite.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    x : array, shape (..., parameter)
        Points.
    nu : array, shape (..., bin)
        Rates there.
    data : array, shape (..., data)
        Bins and auxiliary data.

    Returns
    -------
    value : array, shape (...,)
        Finite, but for what the constraints make of a parameter outside the domain of its law.
    bad : array of bool, shape (...,)
        Where it is infinite in truth.
    """
    main, aux = data[..., : structure.n_bins], data[..., structure.n_bins :]
    bad = outside(structure, nu, main)
    rate = jnp.where(bad, 1.0, nu)
    value = poisson(rate, main).sum(axis=-1) + constraint_terms(tables, x, aux)
    # An empty bin counts next to nothing, so that its minimum at a rate of 0 is approached smoothly.
    seen = NO_RATE if structure.has_faint else NOTHING
    edge = (main == 0) & ~bad & (nu >= seen)
    value = value - 2 * EMPTY * jnp.log(jnp.where(edge, nu, 1.0)).sum(axis=-1)
    return value, bad.any(axis=-1)


def twice_nll_of(structure: Structure, tables: Tables, x: Array, data: Array, nominal: Array) -> Array:
    """Return -2 log L with every constant, shape (...,); nan where the likelihood is 0 or has no meaning.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    x : array, shape (..., parameter)
        Points.
    data : array, shape (..., data)
        Bins and auxiliary data.
    nominal : array, shape (cell,)
        Nominal yields.
    """
    nu = rates_of(structure, tables, x, nominal)
    value, bad = objective_of(structure, tables, x, nu, data)
    main = data[..., : structure.n_bins]
    bad = bad | (main < 0).any(axis=-1)
    if structure.has_faint:
        bad = bad | ((jnp.abs(nu) < NO_RATE) & (main > 0)).any(axis=-1)
    # A factor, not a branch: what is undefined has no derivative either.
    return (value + constant(structure, tables, data)) * jnp.where(bad, jnp.nan, 1.0)
