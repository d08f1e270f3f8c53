"""What standardisation and class balance need to know of the training events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import SelectionError

__all__ = ["Scale", "TrainingSums", "balanced", "scale_of"]


@dataclass(frozen=True, eq=False)
class Scale:
    """Standardisation of inputs: (x - mean) / width, of the training events.

    Attributes
    ----------
    names : tuple of str
        The inputs.
    mean, width : numpy.ndarray, shape (n_inputs,)
        Mean and standard deviation, without weights; a constant input has width 1.

    Examples
    --------
    >>> Scale(("x",), np.array([2.0]), np.array([4.0]))(np.array([[10.0]]))
    array([[2.]])
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    width: NDArray[np.float64]

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Standardise inputs, shape (n, n_inputs)."""
        return np.asarray((inputs - self.mean) / self.width)

    def undo(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Give inputs back as they were, shape (n, n_inputs)."""
        return np.asarray(inputs * self.width + self.mean)


@dataclass(frozen=True, eq=False)
class TrainingSums:
    """Sums over the training events of a tree.

    Attributes
    ----------
    n : int
        How many there are.
    mean, squares : numpy.ndarray, shape (n_inputs,)
        Means of the inputs, and summed squares of the deviations from them.
    weight : float
        Sum of the weights.
    """

    n: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    weight: float

    @classmethod
    def of_nothing(cls, n_inputs: int) -> TrainingSums:
        """Return the sums of no events."""
        return cls(0, np.zeros(n_inputs), np.zeros(n_inputs), 0.0)

    def with_events(self, inputs: NDArray[np.float64], weights: NDArray[np.float64] | None) -> TrainingSums:
        """Return the sums with further events, inputs of shape (n, n_inputs)."""
        if not len(inputs):
            return self
        with np.errstate(invalid="ignore"):
            mean = inputs.mean(axis=0)
            squares = ((inputs - mean) ** 2).sum(axis=0)
        weight = float(len(inputs) if weights is None else weights.sum())
        return self.with_sums(TrainingSums(len(inputs), mean, squares, weight))

    def with_sums(self, other: TrainingSums) -> TrainingSums:
        """Return the sums of both; Chan, Golub and LeVeque, American Statistician 37 (1983) 242."""
        n = self.n + other.n
        if not n:
            return self
        with np.errstate(invalid="ignore"):
            away = other.mean - self.mean
            squares = self.squares + other.squares + away**2 * (self.n * other.n / n)
            mean = self.mean + away * (other.n / n)
        return TrainingSums(n, mean, squares, self.weight + other.weight)


def scale_of(names: tuple[str, ...], sums: Sequence[TrainingSums]) -> Scale:
    """Return the standardisation of the inputs of several trees.

    Raises
    ------
    SelectionError
        Where there are no events, or an input is not finite for all of them.
    """
    total = sums[0]
    for other in sums[1:]:
        total = total.with_sums(other)
    if not total.n:
        raise SelectionError("standardise=True: there are no training events to take mean and width from.")
    wrong = [name for name, value in zip(names, total.squares, strict=True) if not np.isfinite(value)]
    if wrong:
        raise SelectionError(
            f"standardise=True: input {wrong[0]!r} is not finite for some of the training events. Say what "
            f"it is for them, where(isfinite({wrong[0]}), {wrong[0]}, 0), or cut them away."
        )
    width = np.sqrt(total.squares / total.n)
    return Scale(names, total.mean, np.where(width > 0, width, 1.0))


def balanced(labels: Sequence[float | None], sums: Sequence[TrainingSums]) -> tuple[float, ...]:
    """Return what the weights of each tree are multiplied by, so that every class has the same sum.

    Raises
    ------
    SelectionError
        Where a class has no positive sum of weights.
    """
    of_class: dict[float | None, float] = {}
    for label, one in zip(labels, sums, strict=True):
        of_class[label] = of_class.get(label, 0.0) + one.weight
    for label, weight in of_class.items():
        if not (np.isfinite(weight) and weight > 0):
            raise SelectionError(
                f"balance=True: the training events of class {label} have a sum of weights of {weight:g}. "
                "Give weights whose sum is positive."
            )
    n_events = sum(one.n for one in sums)
    return tuple(n_events / len(of_class) / of_class[label] for label in labels)
