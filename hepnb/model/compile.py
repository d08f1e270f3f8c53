"""Turn a workspace into flat arrays.

A *cell* is one bin of one sample; cells are ordered by bin, so that the rate of a bin is the sum of a
contiguous run of cells. Everything a modifier does is one of two things to a cell: add an interpolated shape,
or multiply by a factor. A factor comes from a *slot*: an interpolated normalisation, or a parameter as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from hepnb.errors import ModelError
from hepnb.interpolation import CODES, AdditiveCode, MultiplicativeCode
from hepnb.model.extension import Extension, collect_extension
from hepnb.model.parameters import Parameter, collect, flatten, with_law
from hepnb.model.positivity import Floor
from hepnb.modifiers import MODIFIERS, Contribution, Occurrence, ParameterSet, free_argument
from hepnb.typing import FloatArray, IntArray
from hepnb.workspace.formula import Formula
from hepnb.workspace.laws import Law

__all__ = ["FAINT", "Compiled", "compile_workspace", "floor_of"]

# A yield that stands for the limit of none at all; no rate that is meant is so small.
FAINT = 1e-30


@dataclass(frozen=True)
class Compiled:
    """A model as arrays.

    Axes: cell (c), bin (b), parameter (p), shape parameter (k), slot (s), term (t).

    Parameters
    ----------
    parameters : tuple of Parameter
        In pyhf's order.
    channels, samples : tuple of str
        In alphabetical order, as pyhf has them.
    channel_slices : dict of str to slice
        The bins of a channel.
    nominal : ndarray, shape (c,)
        Nominal yield of each cell.
    cell_bin, cell_sample : ndarray of int, shape (c,)
        Bin and sample of each cell.
    bin_starts : ndarray of int, shape (b,)
        The first cell of each bin.
    shape_code, norm_code : AdditiveCode, MultiplicativeCode
        The interpolation codes.
    shape_parameters : ndarray of int, shape (k,)
        The parameters that move shapes.
    shape_odd, shape_even : ndarray, shape (k, c)
        The templates S and A of :class:`~hepnb.interpolation.AdditiveCode`.
    norm_parameters : ndarray of int, shape (n,)
        The parameter behind each interpolated normalisation; these are the first n slots.
    norm_prepared : ndarray, shape (..., n)
        Coefficients of the normalisations.
    norm_warp : ndarray, shape (n,), optional
        The relative uncertainties of log-normal laws, 0 for other laws; None where there is no such law.
    term_slot, term_flat : ndarray of int, shape (t,)
        The slot of each term, and its place in a (cell, parameter) table; sorted by cell. The slots are the
        n normalisations, then the p parameters, then the constant 1.
    cell_terms : ndarray of int, shape (c,)
        The first term of each cell.
    floor : Floor, optional
        Where rates are clipped at 0; nowhere by default.
    faint : ndarray, shape (b,), optional
        A rate to add to each bin, :data:`FAINT` or 0; None where no bin can be left without a rate. See
        :func:`_faint`.
    extension : Extension, optional
        What models of Combine have beyond those of HistFactory.
    """

    parameters: tuple[Parameter, ...]
    channels: tuple[str, ...]
    samples: tuple[str, ...]
    channel_slices: dict[str, slice]
    nominal: FloatArray
    cell_bin: IntArray
    cell_sample: IntArray
    bin_starts: IntArray
    shape_code: AdditiveCode
    norm_code: MultiplicativeCode
    shape_parameters: IntArray
    shape_odd: FloatArray
    shape_even: FloatArray
    norm_parameters: IntArray
    norm_prepared: FloatArray
    term_slot: IntArray
    term_flat: IntArray
    cell_terms: IntArray
    floor: Floor | None = None
    faint: FloatArray | None = None
    norm_warp: FloatArray | None = None
    extension: Extension | None = None

    @property
    def has_faint(self) -> bool:
        """Tell whether some bin is left without a rate where a free factor is 0."""
        return self.faint is not None


def codes_of(interpolation: Mapping[str, str]) -> tuple[AdditiveCode, MultiplicativeCode]:
    """Look the two codes up and check that each is of the kind its modifier needs."""
    chosen = []
    for modifier, kind in (("histosys", AdditiveCode), ("normsys", MultiplicativeCode)):
        name = interpolation[modifier]
        code = CODES.get(name)
        if not isinstance(code, kind):
            allowed = ", ".join(repr(key) for key, value in CODES.items() if isinstance(value, kind))
            raise ModelError(f"interpolation of {modifier} cannot be {name!r}. Use one of {allowed}.")
        chosen.append(code)
    return chosen[0], chosen[1]  # type: ignore[return-value]  # checked by kind just above


def compile_workspace(
    spec: Mapping[str, Any],
    overrides: list[dict[str, Any]],
    interpolation: Mapping[str, str],
    constraints: Mapping[str, Law],
) -> Compiled:
    """Compile the channels of a valid workspace.

    Parameters
    ----------
    spec : mapping
        A workspace in pyhf's schema, already validated.
    overrides : list of dict
        The measurement's parameter configuration.
    interpolation : mapping
        Code names of ``"histosys"`` and ``"normsys"``.
    constraints : mapping
        The laws of auxiliary measurements that are not the default of their modifier.

    Returns
    -------
    Compiled
        The arrays.

    Raises
    ------
    ModelError
        Modifiers that cannot stand together, codes that do not exist.
    """
    shape_code, norm_code = codes_of(interpolation)
    channels = sorted(spec["channels"], key=lambda channel: str(channel["name"]))
    samples = sorted({sample["name"] for channel in channels for sample in channel["samples"]})
    grid = _Grid(channels, samples)
    occurrences = _occurrences(grid)
    formulas = _formulas(occurrences.pop("formula", {}))
    contributions = [
        (MODIFIERS[kind].effect, MODIFIERS[kind].contribute(name, places))
        for kind, by_name in occurrences.items()
        for name, places in by_name.items()
    ]
    groups = [part.parameters for _, part in contributions]
    known = {group.name for group in groups}
    arguments = dict.fromkeys(name for formula, _ in formulas for name in formula.arguments)
    groups += [free_argument(name) for name in arguments if name not in known]
    sets = collect((with_law(group, constraints) for group in groups), overrides)
    parameters = flatten(sets)
    if not parameters:
        raise ModelError("the model has no parameters. Give a sample a normfactor for the POI.")
    first: dict[str, int] = {}
    for position, parameter in enumerate(parameters):
        first.setdefault(parameter.set_name, position)

    shapes = [(first[p.parameters.name], p) for kind, p in contributions if kind == "shape"]
    norms = [(first[p.parameters.name], p) for kind, p in contributions if kind == "norm"]
    factors = [(first[p.parameters.name], p) for kind, p in contributions if kind == "factor"]
    odd, even = _shapes(shapes, grid.nominal)
    n_parameters = len(parameters)
    entry_parameter, entry_low, entry_high, norm_terms = _norms(norms)
    slot_of_factor = entry_parameter.size
    cells = [norm_terms[0], *(part.cells for _, part in factors)]
    steering = [entry_parameter[norm_terms[1]], *(start + part.local for start, part in factors)]
    slots = [norm_terms[1], *(slot_of_factor + start + part.local for start, part in factors)]
    term_slot, term_flat, cell_terms = _terms(
        np.concatenate(cells),
        np.concatenate(steering),
        np.concatenate(slots),
        (grid.nominal.size, n_parameters),
        one=slot_of_factor + n_parameters,
    )
    extension = collect_extension(
        {
            kind: [(first[name], place) for name, places in by_name.items() for place in places]
            for kind, by_name in occurrences.items()
        },
        [
            (formula, np.array([first[name] for name in formula.arguments], dtype=np.intp), places)
            for formula, places in formulas
        ],
        grid.nominal.size,
    )
    nominal, faint = _faint(grid, odd, even, parameters, (term_slot - slot_of_factor, cell_terms))
    return Compiled(
        parameters=parameters,
        channels=tuple(str(channel["name"]) for channel in channels),
        samples=tuple(samples),
        channel_slices=grid.channel_slices,
        nominal=nominal,
        cell_bin=grid.cell_bin,
        cell_sample=grid.cell_sample,
        bin_starts=grid.bin_starts,
        shape_code=shape_code,
        norm_code=norm_code,
        shape_parameters=np.array([start for start, _ in shapes], dtype=np.intp),
        shape_odd=odd,
        shape_even=even,
        norm_parameters=entry_parameter,
        norm_prepared=norm_code.prepare(entry_low, entry_high),
        term_slot=term_slot,
        term_flat=term_flat,
        cell_terms=cell_terms,
        faint=faint,
        norm_warp=_warps(sets, parameters, entry_parameter),
        extension=extension,
    )


class _Grid:
    """The cells of the channels, ordered by bin and then by sample."""

    def __init__(self, channels: list[dict[str, Any]], samples: list[str]) -> None:
        self.channel_slices: dict[str, slice] = {}
        self.places: list[tuple[str, dict[str, Any], IntArray, IntArray, FloatArray]] = []
        order = {name: i for i, name in enumerate(samples)}
        nominal, cell_bin, cell_sample = [], [], []
        n_bins, n_cells = 0, 0
        for channel in channels:
            members = sorted(channel["samples"], key=lambda sample: order[sample["name"]])
            yields = np.array([sample["data"] for sample in members], dtype=float)
            here, size = yields.shape
            bins = np.arange(n_bins, n_bins + size)
            for i, sample in enumerate(members):
                cells = n_cells + i + here * np.arange(size)
                self.places.append((str(channel["name"]), sample, cells, bins, yields[i]))
            nominal.append(yields.T.ravel())
            cell_bin.append(np.repeat(bins, here))
            cell_sample.append(np.tile([order[sample["name"]] for sample in members], size))
            self.channel_slices[str(channel["name"])] = slice(n_bins, n_bins + size)
            n_bins += size
            n_cells += here * size
        self.nominal: FloatArray = np.concatenate(nominal)
        self.cell_bin: IntArray = np.concatenate(cell_bin)
        self.cell_sample: IntArray = np.concatenate(cell_sample)
        self.bin_starts: IntArray = np.flatnonzero(np.r_[True, np.diff(self.cell_bin) > 0])


_NAME_AND_TYPE = itemgetter("name", "type")


def _occurrences(grid: _Grid) -> dict[str, dict[str, list[Occurrence]]]:
    """Collect the modifiers by type and name in the order that gives pyhf's order of parameters."""
    found: dict[str, dict[str, list[Occurrence]]] = {name: {} for name in MODIFIERS}
    for channel, sample, cells, bins, nominal in grid.places:
        name = str(sample["name"])
        for modifier in sorted(sample["modifiers"], key=_NAME_AND_TYPE):
            kind = modifier["type"]
            if kind not in found:
                raise ModelError(
                    f"channel {channel!r}, sample {name!r}: modifier type {kind!r} "
                    f"is not one of {', '.join(MODIFIERS)}."
                )
            place = Occurrence(channel, name, cells, bins, nominal, modifier["data"])
            found[kind].setdefault(modifier["name"], []).append(place)
    # pyhf gathers staterrors after its walk over the samples, sorted by name.
    found["staterror"] = dict(sorted(found["staterror"].items()))
    return found


