"""One likelihood of many models that differ in a few cells: the signals of a grid on one background.

The models have the same parameters, bins and modifiers; the yields, shapes and factors of some cells (those
of the signal) differ, and so may the widths of Gaussian constraints. A lane of a batch belongs to one of the
models, and its data say to which: their last entry is its position. What the models share is evaluated as for
a single one; the cells that differ are added lane by lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from hepnb.model.compile import Compiled
from hepnb.model.constraints import Constraints
from hepnb.model.expectation import rates, slot_values
from hepnb.model.incidence import Incidence, incidence
from hepnb.model.likelihood import HistFactoryLikelihood, Objective
from hepnb.model.operator import Operator, Product
from hepnb.typing import FloatArray, IntArray

__all__ = ["Stack", "alike", "stack"]

_MOST_BINS = 60


def alike(likelihood: HistFactoryLikelihood) -> tuple[Any, ...] | None:
    """Return what two likelihoods must have in common to stand in one stack; None for one that cannot.

    Parameters
    ----------
    likelihood : HistFactoryLikelihood
        Of any model.

    Returns
    -------
    tuple or None
        Hashable. Rates that are clipped, faint ones, log-normal laws, laws that are cut or have two widths,
        and what only Combine's models have, have no stack, nor have models of many bins, for which the
        operator is no good.
    """
    compiled, own = likelihood.compiled, likelihood.constraints
    if compiled.floor is not None or compiled.has_faint or compiled.norm_warp is not None or own.cut.size:
        return None
    if compiled.extension is not None or own.weight_below is not None:
        return None
    if likelihood.n_bins > _MOST_BINS:
        return None
    n_norms = compiled.norm_parameters.size
    factor = np.where(compiled.term_slot < n_norms, -1, compiled.term_slot - n_norms)
    arrays = (
        compiled.cell_bin, compiled.cell_terms, compiled.term_flat, factor, compiled.shape_parameters,
        own.gauss, own.gauss_aux, own.poisson, own.poisson_aux, own.tau, own.offset, own.scale, own.shift,
    )  # fmt: skip
    names = tuple((p.name, p.kind) for p in compiled.parameters)
    codes = (compiled.shape_code.name, compiled.norm_code.name)
    return (names, codes, *(array.tobytes() for array in arrays))


def stack(members: Sequence[HistFactoryLikelihood]) -> Stack:
    """Put likelihoods together that are :func:`alike`.

    Parameters
    ----------
    members : sequence of HistFactoryLikelihood
        At least one.

    Returns
    -------
    Stack
        Their likelihood.
    """
    each = [member.compiled for member in members]
    first = each[0]
    norm = np.flatnonzero(first.term_slot < first.norm_parameters.size)
    slots = np.zeros(norm.size, dtype=np.intp)
    for compiled in each:
        # Two terms share a slot where they do in every model.
        pairs = slots * compiled.norm_parameters.size + compiled.term_slot[norm]
        _, example, slots = np.unique(pairs, return_index=True, return_inverse=True)
    if not norm.size:
        example = norm
    owner = first.term_flat[norm[example]] % len(first.parameters)
    prepared = np.stack([c.norm_prepared[..., c.term_slot[norm[example]]] for c in each], axis=-1)
    term_slot = first.term_slot + example.size - first.norm_parameters.size
    term_slot[norm] = slots
    differ = (prepared != prepared[..., :1]).any(axis=(*range(prepared.ndim - 2), -1))
    other_slots = np.flatnonzero(differ)

    nominal = np.stack([compiled.nominal for compiled in each])
    odd, even = (np.stack([getattr(c, f"shape_{side}") for c in each]) for side in ("odd", "even"))
    other = (nominal != nominal[0]).any(axis=0)
    other |= (odd != odd[0]).any(axis=(0, 1)) | (even != even[0]).any(axis=(0, 1))
    cells = np.flatnonzero(other)
    base = replace(
        first,
        nominal=np.where(other, 0.0, first.nominal),
        shape_odd=np.where(other, 0.0, first.shape_odd),
        shape_even=np.where(other, 0.0, first.shape_even),
        norm_parameters=owner,
        norm_prepared=prepared[..., 0],
        term_slot=term_slot,
    )
    weight = np.stack([member.constraints.weight for member in members])
    return Stack(
        members=tuple(members),
        compiled=base,
        incidence=incidence(base),
        constraints=members[0].constraints,
        cells=cells,
        nominal=nominal[:, cells],
        odd=np.ascontiguousarray(odd[:, :, cells].transpose(0, 2, 1)),
        even=np.ascontiguousarray(even[:, :, cells].transpose(0, 2, 1)),
        slots=other_slots,
        prepared=np.ascontiguousarray(prepared[..., other_slots, :]),
        excess=weight - weight[0] if (weight != weight[0]).any() else None,
    )


@dataclass(frozen=True, eq=False)
class Stack:
    """The likelihood of a batch of lanes, each of one of several models; see :func:`stack`.

    Axes: member (m), cell that differs (v), shape parameter (k), slot that differs (w), Gaussian (g).

    Parameters
    ----------
    members : tuple of HistFactoryLikelihood
        The models.
    compiled : Compiled
        What they share; the cells that differ are empty.
    incidence : Incidence
        Which slots multiply which cells.
    constraints : Constraints
        Those of the first model.
    cells : ndarray of int, shape (v,)
        The cells that differ, ascending.
    nominal : ndarray, shape (m, v)
        Their yields.
    odd, even : ndarray, shape (m, v, k)
        Their templates.
    slots : ndarray of int, shape (w,)
        The interpolated normalisations that differ.
    prepared : ndarray, shape (..., w, m)
        Their coefficients.
    excess : ndarray, shape (m, g), optional
        Weights of the Gaussian constraints above those of the first model; None where they are equal.
    """

    members: tuple[HistFactoryLikelihood, ...]
    compiled: Compiled
    incidence: Incidence
    constraints: Constraints
    cells: IntArray
    nominal: FloatArray
    odd: FloatArray
    even: FloatArray
    slots: IntArray
    prepared: FloatArray
    excess: FloatArray | None

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""
        return len(self.compiled.parameters)

    @property
    def n_bins(self) -> int:
        """How many of the data are bins."""
        return int(self.compiled.bin_starts.size)

    @cached_property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter, in every model."""
        return np.asarray(np.min([member.max_step for member in self.members], axis=0))

    @property
    def costs(self) -> tuple[float, float]:
        """Nanoseconds that gradient and curvature take at one point of many, about."""
        return self.members[0].costs

    @property
    def operator_bytes(self) -> int:
        """Memory per lane of :meth:`operator`."""
        own = self.prepared.shape[0] * self.slots.size + 2 * self.cells.size * self.odd.shape[2]
        return int(8 * (4 * self.n_bins * self.n_parameters + 6 * self.incidence.slots.size + own))

    @cached_property
    def switches(self) -> IntArray:
        """The parameters that, at 0, take all away that differs, shape (n,)."""
        none = np.empty(0, dtype=np.intp)
        if self.excess is not None or not self.cells.size:
            return none
        compiled = self.compiled
        n_norms = compiled.norm_parameters.size
        cell = np.searchsorted(compiled.cell_terms, np.arange(compiled.term_slot.size), side="right") - 1
        here = np.isin(cell, self.cells)
        if np.isin(compiled.term_slot[~here], self.slots).any():
            return none
        factors = compiled.term_slot[here & (compiled.term_slot >= n_norms)] - n_norms
        counts = np.bincount(factors[factors < self.n_parameters], minlength=self.n_parameters)
        return np.flatnonzero(counts == self.cells.size)

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Evaluate lanes as each model does; see :meth:`HistFactoryLikelihood.objective`."""
        member = _member(data)
        parts, rows = [], []
        for which in np.unique(member):
            rows.append(np.flatnonzero(member == which))
            here = self.members[which]
            parts.append(here.objective(points[rows[-1]], data[rows[-1], :-1], order, exact=exact))
        order_of = np.argsort(np.concatenate(rows))
        return Objective(
            **{
                f.name: np.concatenate([getattr(p, f.name) for p in parts])[order_of]
                for f in fields(Objective)
            }
        )

    def operator(self, points: FloatArray, data: FloatArray) -> StackedOperator:
        """Return gradient and curvature of a batch as an operator.

        Parameters
        ----------
        points : ndarray, shape (batch, parameter)
            Parameter points.
        data : ndarray, shape (batch, data + 1)
            Data of each point, and the position of its model.

        Returns
        -------
        StackedOperator
            With -2 log L itself.
        """
        member = _member(data)
        slots = slot_values(self.compiled, points)
        if self.slots.size:
            alphas = points[:, self.compiled.norm_parameters[self.slots]].T
            with np.errstate(over="ignore"):
                own = self.compiled.norm_code.evaluate(self.prepared[..., member], alphas, 2)
            for of_all, of_some in zip(slots, own, strict=True):
                of_all[self.slots] = of_some
        kappa, rate, nu = self.rates(slots[0], points, member)
        value = self.members[0]._value(nu.T, points, data)
        if self.excess is not None:
            pull = points[:, self.constraints.gauss] - data[:, self.n_bins + self.constraints.gauss_aux]
            value = value + np.einsum("lg,lg->l", np.square(pull), self.excess[member])
        return StackedOperator(
            self.compiled, self.incidence, self.constraints, points, data, value, slots, kappa, rate, nu, self
        )

    def rates(
        self, slots: FloatArray, points: FloatArray, member: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Multiply the slots of each cell; see :func:`hepnb.model.expectation.rates`."""
        kappa, rate, nu = rates(self.compiled, slots, points)
        total = self.nominal[member]
        if self.compiled.shape_parameters.size:
            h, g = self.compiled.shape_code.basis(points[:, self.compiled.shape_parameters], 0)
            total = total + _along(self.odd[member], h) + _along(self.even[member], g)
        rate[self.cells] = kappa[self.cells] * total.T
        bins = self.compiled.cell_bin[self.cells]
        np.add.at(nu, bins, rate[self.cells])
        return kappa, rate, nu


