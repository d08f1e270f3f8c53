"""Many independent tasks here, in a pool of threads or processes, or on a dask cluster: the same results.

What a task gives must depend on the task alone (its index, its seed), never on what ran before it; then
every executor gives the same numbers. Only as many tasks are handed out as keep the workers busy, so
``tasks`` may be a generator, and a cancelled run waits for what has begun instead of throwing it away.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any, TypeAlias

from hepnb.errors import HepnbError
from hepnb.progress import Cancel, Progress

__all__ = ["Executor", "Outcome", "run_completed", "run_ordered"]

Executor: TypeAlias = concurrent.futures.Executor | Any
"""A ``concurrent.futures.Executor``, or a ``dask.distributed.Client``."""

# How often a waiting run looks at its cancel token.
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """What became of one task.

    Parameters
    ----------
    index : int
        Which task: 0 is the first.
    value : object
        What the function gave; None if it raised.
    error : Exception, optional
        What it raised, or why its worker died.
    """

    index: int
    value: Any = None
    error: Exception | None = None


def run_completed(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    *,
    executor: Executor | None = None,
    cancel: Cancel | None = None,
) -> Iterator[Outcome]:
    """Do tasks, and give each outcome as soon as it is there.

    Parameters
    ----------
    function : callable
        Called with one task. For processes and dask it is a module's function, or a ``functools.partial`` of
        one.
    tasks : iterable
        What to do; read no faster than it is done.
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where; here, one after the other, by default. It is not shut down.
    cancel : Cancel, optional
        Looked at before each task and while waiting. Then nothing more begins; what has begun is waited for
        and given.

    Yields
    ------
    Outcome
        In the order in which they finish.

    Raises
    ------
    HepnbError
        What was given as ``executor`` is neither.

    Examples
    --------
    >>> from hepnb.executor import run_completed
    >>> [outcome.value for outcome in run_completed(abs, [-1, 2])]
    [1, 2]
    """
    numbered = enumerate(tasks)
    if executor is None:
        return _here(function, numbered, cancel)
    return _elsewhere(function, numbered, executor, cancel)


def run_ordered(
    executor: Executor | None,
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[Any]:
    """Do tasks, and give what the function returned in the order of the tasks.

    Parameters
    ----------
    executor : concurrent.futures.Executor or dask.distributed.Client, optional
        Where; here if None.
    function : callable
        As for :func:`run_completed`.
    tasks : iterable
        What to do.
    progress : callable, optional
        Called with (done, total) after each task.
    cancel : Cancel, optional
        As for :func:`run_completed`.

    Returns
    -------
    list
        One entry per task; None for those that a cancelled run did not reach.

    Raises
    ------
    Exception
        What the function raised first; nothing more begins then.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from hepnb.executor import run_ordered
    >>> with ThreadPoolExecutor(2) as pool:
    ...     run_ordered(pool, abs, [-1, -2, 3])
    [1, 2, 3]
    """
    todo = list(tasks)
    values: list[Any] = [None] * len(todo)
    outcomes = run_completed(function, todo, executor=executor, cancel=cancel)
    for done, outcome in enumerate(outcomes, start=1):
        if outcome.error is not None:
            raise outcome.error
        values[outcome.index] = outcome.value
        if progress is not None:
            progress(done, len(todo))
    return values


def _here(
    function: Callable[[Any], Any], numbered: Iterator[tuple[int, Any]], cancel: Cancel | None
) -> Iterator[Outcome]:
    for index, task in numbered:
        if cancel is not None and cancel.is_set():
            return
        try:
            outcome = Outcome(index, function(task))
        except Exception as error:  # noqa: BLE001  # whoever asked decides what one failed task means
            outcome = Outcome(index, error=error)
        yield outcome


def _elsewhere(
    function: Callable[[Any], Any],
    numbered: Iterator[tuple[int, Any]],
    executor: Executor,
    cancel: Cancel | None,
) -> Iterator[Outcome]:
    pool, window, revocable = _pool(executor)
    running: dict[Future[Any], int] = {}
    more = True
    try:
        while more or running:
            if more and cancel is not None and cancel.is_set():
                more = False
                # A task that a pool has not begun is taken back. Dask does not say which have begun.
                for future in [other for other in running if revocable and other.cancel()]:
                    del running[future]
            while more and len(running) < window:
                index, task = next(numbered, (-1, None))
                more = index >= 0
                if more:
                    try:
                        running[pool.submit(function, task)] = index
                    except BrokenExecutor as error:
                        yield Outcome(index, error=error)
            poll = None if cancel is None or not more else _POLL_SECONDS
            for future in wait(running, poll, FIRST_COMPLETED).done:
                yield _outcome(running.pop(future), future)
    finally:
        for future in running:
            future.cancel()


def _outcome(index: int, future: Future[Any]) -> Outcome:
    if future.cancelled():
        return Outcome(index, error=HepnbError("the executor gave the task up before it was done."))
    error = future.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return Outcome(index, None if error is not None else future.result(), error)


def _pool(executor: Executor) -> tuple[concurrent.futures.Executor, int, bool]:
    """Give an executor, how many tasks to hand it at a time, and whether it says which have begun."""
    if isinstance(executor, concurrent.futures.Executor):
        workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        return executor, 2 * int(workers), type(executor).__module__.startswith("concurrent.")
    if not hasattr(executor, "get_executor") or getattr(executor, "asynchronous", False):
        raise HepnbError(
            f"executor is {executor!r}: give a concurrent.futures executor or a dask.distributed.Client "
            "that is not asynchronous."
        )
    # Dask takes equal calls for one unless told that they are not.
    return executor.get_executor(pure=False), 2 * max(1, sum(executor.ncores().values())), False
