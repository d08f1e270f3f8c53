"""-2 log L of a loss for batches of fits: the sum of its terms and of its constraints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hepnb.losses.data import DataSet, as_rows
from hepnb.model import Objective
from hepnb.typing import BoolArray, FloatArray

__all__ = ["LossLikelihood"]

_REMEMBERED = 3
# Events from which a fit starts on a histogram: one alone, and one of several.
_SOME, _MANY = 4000, 20_000


@dataclass(frozen=True)
class LossLikelihood:
    """-2 log L of a loss for a batch of fits.

    Parameters
    ----------
    terms : tuple
        Of the loss.
    slots : tuple of ndarray
        Where the parameters of each term are among all.
    constrained : ndarray of int, shape (n,)
        Parameters with a Gaussian constraint.
    widths : ndarray, shape (n,)
        Their standard deviations.
    size : int
        How many parameters there are.
    notes : dict
        What fits have learned about it.
    """

    terms: tuple[Any, ...]
    slots: tuple[Any, ...]
    constrained: Any
    widths: FloatArray
    size: int
    notes: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""
        return self.size

    @property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter: anywhere."""
        return np.full(self.size, np.inf)

    @property
    def costs(self) -> tuple[float, float]:
        """Time of a gradient and of a curvature: alike, so that each fit steps with its own."""
        return (1e9, 1e9)

    @property
    def operator_bytes(self) -> int:
        """0: curvatures are matrices."""
        return 0

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        """Raise: curvatures are matrices."""
        raise NotImplementedError

    def objective(
        self,
        points: FloatArray,
        data: Any,
        order: Literal[0, 1, 2] = 0,
        *,
        exact: bool = True,  # noqa: ARG002
    ) -> Objective:
        """Evaluate a batch.

        Parameters
        ----------
        points : ndarray, shape (batch, parameter)
            Points.
        data : ndarray of DataSet, shape (batch, 1) or (1, 1)
            Data of each.
        order : {0, 1, 2}
            Highest derivative.
        exact : bool
            Curvatures are always the true ones.

        Returns
        -------
        Objective
            Value and derivatives.
        """
        batch = len(points)
        rows = [row[0] for row in np.broadcast_to(data, (batch, 1))]
        if batch == 1:
            return self._single(points, rows, order)
        return self._evaluate(points, rows, order)

    def _single(self, points: FloatArray, rows: list[DataSet], order: int) -> Objective:
        """Evaluate one point; the last few are remembered, since a fit comes back to where it ended."""
        memory = self.notes.setdefault("last", [])
        key = points.tobytes()
        for known_key, known_data, known_order, found in memory:
            if known_key == key and known_data is rows[0] and known_order >= order:
                return Objective(*(np.array(a) for a in (found.value, found.gradient, found.curvature)))
        found = self._evaluate(points, rows, order)
        memory.append((key, rows[0], order, found))
        del memory[:-_REMEMBERED]
        return Objective(*(np.array(a) for a in (found.value, found.gradient, found.curvature)))

    def _evaluate(self, points: FloatArray, rows: list[DataSet], order: int) -> Objective:
        batch = len(points)
        value = np.zeros(batch)
        gradient, curvature = np.zeros((batch, self.size)), np.zeros((batch, self.size, self.size))
        for place, (term, slots) in enumerate(zip(self.terms, self.slots, strict=True)):
            part = term.objective(points[:, slots], [row.parts[place] for row in rows], order)
            value += part.value
            if order:
                gradient[:, slots] += part.gradient
                curvature[:, slots[:, None], slots] += part.curvature
        if self.constrained.size:
            pulls = (points[:, self.constrained] - np.stack([row.auxiliary for row in rows])) / self.widths
            value += (pulls**2).sum(axis=1)
            gradient[:, self.constrained] += 2 * pulls / self.widths
            curvature[:, self.constrained, self.constrained] += 2 / self.widths**2
        value = np.where(np.isnan(value), np.inf, value)
        if not order:
            return Objective(value, np.empty((batch, 0)), np.empty((batch, 0, 0)))
        return Objective(value, gradient, curvature)

    def constant(self, data: Any) -> FloatArray:
        """Return the terms of -2 log L that depend on the data alone, shape (batch,)."""
        return np.array(
            [sum(t.constant(p) for t, p in zip(self.terms, row[0].parts, strict=True)) for row in data]
        )

    def impossible(self, points: FloatArray, data: FloatArray) -> BoolArray:  # noqa: ARG002
        """Tell where -2 log L itself is infinite though the objective is not: nowhere."""
        return np.zeros(len(points), dtype=bool)

    def coarse(self, data: Any) -> Any:
        """Return histograms of data with many events, for first fits; None where there are none."""
        # Many small sets of events are quicker together than a histogram of each.
        least = _MANY if len(data) > 1 else _SOME
        rows, changed = [], False
        for (row,) in data:
            parts = []
            for term, part in zip(self.terms, row.parts, strict=True):
                small = term.coarse(part, least)
                changed |= small is not None
                parts.append(part if small is None else small)
            rows.append(DataSet(tuple(parts), row.auxiliary))
        return as_rows(rows) if changed else None

    def sandwich(self, point: FloatArray, data: Any) -> FloatArray | None:
        """Return 4 sum w^2 g g^T of weighted events, between two inverse curvatures; None without weights."""
        if not any(getattr(part, "weights", None) is not None for part in data[0][0].parts):
            return None
        whole, weighted = np.zeros((self.size, self.size)), False
        for term, slots, part in zip(self.terms, self.slots, data[0][0].parts, strict=True):
            found = term.scores(point[slots], part)
            if found is not None:
                whole[np.ix_(slots, slots)] += 4 * found
                weighted = True
            elif term.parameters:
                # Other data have the variance that their curvature says: it is left to the caller to mix.
                own = term.objective(point[slots][None], [part], 2).curvature[0]
                whole[np.ix_(slots, slots)] += 2 * own
        whole[self.constrained, self.constrained] += 4 / self.widths**2
        return whole if weighted else None
