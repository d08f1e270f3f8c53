"""How a pass keeps to its memory: the size of blocks and reads, and the number of threads."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hepnb.errors import SelectionError
from hepnb.events.baskets import largest_of
from hepnb.events.blocks import Part, parts_of
from hepnb.events.branches import Branch
from hepnb.events.budget import bytes_per_entry, memory_bytes
from hepnb.events.cache import COLUMNS
from hepnb.events.expressions import Expression
from hepnb.events.program import Program
from hepnb.events.source import TreeInfo
from hepnb.events.sums import MAX_SELECTED, HistogramSum, Sum
from hepnb.events.tasks import TASK_ENTRIES, default_threads
from hepnb.executor import Engine

__all__ = ["Plan", "plan_memory"]

# Large enough that the calls are not what takes the time, small enough for the second-level cache.
BLOCK = 2**16
_LIST_BLOCK_BYTES = 4 * 1024**2
_FEWEST = 2**9
# Of a block of lists: the columns, and what a formula makes of them on its way.
_LIST_COPIES = 6.0
# Of a read of lists: as it is in the file, decompressed, joined.
_READ_COPIES = 3.0
_SMALL = 8 * 1024**2
_SHARE = 0.85

_widths: weakref.WeakKeyDictionary[TreeInfo, dict[str, float]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Plan:
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
    info: TreeInfo,
    expressions: Sequence[Expression],
    sums: Mapping[str, Sum],
    n_entries: int,
    *,
    memory: int | str,
    threads: int | None,
    engine: Engine | None,
) -> Plan:
    """Choose the sizes so that a pass keeps to its memory.

    Parameters
    ----------
    info : TreeInfo
        The tree.
    expressions : sequence of Expression
        What is evaluated.
    sums : dict of str to Sum
        What is added up.
    n_entries : int
        Entries in the pass.
    memory : int or str
        Bytes, or such as "500 MB".
    threads : int, optional
        How many; as many as help where left out.
    engine : Executor or dask client, optional
        Threads of an executor share the memory; processes have it each.

    Returns
    -------
    Plan
        The block does not depend on the memory, so that the sums do not.

    Raises
    ------
    SelectionError
        Where the memory is no size, or too small for one thread.
    """
    available = memory_bytes(memory)
    wanted = _workers(threads, engine)
    names = sorted({name for expression in expressions for name in expression.branches})
    branches = {name: info.names[name] for name in names}
    lists = [branch for branch in branches.values() if branch.kind not in ("number", "bool")]
    small = n_entries * sum(8 + 4 * branch.bytes_per_entry for branch in branches.values()) < _SMALL
    if small and not lists:
        return Plan(True, BLOCK, TASK_ENTRIES, wanted, 0)
    width = sum(_width(info, branch) for branch in lists)
    keep = n_entries * (8.0 * (len(branches) - len(lists)) + width) <= min(COLUMNS.budget, available / 2)
    block = BLOCK
    if width:
        block = 1 << (max(int(_LIST_BLOCK_BYTES / width), _FEWEST).bit_length() - 1)
        block = min(block, TASK_ENTRIES)
    parts = () if keep else parts_of(info, branches)
    fixed = _per_thread(branches, parts, expressions, block, width)
    totals = sum(_size_of(one) for one in sums.values())
    n_threads, window = _fit(available * _SHARE, wanted, fixed, totals, width, block)
    if window < min(block, n_entries):
        needed = fixed + 3 * totals + _READ_COPIES * width * block
        raise SelectionError(
            f"memory={memory!r} is too small: a basket of each of the {len(branches)} branches, a block of "
            f"{block:,} entries and the histograms take {needed / _SHARE / 1024**2:.0f} MB. Give more, or "
            "fill fewer things at a time."
        )
    taken = n_threads * (fixed + _READ_COPIES * width * window) + (1 + 2 * n_threads) * totals
    return Plan(keep, block, window, n_threads, int(taken))


def _fit(
    available: float,
    wanted: int,
    fixed: float,
    totals: float,
    width: float,
    block: int,
) -> tuple[int, int]:
    """Give threads, and entries per read; fewer threads before smaller reads than a block."""
    for threads in range(wanted, 0, -1):
        left = (available - (1 + 2 * threads) * totals) / threads - fixed
        if left <= 0:
            continue
        window = TASK_ENTRIES if not width else int(min(left / (_READ_COPIES * width), TASK_ENTRIES))
        if window >= block or (threads == 1 and window > 0):
            return threads, max(window // block * block, min(window, block))
    return 1, 0


def _per_thread(
    branches: Mapping[str, Branch],
    parts: Sequence[Part],
    expressions: Sequence[Expression],
    block: int,
    width: float,
) -> float:
    baskets = max((largest_of(part.baskets) for part in parts), default=0)
    n_arrays = len(branches) + Program(expressions).n_buffers + min(2 * len(expressions), MAX_SELECTED)
    return baskets + 8.0 * n_arrays * block + _LIST_COPIES * width * block


def _size_of(one: Sum) -> float:
    if not isinstance(one, HistogramSum):
        return 0.0
    cells = 1.0
    for axis in one.axes:
        cells *= axis.extent
    return cells * (8.0 if one.weight is None else 16.0)


def _width(info: TreeInfo, branch: Branch) -> float:
    known: dict[str, float] = _widths.setdefault(info, {})
    if branch.name not in known:
        known[branch.name] = bytes_per_entry(info, [branch])
    return known[branch.name]


def _workers(threads: int | None, engine: Engine | None) -> int:
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise SelectionError(f"threads={threads!r}: give 1 or more, or leave it out.")
    if engine is None:
        return default_threads() if threads is None else threads
    if isinstance(engine, ThreadPoolExecutor):
        return int(engine._max_workers)
    return 1
