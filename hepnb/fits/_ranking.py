"""The impact of every nuisance parameter on the parameter of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.executor import Executor
from hepnb.fits._fit import fit
from hepnb.fits.impacts import GroupImpact, breakdown, group_impacts
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.fits.results import FitResults
from hepnb.fits.shares import solve_in_shares
from hepnb.html_table import html_table, number, number_with_error
from hepnb.model import FitModel, Model, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import BoolArray, FloatArray, IntArray

__all__ = ["RankingResults", "ranking"]


# Small enough to be stopped, and to be shared out; models of up to 128 parameters take one batch.
_BATCH = 512


@dataclass(frozen=True, eq=False)
class RankingResults(Savable):
    """Impacts on the parameter of interest, in the order of the model.

    Parameters
    ----------
    labels : tuple of str
        The parameters, without the POI.
    bestfit, uncertainty : ndarray, shape (n,)
        Of the free fit.
    prefit_up, prefit_down, postfit_up, postfit_down : ndarray, shape (n,)
        Change of the POI when the parameter is held at its best value plus or minus its uncertainty before
        or after the fit; 0 for a parameter that is held, and before the fit for a free one. nan where there
        is no number: ``reasons`` says why.
    poi : str
        The parameter of interest.
    total, statistical, systematic : float
        Its uncertainty; what remains of it when all parameters with an auxiliary measurement are held at
        their best values; and the quadratic difference of the two. nan where the POI is at a bound.
    groups : tuple of GroupImpact
        The impacts of groups of parameters, in the order asked for.
    cancelled : bool
        The ranking was stopped; the impacts are those it had.
    centers, widths : ndarray, shape (n,)
        Value and standard deviation of each auxiliary measurement, nan for a free parameter: for the pulls.
    reasons : dict of str to str
        What there is to know about impacts, by parameter: why one is nan, that the POI reaches a bound.
    """

    labels: tuple[str, ...]
    bestfit: FloatArray
    uncertainty: FloatArray
    prefit_up: FloatArray
    prefit_down: FloatArray
    postfit_up: FloatArray
    postfit_down: FloatArray
    poi: str = ""
    total: float = np.nan
    statistical: float = np.nan
    systematic: float = np.nan
    groups: tuple[GroupImpact, ...] = ()
    cancelled: bool = False
    centers: FloatArray = field(default_factory=lambda: np.empty(0))
    widths: FloatArray = field(default_factory=lambda: np.empty(0))
    reasons: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        def signed(value: float) -> str:
            return f"{value:+.3g}" if np.isfinite(value) else "nan"

        rows = [
            f"{self.labels[i]} {signed(self.postfit_up[i])}/{signed(self.postfit_down[i])}"
            for i in self.order()[:3]
        ]
        more = ", ..." if len(self.labels) > len(rows) else ""
        notes = dict.fromkeys(self.reasons.values())
        stopped = "; stopped" if self.cancelled else ""
        stopped += f"; {', '.join(notes)}" if len(notes) == 1 else f"; {len(notes)} reasons" if notes else ""
        return f"RankingResults({len(self.labels)} impacts on {self.poi}: {', '.join(rows)}{more}{stopped})"

    def _repr_html_(self) -> str:
        columns = (self.bestfit, self.uncertainty, self.postfit_up, self.postfit_down, self.prefit_up)
        rows = []
        for i in self.order():
            value, error, up, down, before_up = (float(column[i]) for column in columns)
            impacts = (up, down, before_up, float(self.prefit_down[i]))
            label = self.labels[i]
            rows.append(
                (label, number_with_error(value, error), *map(number, impacts), self.reasons.get(label, ""))
            )
        head = ("parameter", "value", "impact +1σ", "−1σ", "before the fit +1σ", "−1σ", "")
        parts = f"{number(self.total)} (statistical {number(self.statistical)}, "
        parts += f"systematic {number(self.systematic)})"
        notes = [f"The uncertainty of {self.poi}: {parts}.", "Stopped." if self.cancelled else ""]
        return html_table(f"Impacts on {self.poi}", head, rows, notes)

    def order(self) -> NDArray[np.intp]:
        """Return the positions by falling post-fit impact, shape (n,)."""
        size = np.fmax(np.abs(self.postfit_up), np.abs(self.postfit_down))
        return np.argsort(-np.nan_to_num(size), kind="stable")


def _of_workspace(model: Model) -> dict[str, list[str]]:
    """Return the groups of the workspace, as far as the model has their parameters beside its POI."""
    known = {*model.parameter_names, *(p.set_name for p in model.parameters)} - {model.poi_name}
    groups = {
        name: [member for member in members if member in known]
        for name, members in model.workspace.groups.items()
    }
    return {name: members for name, members in groups.items() if members}


@named_options
def ranking(
    data: ArrayLike | None,
    model: FitModel,
    *,
    groups: Mapping[str, str | Sequence[str]] | None = None,
    poi: str | int | None = None,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
) -> RankingResults:
    """Rank the nuisance parameters by their impact on the parameter of interest.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    groups : mapping of str to str or sequence of str, optional
        Names or patterns of the parameters of groups, such as ``{"JES": ["JES_*", "pileup"]}``. The impact of
        a group is the quadratic difference of the POI's uncertainty and that with the group held at its best
        values. By default those of the workspace, which a datacard has.
    poi : str or int, optional
        Another parameter of interest.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    result : FitResults, optional
        The free fit with these options, if already done.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are fitted; here by default.

    Returns
    -------
    RankingResults
        All impacts, from one batch of four fits per parameter.

    Raises
    ------
    ModelError
        There is no POI; a group's name or pattern fits no parameter.

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
    counts = one_data_set(data, model)
    model = model if poi is None else model.with_poi(poi)
    model = adjusted(model, init, bounds, fixed)
    where_poi = model.require_poi()
    free = fit(counts, model) if result is None else result
    if not isinstance(groups, Mapping | None):
        raise ModelError(f"groups={groups!r:.80}: give a dict of group to names or patterns.")
    if groups is None and isinstance(model, Model):
        groups = _of_workspace(model)
    of_groups = group_impacts(counts, model, free, groups or {})
    others = np.array([i for i in range(model.n_parameters) if i != where_poi], dtype=np.intp)
    prefit = np.array([0.0 if p.kind == "free" else p.sigma for p in model.parameters])
    prefit = np.where(model.fixed, 0.0, prefit)[others]
    postfit = free.uncertainty[others]
    known = np.nan_to_num(postfit)
    shifts = np.stack([prefit, -prefit, known, -known])
    lanes = np.argwhere(shifts != 0)
    start = np.tile(free.bestfit, (len(lanes), 1))
    held = np.tile(model.fixed, (len(lanes), 1))
    row = np.arange(len(lanes))
    where = others[lanes[:, 1]]
    start[row, where] += shifts[lanes[:, 0], lanes[:, 1]]
    # A prior may be wider than the bounds, as that of a uniform law is.
    start = np.clip(start, *model.bounds.T)
    held[row, where] = True
    impacts = np.zeros(shifts.shape)
    moved, cancelled = _fitted(model, counts, start, held, progress, cancel, executor)
    impacts[lanes[:, 0], lanes[:, 1]] = moved - free.bestfit[where_poi]
    reasons = _reasons(model, free, others, impacts, cancelled)
    statistical, systematic = breakdown(counts, model, free)
    return RankingResults(
        labels=tuple(model.parameter_names[i] for i in others),
        bestfit=free.bestfit[others],
        uncertainty=postfit,
        prefit_up=impacts[0],
        prefit_down=impacts[1],
        postfit_up=impacts[2],
        postfit_down=impacts[3],
        poi=model.parameter_names[where_poi],
        total=float(free.uncertainty[where_poi]) or np.nan,  # 0 says that the POI is at a bound
        statistical=statistical,
        systematic=systematic,
        groups=of_groups,
        cancelled=cancelled,
        centers=np.array([p.center for p in model.parameters])[others],
        widths=np.array([p.sigma for p in model.parameters])[others],
        reasons=reasons,
    )


