"""Columns kept on disk, ready to be mapped into memory: for files that are compressed hard, or far away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pooch

from hepnb.atomic_file import atomic_file
from hepnb.errors import FileError
from hepnb.events.units import memory_bytes
from hepnb.forks import fork_safe
from hepnb.local_files import local_path

__all__ = ["DiskColumns"]

_NUMBERS, _LISTS, _CONTENT = ".numbers.npy", ".lists.npy", ".content.npy"


class DiskColumns:
    """Columns in a folder, the least recently used of which go when a budget of bytes is reached.

    Give it to the memory of columns, ``hepnb.events.COLUMNS.disk = DiskColumns()``; then every pass writes
    what it reads, and the next one, in this session or another, maps it instead of decompressing again. A
    file that changes is read anew.

    Parameters
    ----------
    folder : path, optional
        Where; in the user's cache folder where left out.
    budget : int or str
        Bytes, or such as "5 GB".

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     disk = DiskColumns(folder)
    ...     key = (("a.root", 0, 0), "events", "M")
    ...     disk.put(key, 0, 100, np.arange(100.0))
    ...     disk.get(key, 10, 12).tolist(), disk.get(key, 90, 110), disk.used > 800
    ([10.0, 11.0], None, True)
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, budget: int | str = "5 GB") -> None:
        self.folder = local_path(folder) if folder is not None else Path(pooch.os_cache("hepnb")) / "columns"
        self.budget = memory_bytes(budget, "budget")
        self._lock = fork_safe(threading.Lock())
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{str(self.folder)!r} cannot be made ({error.strerror}). Give a folder that may be "
                "written to."
            ) from error

    @property
    def used(self) -> int:
        """Bytes in the folder."""
        return sum(size for _, size, _ in self._files())

    def get(self, key: Any, start: int, stop: int) -> Any:
        """Entries ``start`` to ``stop`` of a column, mapped, or None where they are not all here."""
        for low, high, path in self._ranges(key):
            if not (low <= start and stop <= high):
                continue
            try:
                column = _load(path)
                for part in (path, _content(path)):
                    if part.exists():
                        os.utime(part)
            except (OSError, ValueError, EOFError):
                _remove(path)
                continue
            if len(column) == high - low:
                return column[start - low : stop - low]
            _remove(path)
        return None

    def put(self, key: Any, start: int, stop: int, column: Any) -> None:
        """Keep entries ``start`` to ``stop`` of a column, if it is of numbers or of lists of them."""
        parts = _parts(column)
        if parts is None or sum(part.nbytes for part in parts) > self.budget or start >= stop:
            return
        if any(low <= start and stop <= high for low, high, _ in self._ranges(key)):
            return
        folder = self._folder(key)
        target = folder / f"{start}-{stop}{_NUMBERS if len(parts) == 1 else _LISTS}"
        # A disk that is full, or a folder that went away: the column is read from its file the next time.
        with contextlib.suppress(OSError, FileError), self._lock:
            folder.mkdir(parents=True, exist_ok=True)
            # The first one last: it is what is looked for.
            for part, path in reversed(list(zip(parts, (target, _content(target)), strict=False))):
                _write(path, part)
            self._shrink()

    def clear(self) -> None:
        """Remove all columns."""
        with self._lock:
            for _, _, path in self._files():
                _remove(path)

    def _folder(self, key: Any) -> Path:
        return self.folder / hashlib.sha256(repr(key).encode()).hexdigest()[:32]

    def _ranges(self, key: Any) -> Iterator[tuple[int, int, Path]]:
        folder = self._folder(key)
        if not folder.is_dir():
            return
        for path in folder.glob("*-*.npy"):
            low, _, high = path.name.partition(".")[0].partition("-")
            if path.name.endswith((_NUMBERS, _LISTS)) and low.isdigit() and high.isdigit():
                yield int(low), int(high), path

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self.folder.glob("*/*.npy"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _shrink(self) -> None:
        files = sorted(self._files())
        used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if used <= self.budget:
                return
            _remove(path)
            used -= size


def _parts(column: Any) -> list[Any] | None:
    """Give a column as flat arrays of numbers: itself, or where its lists end and their elements."""
    if isinstance(column, np.ndarray):
        return [column] if column.ndim == 1 and column.dtype.kind in "biuf" else None
    if isinstance(column, ak.Array) and column.ndim == 2:
        lists = ak.to_packed(column).layout
        if isinstance(lists, ak.contents.ListOffsetArray) and isinstance(
            lists.content, ak.contents.NumpyArray
        ):
            return [np.asarray(lists.offsets)[1:], np.asarray(lists.content.data)]
    return None


def _load(path: Path) -> Any:
    first = np.load(path, mmap_mode="r", allow_pickle=False)
    if path.name.endswith(_NUMBERS):
        # A plain array over the map: what is calculated from it is not a map itself.
        return np.asarray(first)
    elements = np.load(_content(path), mmap_mode="r", allow_pickle=False)
    offsets = np.concatenate(([0], first)).astype(np.int64)
    if offsets[-1] != len(elements) or (np.diff(offsets) < 0).any():
        raise ValueError("the lists do not fit their elements")
    return ak.Array(
        ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(np.asarray(elements)))
    )


def _content(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0] + _CONTENT)


def _write(path: Path, part: Any) -> None:
    # Not waited for: what a crash cuts short is shorter than it says, and then it is not used.
    with atomic_file(path, sync=False) as draft, draft.path.open("wb") as file:
        np.save(file, part, allow_pickle=False)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
