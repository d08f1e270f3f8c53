"""Many fits of one model in batches that can be counted, stopped and done elsewhere."""

from __future__ import annotations

from functools import partial

import numpy as np

from hepnb.executor import Executor, run_ordered
from hepnb.fits.batched import NOT_FINISHED, BatchedFit
from hepnb.fits.exploring import explore
from hepnb.model import FitModel
from hepnb.progress import Cancel, Progress
from hepnb.typing import BoolArray, FloatArray

__all__ = ["solve_in_shares"]


def solve_in_shares(
    model: FitModel,
    data: FloatArray,
    start: FloatArray,
    fixed: BoolArray,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    executor: Executor | None = None,
    batch: int = 512,
    known: FloatArray | None = None,
) -> tuple[BatchedFit, bool]:
    """Minimise as :func:`~hepnb.fits.exploring.explore` does, batch by batch.

    Parameters
    ----------
    model : FitModel
        The model.
    data : ndarray, shape (data,)
        Complete data, the same for all.
    start : ndarray, shape (lane, parameter)
        Where each lane starts; the value of a fixed parameter.
    fixed : ndarray of bool, shape (lane, parameter)
        Parameters held.
    progress : callable, optional
        Called with (done, total) fits.
    cancel : Cancel, optional
        Looked at between batches.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where the batches are done; here by default.
    batch : int
        Fits per batch; it does not depend on the executor.
    known : ndarray, shape (k, parameter), optional
        Minima of the free fit, where every fit starts as well.

    Returns
    -------
    found : BatchedFit
        One row per lane; those not done have not finished, and are nan.
    cancelled : bool
        Whether some were not done.
    """
    count = len(start)
    batches = [(start[i : i + batch], fixed[i : i + batch]) for i in range(0, count, batch)]
    told = None if progress is None else lambda done, _: progress(min(done * batch, count), count)
    parts = run_ordered(executor, partial(_solve, model, data, known), batches, told, cancel)
    done = [part or _missing(some[0]) for part, some in zip(parts, batches, strict=True)]
    columns = {name: np.concatenate([getattr(part, name) for part in done]) for name in vars(done[0])}
    return BatchedFit(**columns), any(part is None for part in parts)


def _solve(
    model: FitModel, data: FloatArray, known: FloatArray | None, batch: tuple[FloatArray, BoolArray]
) -> BatchedFit:
    return explore(model, data[None], *batch, known=known).fit


def _missing(start: FloatArray) -> BatchedFit:
    nothing = np.full(len(start), np.nan)
    status = np.full(len(start), NOT_FINISHED)
    steps = np.zeros(len(start), dtype=np.intp)
    empty = np.zeros(start.shape, dtype=bool)
    return BatchedFit(np.full(start.shape, np.nan), nothing, status, nothing, nothing, empty, steps)
