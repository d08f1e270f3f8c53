"""Which factors multiply which cells, as sparse matrices: what products with the curvature are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from hepnb.model.compile import Compiled
from hepnb.typing import FloatArray, IntArray

__all__ = ["Incidence", "incidence"]


# Templates spread over the bins may take 4 MB.
_MOST_ELEMENTS = 500_000


@dataclass(frozen=True)
class Incidence:
    """Which slots multiply which cells, as sparse matrices.

    Parameters
    ----------
    slots : ndarray of int, shape (u,)
        The slots that multiply anything, and belong to a parameter.
    parameters : ndarray of int, shape (u,)
        Their parameters, ascending.
    to_parameters : csr_array, shape (parameter, u)
        1 where a slot belongs to a parameter.
    cells : csr_array, shape (cell, u)
        1 where a slot multiplies a cell.
    transposed : csr_array, shape (u, cell)
        The same, the other way round.
    by_bin : csr_array, shape (v, cell)
        1 where a cell lies in the bin, and is multiplied by the slot, of a row.
    bin_slot : ndarray of int, shape (v,)
        The slot of each row of ``by_bin``, as a place in ``slots``.
    to_table : csr_array, shape (bin * parameter, v)
        1 where a row belongs to a bin and a parameter.
    shapes : slice or ndarray of int
        The shape parameters, as a slice where they follow each other.
    bin_odd, bin_even : ndarray, shape (cell, bin * shape parameter)
        The templates of the shapes, each cell's in its bin; empty where there are too many bins for that.
    """

    slots: IntArray
    parameters: IntArray
    to_parameters: Any
    cells: Any
    transposed: Any
    by_bin: Any
    bin_slot: IntArray
    to_table: Any
    shapes: slice | IntArray
    bin_odd: FloatArray
    bin_even: FloatArray


def incidence(compiled: Compiled) -> Incidence:
    """List which slots multiply which cells.

    Parameters
    ----------
    compiled : Compiled
        A model.

    Returns
    -------
    Incidence
        Its incidence matrices.
    """
    n_cells, n_parameters = compiled.nominal.size, len(compiled.parameters)
    cell, parameter = np.divmod(compiled.term_flat, n_parameters)
    real = compiled.term_slot < compiled.norm_parameters.size + n_parameters
    cell, parameter, slot = cell[real], parameter[real], compiled.term_slot[real]
    slots, first, which = np.unique(slot, return_index=True, return_inverse=True)
    owner = parameter[first]
    order = np.argsort(owner, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    which = rank[which]
    slots, owner = slots[order], owner[order]
    cells = _ones(cell, which, (n_cells, slots.size))
    # Rows of by_bin: the distinct (bin, parameter, slot), in this order.
    keys = (compiled.cell_bin[cell] * n_parameters + parameter) * slots.size + which
    rows, row = np.unique(keys, return_inverse=True)
    table = rows // max(slots.size, 1)
    where = compiled.shape_parameters
    following = where.size > 0 and bool((np.diff(where) == 1).all())
    return Incidence(
        slots=slots,
        parameters=owner,
        to_parameters=_ones(owner, np.arange(slots.size), (n_parameters, slots.size)),
        cells=cells,
        transposed=sparse.csr_array(cells.T),
        by_bin=_ones(row, cell, (rows.size, n_cells)),
        bin_slot=rows % max(slots.size, 1),
        to_table=_ones(table, np.arange(rows.size), (compiled.bin_starts.size * n_parameters, rows.size)),
        shapes=slice(int(where[0]), int(where[-1]) + 1) if following else where,
        bin_odd=_by_bin(compiled, compiled.shape_odd),
        bin_even=_by_bin(compiled, compiled.shape_even),
    )


def _ones(row: IntArray, column: IntArray, shape: tuple[int, int]) -> Any:
    return sparse.csr_array((np.ones(row.size), (row, column)), shape=shape)


def _by_bin(compiled: Compiled, templates: FloatArray) -> FloatArray:
    n_bins, (n_shapes, n_cells) = compiled.bin_starts.size, templates.shape
    if n_cells * n_bins * n_shapes > _MOST_ELEMENTS:
        return np.empty((0, 0))
    table = np.zeros((n_cells, n_bins, n_shapes))
    table[np.arange(n_cells), compiled.cell_bin] = templates.T
    return table.reshape(n_cells, n_bins * n_shapes)
