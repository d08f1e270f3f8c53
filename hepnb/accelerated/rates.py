"""Expected rates in JAX, for points with any leading axes.

The same rates as :mod:`hepnb.model.expectation` evaluates with numpy, written without anything that JAX
cannot differentiate: factors are multiplied, never divided by, and values that cannot occur are kept out of
the branch that is not taken.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import jax.numpy as jnp

from hepnb.accelerated.arrays import Structure, Tables
from hepnb.model.cut_law import HIGHEST_COUNT
from hepnb.model.expectation import interpolated_norms

__all__ = [
    "Array",
    "bin_sums",
    "expected_auxiliary",
    "factors_and_shapes",
    "product",
    "rates_of",
    "slot_values",
]

Array: TypeAlias = Any
"""An array of JAX, or a tracer of one."""

# Up to so many elements the sums over the cells of a bin are a product with a matrix.
_DENSE = 1_000_000


def slot_values(structure: Structure, tables: Tables, x: Array, order: int = 0) -> tuple[Array, Array, Array]:
    """Evaluate the slots.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    x : array, shape (..., parameter)
        Points.
    order : {0, 2}
        With 2 their derivatives, too.

    Returns
    -------
    tuple of array, shape (..., slot)
        Value, first and second derivative with respect to the parameter behind the slot.
    """
    one = jnp.ones((*x.shape[:-1], 1))
    parts: list[list[Array]] = [[x, one], [jnp.ones_like(x), 0 * one], [jnp.zeros_like(x), 0 * one]]
    if tables.norm_parameters.shape[0]:
        alpha = x[..., tables.norm_parameters]
        norm = interpolated_norms(
            structure.norm_code, tables.norm_prepared, alpha, tables.norm_warp, order, jnp
        )
        parts = [[of_norm, *rest] for of_norm, rest in zip(norm, parts, strict=True)]
    value = jnp.concatenate(parts[0], axis=-1)
    if not order:
        return value, value, value
    return value, jnp.concatenate(parts[1], axis=-1), jnp.concatenate(parts[2], axis=-1)


def product(values: Array, table: Array) -> Array:
    """Multiply the entries of each column of a table, from shape (..., slot) to (..., column)."""
    result = values[..., table[0]]
    for rows in table[1:]:
        result = result * values[..., rows]
    return result


def bin_sums(structure: Structure, tables: Tables, cells: Array) -> Array:
    """Sum the cells of each bin, from shape (..., cell) to (..., bin)."""
    n_cells, n_bins = cells.shape[-1], structure.n_bins
    if n_cells * n_bins <= _DENSE:
        inside = tables.cell_bin[:, None] == jnp.arange(n_bins)
        return cells @ inside.astype(cells.dtype)
    return jnp.zeros((*cells.shape[:-1], n_bins)).at[..., tables.cell_bin].add(cells)


def factors_and_shapes(
    structure: Structure, tables: Tables, x: Array, values: Array, nominal: Array
) -> tuple[Array, Array]:
    """Evaluate what is multiplied in each cell.

    Parameters
    ----------
    structure : Structure
        The model.
    tables : Tables
        Its numbers.
    x : array, shape (..., parameter)
        Points.
    values : array, shape (..., slot)
        The slots there.
    nominal : array, shape (cell,)
        Nominal yields.

    Returns
    -------
    kappa, total : array, shape (..., cell)
        The product of the factors, and the interpolated yield. Where a rate is clipped kappa is 0.
    """
    extended = values
    if tables.groups is not None:
        extended = jnp.concatenate([values, product(values, tables.groups)], axis=-1)
    kappa, total = product(extended, tables.cells), nominal
    if tables.shape_parameters.shape[0]:
        odd, even = structure.shape_code.basis(x[..., tables.shape_parameters], 0, jnp)
        total = total + odd @ tables.shape_odd + even @ tables.shape_even
    total = jnp.broadcast_to(total, kappa.shape)
    if not structure.has_floor:
        return kappa, total
    below = jnp.asarray(tables.shaped, dtype=bool) & (total < 0)
    if tables.scaled is not None:
        below = below | (product(values, tables.scaled) <= 0)
    kappa = jnp.where(below, 0.0, kappa)
    empty = bin_sums(structure, tables, kappa * total) < 0
    return jnp.where(empty[..., tables.cell_bin], 0.0, kappa), total


def rates_of(structure: Structure, tables: Tables, x: Array, nominal: Array) -> Array:
    """Return the rate of each bin, shape (..., bin), with faint ones."""
    values = slot_values(structure, tables, x)[0]
    kappa, total = factors_and_shapes(structure, tables, x, values, nominal)
    bins = bin_sums(structure, tables, kappa * total)
    return bins if tables.faint is None else bins + tables.faint


def expected_auxiliary(tables: Tables, x: Array) -> Array:
    """Return the expected auxiliary data, shape (..., aux)."""
    expected = x[..., tables.constrained] * tables.scale + tables.shift
    if not tables.cut.shape[0]:
        return expected
    return jnp.where(tables.is_cut, jnp.clip(expected, 0.0, HIGHEST_COUNT), expected)
