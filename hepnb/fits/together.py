"""Work on several models side by side, whose fits are minimised in one batch.

Tests and limits of the signals of a grid take the same steps on models that are alike. The work on each
signal has a thread of its own, and one of them runs at a time: where it asks for a minimisation it waits,
until all others wait too. Then the fits of all of them are made together, and each goes on with its own.
So a grid is computed by the code of a single signal, with the same starts; only the batches are larger.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.executor import Outcome
from hepnb.fits.batched import BatchedFit, minimize
from hepnb.fits.merging import ELSEWHERE
from hepnb.fits.threads import one_blas_thread
from hepnb.model.likelihood import HistFactoryLikelihood
from hepnb.model.stack import Stack, alike, stack
from hepnb.progress import Cancel, Stopped

__all__ = ["run_together"]

_SIGNATURE = inspect.signature(minimize)
_ROWS = ("data", "start", "lower", "upper", "fixed")


@dataclass(frozen=True, eq=False)
class _Request:
    """The arguments of a minimisation: one row per fit, and what is the same for all."""

    likelihood: Any
    rows: dict[str, Any]
    options: tuple[tuple[str, Any], ...]


@dataclass(eq=False)
class _Worker:
    """The work on one model: a thread that runs while all others wait.

    Parameters
    ----------
    index : int
        Which work.
    work : callable
        What to do.
    """

    index: int
    work: Callable[[], Any]
    request: _Request | None = field(default=None, init=False)
    answer: BatchedFit | Exception | None = field(default=None, init=False)
    outcome: Outcome | None = field(default=None, init=False)
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), init=False)
    _rest: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), init=False)

    def __post_init__(self) -> None:
        # What the caller has said for its own thread (stop when asked, say) holds for this one.
        context = copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ELSEWHERE.set(self._minimize)
        self._go.acquire()
        try:
            if isinstance(self.answer, Exception):
                raise self.answer
            self.outcome = Outcome(self.index, self.work())
        except Exception as error:  # noqa: BLE001  # whoever asked decides what one failed task means
            self.outcome = Outcome(self.index, error=error)
        self._rest.release()

    def _minimize(self, *args: Any, **kwargs: Any) -> BatchedFit:
        given = _SIGNATURE.bind(*args, **kwargs).arguments
        likelihood, shape = given.pop("likelihood"), given["start"].shape
        shapes = dict.fromkeys(_ROWS, shape) | {"data": (shape[0], given["data"].shape[-1])}
        rows = {name: np.broadcast_to(given.pop(name), shapes[name]) for name in _ROWS}
        self.request = _Request(likelihood, rows, tuple(sorted(given.items())))
        self._rest.release()
        self._go.acquire()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None  # noqa: S101  # it was let go on with one
        return self.answer

    def go_on(self, answer: BatchedFit | Exception | None) -> None:
        """Work until the next request, or the end."""
        self.request, self.answer = None, answer
        self._go.release()
        self._rest.acquire()


def run_together(
    likelihoods: Sequence[Any], works: Sequence[Callable[[], Any]], cancel: Cancel | None = None
) -> Iterator[Outcome]:
    """Do the work on several models, and give each outcome as soon as it is there.

    Parameters
    ----------
    likelihoods : sequence of HistFactoryLikelihood
        Those of the models.
    works : sequence of callable
        What to do with each.
    cancel : Cancel, optional
        Looked at between batches. Work that is not finished then is given up.

    Yields
    ------
    Outcome
        In the order in which they finish.
    """
    stacks = _Stacks(likelihoods)
    waiting = [_Worker(index, work) for index, work in enumerate(works)]
    answers: dict[int, BatchedFit | Exception] = {}
    try:
        while waiting:
            for worker in list(waiting):
                with one_blas_thread():
                    worker.go_on(answers.get(worker.index))
                if worker.outcome is not None:
                    waiting.remove(worker)
                    yield worker.outcome
                if cancel is not None and cancel.is_set():
                    return
            with one_blas_thread():
                answers = stacks.minimize(waiting)
    finally:
        for worker in waiting:
            while worker.outcome is None:
                worker.go_on(Stopped())


class _Stacks:
    """Models that are alike, and minimisations of their fits together."""

    def __init__(self, likelihoods: Sequence[Any]) -> None:
        groups: dict[Any, list[HistFactoryLikelihood]] = {}
        for likelihood in likelihoods:
            key = alike(likelihood) if isinstance(likelihood, HistFactoryLikelihood) else None
            if key is not None:
                groups.setdefault(key, []).append(likelihood)
        self._places: dict[int, tuple[Stack, int]] = {}
        for members in groups.values():
            if len(members) > 1:
                whole = stack(members)
                self._places |= {id(member): (whole, place) for place, member in enumerate(members)}
        # Fits that were asked for before: the same start is tried more than once, and by more than one model.
        self._known: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def minimize(self, workers: Sequence[_Worker]) -> dict[int, BatchedFit | Exception]:
        """Minimise what some workers wait for; give the answers by worker."""
        groups: dict[tuple[Any, ...], list[tuple[int, _Request]]] = {}
        answers: dict[int, BatchedFit | Exception] = {}
        for worker in workers:
            request = worker.request
            assert request is not None  # noqa: S101  # that is what it waits for
            if id(request.likelihood) in self._places:
                whole, _ = self._places[id(request.likelihood)]
                groups.setdefault((whole, request.options), []).append((worker.index, request))
            else:
                answers[worker.index] = _minimized(request.likelihood, request.rows.values(), request.options)
        for (whole, options), parts in groups.items():
            results = self._together(whole, options, [request for _, request in parts])
            answers |= {index: result for (index, _), result in zip(parts, results, strict=True)}
        return answers

    def _together(
        self, whole: Stack, options: tuple[tuple[str, Any], ...], requests: Sequence[_Request]
    ) -> list[BatchedFit | Exception]:
        sizes = [len(request.rows["start"]) for request in requests]
        rows = {name: np.concatenate([request.rows[name] for request in requests]) for name in _ROWS}
        places = [self._places[id(request.likelihood)][1] for request in requests]
        member = np.repeat(np.asarray(places, dtype=float), sizes)
        rows["data"] = np.column_stack([rows["data"], member])
        keys = [(id(whole), options, *key) for key in _keys(whole, rows)]
        new = {key: fit for fit, key in reversed(list(enumerate(keys))) if key not in self._known}
        fits = np.array(sorted(new.values()), dtype=np.intp)
        if fits.size:
            found = _minimized(whole, [array[fits] for array in rows.values()], options)
            if isinstance(found, Exception):
                return [found] * len(requests)
            for fit, *columns in zip(fits, *vars(found).values(), strict=True):
                self._known[keys[fit]] = tuple(columns)
        ends = np.cumsum(sizes)
        return [
            BatchedFit(
                *map(np.array, zip(*(self._known[key] for key in keys[end - size : end]), strict=True))
            )
            if size
            else _nothing(requests[index])
            for index, (end, size) in enumerate(zip(ends, sizes, strict=True))
        ]


def _nothing(request: _Request) -> BatchedFit:
    """Return the answer to a request of no fits."""
    return minimize(request.likelihood, *request.rows.values(), **dict(request.options))


def _minimized(
    likelihood: Any, rows: Iterable[Any], options: tuple[tuple[str, Any], ...]
) -> BatchedFit | Exception:
    try:
        return minimize(likelihood, *rows, **dict(options))
    except Exception as error:  # noqa: BLE001  # it belongs to whoever asked
        return error


def _keys(whole: Stack, rows: dict[str, Any]) -> Iterator[tuple[int, bytes]]:
    """Return what tells each fit from all others.

    Fits in which what differs between the models is switched off are the same in all of them.
    """
    switches = whole.switches
    off = (rows["fixed"][:, switches] & (rows["start"][:, switches] == 0)).any(axis=1)
    for fit, same in enumerate(off):
        data = rows["data"][fit]
        place = -1 if same else int(data[-1])
        others = (rows[name][fit].tobytes() for name in _ROWS[1:])
        yield place, b"".join([data[:-1].tobytes(), *others])
