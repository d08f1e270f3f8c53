"""Drawing from Gaussians whose two sides have different widths."""

from __future__ import annotations

import numpy as np

from hepnb.typing import FloatArray

__all__ = ["two_sided"]


def two_sided(
    shifts: FloatArray, above: FloatArray, below: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return auxiliary data minus parameters, drawn from Gaussians of two widths.

    Parameters
    ----------
    shifts : ndarray, shape (size, n)
        Drawn from Gaussians of the width ``above``.
    above, below : ndarray, shape (n,)
        The widths where the parameter is above and below its auxiliary datum.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (size, n)
        A parameter above its datum has a negative shift, of the width ``above``. Each side has the
        probability of its share of both widths, so that the density has no step.
    """
    size = np.abs(shifts) / above
    parameter_above = rng.random(shifts.shape) < above / (above + below)
    return np.asarray(np.where(parameter_above, -size * above, size * below))
