"""Pseudo-data drawn from a model: what toys are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.model import Model
from hepnb.model.cut_law import draw
from hepnb.typing import FloatArray

__all__ = ["sample"]


def sample(model: Model, pars: ArrayLike, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw pseudo-data.

    Parameters
    ----------
    model : Model
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
    point = np.asarray(pars, dtype=float)
    rates = model.expected(point)
    if not (rates >= 0).all():
        raise ModelError(
            f"toys cannot be drawn: the rate of bin {int(np.argmin(rates))} is {rates.min():.4g}."
        )
    constraints = model.likelihood.constraints
    main = rng.poisson(rates, size=(size, model.n_bins)).astype(float)
    aux = np.tile(constraints.expected(point), (size, 1))
    sigma = 1 / np.sqrt(constraints.weight)
    aux[:, constraints.gauss_aux] = rng.normal(point[constraints.gauss], sigma, size=(size, sigma.size))
    counts = constraints.poisson_rates(point)
    aux[:, constraints.poisson_aux] = rng.poisson(counts, size=(size, counts.size))
    for place in constraints.cut:
        aux[:, constraints.poisson_aux[place]] = draw(counts[place], size, rng)
    return np.concatenate([main, aux], axis=1)
