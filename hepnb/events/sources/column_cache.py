"""Columns kept in memory, so that moving a slider does not read the disk again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hepnb.events.rootio.open_files import FileVersion
from hepnb.events.sources.disk_cache import DiskColumns
from hepnb.events.units import size_of
from hepnb.forks import renew_after_fork

__all__ = ["COLUMNS", "ColumnCache"]

# Less than this is not worth a file.
_FEWEST_ON_DISK = 4096

_ColumnKey = tuple[FileVersion, str, str]


class ColumnCache:
    """Least recently used columns within a budget of bytes.

    Parameters
    ----------
    budget : int
        Bytes to keep at most.

    Attributes
    ----------
    disk : DiskColumns or None
        Where they are kept on disk too; nowhere unless it is set.

    Examples
    --------
    >>> cache = ColumnCache(budget=1000)
    >>> key = (("a.root", 0, 0), "events", "M")
    >>> cache.put(key, 0, 100, np.arange(100.0))
    >>> cache.get(key, 10, 12)
    array([10., 11.])
    >>> cache.get(key, 90, 110) is None
    True
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._ranges: OrderedDict[tuple[_ColumnKey, int, int], Any] = OrderedDict()
        self._by_column: dict[_ColumnKey, list[tuple[int, int]]] = {}
        self._used = 0
        self._here = threading.local()
        self.disk: DiskColumns | None = None
        renew_after_fork(self)

    def _after_fork(self) -> None:
        # A thread of the parent was just changing it: half of the change may be there.
        half_changed = self._lock.locked()
        self._lock = threading.Lock()
        if half_changed:
            self.clear()

    @contextmanager
    def bypassed(self) -> Iterator[None]:
        """Keep nothing of what this thread reads meanwhile.

        For passes over more than would fit: they would push out what is asked for again, and take memory
        that is not theirs.
        """
        before = getattr(self._here, "bypassed", False)
        self._here.bypassed = True
        try:
            yield
        finally:
            self._here.bypassed = before

    @property
    def budget(self) -> int:
        """Bytes to keep at most; setting it drops what is too much."""
        return self._budget

    @budget.setter
    def budget(self, value: int) -> None:
        with self._lock:
            self._budget = int(value)
            self._shrink()

    @property
    def used(self) -> int:
        """Bytes kept now."""
        return self._used

    def get(self, key: _ColumnKey, start: int, stop: int) -> Any:
        """Entries ``start`` to ``stop`` of a column, or None where they are not all here."""
        with self._lock:
            for low, high in self._by_column.get(key, ()):
                if low <= start and stop <= high:
                    self._ranges.move_to_end((key, low, high))
                    return self._ranges[key, low, high][start - low : stop - low]
        return None if self.disk is None else self.disk.get(key, start, stop)

    def put(self, key: _ColumnKey, start: int, stop: int, column: Any) -> None:
        """Keep entries ``start`` to ``stop`` of a column; it must not be changed afterwards."""
        if self.disk is not None and stop - start >= _FEWEST_ON_DISK:
            self.disk.put(key, start, stop, column)
        if getattr(self._here, "bypassed", False):
            return
        if isinstance(column, np.ndarray):
            column.flags.writeable = False
        with self._lock:
            if (key, start, stop) in self._ranges or size_of(column) > self._budget:
                return
            self._ranges[key, start, stop] = column
            self._by_column.setdefault(key, []).append((start, stop))
            self._used += size_of(column)
            self._shrink()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._ranges.clear()
            self._by_column.clear()
            self._used = 0

    def _shrink(self) -> None:
        while self._used > self._budget and self._ranges:
            (key, start, stop), column = self._ranges.popitem(last=False)
            self._used -= size_of(column)
            self._by_column[key].remove((start, stop))
            if not self._by_column[key]:
                del self._by_column[key]


COLUMNS = ColumnCache(budget=256 * 1024**2)
"""The columns of every tree of this process; set ``COLUMNS.budget`` to keep more or less."""
