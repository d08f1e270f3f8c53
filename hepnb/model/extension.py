"""What models of Combine have beyond those of HistFactory: morphs, additive bin errors, formulas.

With kappa the product of the factors of a cell, F its morphed template (or its nominal yield), s the size of
an uncertainty of a bin, and x its parameter, the rate of a bin is::

    nu = sum of kappa F over its cells + sum of x s over its uncertainties,   s^2 = sum of (kappa e)^2

over the cells of the uncertainty, each of which has the error e. The derivatives of s follow from those of
q = kappa e: s s' = sum of q q', and s s'' = sum of (q' q'^T + q q'') - s' s'^T.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepnb.model.morphing import Morphed, Morphs, collect_morphs
from hepnb.modifiers import Occurrence
from hepnb.typing import BoolArray, FloatArray, IntArray
from hepnb.workspace.formula import Expansion, Formula

if TYPE_CHECKING:
    from hepnb.model.compile import Compiled

__all__ = ["BinErrors", "Evaluated", "Extension", "FormulaFactor", "collect_extension", "scatter"]

# A formula of 0 and an uncertainty of no size are kept away from it, so that their logarithms have slopes.
_LEAST_FORMULA, _LEAST_ERROR = 1e-9, 1e-30


def scatter(target: FloatArray, places: Any, values: FloatArray) -> None:
    """Add columns to the places of a table that they belong to, which may be the same."""
    index: Any = (slice(None), *(places if isinstance(places, tuple) else (places,)))
    np.add.at(target, index, values)


@dataclass(frozen=True)
class BinErrors:
    """Additive uncertainties of bins.

    Parameters
    ----------
    parameters, bins : ndarray of int, shape (e,)
        Parameter and bin of each.
    term : ndarray of int, shape (q,)
        The uncertainty to which each cell belongs; sorted.
    starts : ndarray of int, shape (e,)
        The first cell of each.
    cells : ndarray of int, shape (q,)
        The cells.
    errors : ndarray, shape (q,)
        The error of each cell at kappa = 1.
    """

    parameters: IntArray
    bins: IntArray
    term: IntArray
    starts: IntArray
    cells: IntArray
    errors: FloatArray

    def sizes(self, kappa: FloatArray) -> FloatArray:
        """Return s at factors of shape (batch, cell), shape (batch, e)."""
        squares = np.add.reduceat((kappa[:, self.cells] * self.errors) ** 2, self.starts, axis=1)
        return np.maximum(np.sqrt(squares), _LEAST_ERROR)


@dataclass(frozen=True)
class FormulaFactor:
    """A formula that multiplies cells."""

    formula: Formula
    parameters: IntArray
    cells: IntArray

    def expand(self, points: FloatArray) -> Expansion:
        """Evaluate it at points of shape (batch, parameter)."""
        value, first, second = self.formula.expand(points[:, self.parameters])
        small = np.abs(value) < _LEAST_FORMULA
        return Expansion(np.where(small, _LEAST_FORMULA, value), first, second)


class Evaluated(NamedTuple):
    """Parts of the rates at a batch of points: templates F (batch, cell), formulas, sizes s (batch, e)."""

    templates: FloatArray
    morphed: Morphed | None
    formulas: tuple[Expansion, ...]
    sizes: FloatArray


@dataclass(frozen=True)
class Extension:
    """The parts of a model that HistFactory does not have.

    Parameters
    ----------
    morphs : Morphs, optional
        Its morphed templates.
    errors : BinErrors, optional
        Its additive uncertainties of bins.
    formulas : tuple of FormulaFactor
        Its formulas.
    scale : ndarray, shape (cell,), optional
        Constant factors.
    """

    morphs: Morphs | None = None
    errors: BinErrors | None = None
    formulas: tuple[FormulaFactor, ...] = ()
    scale: FloatArray | None = None

    def rates(
        self, compiled: Compiled, points: FloatArray, kappa: FloatArray, order: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, Evaluated]:
        """Evaluate the rates of cells and bins.

        Parameters
        ----------
        compiled : Compiled
            The model.
        points : ndarray, shape (batch, parameter)
            Parameter points.
        kappa : ndarray, shape (batch, cell)
            The products of HistFactory's factors.
        order : {0, 1, 2}
            With 2 the morphs are differentiated.

        Returns
        -------
        kappa, cells, bins : ndarray
            The products of all factors, and the rates.
        parts : Evaluated
            What derivatives need.
        """
        formulas = tuple(factor.expand(points) for factor in self.formulas)
        if self.scale is not None or formulas:
            kappa = kappa * (1.0 if self.scale is None else self.scale)
        for factor, found in zip(self.formulas, formulas, strict=True):
            kappa[:, factor.cells] *= found.value[:, None]
        total = np.broadcast_to(compiled.nominal, kappa.shape)
        if compiled.shape_parameters.size:
            h, g = compiled.shape_code.basis(points[:, compiled.shape_parameters], 0)
            total = total + h @ compiled.shape_odd + g @ compiled.shape_even
        morphed = None
        if self.morphs is not None:
            morphed = self.morphs.evaluate(points, order == 2)
            total = np.array(total)
            total[:, self.morphs.cells] = morphed.values
        cells = kappa * total
        bins = np.add.reduceat(cells, compiled.bin_starts, axis=1)
        sizes = np.empty((len(points), 0))
        if self.errors is not None:
            sizes = self.errors.sizes(kappa)
            scatter(bins, self.errors.bins, points[:, self.errors.parameters] * sizes)
        return kappa, cells, bins, Evaluated(total, morphed, formulas, sizes)

    @property
    def touched(self) -> tuple[IntArray, IntArray]:
        """Pairs of cell and parameter that belong together, beside those of HistFactory's factors."""
        cells, parameters = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
        if self.morphs is not None:
            moved = (self.morphs.odd != 0) | (self.morphs.even != 0)
            for unit in range(self.morphs.starts.size):
                inside = self.morphs.unit == unit
                columns = np.flatnonzero(moved[:, inside].any(axis=1))
                pairs = np.meshgrid(self.morphs.cells[inside], self.morphs.parameters[columns])
                cells.append(pairs[0].ravel())
                parameters.append(pairs[1].ravel())
        if self.errors is not None:
            cells.append(self.errors.cells)
            parameters.append(self.errors.parameters[self.errors.term])
        for factor in self.formulas:
            pairs = np.meshgrid(factor.cells, factor.parameters)
            cells.append(pairs[0].ravel())
            parameters.append(pairs[1].ravel())
        return np.concatenate(cells), np.concatenate(parameters)

    def cut(self, cells: slice, bins: slice, position: IntArray, own: BoolArray) -> Extension:
        """Return the part of some bins, with cells, bins and parameters counted anew."""
        errors = self.errors
        if errors is not None:
            terms = np.flatnonzero((errors.bins >= bins.start) & (errors.bins < bins.stop))
            inside = np.isin(errors.term, terms)
            term = np.searchsorted(terms, errors.term[inside])
            errors = BinErrors(
                position[errors.parameters[terms]],
                errors.bins[terms] - bins.start,
                term,
                np.flatnonzero(np.r_[True, np.diff(term) > 0]) if term.size else term,
                errors.cells[inside] - cells.start,
                errors.errors[inside],
            )
        formulas = []
        for factor in self.formulas:
            here = factor.cells[(factor.cells >= cells.start) & (factor.cells < cells.stop)]
            if here.size:
                formulas.append(
                    replace(factor, parameters=position[factor.parameters], cells=here - cells.start)
                )
        return Extension(
            None if self.morphs is None else self.morphs.cut(cells, position, own),
            errors if errors is not None and errors.parameters.size else None,
            tuple(formulas),
            None if self.scale is None else self.scale[cells],
        )


