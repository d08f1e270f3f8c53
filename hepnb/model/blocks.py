"""The channels of a model as smaller models, each with its own parameters alone.

-2 log L is a sum over channels, and so is its curvature. A channel knows a few of the parameters, so that its
part of the curvature is a small matrix: the work grows with the number of channels, not with channels times
the square of all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hepnb.model.compile import Compiled
from hepnb.model.positivity import Floor
from hepnb.typing import BoolArray, IntArray

__all__ = ["Block", "blocks"]

# Nanoseconds that the calls of one block take.
_CALLS = 100_000


@dataclass(frozen=True)
class Block:
    """Some channels of a model.

    Parameters
    ----------
    compiled : Compiled
        Their arrays.
    parameters : ndarray of int, shape (k,)
        Their parameters, as positions in the whole model.
    bins : slice
        Their bins in the whole model.
    """

    compiled: Compiled
    parameters: IntArray
    bins: slice

    @property
    def cost(self) -> float:
        """Nanoseconds that its part of the curvature takes at one point, about."""
        return float(self.compiled.nominal.size * self.parameters.size**2)


def blocks(compiled: Compiled) -> tuple[Block, ...]:
    """Split a model where that makes its curvature cheaper.

    Parameters
    ----------
    compiled : Compiled
        The model.

    Returns
    -------
    tuple of Block
        All channels once, in their order.
    """
    n_bins, n_parameters = compiled.bin_starts.size, len(compiled.parameters)
    whole = Block(compiled, np.arange(n_parameters), slice(0, n_bins))
    if len(compiled.channel_slices) == 1 or whole.cost < _CALLS:
        return (whole,)
    touched = _touched(compiled)
    groups: list[tuple[slice, BoolArray]] = []
    for bins in sorted(compiled.channel_slices.values(), key=lambda where: where.start):
        own = np.asarray(touched[bins].any(axis=0))
        if groups:
            before, theirs = groups[-1]
            apart = _cost(compiled, before, theirs) + _cost(compiled, bins, own) + _CALLS
            joint = slice(before.start, bins.stop)
            if _cost(compiled, joint, theirs | own) < apart:
                groups[-1] = (joint, theirs | own)
                continue
        groups.append((bins, own))
    return (
        tuple(_block(compiled, bins, np.flatnonzero(own)) for bins, own in groups) if groups[1:] else (whole,)
    )


def _touched(compiled: Compiled) -> BoolArray:
    """Tell which parameters move which bins, shape (bin, parameter)."""
    n_bins, n_parameters = compiled.bin_starts.size, len(compiled.parameters)
    touched = np.zeros((n_bins, n_parameters), dtype=bool)
    cell, parameter = np.divmod(compiled.term_flat, n_parameters)
    real = compiled.term_slot < compiled.norm_parameters.size + n_parameters
    touched[compiled.cell_bin[cell[real]], parameter[real]] = True
    which, moved = np.nonzero((compiled.shape_odd != 0) | (compiled.shape_even != 0))
    touched[compiled.cell_bin[moved], compiled.shape_parameters[which]] = True
    if compiled.extension is not None:
        cells, parameters = compiled.extension.touched
        touched[compiled.cell_bin[cells], parameters] = True
    return touched


def _cost(compiled: Compiled, bins: slice, own: BoolArray) -> float:
    cells = _cells(compiled, bins)
    return float((cells.stop - cells.start) * int(own.sum()) ** 2)


def _cells(compiled: Compiled, bins: slice) -> slice:
    ends = np.append(compiled.bin_starts, compiled.nominal.size)
    return slice(int(ends[bins.start]), int(ends[bins.stop]))


def _block(compiled: Compiled, bins: slice, own: IntArray) -> Block:
    """Cut the arrays of some bins out, with positions counted anew."""
    cells = _cells(compiled, bins)
    ends = np.append(compiled.cell_terms, compiled.term_slot.size)
    terms = slice(int(ends[cells.start]), int(ends[cells.stop]))
    n_norms, n_parameters = compiled.norm_parameters.size, len(compiled.parameters)
    position = np.zeros(n_parameters, dtype=np.intp)
    position[own] = np.arange(own.size)
    slot = compiled.term_slot[terms]
    norms = np.unique(slot[slot < n_norms])
    table = np.empty(n_norms + n_parameters + 1, dtype=np.intp)
    table[norms] = np.arange(norms.size)
    table[n_norms:-1] = norms.size + position
    table[-1] = norms.size + own.size
    cell, parameter = np.divmod(compiled.term_flat[terms], n_parameters)
    shapes = np.flatnonzero(np.isin(compiled.shape_parameters, own))
    floor = compiled.floor
    return Block(
        replace(
            compiled,
            parameters=tuple(compiled.parameters[i] for i in own),
            nominal=compiled.nominal[cells],
            cell_bin=compiled.cell_bin[cells] - bins.start,
            cell_sample=compiled.cell_sample[cells],
            bin_starts=compiled.bin_starts[bins] - cells.start,
            shape_parameters=position[compiled.shape_parameters[shapes]],
            shape_odd=np.ascontiguousarray(compiled.shape_odd[shapes, cells]),
            shape_even=np.ascontiguousarray(compiled.shape_even[shapes, cells]),
            norm_parameters=position[compiled.norm_parameters[norms]],
            norm_prepared=np.ascontiguousarray(compiled.norm_prepared[..., norms]),
            norm_warp=None if compiled.norm_warp is None else compiled.norm_warp[norms],
            term_slot=table[slot],
            term_flat=(cell - cells.start) * own.size + position[parameter],
            cell_terms=compiled.cell_terms[cells] - terms.start,
            floor=None if floor is None else Floor(floor.shaped[cells], floor.scaled[terms]),
            faint=None if compiled.faint is None else compiled.faint[bins],
            extension=None
            if compiled.extension is None
            else compiled.extension.cut(cells, bins, position, np.isin(np.arange(n_parameters), own)),
        ),
        own,
        bins,
    )