def _member(data: FloatArray) -> IntArray:
    return data[:, -1].astype(np.intp)


def _along(table: FloatArray, vector: FloatArray) -> FloatArray:
    """Multiply tables of shape (lane, v, k) with vectors of shape (lane, k)."""
    return np.asarray(np.matmul(table, vector[:, :, None])[:, :, 0])


def _across(table: FloatArray, vector: FloatArray) -> FloatArray:
    """Multiply tables of shape (lane, v, k) with vectors of shape (lane, v) from the left."""
    return np.asarray(np.matmul(vector[:, None, :], table)[:, 0])


@dataclass(frozen=True)
class StackedOperator(Operator):
    """:class:`Operator` of lanes of several models.

    Parameters
    ----------
    stack : Stack
        The models.
    """

    stack: Stack

    @cached_property
    def _member(self) -> IntArray:
        return _member(self.data)

    def take(self, which: Any) -> StackedOperator:
        """Return some of the lanes."""
        return self._stacked(super().take(which))

    def join(self, other: Operator) -> StackedOperator:
        """Append other lanes."""
        return self._stacked(super().join(other))

    def _stacked(self, lanes: Operator) -> StackedOperator:
        return StackedOperator(**{f.name: getattr(lanes, f.name) for f in fields(Operator)}, stack=self.stack)

    def _rates(self, slots: FloatArray, lanes: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.stack.rates(slots, self.points[lanes], self._member[lanes])

    @cached_property
    def _bent(self) -> FloatArray:
        """Derivative of the shapes of the cells that differ, shape (batch, v, k)."""
        h, g = self._shape_slopes
        odd, even = self.stack.odd[self._member], self.stack.even[self._member]
        return np.asarray(h[:, None, :] * odd + g[:, None, :] * even)

    @cached_property
    def jacobian(self) -> FloatArray:
        """Derivative of the rates of the bins, shape (batch, bin, parameter)."""
        jacobian = super().jacobian
        cells, where = self.stack.cells, self.compiled.shape_parameters
        if cells.size and where.size:
            bins, begin = np.unique(self.compiled.cell_bin[cells], return_index=True)
            own = self._soft[2][cells].T[:, :, None] * self._bent
            jacobian[:, bins[:, None], where] += np.add.reduceat(own, begin, axis=1)
        return jacobian

    @cached_property
    def _own(self) -> tuple[FloatArray, FloatArray]:
        first, second = super()._own
        excess, constraints = self.stack.excess, self.constraints
        if excess is not None:
            aux = self.data[:, self.stack.n_bins :]
            pull = self.points[:, constraints.gauss] - aux[:, constraints.gauss_aux]
            first[:, constraints.gauss] += 2 * pull * excess[self._member]
            second[:, constraints.gauss] += 2 * excess[self._member]
        return first, second

    @cached_property
    def _diagonal(self) -> FloatArray:
        diagonal = super()._diagonal
        where = self.compiled.shape_parameters
        if where.size:
            h, g = self.compiled.shape_code.basis(self.points[:, where], 2)
            steer = self._cell_weights[1][self.stack.cells].T
            odd, even = self.stack.odd[self._member], self.stack.even[self._member]
            diagonal[:, where] += h * _across(odd, steer) + g * _across(even, steer)
        return diagonal

    @cached_property
    def product(self) -> StackedProduct:
        """The true curvature, to be multiplied with vectors."""
        shapes = self.compiled.shape_parameters.size
        bent = self._bent if shapes else np.zeros((len(self.points), self.stack.cells.size, 0))
        return StackedProduct(**vars(super().product), cells=self.stack.cells, bent=bent)


@dataclass(frozen=True)
class StackedProduct(Product):
    """:class:`Product` of lanes of several models.

    Parameters
    ----------
    cells : ndarray of int, shape (v,)
        The cells that differ.
    bent : ndarray, shape (batch, v, k)
        Derivative of their shapes.
    """

    cells: IntArray
    bent: FloatArray

    def take(self, which: IntArray) -> StackedProduct:
        """Return some of the lanes."""
        return StackedProduct(**vars(super().take(which)), cells=self.cells, bent=self.bent[which])

    def _of_lanes(
        self, vector: FloatArray, along_factors: FloatArray, to_factors: FloatArray, result: FloatArray
    ) -> None:
        where = self.compiled.shape_parameters
        if not where.size:
            return
        of_kappa = self.of_kappa[self.cells]
        to_factors[self.cells] += of_kappa * _along(self.bent, vector[:, where]).T
        result[:, where] += _across(self.bent, (of_kappa * along_factors[self.cells]).T)