def collect_extension(
    places: Mapping[str, Sequence[tuple[int, Occurrence]]],
    formulas: Sequence[tuple[Formula, IntArray, Sequence[Occurrence]]],
    n_cells: int,
) -> Extension | None:
    """Collect the parts of a model that HistFactory does not have.

    Parameters
    ----------
    places : mapping of str to sequence of (int, Occurrence)
        By modifier type ("morph", "binerror", "bincount"): each modifier on a sample, with the position of
        its parameter.
    formulas : sequence of (Formula, ndarray of int, sequence of Occurrence)
        Formulas with the positions of their arguments, and where they stand.
    n_cells : int
        How many cells there are.

    Returns
    -------
    Extension or None
        None where there are none.
    """
    errors, counts = places.get("binerror", ()), places.get("bincount", ())
    morphs = collect_morphs(places.get("morph", ()))
    if morphs is None and not errors and not counts and not formulas:
        return None
    scale = None
    if counts:
        scale = np.ones(n_cells)
        for _, place in counts:
            scale[place.cells[place.data["bin"]]] /= place.data["events"]
    factors = tuple(
        FormulaFactor(formula, parameters, np.concatenate([place.cells for place in where]))
        for formula, parameters, where in formulas
    )
    return Extension(morphs, _bin_errors(errors) if errors else None, factors, scale)


def _bin_errors(places: Sequence[tuple[int, Occurrence]]) -> BinErrors:
    by_term: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for parameter, place in places:
        where = place.data["bin"]
        members = by_term.setdefault((parameter, int(place.bins[where])), [])
        members.append((int(place.cells[where]), place.data["error"]))
    sizes = [len(members) for members in by_term.values()]
    flat = [member for members in by_term.values() for member in members]
    return BinErrors(
        parameters=np.array([parameter for parameter, _ in by_term], dtype=np.intp),
        bins=np.array([bin_ for _, bin_ in by_term], dtype=np.intp),
        term=np.repeat(np.arange(len(sizes)), sizes),
        starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp),
        cells=np.array([cell for cell, _ in flat], dtype=np.intp),
        errors=np.array([error for _, error in flat]),
    )
