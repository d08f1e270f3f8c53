"""Streams of toys, done batch by batch: here or by workers, with a checkpoint, and stopped when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import ModelError
from hepnb.executor import Executor, run_completed
from hepnb.hypotests.checkpoint import Checkpoint
from hepnb.hypotests.toy_batch import ToyTask, batch_size, batches_at_once, do_batch, do_batches
from hepnb.model import FitModel
from hepnb.progress import Cancel, Progress
from hepnb.typing import BoolArray, FloatArray

__all__ = ["Stream", "ToyRun", "place_of", "seed_sequence"]


def seed_sequence(seed: int | np.random.SeedSequence | None) -> np.random.SeedSequence:
    """Return the seed of a study, or raise a ModelError if it is none."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise ModelError(f"seed is {seed!r:.60}. Give a whole number, not negative, or None.") from None


def spawned(sequence: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return a descendant of a seed by its place, without counting it as spawned.

    ``SeedSequence.spawn`` gives other children each time it is called; a batch needs the same ones again.
    """
    return np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, *key))


def place_of(mu: float) -> tuple[int, ...]:
    """Return the key of the seeds of one value of the POI; it depends on the value alone."""
    return (int(np.float64(mu).view(np.uint64)),)


@dataclass(frozen=True, eq=False)
class Stream:
    """Toys of one hypothesis, tested at one value.

    Parameters
    ----------
    name : str
        What the stream is called in a checkpoint.
    key : tuple of int
        Its place among the seeds of the study.
    origin : ndarray, shape (n_parameters,)
        The point the toys come from.
    mu : float
        The value tested.
    n_toys : int
        How many.
    """

    name: str
    key: tuple[int, ...]
    origin: FloatArray
    mu: float
    n_toys: int


@dataclass
class ToyRun:
    """How a study is done; the toys it has.

    Parameters
    ----------
    model : FitModel
        The model.
    test_stat : str
        The statistic.
    seed : numpy.random.SeedSequence
        The seed of the study.
    executor : Executor or dask client, optional
        Who does the batches.
    progress : callable, optional
        Called with (done, total) toys.
    cancel : Cancel, optional
        Looked at between batches.
    checkpoint : Checkpoint, optional
        Where what is done is kept.
    device : {"cpu", "gpu"}, jax.Device, or None
        Where the fits are done. The toys are the same.
    """

    model: FitModel
    test_stat: str
    seed: np.random.SeedSequence
    executor: Executor | None = None
    progress: Progress | None = None
    cancel: Cancel | None = None
    checkpoint: Checkpoint | None = None
    device: Any = None
    done: int = field(default=0, init=False)
    cancelled: bool = field(default=False, init=False)

    def collect(self, streams: Sequence[Stream]) -> list[FloatArray]:
        """Do what is not done yet of some streams.

        Parameters
        ----------
        streams : sequence of Stream
            Their batches take turns.

        Returns
        -------
        list of ndarray
            The statistics of each stream in the order of its batches, nan where a fit failed; fewer than
            asked for where the study was cancelled.
        """
        size = batch_size(self.model)
        kept = [self._recall(stream, size) for stream in streams]
        finished = sum(
            int(self._in_batches(stream, size)[done].sum())
            for stream, (_, done) in zip(streams, kept, strict=True)
        )
        total = self.done + sum(stream.n_toys for stream in streams)
        self.done += finished
        if finished and self.progress is not None:
            self.progress(self.done, total)
        together = batches_at_once(self.model, self.device, self.executor)
        indices = list(self._missing(kept, together))
        tasks: Iterator[Any] = (
            [self.task(streams[which], batch, size) for batch in batches] for which, batches in indices
        )
        function: Callable[[Any], FloatArray] = partial(do_batches, self.model, self.device)
        if self.device is None or self.device == "cpu":
            tasks, function = (task for (task,) in tasks), partial(do_batch, self.model)
        outcomes = run_completed(function, tasks, executor=self.executor, cancel=self.cancel)
        try:
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error
                which, batches = indices[outcome.index]
                values, done = kept[which]
                counts = self._in_batches(streams[which], size)
                ends = np.cumsum(counts[batches])[:-1]
                for batch, part in zip(batches, np.split(outcome.value, ends), strict=True):
                    values[batch * size : batch * size + part.size] = part
                    done[batch] = True
                self.done += len(outcome.value)
                if self.checkpoint is not None:
                    self.checkpoint.save()
                if self.progress is not None:
                    self.progress(self.done, total)
        finally:
            if self.checkpoint is not None and indices:
                self.checkpoint.save(now=True)
        self.cancelled |= not all(done.all() for _, done in kept)
        return [
            values[np.repeat(done, self._in_batches(stream, size))]
            for stream, (values, done) in zip(streams, kept, strict=True)
        ]

    @staticmethod
    def _in_batches(stream: Stream, size: int) -> NDArray[np.intp]:
        """Return the number of toys in each batch of a stream."""
        starts = np.arange(0, stream.n_toys, size)
        return np.minimum(size, stream.n_toys - starts)

    @staticmethod
    def _missing(
        kept: Sequence[tuple[FloatArray, BoolArray]], together: int
    ) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield streams, and batches of theirs to be done together; the streams take turns."""
        missing = [np.flatnonzero(~done) for _, done in kept]
        for begin in range(0, max((left.size for left in missing), default=0), together):
            for which, left in enumerate(missing):
                if begin < left.size:
                    yield which, left[begin : begin + together]

    def task(self, stream: Stream, batch: int, size: int) -> ToyTask:
        """Return one batch of a stream, to be done."""
        begin = batch * size
        count = min(size, stream.n_toys - begin)
        seed = spawned(self.seed, *stream.key, batch)
        return ToyTask(stream.origin, stream.mu, self.test_stat, count, seed)

    def _recall(self, stream: Stream, size: int) -> tuple[FloatArray, BoolArray]:
        """Return the values and finished batches of a stream, those of the checkpoint included.

        A study may go on with more toys than before: a last batch that was not full is then done again.
        """
        values = np.full(stream.n_toys, np.nan)
        counts = self._in_batches(stream, size)
        done = np.zeros(counts.size, dtype=bool)
        if self.checkpoint is not None:
            old_values, old_done = self.checkpoint.recall(stream.name, stream.n_toys)
            old_counts = np.minimum(size, old_values.size - size * np.arange(old_done.size))
            shared = min(counts.size, old_done.size)
            done[:shared] = old_done[:shared] & (old_counts[:shared] == counts[:shared])
            keep = np.flatnonzero(np.repeat(done, counts))
            values[keep] = old_values[keep]
            self.checkpoint.streams[stream.name] = (values, done)
        return values, done
