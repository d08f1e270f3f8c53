"""One pass over the entries of a tree: only the branches that are needed, range by range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from hepnb.errors import BranchError, FileError, SelectionError
from hepnb.events.language.expression import ChunkColumns, Expression
from hepnb.events.passes.chunks import Chunk, StepSize, entry_range, mask_of, ranges, steps, values_of
from hepnb.events.sources.source import Skipped, TreeReader
from hepnb.progress import Cancel, Progress

__all__ = ["chunks_of", "columns_of"]


def columns_of(
    reader: TreeReader,
    used: Sequence[Expression],
    step_size: StepSize = "50 MB",
    entries: tuple[int | None, int | None] = (None, None),
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    lost: list[Skipped] | None = None,
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield the branches that some expressions need, range by range.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    used : sequence of Expression
        Their branches are read.
    step_size : int or str
        Entries per range, or memory.
    entries : (int or None, int or None)
        Where to start and stop, as in a slice.
    progress, cancel : optional
        As for :meth:`hepnb.Tree.stream`.
    lost : list of Skipped, optional
        Takes the ranges that cannot be read, where the tree was opened with ``on_error="skip"``.

    Yields
    ------
    (start, stop, columns)
        At least once, even where the range is empty.
    """
    branches = {name: reader.known[name] for expression in used for name in expression.branches}
    step = steps(step_size, sum(branch.bytes_per_entry for branch in branches.values()))
    first, last = entry_range(reader.n_entries, *entries)
    n_read = 0
    for start, stop in _ranges(first, last, step, reader.borders):
        if cancel is not None and cancel.is_set():
            return
        try:
            columns = ChunkColumns({name: reader.column(b, start, stop) for name, b in branches.items()})
        except (BranchError, FileError) as error:
            missing = reader.skip(start, stop, error)
            if lost is not None:
                lost.append(missing)
            if stop >= last and not n_read:
                raise SelectionError(f"nothing of tree {reader.path!r} could be read: {missing}") from error
        else:
            n_read += 1
            yield start, stop, columns
        if progress is not None:
            progress(stop - first, last - first)


def _ranges(first: int, last: int, step: int, breaks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges that begin anew with each file; one that is empty where there is none.

    Examples
    --------
    >>> list(_ranges(5, 25, 8, [10])), list(_ranges(5, 5, 8, []))
    ([(5, 10), (10, 18), (18, 25)], [(5, 5)])
    """
    if first >= last:
        yield first, first
    for low, high in pairwise([first, *(place for place in breaks if first < place < last), last]):
        yield from ranges(low, high, step)


def chunks_of(
    reader: TreeReader,
    wanted: Mapping[str, Expression],
    cut: Expression | None,
    step_size: StepSize,
    entries: tuple[int | None, int | None],
    progress: Progress | None,
    cancel: Cancel | None,
    lists: bool = False,
) -> Iterator[Chunk]:
    """Yield the values of expressions for the entries that pass a cut; see :func:`columns_of`."""
    used = [*wanted.values(), *([cut] if cut else [])]
    for start, stop, columns in columns_of(reader, used, step_size, entries, progress, cancel):
        passed = mask_of(cut, columns, stop - start)
        arrays = {n: values_of(e, columns, stop - start, passed, lists)[0] for n, e in wanted.items()}
        yield Chunk(arrays, start, stop)