def _formulas(found: Mapping[str, list[Occurrence]]) -> list[tuple[Formula, list[Occurrence]]]:
    """Parse the formulas that multiply samples."""
    by_formula: dict[Formula, list[Occurrence]] = {}
    for places in found.values():
        for place in places:
            formula = Formula(place.data["formula"], tuple(place.data["arguments"]))
            by_formula.setdefault(formula, []).append(place)
    return list(by_formula.items())


def _shapes(shapes: list[tuple[int, Contribution]], nominal: FloatArray) -> tuple[FloatArray, FloatArray]:
    odd = np.zeros((len(shapes), nominal.size))
    even = np.zeros((len(shapes), nominal.size))
    for k, (_, part) in enumerate(shapes):
        _refuse_repeats(part)
        odd[k, part.cells] = 0.5 * (part.high - part.low)
        even[k, part.cells] = 0.5 * (part.high + part.low) - nominal[part.cells]
    return odd, even


def _faint(
    grid: _Grid,
    odd: FloatArray,
    even: FloatArray,
    parameters: tuple[Parameter, ...],
    terms: tuple[IntArray, IntArray],
) -> tuple[FloatArray, FloatArray | None]:
    """Add a background that is next to nothing to bins that only a free factor fills.

    With the factor at 0 an event in such a bin has no probability, and -2 log L is infinite. Its differences
    have a limit where the background of the bin goes to 0, and that is what tests and limits need: the yields
    of 0 in the bin become :data:`FAINT`, with all their systematics, or the bin itself where it has none.

    Returns the yields of the cells, and what to add to the rate of each bin.
    """
    steering, starts = terms
    filled = (grid.nominal != 0) | (odd != 0).any(axis=0) | (even != 0).any(axis=0)
    can_vanish = np.array([p.kind == "free" and not p.fixed and p.lower <= 0 for p in parameters])
    place = np.clip(steering, 0, len(parameters) - 1)
    term = can_vanish[place] & (steering >= 0) & (steering < len(parameters))
    optional = np.logical_or.reduceat(term, starts)
    bare = ~np.logical_or.reduceat(filled & ~optional, grid.bin_starts)
    bare &= np.logical_or.reduceat(filled, grid.bin_starts)
    if not bare.any():
        return grid.nominal, None
    # A factor without a yield anywhere stays without one: it is undetermined, and must be seen to be.
    cell = np.searchsorted(starts, np.arange(steering.size), side="right") - 1
    alive = np.isin(place, place[term & filled[cell]])
    empty = ~filled & bare[grid.cell_bin] & ~np.logical_or.reduceat(term & ~alive, starts)
    without = bare & ~np.logical_or.reduceat(empty, grid.bin_starts)
    return np.where(empty, FAINT, grid.nominal), np.where(without, FAINT, 0.0)


