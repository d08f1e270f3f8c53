"""Do the same with many files, a few at a time: most of the time a file is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hepnb.errors import FileError, HepnbError
from hepnb.executor import run_completed
from hepnb.progress import Cancel, Progress

__all__ = ["each_file"]

_THREADS = 8

Item = TypeVar("Item")
Value = TypeVar("Value")


class _Stop:
    """Whether no further file is to be begun: somebody cancelled, or one failed."""

    def __init__(self, cancel: Cancel | None) -> None:
        self.cancel = cancel
        self.failed = False

    def is_set(self) -> bool:
        return self.failed or (self.cancel is not None and self.cancel.is_set())


def each_file(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    name: str,
    *,
    skip_errors: bool,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Iterator[tuple[int, Value | HepnbError]]:
    """Call a function for each file, on threads.

    Parameters
    ----------
    function : callable
        Called with one of the items; it names the file in its errors.
    items : sequence
        The files.
    name : str
        What they are called together.
    skip_errors : bool
        Whether a file that fails is given as its error; else the error of the first such file is raised.
    progress : callable, optional
        Called with (files done, files in all).
    cancel : object with is_set(), optional
        Checked before each file.

    Yields
    ------
    (int, value or HepnbError)
        The number of the file and what the function returned, as soon as it is there.

    Raises
    ------
    HepnbError
        Of the first file in order that failed; where somebody cancelled.

    Examples
    --------
    >>> sorted(each_file(len, ["a.root", "b"], "files", skip_errors=False))
    [(0, 6), (1, 1)]
    """
    stop, failed, done = _Stop(cancel), dict[int, Exception](), 0
    if progress is not None:
        progress(0, len(items))
    threads = min(_THREADS, len(items))
    with ThreadPoolExecutor(max(threads, 1), "hepnb-files") as pool:
        for outcome in run_completed(function, items, executor=pool if threads > 1 else None, cancel=stop):
            error = outcome.error
            if error is not None and not (skip_errors and isinstance(error, HepnbError)):
                # Those before it have begun: the first that fails is among what still comes.
                failed[outcome.index] = error
                stop.failed = True
                continue
            done += 1
            yield outcome.index, error if isinstance(error, HepnbError) else outcome.value
            if progress is not None:
                progress(done, len(items))
            if cancel is not None and cancel.is_set():
                break
    if failed:
        raise failed[min(failed)]
    if done < len(items):
        raise FileError(f"opening {name!r} was cancelled after {done:,} of {len(items):,} files.")