# So near a bound, in units of the range between the bounds, the POI is at it.
_NEAR = 1e-9


def _reasons(
    model: FitModel, free: FitResults, others: IntArray, impacts: FloatArray, cancelled: bool
) -> dict[str, str]:
    """Say why impacts are no numbers, and make those nan that are 0 for want of a number.

    ``impacts`` has four rows, before the fit and after it, up and down.
    """
    poi, name = model.require_poi(), model.poi_name
    low, high = model.bounds[poi]
    best, near = float(free.bestfit[poi]), _NEAR * (high - low) if np.isfinite(high - low) else 0.0
    reasons = {}
    for column, position in enumerate(others):
        label, rows = model.parameter_names[position], impacts[:, column]
        if model.fixed[position]:
            continue
        notes = []
        if np.isnan(rows).any():
            notes.append("not done" if cancelled else "a fit did not converge")
        if label in free.report.at_bound:
            rows[2:] = np.nan
            # Beyond the bound there is nothing to fit at.
            rows[_shifted(model, position, rows) & (rows == 0)] = np.nan
            notes.append(f"at its bound {free.bestfit[position]:.4g}: no uncertainty after the fit")
        elif np.isnan(free.uncertainty[position]):
            rows[2:] = np.nan
            notes.append("the data do not determine it")
        ends = rows + best
        for bound in (low, high):
            at = np.abs(ends - bound) <= near
            if at.any() and abs(best - bound) <= near:
                rows[at & _shifted(model, position, rows)] = np.nan
                notes.append(f"{name} stays at its bound {bound:.4g}")
            elif at.any():
                notes.append(f"{name} reaches its bound {bound:.4g}")
        if notes:
            reasons[label] = "; ".join(notes)
    return reasons


def _shifted(model: FitModel, position: int, rows: FloatArray) -> BoolArray:
    """Say which of the four shifts are made: a free parameter has none before the fit."""
    before = model.parameters[position].kind != "free"
    return np.array([before, before, True, True]) & np.isfinite(rows)


def _fitted(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    progress: Progress | None,
    cancel: Cancel | None,
    executor: Executor | None,
) -> tuple[FloatArray, bool]:
    """Return the POI of each fit, nan where it failed or was not done; and whether some were not done."""
    if not len(start):
        return np.empty(0), False
    found, stopped = solve_in_shares(model, data, start, fixed, progress, cancel, executor, _BATCH)
    return np.where(found.ok, found.points[:, model.require_poi()], np.nan), stopped
