"""Open files: a few are kept open, each behind its own lock, so that panels on several threads share them.

Nothing that a person holds (a file, a tree) has an open handle in it: they are a path each, and borrow the
handle here. A file that changes on disk is opened anew. A handle belongs to a process: one that is forked
opens the file itself.
"""

from __future__ import annotations

import atexit
import lzma
import os
import stat as modes
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uproot
import uproot.behaviors.TBranch

from hepnb.errors import FileError, HepnbError
from hepnb.events.rootio import remote
from hepnb.events.rootio.headers import check_head, check_header, missing_words
from hepnb.events.rootio.positional import PositionalSource
from hepnb.forks import fork_safe, in_forked_child
from hepnb.local_files import check_regular

if TYPE_CHECKING:
    from hepnb.events.rootio.basket_reader import Descriptor
    from hepnb.events.rootio.directory import FileKey, Folder
    from hepnb.events.rootio.trees import OpenTree

__all__ = [
    "Damaged",
    "FileVersion",
    "OpenFile",
    "acquire",
    "check_unchanged",
    "close",
    "reading",
    "reason_of",
    "stamp",
]

FileVersion = tuple[str, int, int]
"""Path, time of the last change in ns, size in bytes: what a cached column belongs to."""

_MAX_OPEN = 16


class Damaged(Exception):  # becomes an error of ours where object and file are known
    """The file contradicts itself; the words say in what."""


class OpenFile:
    """A file, what was read from it so far, and its lock. It is opened by who acquires it first.

    Attributes
    ----------
    path : str
        Local path or URL.
    stamp : FileVersion
        State of the file.
    lock : threading.RLock
        Held by who reads from the file.
    closed : bool
        Whether it was given up: then it is not opened again.
    root : uproot ReadOnlyDirectory
        The top of the file, once it is open.
    top : Folder or None
        The objects at the top, once they were listed.
    listing : tuple of FileKey or None
        Every object, once all folders were listed.
    objects : dict of int
        What was read, by its place in the file.
    trees : dict of str to OpenTree
        Trees, by their paths in the file.
    descriptor : Descriptor or None
        Reads baskets without the lock.
    """

    def __init__(self, path: str, stamp: FileVersion) -> None:
        self.path = path
        self.stamp = stamp
        self.lock = threading.RLock()
        self.closed = False
        self.root: Any = None
        self._forget()

    def _forget(self) -> None:
        self.top: Folder | None = None
        self.listing: tuple[FileKey, ...] | None = None
        self.objects: dict[int, Any] = {}
        self.trees: dict[str, OpenTree] = {}
        self.descriptor: Descriptor | None = None

    def open(self) -> None:
        """Open the file, unless it is open; the caller holds the lock."""
        if self.root is None:
            self.root = _open_uproot(self.path)

    def close(self) -> None:
        """Close the file; whoever borrows it is waited for."""
        with self.lock:
            if not self.closed:
                self.closed = True
                self._forget()
                if self.root is not None:
                    self.root.close()


_open_handles: OrderedDict[str, OpenFile] = OrderedDict()
_open_lock = threading.Lock()
_remote_stamps: dict[str, FileVersion] = {}
# What uproot locks for a moment whenever it reads.
fork_safe(getattr(uproot.behaviors.TBranch, "_basket_arrays_lock", threading.Lock()))
_of_the_parent: list[OpenFile] = []


@in_forked_child
def _forget_handles() -> None:
    """Leave the parent's handles alone: another thread may have held their locks, or been reading."""
    global _open_lock  # noqa: PLW0603  # the parent's may be locked for ever
    _open_lock = threading.Lock()
    # Kept, not closed: a remote one would wait for an event loop that is not in this process.
    _of_the_parent.extend(_open_handles.values())
    _open_handles.clear()


def stamp(path: str) -> FileVersion:
    """Give what tells this state of the file from another one.

    Raises
    ------
    FileError
        Where there is no such file.
    """
    if remote.is_remote(path):
        return _remote_stamp(path)
    try:
        status = os.stat(path)  # noqa: PTH116  # called before every read; Path would be made for nothing
    except (OSError, ValueError) as error:
        raise FileError(missing_words(path, error)) from error
    if not (modes.S_ISREG(status.st_mode) or modes.S_ISDIR(status.st_mode)):
        check_regular(path, "ROOT file")
    return path, status.st_mtime_ns, status.st_size


def _remote_stamp(url: str) -> FileVersion:
    """Give the state of a remote file; the server is asked again where its answers contradict each other."""
    known = _remote_stamps.get(url)
    if known is None or (url.startswith("http") and remote.has_changed(url)):
        version, size, head = remote.probe(url)
        check_head(url, head, size)
        known = _remote_stamps[url] = url, version, size
    return known


