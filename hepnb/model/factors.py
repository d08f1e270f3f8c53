"""Which factors multiply which cells, arranged for batches with the points along the last axis.

The cells of a sample in a channel share most of their factors: normalisations multiply all of them, and only
staterror, shapesys and shapefactor have one parameter per bin. So the shared factors are multiplied once per
group of cells, and the work grows with the number of modifiers, not with modifiers times bins. The same sums
are done backwards for the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from hepnb.model.compile import Compiled
from hepnb.typing import FloatArray, IntArray

__all__ = ["Factors", "Products", "factors"]

# Groups are worth their own pass from so many cells per group on.
_CELLS_PER_GROUP = 2
# A table of products may be so many times larger than the number of its factors.
_PADDING = 4
# Up to this many elements a matrix product is faster with a dense matrix.
_DENSE = 2000


@dataclass(frozen=True)
class Products:
    """Products of rows of an array.

    Parameters
    ----------
    table : ndarray of int, shape (k, n)
        The rows of each product, filled up with a row of ones; or shape (t,), one product after the other.
    starts : ndarray of int, shape (n,)
        Where each product starts in a table of shape (t,).
    """

    table: IntArray
    starts: IntArray

    @classmethod
    def of(cls, rows: IntArray, starts: IntArray, one: int) -> Products:
        """Arrange the products that start at ``starts`` in ``rows``; row ``one`` holds ones."""
        counts = np.diff(np.append(starts, rows.size))
        longest = int(counts.max(initial=1))
        if longest * starts.size > _PADDING * rows.size + 64:
            return cls(rows, starts)
        table = np.full((longest, starts.size), one, dtype=np.intp)
        column = np.repeat(np.arange(starts.size), counts)
        table[np.arange(rows.size) - starts[column], column] = rows
        return cls(table, starts)

    def __call__(self, array: FloatArray) -> FloatArray:
        """Multiply, from shape (row, batch) to (n, batch)."""
        if self.table.ndim == 1:
            return np.asarray(np.multiply.reduceat(array.take(self.table, axis=0), self.starts, axis=0))
        product: FloatArray = array.take(self.table[0], axis=0)
        for rows in self.table[1:]:
            product *= array.take(rows, axis=0)
        return product


@dataclass(frozen=True)
class Factors:
    """The factors of a model.

    Parameters
    ----------
    groups : Products, optional
        The slots of each group of cells; None where every cell multiplies its own slots.
    cells : Products
        The slots of each cell, followed by the groups.
    to_bins : matrix, shape (bin, cell)
        1 where a cell lies in a bin.
    to_groups : matrix, shape (group, cell), optional
        1 where a cell belongs to a group.
    to_slots : matrix, shape (slot, cell + group)
        1 where a slot multiplies a cell itself, or a group.
    to_parameters : matrix, shape (parameter, slot)
        1 where a slot belongs to a parameter.
    """

    groups: Products | None
    cells: Products
    to_bins: Any
    to_groups: Any
    to_slots: Any
    to_parameters: Any


def factors(compiled: Compiled) -> Factors:
    """Arrange the factors of a model.

    Parameters
    ----------
    compiled : Compiled
        The model.

    Returns
    -------
    Factors
        Its products, and their transposes.
    """
    n_cells, n_parameters = compiled.nominal.size, len(compiled.parameters)
    n_slots = compiled.norm_parameters.size + n_parameters + 1
    one = n_slots - 1
    slot, cell = compiled.term_slot, np.repeat(np.arange(n_cells), _counts(compiled))
    shared = _is_shared(compiled)[slot]
    group = _groups(slot[shared], cell[shared], n_cells)
    n_groups = int(group.max(initial=-1)) + 1
    groups, to_groups = None, None
    if _CELLS_PER_GROUP * n_groups <= n_cells:
        first = np.unique(group, return_index=True)[1]
        used = shared & np.isin(cell, first)
        rows, owner = slot[used], group[cell[used]]
        order = np.argsort(owner, kind="stable")
        rows, owner = rows[order], owner[order]
        groups = Products.of(*_filled(rows, owner, n_groups, one), one)
        to_groups = _ones(group, np.arange(n_cells), (n_groups, n_cells))
        own, own_cell = slot[~shared], cell[~shared]
        multiplied = np.concatenate([own_cell, n_cells + owner])
        back = _ones(np.concatenate([own, rows]), multiplied, (n_slots, n_cells + n_groups))
        joint = np.concatenate([own_cell, np.arange(n_cells)])
        order = np.argsort(joint, kind="stable")
        rows, owner = np.concatenate([own, n_slots + group])[order], joint[order]
        cells = Products.of(*_filled(rows, owner, n_cells, one), one)
    else:
        cells = Products.of(slot, compiled.cell_terms, one)
        back = _ones(slot, cell, (n_slots, n_cells))
    owners = np.concatenate([compiled.norm_parameters, np.arange(n_parameters)])
    return Factors(
        groups=groups,
        cells=cells,
        to_bins=_ones(compiled.cell_bin, np.arange(n_cells), (compiled.bin_starts.size, n_cells)),
        to_groups=to_groups,
        to_slots=back,
        to_parameters=_ones(owners, np.arange(owners.size), (n_parameters, n_slots)),
    )


def _counts(compiled: Compiled) -> IntArray:
    return np.diff(np.append(compiled.cell_terms, compiled.term_slot.size))


def _is_shared(compiled: Compiled) -> Any:
    """Tell which slots can multiply several bins of a sample, shape (slot,)."""
    sizes: dict[str, int] = {}
    for parameter in compiled.parameters:
        sizes[parameter.set_name] = sizes.get(parameter.set_name, 0) + 1
    single = np.array([sizes[parameter.set_name] == 1 for parameter in compiled.parameters])
    return np.concatenate([np.ones(compiled.norm_parameters.size, dtype=bool), single, [True]])


def _groups(slot: IntArray, cell: IntArray, n_cells: int) -> IntArray:
    """Number the distinct sets of slots of the cells, shape (cell,)."""
    order = np.lexsort((slot, cell))
    slot, cell = slot[order], cell[order]
    starts = np.searchsorted(cell, np.arange(n_cells + 1))
    place = np.arange(slot.size) - starts[cell]
    table = np.full((n_cells, int(place.max(initial=-1)) + 1), -1, dtype=np.intp)
    table[cell, place] = slot
    return np.unique(table, axis=0, return_inverse=True)[1].ravel() if table.size else np.zeros(n_cells, int)


def _filled(rows: IntArray, owner: IntArray, count: int, one: int) -> tuple[IntArray, IntArray]:
    """Give products without a factor the row of ones; return rows, and where each product starts."""
    bare = np.setdiff1d(np.arange(count), owner)
    if bare.size:
        rows, owner = np.append(rows, np.full(bare.size, one)), np.append(owner, bare)
        order = np.argsort(owner, kind="stable")
        rows, owner = rows[order], owner[order]
    return rows, np.searchsorted(owner, np.arange(count))


def _ones(row: IntArray, column: IntArray, shape: tuple[int, int]) -> Any:
    if shape[0] * shape[1] <= _DENSE:
        dense = np.zeros(shape)
        dense[row, column] = 1.0
        return dense
    return sparse.csr_array((np.ones(row.size), (row, column)), shape=shape)
