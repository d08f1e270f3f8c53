"""Folders and files below a root that is never left."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import FileError
from hepnb.local_files import local_path

__all__ = [
    "Item",
    "check_pattern",
    "file_kind",
    "is_remote",
    "list_folder",
    "place_of",
    "resolve_inside",
    "size_words",
]

_ROOT_FILE = re.compile(r"\.root(\.\d+)?$", re.IGNORECASE)  # hadd and grid jobs number their files
_TABLES = (".parquet", ".pq")
_WORKSPACES = (".json", ".json.gz", ".xml")
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Item:
    """A folder or a file in the browser's list.

    Attributes
    ----------
    path : str
        Relative to the root, with "/".
    is_folder : bool
        Whether it is a folder.
    size : int
        Of a file [bytes].
    reason : str
        Why it cannot be opened; empty where it can.
    """

    path: str
    is_folder: bool
    size: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


def file_kind(name: str) -> str:
    """Return what a file is by its name.

    Parameters
    ----------
    name : str
        With or without folders.

    Returns
    -------
    str
        "root"; "table" for Parquet; "workspace" for JSON and XML, which may be patches; empty for others.

    Examples
    --------
    >>> [file_kind(name) for name in ("a.root.1", "A.ROOT", "a.parquet", "a.json", "a.txt")]
    ['root', 'root', 'table', 'workspace', '']
    """
    lowered = name.lower()
    if _ROOT_FILE.search(lowered):
        return "root"
    if lowered.endswith(_TABLES):
        return "table"
    return "workspace" if lowered.endswith(_WORKSPACES) else ""


def resolve_inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Find a path below the root.

    Parameters
    ----------
    root : str or path-like
        The folder that is not left.
    path : str or path-like
        Relative to the root, or absolute.

    Returns
    -------
    Path
        Absolute, links followed.

    Raises
    ------
    FileError
        Where the root is no folder, or the path (by ``..`` or by a link) leads out of it.

    Examples
    --------
    >>> resolve_inside("/usr", "../etc/passwd")
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: '../etc/passwd' is outside the root '/usr'. Choose another root to go there.
    """
    top = local_path(root).resolve()
    if not top.is_dir():
        what = "is a file, not a folder" if top.exists() else "does not exist"
        raise FileError(f"the root {os.fspath(root)!r} {what}. Choose a folder.")
    found = (top / local_path(path)).resolve()
    if not found.is_relative_to(top):
        raise FileError(
            f"{os.fspath(path)!r} is outside the root {os.fspath(root)!r}. Choose another root to go there."
        )
    return found


def is_remote(file: str) -> bool:
    """Return whether a file is named by its address: ``https://...``, ``root://...``.

    Examples
    --------
    >>> is_remote("https://cern.ch/a.root"), is_remote("data/a.root")
    (True, False)
    """
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", file) is not None


def place_of(root: str | os.PathLike[str], file: str) -> str | Path:
    """Return where a file is: its address as it is, or its path, which has to be below the root."""
    return file if is_remote(file) else resolve_inside(root, file)


def check_pattern(root: str | os.PathLike[str], pattern: str) -> None:
    """Make sure that no file that wildcards find lies outside the root, for instance behind a link.

    Parameters
    ----------
    root : str or path-like
        The folder that is not left.
    pattern : str
        Relative to the root, with or without wildcards.

    Raises
    ------
    FileError
        Where one does.
    """
    top = resolve_inside(root, "")
    for found in glob.glob(pattern, root_dir=top, recursive=True):  # noqa: PTH207  # as open() does
        resolve_inside(root, found)


def list_folder(root: str | os.PathLike[str], path: str) -> tuple[Item, ...]:
    """List the folders below the root, and the files that can be opened: ROOT, Parquet, JSON and XML.

    Parameters
    ----------
    root : str or path-like
        The folder that is not left.
    path : str
        Relative to the root.

    Returns
    -------
    tuple of Item
        Folders first, each in the order of the alphabet; hidden ones are left out, links out of the root
        are in it with the reason.
    """
    folder = resolve_inside(root, path)
    items = []
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise FileError(f"folder {path or '.'!r} cannot be listed: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        item = _item(root, f"{path}/{entry.name}" if path else entry.name, entry)
        if item is not None:
            items.append(item)
    return tuple(sorted(items, key=lambda item: (not item.is_folder, item.name.lower())))


def _item(root: str | os.PathLike[str], path: str, entry: os.DirEntry[str]) -> Item | None:
    try:
        is_folder = entry.is_dir()
        if not is_folder and not file_kind(entry.name):
            return None
        if entry.is_symlink():
            resolve_inside(root, path)
        if not is_folder and not stat.S_ISREG(entry.stat().st_mode):
            return Item(path, False, reason="no regular file")
        size = 0 if is_folder else entry.stat().st_size
    except FileError:
        return Item(path, is_folder, reason="a link out of the root")
    except OSError as error:
        return Item(path, False, reason=error.strerror or "cannot be read")
    return Item(path, is_folder, size)


def size_words(size: int) -> str:
    """Write a size in bytes with three digits.

    Examples
    --------
    >>> size_words(512), size_words(1_234_567)
    ('512 B', '1.23 MB')
    """
    value = float(size)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.3g} {unit}"
