"""Files that appear complete or not at all, whatever happens while they are written.

A file is written in a hidden folder beside its place and moved there in one step when it is complete. So a
full disk, an interrupt or a killed process leaves the old file, or none. What a killed process leaves is the
hidden folder: its name says which machine and process made it, a lock says whether that process still
writes, and the next writer in the same folder removes it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepnb.errors import FileError
from hepnb.local_files import check_regular, local_path, reason_of_os_error

__all__ = ["AtomicFile", "atomic_file", "remove_leftovers", "write_text"]

# Windows has no such locks; nothing is cleaned there.
fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None

_PREFIX = ".writing-"
# Longer than it takes from making a folder to locking it.
_FRESH_SECONDS = 10.0
_NAME = re.compile(re.escape(_PREFIX) + r"(?P<host>.*)-(?P<pid>[0-9]+)-[0-9a-f]{8}")


@dataclass
class AtomicFile:
    """A file that is being written beside its place.

    Attributes
    ----------
    path : pathlib.Path
        Where to write.
    target : pathlib.Path
        Where it will be.
    keep : bool
        Set it to False and nothing appears.
    """

    path: Path
    target: Path
    keep: bool = True


@contextmanager
def atomic_file(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    make_folder: bool = False,
    sync: bool = True,
) -> Iterator[AtomicFile]:
    """Write a file beside its place and move it there when the block ends well.

    Parameters
    ----------
    path : path
        Where the file will be; of a symbolic link, the file that it leads to is replaced.
    overwrite : bool
        Whether a file that is there may be replaced. It keeps its permissions; a new one has those of the
        user's umask.
    make_folder : bool
        Whether the folder is made where it does not exist.
    sync : bool
        Whether to wait until the content is on the disk: a file that can be made again need not.

    Yields
    ------
    AtomicFile
        Where to write.

    Raises
    ------
    FileError
        Where the place is taken by something that may not be replaced, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(f"{folder}/a.txt") as file:
    ...         _ = file.path.write_text("all of it")
    ...     with atomic_file(f"{folder}/a.txt", overwrite=False):
    ...         pass
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: ...a.txt' exists already. Choose another name, or say overwrite=True.
    """
    named = local_path(path)
    # Not Path.is_symlink, which raises for a name that is too long.
    is_link = os.path.islink(named)  # noqa: PTH114
    target = Path(os.path.realpath(named)) if is_link else named
    try:
        _check_target(named, target, overwrite)
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        with _hidden_folder(target.parent) as folder:
            file = AtomicFile(folder / target.name, named)
            yield file
            if file.keep:
                _check_target(named, target, overwrite)
                _finish(file.path, target, sync)
    except OSError as error:
        raise FileError(
            f"{str(named)!r} cannot be written ({reason_of_os_error(error)}). "
            "Choose a folder that exists, may be written to and has room."
        ) from error


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = True) -> Path:
    r"""Write a text in UTF-8 so that it appears complete or not at all.

    Parameters
    ----------
    path : path
        Where to.
    text : str
        What.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileError
        When it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text(f"{folder}/a.txt", "µ = 1").read_bytes()
    b'\xc2\xb5 = 1'
    """
    with atomic_file(path, overwrite=overwrite) as file:
        try:
            # The bytes of a file name that is not UTF-8 are kept.
            content = text.encode("utf-8", errors="surrogateescape")
        except UnicodeEncodeError:  # any other lone surrogate becomes an escape, as Python and JSON write it
            content = text.encode("utf-8", errors="backslashreplace")
        file.path.write_bytes(content)
    return file.target


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove what writers that were killed left in a folder.

    Parameters
    ----------
    folder : path
        Looked at itself, not the folders in it.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = _NAME.fullmatch(entry.name)
            if found and found["host"] == _host() and not _is_written(entry.path, int(found["pid"])):
                shutil.rmtree(entry.path, ignore_errors=True)


def _check_target(named: Path, target: Path, overwrite: bool) -> None:
    if not target.name or os.path.isdir(target):  # noqa: PTH112  # Path.is_dir raises for a name too long
        raise FileError(f"{str(named)!r} is a folder. Give the name of a file in it, such as 'result.json'.")
    if not os.path.lexists(target):
        _check_home(named)
        return
    check_regular(target, "file that can be replaced")
    if not overwrite:
        raise FileError(f"{str(named)!r} exists already. Choose another name, or say overwrite=True.")
    if not os.access(target, os.W_OK):
        raise FileError(f"{str(named)!r} is read-only. Choose another name, or make it writable.")


def _check_home(path: Path) -> None:
    home = path.parts[0]
    if home.startswith("~") and len(path.parts) > 1 and not Path(home).is_dir():
        raise FileError(f"{str(path)!r}: there is no user with the home folder {home!r}. Write it out.")


@contextmanager
def _hidden_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for one file that is being written, and remove it in the end."""
    remove_leftovers(parent)
    # Named before it is made, so that an interrupt in between finds it.
    folder = parent / f"{_PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    lock = -1
    try:
        folder.mkdir(mode=0o700)
        lock = _locked(folder)
        yield folder
    finally:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            if lock >= 0:
                os.close(lock)


def _locked(folder: Path) -> int:
    """Lock a folder as long as this process lives; where that cannot be done its name says who writes."""
    if fcntl is None:
        return -1
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return number


def _is_written(folder: str, pid: int) -> bool:
    """Tell whether a process of this machine still writes in a hidden folder."""
    if fcntl is None:
        return True
    try:
        number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # No locks in this file system: a process of that number may be another one by now.
        return _is_alive(pid)
    finally:
        os.close(number)
    # It may have been made this instant, and be locked in the next.
    return _is_alive(pid) and _is_fresh(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _is_fresh(folder: str) -> bool:
    try:
        return time.time() - Path(folder).stat().st_mtime < _FRESH_SECONDS
    except OSError:
        return True


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:64]


def _finish(draft: Path, target: Path, sync: bool) -> None:
    """Move a complete file to its place."""
    with contextlib.suppress(FileNotFoundError):
        draft.chmod(stat.S_IMODE(target.stat().st_mode))
    if sync:
        _wait_for_disk(draft)
    draft.replace(target)
    if sync:
        with contextlib.suppress(OSError):
            _wait_for_disk(target.parent)


def _wait_for_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
