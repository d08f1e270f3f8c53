"""How a pass keeps to its memory: the size of blocks and reads, and the number of threads."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.errors import SelectionError
from hepnb.events.language.compiled import Program
from hepnb.events.language.expression import Expression
from hepnb.events.passes.accumulators import Accumulator, HistogramAccumulator
from hepnb.events.passes.block_reader import stretches_of
from hepnb.events.passes.cube_accumulator import CubeAccumulator
from hepnb.events.passes.entry_block import MAX_SELECTED
from hepnb.events.passes.entry_size import bytes_per_entry
from hepnb.events.passes.tasks import TASK_ENTRIES, Variation, branches_of, default_threads
from hepnb.events.rootio.baskets import densest_of, largest_list, largest_of
from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import TreeReader
from hepnb.events.units import memory_bytes
from hepnb.executor import Executor

__all__ = ["MemoryPlan", "plan_memory"]

# Large enough that the calls are not what takes the time, small enough for the second-level cache.
BLOCK = 2**16
_LIST_BLOCK_BYTES = 16 * 1024**2
_FEWEST = 2**8
_LEAST_BYTES = 2**18
# Of a block of lists: the columns, and what a formula makes of them on its way.
_LIST_COPIES = 6.0
# Of a read of lists: as it is in the file, decompressed, joined.
_READ_COPIES = 3.0
_SMALL = 8 * 1024**2
_SHARE = 0.85
_LOOKED_AT = 20

_widths: weakref.WeakKeyDictionary[TreeReader, dict[str, float]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class MemoryPlan:
    """How a pass goes.

    Attributes
    ----------
    keep : bool
        Whether the columns are kept in memory for the next pass.
    block, window : int
        Entries per block, and per read where uproot reads.
    threads : int
        How many.
    n_bytes : int
        What it takes, roughly, besides the columns that are kept.
    """

    keep: bool
    block: int
    window: int
    threads: int
    n_bytes: int


def plan_memory(
    reader: TreeReader,
    expressions: Sequence[Expression],
    sums: Mapping[Any, Accumulator],
    n_entries: int,
    *,
    variations: Sequence[Variation] = (),
    memory: int | str,
    threads: int | None,
    executor: Executor | None,
) -> MemoryPlan:
    """Choose the sizes so that a pass keeps to its memory.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    expressions : sequence of Expression
        What is evaluated.
    sums : dict of str to Accumulator
        What is added up.
    n_entries : int
        Entries in the pass.
    variations : sequence of Variation
        What is evaluated besides.
    memory : int or str
        Bytes, or such as "500 MB".
    threads : int, optional
        How many; as many as help where left out.
    executor : Executor or dask client, optional
        Threads of an executor share the memory; processes have it each.

    Returns
    -------
    MemoryPlan
        How it goes: fewer threads only where not even the smallest blocks of more of them fit.

    Raises
    ------
    SelectionError
        Where the memory is no size, or too small for one thread.
    """
    available = memory_bytes(memory) - sum(
        one.n_bytes for one in sums.values() if isinstance(one, CubeAccumulator)
    )
    wanted = _workers(threads, executor)
    names = branches_of(expressions, variations)
    branches = {name: reader.known[name] for name in names if name in reader.known}
    plain = [branch for branch in branches.values() if branch.kind in ("number", "bool")]
    lists = [branch for branch in branches.values() if branch not in plain]
    small = n_entries * sum(8 + 4 * branch.bytes_per_entry for branch in branches.values()) < _SMALL
    if small and not lists:
        return MemoryPlan(True, BLOCK, TASK_ENTRIES, wanted, 0)
    width = sum(_width(reader, branch) for branch in lists)
    keep = n_entries * (8.0 * len(plain) + width) <= min(COLUMNS.budget, available / 2)
    stretches = () if keep else _some(stretches_of(reader, branches))
    # Plain numbers are read like lists where their baskets are not known, or the disk is to keep them.
    direct = [b for b in plain if stretches and all(b.name in one.located for one in stretches)]
    if not keep and (COLUMNS.disk is not None or len(direct) < len(plain)):
        lists += [branch for branch in plain if COLUMNS.disk is not None or branch not in direct]
        width = sum(_width(reader, branch) for branch in lists)
    need = _Need(
        baskets=max((largest_of(one.baskets) for one in stretches), default=0),
        arrays=8.0 * (len(branches) + _arrays(expressions) + sum(_arrays(v.expressions) for v in variations)),
        lists=width,
        read=_largest_reads(reader, lists),
    )
    totals = sum(_size_of(one) for one in sums.values())
    most = max(1, n_entries)
    for n_threads in range(wanted, -1, -1):
        # Where all else fails reads are smaller than a basket, which is then decompressed several times.
        threads_, entries = max(n_threads, 1), need.read[1] if n_threads else 0
        # The sum of all, and those of the tasks that are done or on their way.
        n_totals = 2 if threads_ == 1 and executor is None else 1 + 2 * threads_
        left = (available * _SHARE - n_totals * totals) / threads_
        block, window = need.fit(left, entries, most)
        if need.bytes(block, window) <= left:
            taken = threads_ * need.bytes(block, window) + n_totals * totals
            return MemoryPlan(keep, block, window, threads_, int(taken))
    fewest = need.fewest(most)
    least = (need.bytes(fewest, fewest) + 2 * totals) / _SHARE + memory_bytes(memory) - available
    raise SelectionError(
        f"memory={memory!r} is too small: a basket of each branch ({len(branches)}), a block of {fewest} "
        f"entries and the histograms take {least / 1024:,.0f} kB. Give more, or fill fewer things at a time."
    )


@dataclass(frozen=True)
class _Need:
    """What one thread needs.

    Attributes
    ----------
    baskets : int
        Bytes of the open baskets of plain numbers.
    arrays : float
        Bytes per entry of a block: columns, intermediate results and selected values.
    lists : float
        Bytes per entry of the columns of lists.
    read : (int, int)
        Bytes and entries of the largest basket that uproot reads.
    """

    baskets: int
    arrays: float
    lists: float
    read: tuple[int, int]

    def bytes(self, block: int, window: int) -> float:
        """Bytes for a size of blocks and of reads."""
        lists = self.lists * (_LIST_COPIES * block + _READ_COPIES * window) if self.lists else 0.0
        return self.baskets + self.arrays * block + lists + _READ_COPIES * self.read[0]

    def fewest(self, most: int) -> int:
        """Entries of the smallest block: one of large lists, else so many that calls are not all the time."""
        wanted = min(_FEWEST, most, max(1, int(_LEAST_BYTES / self.lists)) if self.lists else _FEWEST)
        return 1 << (wanted - 1).bit_length()

    def fit(self, left: float, least: int, most: int) -> tuple[int, int]:
        """Entries per block and per read for some bytes: the largest that fit, if any do.

        Parameters
        ----------
        left : float
            Bytes.
        least, most : int
            Entries of the largest basket, and of the pass.
        """
        # A power of two: with another budget it begins at the same entries, and finds what is kept.
        block = min(BLOCK, 1 << (most - 1).bit_length())
        fewest = self.fewest(most)
        if not self.lists:
            while block > fewest and self.bytes(block, 0) > left:
                block //= 2
            return block, 4 * TASK_ENTRIES
        while block > fewest and block * self.lists > _LIST_BLOCK_BYTES:
            block //= 2
        while block > fewest and self.bytes(block, max(block, least)) > left:
            block //= 2
        more = left - self.bytes(block, 0)
        window = int(min(more / (_READ_COPIES * self.lists), 4 * TASK_ENTRIES, most))
        return block, max(window // block * block, block, min(least, TASK_ENTRIES))


def _arrays(expressions: Sequence[Expression]) -> int:
    """Arrays of a block while expressions are evaluated, and those of the entries that pass cuts."""
    return Program(expressions).n_buffers + min(2 * len(expressions), MAX_SELECTED)


def _some(segments: Sequence[Any]) -> list[Any]:
    """A few of many, the first and the last among them: to look at all would open every file."""
    step = max(1, -(-len(segments) // _LOOKED_AT))
    return [*segments[::step], *segments[-1:]]


def _largest_reads(reader: TreeReader, lists: Sequence[Branch]) -> tuple[int, int]:
    found = [
        largest_list(part.stamp, part.path, part.baskets[branch.name])
        for segment in _some(reader.segments)
        for part in segment.parts
        for branch in lists
        if branch.name in part.baskets
    ]
    return max((n_bytes for n_bytes, _ in found), default=0), max((n for _, n in found), default=0)


def _size_of(one: Accumulator) -> float:
    if isinstance(one, CubeAccumulator):
        # Of a task the cells and the weights of its values.
        return 1.2 * TASK_ENTRIES * (4.0 if one.weight is None else 12.0)
    if not isinstance(one, HistogramAccumulator):
        return 0.0
    cells = 1.0
    for axis in one.axes:
        cells *= axis.extent
    return cells * (8.0 if one.weight is None else 16.0)


def _width(reader: TreeReader, branch: Branch) -> float:
    known: dict[str, float] = _widths.setdefault(reader, {})
    if branch.name not in known:
        known[branch.name] = _width_in_files(reader, branch) or bytes_per_entry(reader, [branch])
    return known[branch.name]


def _width_in_files(reader: TreeReader, branch: Branch) -> float:
    """Bytes of an entry of lists of numbers, of the largest basket; 0 where the files do not say."""
    if branch.kind not in ("list", "array") or not branch.dtype or branch.fields:
        return 0.0
    # In memory a number has 8 bytes, and the end of a list.
    wider = max(8 / np.dtype(branch.dtype).itemsize, 2.0 if branch.ndim > 2 else 1.0)
    widths = [
        densest_of(part.stamp, part.path, part.baskets[branch.name])
        for segment in _some(reader.segments)
        for part in segment.parts
        if branch.name in part.baskets
    ]
    return 8.0 + wider * max(widths) if widths and all(widths) else 0.0


def _workers(threads: int | None, executor: Executor | None) -> int:
    whole = type(threads) is not bool and isinstance(threads, (int, np.integer))
    if threads is not None and not (whole and threads >= 1):
        raise SelectionError(f"threads={threads!r}: give 1 or more, or leave it out.")
    if executor is None:
        return default_threads() if threads is None else threads
    if isinstance(executor, ThreadPoolExecutor):
        return int(executor._max_workers)
    return 1
