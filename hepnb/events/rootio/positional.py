"""Reading a local file at a place, without a position that other readers of the same open file could move."""

from __future__ import annotations

import os
import threading
from typing import Any, Self

from uproot.source.chunk import Resource
from uproot.source.file import FileResource, MultithreadedFileSource
from uproot.source.futures import ResourceTrivialExecutor

__all__ = ["PositionalSource"]

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CAN_READ_AT = hasattr(os, "pread")


class _PositionalFile(Resource):  # type: ignore[misc]  # uproot has no types
    """An open file that is read at places.

    A process that is forked shares the open file with its parent, and with it the position that ``seek``
    sets. ``pread`` sets none.

    Parameters
    ----------
    file_path : str
        Its path.
    """

    future = staticmethod(FileResource.future)

    def __init__(self, file_path: str) -> None:
        self._file_path = file_path
        # Without waiting, should it have become a named pipe since it was looked at.
        self._number = os.open(file_path, _FLAGS)
        self._seeking = threading.Lock()

    @property
    def closed(self) -> bool:
        return self._number < 0

    @property
    def num_bytes(self) -> int:
        """Size of the file now."""
        return os.fstat(self._number).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    def __del__(self) -> None:
        if getattr(self, "_number", -1) >= 0:
            self.__exit__()

    def get(self, start: int, stop: int) -> bytes:
        """Read the bytes from one place to another; fewer where the file ends."""
        if self._number < 0:
            raise OSError(f"file {self._file_path!r} is closed")
        parts = []
        while start < stop:
            part = self._some(start, stop - start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _some(self, start: int, n: int) -> bytes:
        if _CAN_READ_AT:
            return os.pread(self._number, n, start)
        with self._seeking:  # Windows, which has no fork either
            os.lseek(self._number, start, os.SEEK_SET)
            return os.read(self._number, n)


class PositionalSource(MultithreadedFileSource):  # type: ignore[misc]  # uproot has no types
    """A local file for uproot: plain reads at places, in the thread that asks.

    Not a memory map: a file cut short while it is open then is an error, not a signal that ends the kernel.
    """

    ResourceClass = _PositionalFile

    def _open(self) -> None:
        file = _PositionalFile(self._file_path)
        self._executor: Any = ResourceTrivialExecutor(file)
        self._num_bytes = file.num_bytes
