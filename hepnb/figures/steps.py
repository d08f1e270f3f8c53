"""Step outlines and filled steps, the shape of a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

__all__ = ["add_step", "move_step", "step_data"]

FloatArray = NDArray[np.float64]


def add_step(
    ax: Axes, values: FloatArray, edges: FloatArray, *, baseline: FloatArray | float | None = 0.0, **how: Any
) -> StepPatch:
    """Add steps; unlike ``Axes.stairs`` the limits of the axes stay.

    Parameters
    ----------
    ax : Axes
        Where.
    values : ndarray, shape (n_bins,)
        Upper ends.
    edges : ndarray, shape (n_bins + 1,)
        Bin edges.
    baseline : float or ndarray, shape (n_bins,), optional
        Lower ends; None draws no line down to them.
    **how
        Keywords of a matplotlib Patch.

    Returns
    -------
    StepPatch
        To be moved later.
    """
    step = StepPatch(values, edges, baseline=baseline, **how)  # type: ignore[arg-type]  # arrays are welcome
    ax.add_patch(step)
    return step


def move_step(
    step: StepPatch,
    values: FloatArray,
    edges: FloatArray | None = None,
    baseline: FloatArray | float | None = None,
) -> None:
    """Set the numbers of steps.

    Parameters
    ----------
    step : StepPatch
        What :func:`add_step` gave.
    values : ndarray, shape (n_bins,)
        Upper ends.
    edges : ndarray, shape (n_bins + 1,), optional
        They stay where not given.
    baseline : float or ndarray, optional
        It stays where not given.
    """
    step.set_data(values, edges, baseline)  # type: ignore[arg-type]  # as above


def step_data(step: StepPatch) -> tuple[FloatArray, FloatArray]:
    """Read the numbers of steps.

    Parameters
    ----------
    step : StepPatch
        What :func:`add_step` gave.

    Returns
    -------
    values : ndarray, shape (n_bins,)
        Upper ends.
    edges : ndarray, shape (n_bins + 1,)
        Bin edges.
    """
    data: Any = step.get_data()
    return np.asarray(data.values, dtype=np.float64), np.asarray(data.edges, dtype=np.float64)
