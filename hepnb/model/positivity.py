"""What happens to expected rates below 0.

With ``"pyhf"`` nothing: the rate is negative, and the likelihood undefined (nan). With ``"root"`` the rate is
clipped at 0 where HistFactory clips it in ROOT, and what is clipped has no derivatives:

- the sum of a sample's nominal yield and the shifts of its histosys, bin by bin
  (``PiecewiseInterpolation::setPositiveDefinite``); a sample without a histosys keeps its negative yields;
- the product of the normsys factors of a sample (``FlexibleInterpVar`` puts the smallest positive number);
- the rate of a bin, should it still be negative, from a negative signal strength for instance. ROOT stops
  there with an error; pyhf has ``clip_bin_data`` for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["POSITIVITIES", "Floor"]

POSITIVITIES = ("pyhf", "root")


class Cells(Protocol):
    """The part of a compiled model that clipping needs; see :class:`~hepnb.model.compile.Compiled`."""

    @property
    def cell_bin(self) -> IntArray:
        """Bin of each cell."""

    @property
    def bin_starts(self) -> IntArray:
        """First cell of each bin."""

    @property
    def term_slot(self) -> IntArray:
        """Slot of each term."""

    @property
    def cell_terms(self) -> IntArray:
        """First term of each cell."""


@dataclass(frozen=True)
class Floor:
    """Where rates are clipped at 0.

    Parameters
    ----------
    shaped : ndarray of bool, shape (cell,)
        Cells of samples with a histosys.
    scaled : ndarray of bool, shape (term,)
        Factors that are interpolated normalisations.
    """

    shaped: BoolArray
    scaled: BoolArray

    def scale(self, compiled: Cells, slots: FloatArray) -> FloatArray:
        """Multiply the interpolated normalisations of each cell, shape (batch, cell)."""
        factors = np.where(self.scaled, slots[:, compiled.term_slot], 1.0)
        return np.asarray(np.multiply.reduceat(factors, compiled.cell_terms, axis=1))

    def clip(self, compiled: Cells, slots: FloatArray, kappa: FloatArray, total: FloatArray) -> FloatArray:
        """Set the factor of every cell to 0 whose rate is clipped: with it go rate and derivatives.

        Parameters
        ----------
        compiled : Compiled
            The model.
        slots : ndarray, shape (batch, slot)
            Values of the slots.
        kappa, total : ndarray, shape (batch, cell)
            The factors of each cell, and what they multiply.

        Returns
        -------
        ndarray, shape (batch, cell)
            The factors.
        """
        below = self.shaped & (total < 0)
        if self.scaled.any():
            below |= self.scale(compiled, slots) <= 0
        kappa = np.where(below, 0.0, kappa)
        empty = np.add.reduceat(kappa * total, compiled.bin_starts, axis=1) < 0
        return np.where(empty[:, compiled.cell_bin], 0.0, kappa) if empty.any() else kappa