def _warps(
    sets: tuple[ParameterSet, ...], parameters: tuple[Parameter, ...], places: IntArray
) -> FloatArray | None:
    warps = {group.name: group.warp for group in sets if group.warp}
    if not warps:
        return None
    return np.array([warps.get(parameters[place].set_name, 0.0) for place in places])


def _refuse_repeats(part: Contribution) -> None:
    if np.unique(part.cells).size != part.cells.size:
        raise ModelError(f"modifier {part.parameters.name!r} stands twice on the same sample. Keep one.")


def _norms(
    norms: list[tuple[int, Contribution]],
) -> tuple[IntArray, FloatArray, FloatArray, tuple[IntArray, IntArray]]:
    """List the distinct (parameter, low, high), and which of them each term uses."""
    if not norms:
        none = np.empty(0, dtype=np.intp)
        return none, np.empty(0), np.empty(0), (none, none)
    parameter = np.repeat([start for start, _ in norms], [part.cells.size for _, part in norms])
    low, high = (np.concatenate([getattr(part, side) for _, part in norms]) for side in ("low", "high"))
    order = np.lexsort((high, low, parameter))
    columns = np.stack([parameter, low, high])[:, order]
    new = np.r_[True, (np.diff(columns) != 0).any(axis=0)]
    which = np.empty(order.size, dtype=np.intp)
    which[order] = np.cumsum(new) - 1
    distinct = columns[:, new]
    cells = np.concatenate([part.cells for _, part in norms])
    return distinct[0].astype(np.intp), distinct[1], distinct[2], (cells, which)


