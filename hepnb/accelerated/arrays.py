"""The arrays of a compiled model, arranged for JAX.

What decides how a computation is traced is :class:`Structure`, which can be hashed; the numbers are in
:class:`Tables`. Two models of the same structure and sizes share one compiled program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hepnb.errors import AcceleratorError
from hepnb.interpolation import AdditiveCode, MultiplicativeCode
from hepnb.model.factors import Products, factors
from hepnb.model.likelihood import HistFactoryLikelihood
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["Structure", "Tables", "arrange"]


@dataclass(frozen=True)
class Structure:
    """What a computation is made of, apart from its numbers.

    Parameters
    ----------
    shape_code, norm_code : AdditiveCode, MultiplicativeCode
        The interpolation codes.
    n_parameters, n_bins : int
        Sizes.
    has_faint : bool
        A bin can be left without a rate.
    has_floor, scales_clip : bool
        Rates are clipped at 0, and so are products of normalisations.
    """

    shape_code: AdditiveCode
    norm_code: MultiplicativeCode
    n_parameters: int
    n_bins: int
    has_faint: bool
    has_floor: bool
    scales_clip: bool


class Tables(NamedTuple):
    """The numbers of a model. Axes as in :class:`~hepnb.model.compile.Compiled`.

    A table of factors has one product per column: positions of slots, filled up with that of the constant 1.
    The slots of ``cells`` are followed by the products of ``groups``. ``slot_of`` (cell, parameter) is the
    slot through which a parameter multiplies a cell, one more than there are for none; ``in_slot`` (cell,
    slot) is 1 where a slot multiplies a cell; ``owner`` is the parameter behind each slot.
    """

    nominal: FloatArray
    cell_bin: IntArray
    cell_sample: IntArray
    shape_parameters: IntArray
    shape_odd: FloatArray
    shape_even: FloatArray
    norm_parameters: IntArray
    norm_prepared: FloatArray
    norm_warp: FloatArray | None
    groups: IntArray | None
    cells: IntArray
    scaled: IntArray | None
    shaped: BoolArray | None
    faint: FloatArray | None
    gauss: IntArray
    gauss_aux: IntArray
    weight: FloatArray
    poisson: IntArray
    poisson_aux: IntArray
    tau: FloatArray
    offset: FloatArray
    cut: IntArray
    constrained: IntArray
    scale: FloatArray
    shift: FloatArray
    is_cut: BoolArray
    slot_of: IntArray
    in_slot: FloatArray
    owner: IntArray
    max_step: FloatArray


def arrange(likelihood: HistFactoryLikelihood) -> tuple[Structure, Tables]:
    """Arrange the arrays of a model.

    Parameters
    ----------
    likelihood : HistFactoryLikelihood
        Its likelihood.

    Returns
    -------
    tuple of Structure and Tables
        Arrays of numpy, to be put on a device.

    Raises
    ------
    AcceleratorError
        The model has what only Combine's datacards have.
    """
    compiled, constraints = likelihood.compiled, likelihood.constraints
    if compiled.extension is not None or constraints.weight_below is not None:
        raise AcceleratorError(
            "the model has morphs, additive bin errors, formulas or two-sided constraints of a datacard, "
            "which JAX does not compute here. Use the numpy functions, such as hepnb.fit(data, model)."
        )
    n_parameters = len(compiled.parameters)
    one = compiled.norm_parameters.size + n_parameters
    cell = np.repeat(
        np.arange(compiled.nominal.size), np.diff(np.append(compiled.cell_terms, compiled.term_slot.size))
    )
    slot_of = np.full(compiled.nominal.size * n_parameters, one + 1)
    slot_of[compiled.term_flat] = compiled.term_slot
    in_slot = np.zeros((compiled.nominal.size, one + 1))
    in_slot[cell, compiled.term_slot] = 1.0
    links, floor = factors(compiled), compiled.floor
    scaled = None
    if floor is not None and floor.scaled.any():
        slots = np.where(floor.scaled, compiled.term_slot, one)
        scaled = padded(Products(slots, compiled.cell_terms), one)
    is_cut = np.zeros(constraints.aux.size, dtype=bool)
    is_cut[constraints.poisson_aux[constraints.cut]] = True
    structure = Structure(
        compiled.shape_code,
        compiled.norm_code,
        n_parameters,
        compiled.bin_starts.size,
        compiled.faint is not None,
        floor is not None,
        scaled is not None,
    )
    tables = Tables(
        nominal=compiled.nominal,
        cell_bin=compiled.cell_bin,
        cell_sample=compiled.cell_sample,
        shape_parameters=compiled.shape_parameters,
        shape_odd=compiled.shape_odd,
        shape_even=compiled.shape_even,
        norm_parameters=compiled.norm_parameters,
        norm_prepared=compiled.norm_prepared,
        norm_warp=compiled.norm_warp,
        groups=None if links.groups is None else padded(links.groups, one),
        cells=padded(links.cells, one),
        scaled=scaled,
        shaped=None if floor is None else floor.shaped,
        faint=compiled.faint,
        gauss=constraints.gauss,
        gauss_aux=constraints.gauss_aux,
        weight=constraints.weight,
        poisson=constraints.poisson,
        poisson_aux=constraints.poisson_aux,
        tau=constraints.tau,
        offset=constraints.offset,
        cut=constraints.cut,
        constrained=constraints.parameters,
        scale=constraints.scale,
        shift=constraints.shift,
        is_cut=is_cut,
        slot_of=slot_of.reshape(-1, n_parameters),
        in_slot=in_slot,
        owner=np.concatenate([compiled.norm_parameters, np.arange(n_parameters), [0]]),
        max_step=likelihood.max_step,
    )
    return structure, tables


def padded(products: Products, one: int) -> IntArray:
    """Return the rows of each product as the columns of a table, filled up with the row of ones.

    Examples
    --------
    >>> padded(Products(np.array([4, 5, 6]), np.array([0, 2])), 9).tolist()
    [[4, 6], [5, 9]]
    """
    if products.table.ndim == 2:
        return products.table
    rows, starts = products.table, products.starts
    counts = np.diff(np.append(starts, rows.size))
    table = np.full((int(counts.max(initial=1)), starts.size), one, dtype=np.intp)
    column = np.repeat(np.arange(starts.size), counts)
    table[np.arange(rows.size) - starts[column], column] = rows
    return table