def check_unchanged(seen: FileVersion) -> None:
    """Make sure that a file is still the one that was seen.

    Raises
    ------
    FileError
        Where it is gone, or was written since.
    """
    now = stamp(seen[0])
    if now != seen and remote.is_remote(seen[0]):
        raise FileError(f"the file {seen[0]!r} changed on its server while it was being read. Read it again.")
    if now != seen:
        before, after = (f"{size:,} bytes of {_clock(when)}" for _, when, size in (seen, now))
        raise FileError(
            f"the file {seen[0]!r} changed while it was being read: it was {before}, it is {after}. "
            "Wait until whatever writes it is done, then read it again."
        )


def _clock(nanoseconds: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(nanoseconds / 1e9)) + f".{nanoseconds // 10**6 % 1000:03}"


@contextmanager
def acquire(path: str) -> Iterator[OpenFile]:
    """Lend the open file under its lock.

    Parameters
    ----------
    path : str
        A local path or a URL.

    Yields
    ------
    OpenFile
        Open and current; only this thread uses it until the block ends.

    Raises
    ------
    FileError
        Where the file is missing, is no ROOT file, or is damaged.
    """
    while True:
        handle = _current(path)
        with handle.lock:
            if handle.closed:
                continue
            try:
                # Here and not where it is made: files are opened side by side, each under its own lock.
                handle.open()
            except BaseException:
                _give_up(handle)
                raise
            yield handle
            return


def _current(path: str) -> OpenFile:
    now = stamp(path)
    stale: list[OpenFile] = []
    try:
        with _open_lock:
            handle = _open_handles.pop(path, None)
            if handle is not None and handle.stamp != now:
                stale.append(handle)
                handle = None
            if handle is None:
                handle = OpenFile(path, now)
            _open_handles[path] = handle
            while len(_open_handles) > _MAX_OPEN:
                stale.append(_open_handles.popitem(last=False)[1])
    finally:
        # Outside the lock: closing waits for whoever reads.
        for old in stale:
            old.close()
    return handle


def _give_up(handle: OpenFile) -> None:
    """Forget a file that cannot be opened: whoever asks next tries again."""
    handle.closed = True
    with _open_lock:
        if _open_handles.get(handle.path) is handle:
            del _open_handles[handle.path]


def close(path: str) -> None:
    """Close the file if it is open; it is opened again when it is needed."""
    with _open_lock:
        handle = _open_handles.pop(path, None)
        _remote_stamps.pop(path, None)
    if handle is not None:
        handle.close()


@atexit.register
def _close_all() -> None:
    for path in list(_open_handles):
        close(path)


@contextmanager
def reading(what: str, path: str, kind: type[Exception] = FileError) -> Iterator[None]:
    """Turn whatever a reader raises on a damaged file into one of our errors.

    Parameters
    ----------
    what : str
        The object that is read, for the message.
    path : str
        The file.
    kind : type
        The error to raise.
    """
    try:
        yield
    except HepnbError:
        raise
    except Exception as error:  # damaged bytes give struct, Value, Index, Key, Attribute... errors
        if remote.is_remote(path) and remote.is_network(error):
            raise FileError(
                f"{what} of {path!r} cannot be read: {remote.network_words(path, error)}"
            ) from error
        words, damaged = _told(error)
        rest = "The file is damaged: copy or download it again."
        if not damaged:
            rest = "The file may be damaged, or the class unknown."
        raise kind(f"{what} of {path!r} cannot be read: {words}. {rest}") from error


def reason_of(error: Exception) -> str:
    """Say in plain words what a reader met, without a full stop."""
    return _told(error)[0]


def _told(error: Exception) -> tuple[str, bool]:
    """Words for what a reader raised, and whether only damage can be the reason."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:160].rstrip(".")
    name = type(error).__name__
    if isinstance(error, (HepnbError, Damaged)):
        return str(error).rstrip("."), isinstance(error, Damaged)
    if isinstance(error, AssertionError):
        # uproot asserts that lengths and checksums in the file are right.
        return f"a length or a checksum is wrong{f' ({said})' if said else ''}", True
    if "checksum" in said:
        return "a checksum is wrong", True
    if isinstance(error, (zlib.error, lzma.LZMAError)) or name == "DecompressionError":
        return f"its compressed bytes are not what was written ({said.rpartition(': ')[2]})", True
    if name == "DeserializationError" and "attempting to get bytes" in said:
        return f"it reaches beyond its end ({said.removeprefix('attempting to get ')})", True
    if isinstance(error, MemoryError):
        return "it says it needs more memory than there is", True
    return (f"{name}: {said}" if said else name), False


def _open_uproot(path: str) -> Any:
    if remote.is_remote(path):
        with reading("the start", path):
            options = remote.open_options(path)
            return uproot.open({path: None}, array_cache=None, object_cache=None, **options)
    check_header(path)
    with reading("the start", path):
        # Plain reads instead of a memory map: a file cut short while it is open then is an error, not a
        # signal that ends the kernel.
        return uproot.open(
            {path: None},
            handler=PositionalSource,
            use_threads=False,
            num_workers=1,
            array_cache=None,
            object_cache=None,
        )
