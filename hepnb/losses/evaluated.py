"""Sums over events of the logarithm of a density and of its derivatives; see :mod:`hepnb.losses.mixture`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.typing import FloatArray, IntArray

__all__ = ["Evaluated", "Part"]


@dataclass(frozen=True)
class Part:
    """One component at some events.

    Parameters
    ----------
    place : int or None
        Where its coefficient is among the arguments; None for a coefficient of 1.
    weight : float or ndarray
        The coefficient.
    ratio : ndarray, shape (n,)
        E, the component without its coefficient over the whole density.
    first, second : dict
        Derivatives of l by arguments.
    """

    place: int | None
    weight: Any
    ratio: FloatArray
    first: dict[int, Any]
    second: dict[tuple[int, int], Any]


@dataclass(frozen=True)
class Evaluated:
    """A mixture at some events.

    Parameters
    ----------
    log_density : ndarray, shape (n,)
        log p; -inf or nan where p is not positive.
    size : int
        How many arguments there are.
    parts : tuple
        The components; empty without derivatives.
    """

    log_density: FloatArray
    size: int
    parts: tuple[Part, ...]

    @property
    def gradient(self) -> FloatArray:
        """The gradient of log p with respect to the arguments, shape (n, argument)."""
        slots, rows, scale = self.rows()
        table = np.zeros((self.log_density.size, self.size))
        table[:, slots] = (rows * scale[:, None]).T
        return table

    def rows(self) -> tuple[list[int], FloatArray, FloatArray]:
        """Return the gradient of log p of those arguments that count, over the coefficient of each.

        Returns
        -------
        slots : list of int
            Which arguments.
        rows : ndarray, shape (slot, n)
            Their derivatives over ``scale``.
        scale : ndarray, shape (slot,)
            1 for coefficients, and the coefficient of the component for arguments of its shapes.
        """
        slots: list[int] = []
        for part in self.parts:
            slots += ([] if part.place is None else [part.place]) + list(part.first)
        rows, scale = np.empty((len(slots), self.log_density.size)), np.ones(len(slots))
        begin = 0
        for part in self.parts:
            if part.place is not None:
                rows[begin] = part.ratio
                begin += 1
            end = begin + len(part.first)
            for row, slope in zip(rows[begin:end], part.first.values(), strict=True):
                np.multiply(part.ratio, slope, out=row)
            scale[begin:end] = part.weight
            begin = end
        return slots, rows, scale

    def sums(self, weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        """Return the sums of G and of S - G G^T over the events of one lane.

        Parameters
        ----------
        weight : ndarray, shape (n,), or None
            Weights of the events.

        Returns
        -------
        gradient : ndarray, shape (argument,)
        curvature : ndarray, shape (argument, argument)
        """
        slots, rows, scale = self.rows()
        heavy = rows if weight is None else rows * weight
        whole = self._second(heavy, weight)
        whole[np.ix_(slots, slots)] -= (rows @ heavy.T) * np.outer(scale, scale)
        gradient = np.zeros(self.size)
        gradient[slots] = heavy.sum(axis=1) * scale
        return gradient, whole

    def second(self, weight: FloatArray) -> FloatArray:
        """Return the weighted sum of S over the events of one lane, shape (argument, argument)."""
        return self._second(self.rows()[1] * weight, weight)

    def _second(self, heavy: FloatArray, weight: FloatArray | None) -> FloatArray:
        whole = np.zeros((self.size, self.size))
        begin = 0
        for part in self.parts:
            begin += part.place is not None
            keys = list(part.first)
            mine = heavy[begin : begin + len(keys)]
            begin += len(keys)
            if keys:
                table = np.empty(mine.shape)
                for row, slope in zip(table, part.first.values(), strict=True):
                    row[...] = slope
                whole[np.ix_(keys, keys)] += part.weight * (table @ mine.T)
                if part.place is not None:
                    totals = mine.sum(axis=1)
                    whole[part.place, keys] += totals
                    whole[keys, part.place] += totals
            self._bend(whole, part, part.ratio if weight is None else part.ratio * weight)
        return whole

    @staticmethod
    def _bend(whole: FloatArray, part: Part, share: FloatArray) -> None:
        """Add the second derivatives of l."""
        sum_of_share = None
        for (i, j), bend in part.second.items():
            if np.ndim(bend):
                value = part.weight * float(share @ bend)
            else:
                sum_of_share = float(share.sum()) if sum_of_share is None else sum_of_share
                value = part.weight * sum_of_share * float(bend)
            whole[i, j] += value
            if i != j:
                whole[j, i] += value

    def sums_by_segment(self, weight: FloatArray | None, starts: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the same sums as :meth:`sums` for each segment of events, one for each lane.

        Parameters
        ----------
        weight : ndarray, shape (n,), or None
            Weights of the events.
        starts : ndarray of int, shape (lane,)
            The first event of each; none is empty.

        Returns
        -------
        gradient : ndarray, shape (lane, argument)
        curvature : ndarray, shape (lane, argument, argument)
        """
        gradient = np.zeros((starts.size, self.size))
        whole = np.zeros((starts.size, self.size, self.size))
        rows: list[tuple[int, FloatArray]] = []
        for part in self.parts:
            share = part.ratio * part.weight
            if part.place is not None:
                rows.append((part.place, part.ratio))
            for key, slope in part.first.items():
                rows.append((key, share * slope))
                if part.place is not None:
                    self._put(whole, part.place, key, part.ratio * slope, weight, starts)
            keys = list(part.first)
            for number, i in enumerate(keys):
                for j in keys[number:]:
                    bend = part.first[i] * part.first[j] + part.second.get((min(i, j), max(i, j)), 0.0)
                    self._put(whole, i, j, share * bend, weight, starts)
        for number, (i, row) in enumerate(rows):
            heavy = row if weight is None else row * weight
            gradient[:, i] = np.add.reduceat(heavy, starts)
            for j, other in rows[number:]:
                self._put(whole, i, j, heavy * -other, None, starts)
        return gradient, whole

    @staticmethod
    def _put(
        whole: FloatArray, i: int, j: int, row: FloatArray, weight: FloatArray | None, starts: IntArray
    ) -> None:
        value = np.add.reduceat(row if weight is None else row * weight, starts)
        whole[:, i, j] += value
        if i != j:
            whole[:, j, i] += value
