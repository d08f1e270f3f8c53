"""Likelihoods and chi-squares of densities and curves, which every fit, test and limit takes.

:func:`hepnb.fit` makes one by itself from data and a density. Make it here for weights, counts, curves,
constraints and sums.
"""

from __future__ import annotations

from hepnb.losses.build import (
    BinnedNLL,
    ExtendedBinnedNLL,
    ExtendedUnbinnedNLL,
    LeastSquares,
    SimpleLoss,
    UnbinnedNLL,
    as_loss,
)
from hepnb.losses.cost import CostFunction
from hepnb.losses.loss import Loss
from hepnb.losses.splot import sweights
from hepnb.losses.starts import start_values

__all__ = [
    "BinnedNLL",
    "CostFunction",
    "ExtendedBinnedNLL",
    "ExtendedUnbinnedNLL",
    "LeastSquares",
    "Loss",
    "SimpleLoss",
    "UnbinnedNLL",
    "as_loss",
    "start_values",
    "sweights",
]
