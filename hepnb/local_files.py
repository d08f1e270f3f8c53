"""Paths on this machine: names that are text, home folders, and what is a file and what is not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hepnb.errors import FileError

__all__ = ["check_regular", "local_path", "reason_of_os_error"]

_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def local_path(path: object) -> Path:
    """Turn what a person gave as a path into one, with ``~`` expanded.

    Parameters
    ----------
    path : str or path-like
        A path on this machine.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    FileError
        When it is no path, or holds what no file name can.

    Examples
    --------
    >>> local_path("skims/a.root").as_posix()
    'skims/a.root'
    >>> local_path(3)
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: 3 is not a path. Give a text or a pathlib.Path.
    """
    try:
        name = os.fsdecode(path)  # type: ignore[arg-type]  # TypeError where it is no path
    except TypeError:
        raise FileError(f"{path!r:.80} is not a path. Give a text or a pathlib.Path.") from None
    if "\0" in name:
        raise FileError(f"{name!r:.80} holds a null character, which no file name has. Correct the name.")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise FileError(
            f"{name!r:.80} holds a character that no file name can (a lone surrogate). Correct the name."
        ) from None
    # os.path and not Path: an unknown user's '~name' stays a name, as in a shell.
    return Path(os.path.expanduser(name))  # noqa: PTH111


def check_regular(path: str | os.PathLike[str], what: str = "file") -> None:
    """Refuse a folder, a named pipe, a socket or a device under the name of a file.

    To open a named pipe waits until somebody writes into it, and a device may never end. What does not
    exist is left to whoever opens it, who knows how to say so.

    Parameters
    ----------
    path : path
        What is about to be opened.
    what : str
        What it should be, for the message.

    Raises
    ------
    FileError
        When there is something that is no regular file.

    Examples
    --------
    >>> check_regular("/", "workspace file")
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: '/' is a folder, not a workspace file. Give the name of a file in it.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # called before every read; Path would be made for nothing
    except (OSError, ValueError):
        return
    if stat.S_ISREG(mode):
        return
    kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
    remedy = "Give the name of a file in it." if stat.S_ISDIR(mode) else "Write its content to a file first."
    raise FileError(f"{os.fsdecode(path)!r} is {kind}, not a {what}. {remedy}")


def reason_of_os_error(error: BaseException) -> str:
    """Say why the system refused, without the path, which the message names already.

    Examples
    --------
    >>> reason_of_os_error(OSError(28, "No space left on device"))
    'No space left on device'
    """
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return str(getattr(error, "strerror", None) or said[:160]).rstrip(".")