def _terms(
    cells: IntArray, steering: IntArray, slots: IntArray, sizes: tuple[int, int], one: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Sort the factors by cell; a cell without any gets the constant 1, whose derivative is 0."""
    n_cells, n_parameters = sizes
    bare = np.setdiff1d(np.arange(n_cells), cells)
    cells = np.concatenate([cells, bare])
    slots = np.concatenate([slots, np.full(bare.size, one)])
    steering = np.concatenate([steering, np.zeros(bare.size, dtype=np.intp)])
    order = np.argsort(cells, kind="stable")
    flat = (cells * n_parameters + steering)[order]
    if np.unique(flat).size != flat.size:
        raise ModelError(
            "a modifier multiplies the same sample twice by one parameter. Give it one modifier."
        )
    starts = np.searchsorted(cells[order], np.arange(n_cells))
    return slots[order], flat, starts


def floor_of(compiled: Compiled) -> Floor:
    """Find where ROOT clips.

    Parameters
    ----------
    compiled : Compiled
        The model.

    Returns
    -------
    Floor
        Its cells and factors.
    """
    moved = ((compiled.shape_odd != 0) | (compiled.shape_even != 0)).any(axis=0)
    channel = np.zeros(compiled.bin_starts.size, dtype=np.intp)
    for i, where in enumerate(compiled.channel_slices.values()):
        channel[where] = i
    owner = channel[compiled.cell_bin] * len(compiled.samples) + compiled.cell_sample
    return Floor(np.isin(owner, owner[moved]), compiled.term_slot < compiled.norm_parameters.size)
