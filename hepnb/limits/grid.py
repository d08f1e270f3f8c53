"""Limits for many signals on one background: a grid of patches, each its own workspace.

The background is validated once, and each patch is checked for itself. Signals are computed in groups of the
same size whatever the executor, each from the same starting values, so that a grid gives the same numbers
everywhere. Within a group the fits of all signals are minimised in one batch (:mod:`hepnb.fits.together`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from functools import partial as bound
from typing import Any

import numpy as np

from hepnb.errors import HepnbError
from hepnb.executor import Executor, Outcome, run_completed
from hepnb.fits.options import Bounds, Fixed, Init, named_options
from hepnb.fits.together import run_together
from hepnb.hypotests import HypotestResults, SignificanceResults, hypotest, significance
from hepnb.limits._scan import limit_statistic
from hepnb.limits._upper_limit import upper_limit
from hepnb.limits.confidence import check_cl
from hepnb.limits.grid_results import DONE, FAILED, NO_FIT, NO_LIMIT, GridResults, empty_grid
from hepnb.limits.results import LimitResults
from hepnb.limits.signals import Patches, Signal, WorkspaceLike, signals_of
from hepnb.model import Model, ModelSettings
from hepnb.progress import Cancel, Progress
from hepnb.typing import FloatArray
from hepnb.workspace import Workspace, load

__all__ = ["limit_grid"]


@named_options
def limit_grid(
    workspace: WorkspaceLike,
    patches: Patches,
    *,
    coordinates: Mapping[str, Sequence[float]] | None = None,
    labels: Sequence[str] = (),
    limits: bool = True,
    discovery: bool = False,
    cl: float = 0.95,
    test_stat: str = "qtilde",
    init: Init | None = None,
    bounds: Bounds | None = None,
    fixed: Fixed | None = None,
    model: Mapping[str, Any] | ModelSettings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    partial: Callable[[GridResults], None] | None = None,
    cancel: Cancel | None = None,
) -> GridResults:
    """Test many signals, each a patch of the same workspace.

    Parameters
    ----------
    workspace : Workspace, dict, path or pyhf.Workspace
        The background, or a workspace that each patch changes.
    patches : pyhf.PatchSet, path, mapping of str to patch, or sequence of paths
        The signals. A path leads to a patch set or to one patch, or is a pattern such as
        ``"patch.sbottom_*.json"``.
    coordinates : mapping of str to sequence of float, optional
        Where each signal lies, by its name. Otherwise a patch set says it, or the numbers in the names do:
        sbottom_1300_205_60 lies at (1300, 205, 60).
    labels : sequence of str
        What the coordinates are called; a patch set brings its own.
    limits : bool
        Find the upper limits too, not only CLs at nominal strength.
    discovery : bool
        Find the significance of an excess too, as :func:`hepnb.significance` does.
    cl : float
        The confidence level.
    test_stat : {"qtilde", "q"}
        The statistic.
    init, bounds, fixed
        Other starting values, bounds and fixed parameters of each model, as for :func:`hepnb.upper_limit`.
    model : mapping or ModelSettings, optional
        Options of :class:`hepnb.Model`, such as ``{"interpolation": "root"}``, or another model's settings.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where to run; here by default. The numbers are the same everywhere.
    progress : callable, optional
        Called with (done, total) after each signal.
    partial : callable, optional
        Called with the grid so far after each signal.
    cancel : Cancel, optional
        Looked at between steps of the fits; signals that are not finished then are nan.

    Returns
    -------
    GridResults
        One row per signal. A signal that cannot be tested harms no other: its row is nan, and its message
        says why.

    Raises
    ------
    ModelError
        No patches, a patch set of another workspace, coordinates of different lengths, a ``cl`` outside
        (0, 1).

    Examples
    --------
    >>> from hepnb.limits import limit_grid
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background(
    ...     signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0], observed=[51, 48]
    ... )
    >>> signals = {
    ...     f"m{mass}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": yields}]
    ...     for mass, yields in [(300, [20.0, 18.0]), (400, [6.0, 5.0])]
    ... }
    >>> grid = limit_grid(workspace, signals)
    >>> grid
    GridResults(2 signals, 1 excluded at 95 % CL)
    >>> grid.coordinates[:, 0], grid.observed.round(2)
    (array([300., 400.]), array([0.61, 2.1 ]))
    """
    check_cl(cl)
    limit_statistic(test_stat, "a grid")
    background = workspace if isinstance(workspace, Workspace) else load(workspace)
    signals = signals_of(background, patches, coordinates, labels)
    result = empty_grid(signals.names, signals.labels, signals.coordinates, cl)
    test = bound(_limit if limits else _cls, cl=cl, test_stat=test_stat, given=(init, bounds, fixed))
    if discovery:
        test = bound(_with_significance, test=test, given=(init, bounds, fixed))
    settings = model if isinstance(model, ModelSettings) else ModelSettings.of(**(model or {}))
    job = bound(_group, background, settings, test)
    tasks = [signals.members[begin : begin + _GROUP] for begin in range(0, len(result), _GROUP)]
    for done, (first, outcome) in enumerate(_outcomes(job, tasks, executor, cancel), start=1):
        _store(result, first + outcome.index, outcome)
        if partial is not None:
            partial(result)
        if progress is not None:
            progress(done, len(result))
    return result


# Signals that are computed together: with more of them the memory grows, and no signal takes less time.
_GROUP = 16

Row = tuple[HypotestResults | LimitResults, float, FloatArray, SignificanceResults | None]
Given = tuple[Init | None, Bounds | None, Fixed | None]
Group = tuple[Signal, ...]


def _outcomes(
    job: Callable[..., Iterator[Outcome]],
    tasks: Sequence[Group],
    executor: Executor | None,
    cancel: Cancel | None,
) -> Iterator[tuple[int, Outcome]]:
    """Give the outcome of each signal, and the position of the first signal of its group."""
    if executor is None:
        for index, task in enumerate(tasks):
            if cancel is not None and cancel.is_set():
                return
            for outcome in job(task, cancel):
                yield index * _GROUP, outcome
        return
    for whole in run_completed(bound(_listed, job), tasks, executor=executor, cancel=cancel):
        size = len(tasks[whole.index])
        lost = [Outcome(index, error=whole.error) for index in range(size)]
        for outcome in lost if whole.error is not None else whole.value:
            yield whole.index * _GROUP, outcome


def _listed(job: Callable[[Group], Iterator[Outcome]], task: Group) -> list[Outcome]:
    return list(job(task))


def _group(
    workspace: Workspace,
    settings: ModelSettings,
    test: Callable[[Model], Row],
    group: Group,
    cancel: Cancel | None = None,
) -> Iterator[Outcome]:
    """Test some signals together."""
    models: list[Model] = []
    places: list[int] = []
    for index, signal in enumerate(group):
        try:
            models.append(Model.of(workspace.patch(signal.patch), settings))
            places.append(index)
        except Exception as error:  # noqa: BLE001  # one signal that is wrong harms no other
            yield Outcome(index, error=error)
        if cancel is not None and cancel.is_set():
            return
    works = [bound(test, model) for model in models]
    for outcome in run_together([model.likelihood for model in models], works, cancel):
        yield replace(outcome, index=places[outcome.index])


def _cls(model: Model, *, cl: float, test_stat: str, given: Given) -> Row:  # noqa: ARG001
    """Return CLs at nominal strength."""
    init, bounds, fixed = given
    test = hypotest(1.0, None, model, test_stat, init=init, bounds=bounds, fixed=fixed)
    return test, test.CLs_obs, test.CLs_exp, None


def _limit(model: Model, *, cl: float, test_stat: str, given: Given) -> Row:
    """Return the limits, and CLs at nominal strength, which the search tests first."""
    init, bounds, fixed = given
    limit = upper_limit(None, model, cl=cl, test_stat=test_stat, init=init, bounds=bounds, fixed=fixed)
    index = np.flatnonzero(limit.scan.mu == 1.0)
    if not index.size:
        test = hypotest(1.0, None, model, test_stat)
        return limit, test.CLs_obs, test.CLs_exp, None
    return limit, float(limit.scan.CLs_obs[index[0]]), limit.scan.CLs_exp[index[0]], None


def _with_significance(model: Model, *, test: Callable[[Model], Row], given: Given) -> Row:
    """Return what another test does, and the significance of an excess."""
    init, bounds, fixed = given
    found, observed, expected, _ = test(model)
    return found, observed, expected, significance(None, model, init=init, bounds=bounds, fixed=fixed)


def _store(result: GridResults, index: int, outcome: Outcome) -> None:
    name = result.names[index]
    if outcome.error is not None:
        result.status[index], result.messages[name] = FAILED, _words(outcome.error)
        return
    found, result.CLs_obs[index], result.CLs_exp[index], excess = outcome.value
    if excess is not None:
        result.discovery[name] = excess
    status, message = DONE if np.isfinite(result.CLs_obs[index]) else NO_FIT, ""
    if isinstance(found, LimitResults):
        result.limits[name] = found
        result.observed[index], result.expected[index] = found.observed, found.expected
        message = found.message
        if status == DONE and "observed" in found.no_limit:
            status = NO_LIMIT
    result.status[index] = status
    if message or status == NO_FIT:
        result.messages[name] = message or "a fit at nominal strength did not converge"


def _words(error: Exception) -> str:
    """Say in words what kept a signal from being tested."""
    if isinstance(error, HepnbError):
        return str(error)
    if isinstance(error, BrokenExecutor):
        return f"the worker died ({error}): give the process more memory, or fewer workers"
    return f"{type(error).__name__}: {error}"
