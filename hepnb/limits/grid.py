"""Limits for many signals on one background: a grid of patches, each its own workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import HepnbError, ModelError
from hepnb.hypotests import hypotest
from hepnb.limits.upper_limit import upper_limit
from hepnb.model import Model
from hepnb.progress import Cancel
from hepnb.workspace import Workspace, load

__all__ = ["GridResults", "limit_grid"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GridResults:
    """CLs and upper limits of many signals.

    Parameters
    ----------
    names : tuple of str
        The signals, in the order of the patches.
    labels : tuple of str
        What the coordinates are called; empty if they are not known.
    coordinates : ndarray, shape (n, k)
        Where each signal lies, for instance its masses.
    CLs_obs : ndarray, shape (n,)
        Observed CLs at nominal signal strength: below the level, the signal is excluded.
    CLs_exp : ndarray, shape (n, 5)
        Expected CLs there.
    observed : ndarray, shape (n,)
        Observed upper limits on the signal strength; nan unless asked for.
    expected : ndarray, shape (n, 5)
        Expected upper limits.
    messages : dict of str to str
        What went wrong, by name; such a signal is nan and the others stand.
    level : float
        1 - confidence level.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    coordinates: FloatArray
    CLs_obs: FloatArray
    CLs_exp: FloatArray
    observed: FloatArray
    expected: FloatArray
    messages: dict[str, str]
    level: float

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """Which signals are excluded at nominal strength, shape (n,)."""
        return np.asarray(self.CLs_obs < self.level)


def limit_grid(
    workspace: Any,
    patches: Mapping[str, Any] | Any,
    *,
    coordinates: Mapping[str, Sequence[float]] | None = None,
    labels: Sequence[str] = (),
    limits: bool = True,
    level: float = 0.05,
    model: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancel: Cancel | None = None,
) -> GridResults:
    """Test many signals, each a patch of the same workspace.

    Parameters
    ----------
    workspace : Workspace, dict, path or pyhf.Workspace
        The background, or a workspace that each patch changes.
    patches : mapping of str to patch, or pyhf.PatchSet
        The signals.
    coordinates : mapping of str to sequence of float, optional
        Where each signal lies; a patch set brings its own.
    labels : sequence of str
        What the coordinates are called; a patch set brings its own.
    limits : bool
        Find the upper limits too, not only CLs at nominal strength.
    level : float
        1 - confidence level.
    model : mapping, optional
        Options of :class:`hepnb.Model`, such as ``{"interpolation": "root"}``.
    executor : concurrent.futures.Executor, optional
        Where to run; here by default. A dask client's ``get_executor()`` is one.
    progress : callable, optional
        Called with (done, total).
    cancel : Cancel, optional
        Looked at between signals; those not reached are nan.

    Returns
    -------
    GridResults
        One row per signal.

    Raises
    ------
    ModelError
        No patches, or coordinates of different lengths.

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
    >>> grid = limit_grid(workspace, signals, coordinates={"m300": [300.0], "m400": [400.0]})
    >>> grid.excluded, grid.observed.round(2)
    (array([ True, False]), array([0.61, 2.1 ]))
    """
    background = workspace if isinstance(workspace, Workspace) else load(workspace)
    signals, coordinates, labels = _signals(patches, coordinates or {}, tuple(labels))
    if not signals:
        raise ModelError("a grid needs at least one patch; give a mapping of names to patches.")
    names = tuple(signals)
    sizes = {len(coordinates.get(name, ())) for name in names}
    if len(sizes) > 1:
        raise ModelError(f"the signals have {sorted(sizes)} coordinates. Give every one the same number.")
    count, options = len(names), dict(model or {})
    result = GridResults(
        names, labels, np.array([tuple(coordinates.get(name, ())) for name in names], dtype=float),
        np.full(count, np.nan), np.full((count, 5), np.nan), np.full(count, np.nan),
        np.full((count, 5), np.nan), {}, level,
    )  # fmt: skip
    jobs = [(background, signals[name], options, limits, level) for name in names]
    if executor is None:
        for place, job in enumerate(jobs):
            if cancel is not None and cancel.is_set():
                break
            _store(result, place, _one(*job))
            if progress is not None:
                progress(place + 1, count)
    else:
        _submit(executor, jobs, result, progress, cancel)
    return result


def _submit(
    executor: Executor,
    jobs: list[tuple[Any, ...]],
    result: GridResults,
    progress: Callable[[int, int], None] | None,
    cancel: Cancel | None,
) -> None:
    waiting: dict[Future[Any], int] = {executor.submit(_one, *job): i for i, job in enumerate(jobs)}
    for done, future in enumerate(as_completed(waiting), start=1):
        if not future.cancelled():
            _store(result, waiting[future], future.result())
        if progress is not None:
            progress(done, len(jobs))
        if cancel is not None and cancel.is_set():
            for other in waiting:
                other.cancel()


def _signals(
    patches: Any, coordinates: Mapping[str, Sequence[float]], labels: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Sequence[float]], tuple[str, ...]]:
    if isinstance(patches, Mapping):
        return dict(patches), dict(coordinates), labels
    # A pyhf.PatchSet: iterating gives patches with a name, values and the operations.
    found = {str(patch.name): patch.patch for patch in patches}
    where = {str(patch.name): tuple(float(x) for x in patch.values) for patch in patches}
    return found, {**where, **coordinates}, labels or tuple(map(str, patches.labels))


def _one(
    workspace: Workspace, patch: Any, options: dict[str, Any], limits: bool, level: float
) -> tuple[float, FloatArray, float, FloatArray, str]:
    """Test one signal; a fault of it is words, so that it does not end the others."""
    none = np.full(5, np.nan)
    try:
        model = Model(workspace, patches=[patch], **options)
        test = hypotest(1.0, None, model)
        if not limits:
            return test.CLs_obs, test.CLs_exp, np.nan, none, "" if test.ok else "a fit did not converge"
        limit = upper_limit(None, model, level=level)
    except HepnbError as error:
        return np.nan, none, np.nan, none, str(error)
    return test.CLs_obs, test.CLs_exp, limit.observed, limit.expected, limit.message


def _store(result: GridResults, place: int, row: tuple[float, FloatArray, float, FloatArray, str]) -> None:
    cls, band, observed, expected, message = row
    result.CLs_obs[place], result.CLs_exp[place] = cls, band
    result.observed[place], result.expected[place] = observed, expected
    if message:
        result.messages[result.names[place]] = message
