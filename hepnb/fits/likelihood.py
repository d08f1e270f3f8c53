"""What a fit needs to know: the likelihood, and where its parameters may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from hepnb.model import Objective
from hepnb.typing import BoolArray, FloatArray

__all__ = ["Bounds", "Likelihood", "limited"]


class Likelihood(Protocol):
    """What a fit needs to know of a likelihood; see :class:`hepnb.model.HistFactoryLikelihood`."""

    @property
    def n_parameters(self) -> int:
        """How many parameters a point has."""

    @property
    def max_step(self) -> FloatArray:
        """How far one step may move each parameter, shape (parameter,)."""

    @property
    def costs(self) -> tuple[float, float]:
        """Nanoseconds that gradient and curvature take at one point of many, about."""

    @property
    def operator_bytes(self) -> int:
        """Memory per point of :meth:`operator`; 0 where there is none."""

    def operator(self, points: FloatArray, data: FloatArray) -> Any:
        """Evaluate with the curvature as an operator; see :class:`hepnb.model.Operator`."""

    def objective(
        self, points: FloatArray, data: FloatArray, order: Literal[0, 1, 2] = 0, *, exact: bool = True
    ) -> Objective:
        """Return -2 log L and its derivatives."""


@dataclass(frozen=True)
class Bounds:
    """Where the fits of a batch may move.

    Parameters
    ----------
    lower, upper : ndarray, shape (fit, parameter) or (1, parameter)
        Bounds.
    fixed : ndarray of bool, shape (fit, parameter) or (1, parameter)
        Parameters that never move.
    """

    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray

    def take(self, which: Any) -> Bounds:
        """Return the bounds of some fits."""
        return Bounds(
            self.lower if len(self.lower) == 1 else self.lower[which],
            self.upper if len(self.upper) == 1 else self.upper[which],
            self.fixed if len(self.fixed) == 1 else self.fixed[which],
        )

    def held(self, points: FloatArray, gradient: FloatArray) -> BoolArray:
        """Say which parameters are fixed, or at a bound that the gradient pushes against."""
        at_lower = (points <= self.lower) & (gradient > 0)
        at_upper = (points >= self.upper) & (gradient < 0)
        return np.asarray(self.fixed | at_lower | at_upper)

    def clip(self, points: FloatArray, origin: FloatArray) -> FloatArray:
        """Move points into the bounds; fixed parameters go back to their origin."""
        return np.where(self.fixed, origin, np.clip(points, self.lower, self.upper))


def limited(step: FloatArray, max_step: FloatArray) -> FloatArray:
    """Shorten steps that move a parameter too far, shape (fit, parameter)."""
    if not np.isfinite(max_step).any():
        return step
    excess = (np.abs(step) / max_step).max(axis=1, initial=0.0)
    far = excess > 1
    return step / np.where(far, excess, 1.0)[:, None] if far.any() else step
