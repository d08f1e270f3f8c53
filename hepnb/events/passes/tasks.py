"""A pass over a tree cut into tasks: done here, on threads, in a pool or on dask, and added up in order.

Where the cuts are depends on the files alone, never on what is read, the memory, the threads or executor; a
task adds its blocks one after the other, and the tasks are added in their order. So sums of
weights are the same to the last bit everywhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from hepnb.errors import FileError, SelectionError
from hepnb.events.language.compiled import Program
from hepnb.events.language.expression import Expression
from hepnb.events.passes.accumulators import Accumulator
from hepnb.events.passes.block_reader import BlockReader, Layout, layout_of
from hepnb.events.passes.entry_block import EntryBlock, VariedBlock
from hepnb.events.rootio.baskets import coarsest
from hepnb.events.sources.source import Segment, Skipped, Source, TreeReader, warn_of
from hepnb.executor import Executor, run_completed
from hepnb.progress import Cancel, Progress

__all__ = ["Pass", "PassResult", "Variation", "branches_of", "run", "task_ranges"]

TASK_ENTRIES = 2**18
_MAX_THREADS = 4
_LARGER = 4 * 1024**2


@dataclass(frozen=True)
class PassResult:
    """What a pass has seen.

    Attributes
    ----------
    totals : dict of str
        One per sum.
    ranges : tuple of (int, int)
        Entries that are in them.
    lost : tuple of Skipped
        Entries that could not be read, where the tree leaves those out.
    complete : bool
        False where it was cancelled before the end.
    """

    totals: dict[Any, Any]
    ranges: tuple[tuple[int, int], ...]
    lost: tuple[Skipped, ...]
    complete: bool

    @property
    def n_entries(self) -> int:
        """How many entries are in the totals."""
        return sum(stop - start for start, stop in self.ranges)


@dataclass(frozen=True)
class Variation:
    """Expressions that are evaluated with some branches replaced.

    Attributes
    ----------
    replaced : dict of str to int
        By the name of a branch or column: the number of the expression, among those of the tree as it is,
        whose values stand for it.
    expressions : tuple of Expression
        What is evaluated then.
    """

    replaced: Mapping[str, int]
    expressions: tuple[Expression, ...]

    def columns(self, columns: Mapping[str, Any], values: Sequence[Any], n: int) -> dict[str, Any]:
        """Return the columns of a block with those in place that are replaced."""
        found = {name: values[number] for name, number in self.replaced.items()}
        # A formula without branches is one number.
        full = {
            name: value if getattr(value, "ndim", 0) else np.full(n, value) for name, value in found.items()
        }
        return {**columns, **full}


@dataclass
class Pass:
    """Everything that a worker needs to know.

    Attributes
    ----------
    source : Source
        The tree.
    reader : TreeReader or None
        What it looks like; looked up anew in another process.
    expressions : tuple of Expression
        What is evaluated.
    sums : dict of str to Accumulator
        What is added up.
    keep : bool
        Whether the columns are kept in memory.
    block, window : int
        Entries per block, and per read.
    variations : tuple of Variation
        What is evaluated besides.
    scopes : dict of sum to int
        The variation that a sum is of, counted from 1; those that are not in it are of the tree as it is.
    cancel : Cancel or None
        Looked at after each block; not in another process.
    """

    source: Source
    reader: TreeReader | None
    expressions: tuple[Expression, ...]
    sums: Mapping[Any, Accumulator]
    keep: bool
    block: int
    window: int
    variations: tuple[Variation, ...] = ()
    scopes: Mapping[Any, int] = field(default_factory=dict)
    cancel: Cancel | None = None
    layout: Layout | None = None
    _files: tuple[tuple[str, int], ...] = ()
    _idle: list[tuple[BlockReader, list[Program]]] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.reader is not None:
            self._files = _files_of(self.reader)

    def __getstate__(self) -> dict[str, Any]:
        alone: dict[str, Any] = {"reader": None, "cancel": None, "layout": None, "_idle": [], "_lock": None}
        return {**self.__dict__, **alone}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        self._lock = threading.Lock()

    def worker(self) -> tuple[BlockReader, list[Program]]:
        """Take what a thread works with: its buffers are used again by the next one."""
        with self._lock:
            if self.reader is None:
                self.reader = self.source.reader()
                if _files_of(self.reader) != self._files:
                    raise FileError(
                        f"{self.reader.file!r} is not the same here as where the pass was begun. "
                        "Let every worker see the same files."
                    )
            if self.layout is None:
                names = branches_of(self.expressions, self.variations)
                branches = {name: self.reader.known[name] for name in names if name in self.reader.known}
                self.layout = layout_of(
                    self.reader, branches, keep=self.keep, block=self.block, window=self.window
                )
            if self._idle:
                return self._idle.pop()
        programs = [Program(self.expressions), *(Program(one.expressions) for one in self.variations)]
        return BlockReader(self.reader, self.layout), programs

    def evaluate(self, programs: Sequence[Program], columns: Mapping[str, Any], n: int) -> list[EntryBlock]:
        """Evaluate a block, of the tree as it is and of each variation."""
        values = programs[0].run(columns, n)
        blocks = [EntryBlock(self.expressions, values, n)]
        for one, program in zip(self.variations, programs[1:], strict=True):
            found = program.run(one.columns(columns, values, n), n)
            blocks.append(VariedBlock(blocks[0], one.expressions, found))
        return blocks

    def give_back(self, blocks: BlockReader, programs: list[Program]) -> None:
        """Hand back what was taken."""
        with self._lock:
            self._idle.append((blocks, programs))


def branches_of(expressions: Sequence[Expression], variations: Sequence[Variation]) -> list[str]:
    """Return the names that expressions of a tree and of its variations read, replaced columns among them."""
    every = [*expressions, *(expression for one in variations for expression in one.expressions)]
    return sorted({name for expression in every for name in expression.branches})


def _files_of(reader: TreeReader) -> tuple[tuple[str, int], ...]:
    return tuple((path, size) for path, _, size in reader.stamps)


@dataclass(frozen=True)
class _Done:
    start: int
    stop: int
    totals: dict[Any, Any]
    lost: tuple[Skipped, ...]


def _do(this: Pass, task: tuple[int, int]) -> _Done:
    """Add up one task."""
    start, stop = task
    blocks, programs = this.worker()
    blocks.lost.clear()
    totals = {name: one.start() for name, one in this.sums.items()}
    reached = start
    for low, high, columns in blocks.blocks(start, stop):
        evaluated = this.evaluate(programs, columns, high - low)
        for name, one in this.sums.items():
            one.add(totals[name], evaluated[this.scopes.get(name, 0)])
        reached = high
        if this.cancel is not None and this.cancel.is_set():
            break
    else:
        reached = stop
    lost = tuple(blocks.lost)
    this.give_back(blocks, programs)
    return _Done(start, reached, totals, lost)


def run(
    this: Pass,
    tasks: Sequence[tuple[int, int]],
    threads: int,
    executor: Executor | None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> PassResult:
    """Do the tasks of a pass, and add them up in their order.

    Parameters
    ----------
    this : Pass
        What to do.
    tasks : sequence of (int, int)
        Ranges of entries.
    threads : int
        How many, where there is no executor.
    executor : Executor or dask client, optional
        Where to do it.
    progress, cancel : optional
        Called with entries; looked at after each block.

    Returns
    -------
    PassResult
        The sums.
    """
    this.cancel = cancel
    _keep_freed_memory()
    totals = {name: one.start() for name, one in this.sums.items()}
    n_all = sum(stop - start for start, stop in tasks)
    waiting: dict[int, _Done] = {}
    ranges: list[tuple[int, int]] = []
    lost: list[Skipped] = []
    merged = n_done = 0

    def merge(done: _Done) -> None:
        for name, one in this.sums.items():
            one.merge(totals[name], done.totals[name])
        lost.extend(done.lost)
        ranges.extend(_without(done.start, done.stop, done.lost))

    with ExitStack() as stack:
        if executor is None and threads > 1 and len(tasks) > 1:
            executor = stack.enter_context(ThreadPoolExecutor(threads, "hepnb-events"))
        for outcome in run_completed(partial(_do, this), tasks, executor=executor, cancel=cancel):
            if outcome.error is not None:
                raise outcome.error
            waiting[outcome.index] = outcome.value
            n_done += outcome.value.stop - outcome.value.start
            while merged in waiting:
                merge(waiting.pop(merged))
                merged += 1
            if progress is not None and n_done:
                progress(n_done, n_all)
    for place in sorted(waiting):
        merge(waiting[place])
    missing = _joined(lost)
    for one in missing:
        warn_of(one)
    if missing and not ranges and n_done == n_all:
        raise SelectionError(f"nothing of tree {this.source.path!r} could be read: {missing[0]}")
    return PassResult(totals, _adjacent(ranges), missing, n_done == n_all)


def _keep_freed_memory() -> None:
    """Free something large, which is never touched.

    glibc gives memory back to the system at once unless something larger was freed before; then the arrays of
    every block would be new pages, which takes longer than to fill them.
    """
    larger = np.empty(_LARGER, dtype=np.uint8)
    del larger


def task_ranges(reader: TreeReader, first: int, last: int) -> list[tuple[int, int]]:
    """Cut entries into tasks.

    Parameters
    ----------
    reader : TreeReader
        The tree: a task is in one file, and begins where a basket does.
    first, last : int
        The entries.

    Returns
    -------
    list of (int, int)
        `TASK_ENTRIES` each or a little more, where there are so many.
    """
    found = []
    for segment in reader.segments:
        begin, end = segment.start, segment.stop
        if last <= begin or end <= first:
            continue
        cuts = [begin, *(begin + cut for cut in _cuts(segment)), end]
        limited = ((max(low, first), min(high, last)) for low, high in pairwise(cuts))
        found += [(low, high) for low, high in limited if low < high]
    return found


def _cuts(segment: Segment) -> list[int]:
    """Entries of a segment at which tasks begin, counted from its first, which is left out."""
    n_entries = segment.stop - segment.start
    if n_entries <= TASK_ENTRIES:
        return []
    part = next((part for part in segment.parts if part.baskets), None)
    coarse = None if part is None else coarsest(part.stamp, part.path, part.n_entries, part.baskets)
    cuts: list[int] = []
    place = TASK_ENTRIES
    while place < n_entries:
        if part is not None and coarse is not None:
            place = int(coarse[np.searchsorted(coarse, place + part.first)]) - part.first
        if place < n_entries:
            cuts.append(place)
        place += TASK_ENTRIES
    return cuts


def default_threads() -> int:
    """How many threads help: beyond a few they wait for each other between the numpy calls."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:
        n = os.cpu_count() or 1
    return max(1, min(n, _MAX_THREADS))


def _without(start: int, stop: int, lost: Sequence[Skipped]) -> Iterator[tuple[int, int]]:
    """Ranges of a task that are not lost."""
    for one in lost:
        if one.start is None or one.stop is None:
            continue
        if start < one.start:
            yield start, one.start
        start = max(start, one.stop)
    if start < stop:
        yield start, stop


def _adjacent(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Put ranges that touch into one.

    Examples
    --------
    >>> _adjacent([(0, 10), (10, 20), (30, 40)])
    ((0, 20), (30, 40))
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return tuple(joined)


def _joined(lost: Sequence[Skipped]) -> tuple[Skipped, ...]:
    """Put losses that touch and have one reason into one."""
    joined: list[Skipped] = []
    for one in lost:
        before = joined[-1] if joined else None
        same = before is not None and (before.file, before.reason, before.stop) == (
            one.file,
            one.reason,
            one.start,
        )
        if before is not None and same:
            joined[-1] = Skipped(before.file, before.reason, before.start, one.stop)
        else:
            joined.append(one)
    return tuple(joined)
