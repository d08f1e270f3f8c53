"""A histogram of sums of weights whose total is a number, too.

The total of a ``hist.Hist`` with Weight storage is an accumulator of boost-histogram, of which ``float`` and
``numpy.asarray(..., float)`` make nothing. Here it has the same two attributes and the same text, and is the
sum of weights where a number is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["WeightedHist", "WeightedSum"]


@dataclass(frozen=True, eq=False, slots=True)
class WeightedSum:
    """A sum of weights and its variance.

    Attributes
    ----------
    value : float
        Sum of the weights.
    variance : float
        Sum of the squared weights.

    Examples
    --------
    >>> total = WeightedSum(12.0, 4.0)
    >>> float(total), total + WeightedSum(1.0, 1.0)
    (12.0, WeightedSum(value=13, variance=5))
    """

    value: float = 0.0
    variance: float = 0.0

    def __repr__(self) -> str:
        return f"WeightedSum(value={self.value:g}, variance={self.variance:g})"

    def __float__(self) -> float:
        return float(self.value)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the sum of weights as an array of no axis."""
        return np.asarray(self.value, dtype=dtype)

    def __eq__(self, other: object) -> bool:
        theirs = getattr(other, "value", None), getattr(other, "variance", None)
        return None not in theirs and (self.value, self.variance) == theirs

    def __hash__(self) -> int:
        return hash((self.value, self.variance))

    def __add__(self, other: Any) -> WeightedSum:
        return WeightedSum(self.value + other.value, self.variance + other.variance)


class WeightedHist(hist.Hist[Any], family=hist):
    """A ``hist.Hist`` in everything but the total of its weights.

    Examples
    --------
    >>> made = WeightedHist(hist.axis.Regular(2, 0, 2), storage=hist.storage.Weight()).fill([0.5, 1.5, 1.5])
    >>> float(made.sum()), made.sum().variance, isinstance(made, hist.Hist)
    (3.0, 3.0, True)
    """

    def sum(self, flow: bool = False) -> Any:
        """Add up all bins.

        Parameters
        ----------
        flow : bool
            Underflow and overflow too.

        Returns
        -------
        WeightedSum
            With ``value`` and ``variance``; of another storage what hist gives.
        """
        total: Any = super().sum(flow=flow)
        if isinstance(total, hist.accumulators.WeightedSum):
            return WeightedSum(float(total.value), float(total.variance))
        return total


# What it says of itself is what people know.
WeightedHist.__name__ = "Hist"
