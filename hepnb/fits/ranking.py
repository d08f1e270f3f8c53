"""The impact of every nuisance parameter on the parameter of interest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.fits.fit import fit
from hepnb.fits.results import FitResults
from hepnb.fits.solve import solve
from hepnb.model import Model, one_data_set

__all__ = ["RankingResults", "ranking"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankingResults:
    """Impacts on the parameter of interest, in the order of the model.

    Parameters
    ----------
    labels : tuple of str
        The parameters, without the POI.
    bestfit, uncertainty : ndarray, shape (n,)
        Of the free fit.
    prefit_up, prefit_down, postfit_up, postfit_down : ndarray, shape (n,)
        Change of the POI when the parameter is held at its best value plus or minus its uncertainty before
        or after the fit; 0 where that uncertainty is 0, nan where a fit failed.
    """

    labels: tuple[str, ...]
    bestfit: FloatArray
    uncertainty: FloatArray
    prefit_up: FloatArray
    prefit_down: FloatArray
    postfit_up: FloatArray
    postfit_down: FloatArray

    def order(self) -> NDArray[np.intp]:
        """Give the positions by falling post-fit impact, shape (n,)."""
        size = np.maximum(np.abs(self.postfit_up), np.abs(self.postfit_down))
        return np.argsort(-np.nan_to_num(size), kind="stable")


def ranking(data: ArrayLike | None, model: Model, *, result: FitResults | None = None) -> RankingResults:
    """Rank the nuisance parameters by their impact on the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : Model
        The model.
    result : FitResults, optional
        The free fit, if already done.

    Returns
    -------
    RankingResults
        All impacts, from one batch of four fits per parameter.

    Raises
    ------
    ModelError
        The measurement has no POI.

    References
    ----------
    The convention is cabinetry's: A. Held, E. Schanz, the function ``cabinetry.fit.ranking``.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.fits import ranking
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> impacts = ranking(None, model)
    >>> [impacts.labels[i] for i in impacts.order()]
    ['uncorr_bkguncrt[1]', 'uncorr_bkguncrt[0]']
    """
    poi = model.require_poi()
    counts = one_data_set(data, model)
    free = fit(counts, model) if result is None else result
    others = np.array([i for i in range(model.n_parameters) if i != poi], dtype=np.intp)
    prefit = np.array([0.0 if p.kind == "free" or p.fixed else p.sigma for p in model.parameters])[others]
    postfit = free.uncertainty[others]
    shifts = np.stack([prefit, -prefit, postfit, -postfit])
    lanes = np.argwhere(shifts != 0)
    start = np.tile(free.bestfit, (len(lanes), 1))
    fixed = np.tile(model.fixed, (len(lanes), 1))
    row = np.arange(len(lanes))
    where = others[lanes[:, 1]]
    start[row, where] += shifts[lanes[:, 0], lanes[:, 1]]
    fixed[row, where] = True
    impacts = np.zeros(shifts.shape)
    if len(lanes):
        found = solve(model, counts[None], start, fixed)
        moved = found.points[:, poi] - free.bestfit[poi]
        impacts[lanes[:, 0], lanes[:, 1]] = np.where(found.ok, moved, np.nan)
    return RankingResults(
        tuple(model.parameter_names[i] for i in others), free.bestfit[others], postfit, *impacts
    )
