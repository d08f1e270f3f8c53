"""MINOS: where the profile of each parameter has risen by 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepnb.errors import ModelError
from hepnb.executor import Executor
from hepnb.fits._fit import fit
from hepnb.fits.conditional import impossible, known_minima, movable
from hepnb.fits.options import Bounds, Fixed, Init, adjusted, named_options
from hepnb.fits.results import FitResults
from hepnb.fits.shares import solve_in_shares
from hepnb.model import FitModel, one_data_set
from hepnb.progress import Cancel, Progress
from hepnb.savable import Savable
from hepnb.typing import FloatArray, IntArray

__all__ = ["MinosResults", "minos"]


_ROUNDS, _RESTARTS = 40, 3
_PRECISION, _LOWER = 1e-4, 1e-6
# Fits that are counted, stopped and shared out together.
_BATCH = 128
_FOUND, _AT_BOUND, _FAILED, _NOT_FOUND, _NOT_DONE = "found", "at bound", "fit failed", "not found", "not done"


@dataclass(frozen=True, eq=False)
class MinosResults(Savable):
    """Asymmetric uncertainties from profiles.

    Parameters
    ----------
    labels : tuple of str
        The parameters.
    lower, upper : ndarray, shape (n,)
        Distances, negative and positive, to where the profile has risen by 1; nan where there is none.
    cancelled : bool
        The search was stopped; what it had not found is nan.
    lower_status, upper_status : tuple of str
        ``"found"``, or why there is none: ``"at bound"`` where the profile has not risen so far at the bound
        of the parameter, ``"fit failed"``, ``"not found"`` where it jumps over 1, ``"not done"``.
    """

    labels: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    cancelled: bool = False
    lower_status: tuple[str, ...] = ()
    upper_status: tuple[str, ...] = ()

    def __repr__(self) -> str:
        def side(value: float, status: str) -> str:
            return f"{value:+.3g}" if status == _FOUND else status

        sides = zip(self.labels, self.lower, self.lower_status, self.upper, self.upper_status, strict=True)
        rows = [f"{name} {side(a, b)}/{side(c, d)}" for name, a, b, c, d in list(sides)[:4]]
        more = f", and {len(self.labels) - 4} more" if len(self.labels) > 4 else ""
        return f"MinosResults({', '.join(rows)}{more}{'; stopped' if self.cancelled else ''})"


@named_options
def minos(
    data: ArrayLike | None,
    model: FitModel,
    parameters: Sequence[str | int] | None = None,
    *,
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    result: FitResults | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
) -> MinosResults:
    """Return asymmetric uncertainties: where the profile of each parameter has risen by 1.

    Parameters
    ----------
    data : array_like, shape (n_bins,) or (n_bins + n_aux,), or None
        Data; the observed ones if None.
    model : FitModel
        The model.
    parameters : sequence of str or int, optional
        Which ones; all that are not fixed by default.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters, as for :func:`hepnb.fit`.
    result : FitResults, optional
        The free fit with these options, if already done.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches of fits; what is not done is nan.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are done; here by default.

    Returns
    -------
    MinosResults
        Both sides of each parameter, to 1e-4 in -2 log L. Where there is none, ``lower_status`` or
        ``upper_status`` says why. If a conditional fit lies below the free one, that one starts again from
        there.

    Raises
    ------
    ModelError
        A parameter does not exist or is fixed.

    References
    ----------
    F. James, M. Winkler, MINUIT User's Guide (2004), section 1.3.

    Examples
    --------
    >>> import hepnb
    >>> from hepnb.workspace import uncorrelated_background
    >>> model = hepnb.Model(
    ...     uncorrelated_background(
    ...         signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[56, 60]
    ...     )
    ... )
    >>> found = minos(None, model, ["mu"])
    >>> print(f"{found.labels[0]} {found.lower[0]:+.3f} {found.upper[0]:+.3f}")
    mu -0.542 +0.563
    """
    counts = one_data_set(data, model)
    model = adjusted(model, init, bounds, fixed)
    free = fit(counts, model) if result is None else result
    if parameters is None:
        places = np.flatnonzero(~model.fixed)
    else:
        if isinstance(parameters, str | int):
            parameters = [parameters]
        if not isinstance(parameters, Iterable):
            raise ModelError(f"parameters={parameters!r:.80}: give a list of names.")
        places = np.array([movable(name, model) for name in parameters], dtype=np.intp)
    for _ in range(_RESTARTS):
        search = _Search(model, counts, free, places)
        lower = search.run(progress, cancel, executor)
        if lower is None:
            break
        free = fit(counts, model, init=lower)
    return search.results(cancel)


class _Search:
    """The two sides of each parameter, all under way together."""

    def __init__(self, model: FitModel, data: FloatArray, free: FitResults, places: IntArray) -> None:
        self.model, self.data, self.free, self.places = model, data, free, places
        self.where, self.sign = np.repeat(places, 2), np.tile([-1.0, 1.0], places.size)
        self.origin = free.bestfit[self.where]
        sigma = free.curvature_uncertainty[self.where]
        spread = np.where(sigma > 0, sigma, self._guess(self.where))
        edge = np.where(self.sign < 0, model.bounds[self.where, 0], model.bounds[self.where, 1])
        self.room = np.abs(edge - self.origin)
        self.reach = np.minimum(spread, self.room)
        self.low, self.high = np.zeros(self.where.size), np.full(self.where.size, np.inf)
        self.low_root, self.high_root = np.zeros(self.where.size), np.full(self.where.size, np.inf)
        self.answer = np.full(self.where.size, np.nan)
        self.status = np.full(self.where.size, _NOT_DONE, dtype=object)
        self.open = self.room > 1e-9 * spread
        self.status[~self.open] = _AT_BOUND

    def _guess(self, where: IntArray) -> FloatArray:
        """Guess the uncertainty of parameters at a bound: of their own constraint, or of their size."""
        sigma = np.nan_to_num(np.array([p.sigma for p in self.model.parameters]))[where]
        return np.where(sigma > 0, sigma, np.maximum(0.3 * np.abs(self.model.init[where]), 0.1))

    def run(
        self, progress: Progress | None, cancel: Cancel | None, executor: Executor | None
    ) -> FloatArray | None:
        """Search; return a point below the free minimum if one is met."""
        for turn in range(_ROUNDS):
            lanes = np.flatnonzero(self.open)
            if progress is not None:
                progress(self.where.size - lanes.size, self.where.size)
            if not lanes.size or (cancel is not None and cancel.is_set()):
                return None
            rise, points = self._rises(lanes, cancel, executor)
            if cancel is not None and cancel.is_set():
                return None
            if np.nanmin(rise, initial=np.inf) < -_LOWER:
                return np.asarray(points[int(np.nanargmin(rise))])
            self._narrow(lanes, rise, turn)
        self.status[self.open] = _NOT_FOUND
        return None

    def _rises(
        self, lanes: IntArray, cancel: Cancel | None, executor: Executor | None
    ) -> tuple[FloatArray, FloatArray]:
        """Hold a different parameter in each fit; return the rise of -2 log L, shape (lane,), and where."""
        model, where, row = self.model, self.where[lanes], np.arange(lanes.size)
        start, fixed = np.tile(self.free.bestfit, (lanes.size, 1)), np.tile(model.fixed, (lanes.size, 1))
        start[row, where] = (self.origin + self.sign * self.reach)[lanes]
        fixed[row, where] = True
        known = known_minima(model, self.free)
        found, _ = solve_in_shares(model, self.data, start, fixed, None, cancel, executor, _BATCH, known)
        constant = float(model.likelihood.constant(self.data[None])[0])
        value = np.where(found.ok, np.where(found.ok, found.value, 0.0) + constant, np.nan)
        rise = np.where(impossible(model, self.data, found), np.inf, value - self.free.twice_nll)
        return rise, found.points

    def _narrow(self, lanes: IntArray, rise: FloatArray, turn: int) -> None:
        """Take the new points in, and choose the next ones."""
        reach, room = self.reach[lanes], self.room[lanes]
        done, failed = np.abs(rise - 1) < _PRECISION, np.isnan(rise)
        ended = ~done & ~failed & (rise < 1) & (reach >= room)
        self.answer[lanes[done]] = reach[done]
        for which, status in ((done, _FOUND), (failed, _FAILED), (ended, _AT_BOUND)):
            self.status[lanes[which]] = status
        root = np.sqrt(np.maximum(np.nan_to_num(rise, nan=1.0, posinf=np.inf), 0.0))
        below, above = lanes[rise < 1], lanes[~(rise < 1)]
        self.low[below], self.low_root[below] = reach[rise < 1], root[rise < 1]
        self.high[above], self.high_root[above] = reach[~(rise < 1)], root[~(rise < 1)]
        # The square root of the rise is nearly straight; where it is not, the middle makes sure.
        a, b, ra, rb = self.low[lanes], self.high[lanes], self.low_root[lanes], self.high_root[lanes]
        bracketed = np.isfinite(b)
        straight = bracketed & np.isfinite(rb) & (rb > ra) & (turn % 3 != 2)
        slope = np.where(straight, rb - ra, 1.0)
        inside = a + np.where(straight, (1 - ra) / slope, 0.5) * (np.where(bracketed, b, 2 * a) - a)
        outside = np.where(root > 0.1, reach / np.maximum(root, 0.1), 2 * reach)
        # Never quite as little as the bracket's end: that was tested.
        outside = np.clip(outside, 1.05 * reach, 4 * reach)
        self.reach[lanes] = np.minimum(np.where(bracketed, inside, outside), room)
        self.open[lanes[done | failed | ended]] = False

    def results(self, cancel: Cancel | None) -> MinosResults:
        """Return what was found."""
        return MinosResults(
            labels=tuple(self.model.parameter_names[p] for p in self.places),
            lower=-self.answer[0::2],
            upper=self.answer[1::2],
            cancelled=bool(self.open.any()) and cancel is not None and cancel.is_set(),
            lower_status=tuple(self.status[0::2]),
            upper_status=tuple(self.status[1::2]),
        )
