"""What trees with further columns have in common, whatever calculates the columns."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from hepnb.events.sources.source import Source, TreeReader

__all__ = ["AddedColumns", "LastColumns"]


@dataclass(eq=False)
class LastColumns:
    """A tree as it was when its columns were last checked, and with them; not kept in a pickle.

    Of the functions of Python among them one is called at a time.
    """

    known: tuple[TreeReader, TreeReader] | None = None
    lock: Any = field(default_factory=threading.RLock)

    def __reduce__(self) -> tuple[Any, ...]:
        return LastColumns, ()


@dataclass(frozen=True)
class AddedColumns(ABC):
    """A tree with further columns.

    Attributes
    ----------
    source : Source
        The tree they are calculated from.
    columns : tuple of (str, object)
        Their names, and what calculates them.
    """

    source: Source
    columns: tuple[tuple[str, Any], ...]
    _memory: LastColumns = field(default_factory=LastColumns, compare=False, repr=False)

    @property
    def file(self) -> str:
        """Return the file of the tree."""
        return self.source.file

    @property
    def path(self) -> str:
        """Return the path of the tree."""
        return self.source.path

    @property
    @abstractmethod
    def code(self) -> str:
        """Python that makes the tree."""

    def inputs(self) -> tuple[str, ...]:
        """Return the files of the tree."""
        return self.source.inputs()

    def reader(self) -> TreeReader:
        """Return the tree as it is now, with the columns checked against its branches.

        Raises
        ------
        ExpressionError, BranchError
            If they do not fit.
        """
        base = self.source.reader()
        known = self._memory.known
        if known is None or known[0] is not base:
            known = self._memory.known = base, self._extended(base)
        return known[1]

    @abstractmethod
    def _extended(self, base: TreeReader) -> TreeReader:
        """Return a tree with the columns."""
