"""What fits with one parameter held share."""

from __future__ import annotations

import numpy as np

from hepnb.errors import ModelError
from hepnb.fits.batched import BatchedFit
from hepnb.fits.results import FitResults
from hepnb.model import FitModel
from hepnb.typing import BoolArray, FloatArray

__all__ = ["impossible", "known_minima", "movable"]


def movable(parameter: str | int, model: FitModel) -> int:
    """Return the position of a parameter, or raise a ModelError if it is fixed."""
    position = model.index(parameter)
    if model.fixed[position]:
        raise ModelError(f"parameter {model.parameter_names[position]!r} is fixed; it has no profile.")
    return position


def known_minima(model: FitModel, free: FitResults) -> FloatArray:
    """Return the minima that a free fit knows but its own, shape (k, parameter)."""
    second = free.report.second_minimum
    if second is None:
        return np.empty((0, model.n_parameters))
    return np.array([[second.values[name] for name in model.parameter_names]])


def impossible(model: FitModel, data: FloatArray, found: BatchedFit) -> BoolArray:
    """Tell which fits that converged have events where none can be, shape (lane,)."""
    points = np.where(found.ok[:, None], found.points, model.init)
    return np.asarray(found.ok & model.likelihood.impossible(points, data[None]))
