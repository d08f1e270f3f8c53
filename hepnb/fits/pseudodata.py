"""Pseudo-data drawn from a model: what toys are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepnb.model import FitModel
from hepnb.typing import FloatArray

__all__ = ["sample"]


def sample(model: FitModel, pars: ArrayLike, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw pseudo-data.

    Parameters
    ----------
    model : FitModel
        The model.
    pars : array_like, shape (n_parameters,)
        Where.
    size : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (size, n_data)
        Bins and auxiliary data.

    Raises
    ------
    ModelError
        The rate of a bin is negative there.
    """
    return model.draw(np.asarray(pars, dtype=float), size, rng)
