"""The first bytes of a file: what is wrong with them is said early, and in plain words."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from hepnb.errors import FileError, nearest
from hepnb.events.rootio import remote

__all__ = ["check_head", "check_header", "missing_words"]

_LARGE_FILE, _LARGE_FOLDER = 1_000_000, 1000
"""Versions of files, and of folders, whose places take 8 bytes each."""
_FOLDER = 64
"""Bytes that tell where the list of a folder is."""
_UNKNOWN = "Get the file itself: something else may stand in its place."
_STAND_INS = {
    b"<!doctype": "It is a web page: take the address of the file itself, log in where that is needed.",
    b"<html": "It is a web page: take the address of the file itself, log in where that is needed.",
    b"version https://git-lfs": "It is a Git LFS pointer: get the file itself with 'git lfs pull'.",
    b"\x1f\x8b": "It is compressed: unpack it with gunzip or tar.",
    b"pk\x03\x04": "It is a zip archive: unpack it.",
    b"par1": "It is a Parquet file: hepnb.open() reads it if its name ends in '.parquet'.",
    b"\x89hdf": "It is an HDF5 file: read it with h5py.",
}


def missing_words(path: str, error: Exception) -> str:
    """Say why a file cannot be opened, and what may have been meant."""
    if isinstance(error, FileNotFoundError):
        where = Path(path)
        folder = where.parent
        if not folder.is_dir():
            return f"there is no file {path!r}: its folder {str(folder)!r} does not exist. Check the path."
        try:
            others = [entry.name for entry in folder.iterdir() if entry.suffix == ".root"]
        except OSError:
            others = []
        file, _, inside = path.rpartition(":")
        if inside and Path(file).is_file():
            return f"there is no file {path!r}. Write hepnb.open({file!r})[{inside!r}]."
        hint = nearest(where.name, others) if others else "The folder holds no .root files: check the path."
        return f"there is no file {path!r}. {hint}"
    return f"the file {path!r} cannot be read: {getattr(error, 'strerror', None) or error}."


def check_header(path: str) -> None:
    """Say early, and in plain words, what is wrong with the first bytes."""
    if Path(path).is_dir():
        inside = [entry.name for entry in Path(path).iterdir() if entry.suffix == ".root"]
        raise FileError(f"{path!r} is a folder, not a ROOT file. Open a file in it. {nearest('', inside)}")
    try:
        with Path(path).open("rb") as file:
            head = file.read(remote.HEAD)
            size = os.fstat(file.fileno()).st_size
            closed = _was_closed(head, file)
    except OSError as error:
        raise FileError(missing_words(path, error)) from error
    check_head(path, head, size, closed)


def _was_closed(head: bytes, file: BinaryIO) -> bool:
    """Whether the file has a list of its objects, as it gets when it is closed; yes where unknown."""
    large = len(head) >= remote.HEAD and int.from_bytes(head[4:8], "big") >= _LARGE_FILE
    try:
        (begin,), (n_name,) = (struct.unpack_from(">i", head, at) for at in (8, 36 if large else 28))
        file.seek(begin + n_name)
        folder = file.read(_FOLDER)
        # Version, two times, bytes of the list and of the name; then its own place, its parent's, the list's.
        at, form = (18 + 16, ">q") if int.from_bytes(folder[:2], "big") > _LARGE_FOLDER else (18 + 8, ">i")
        return bool(struct.unpack_from(form, folder, at)[0])
    except (struct.error, OSError, ValueError):
        return True


def check_head(path: str, head: bytes, size: int, closed: bool = True) -> None:
    """Say what is wrong with the first bytes.

    Parameters
    ----------
    path : str
        The file.
    head : bytes
        Its first bytes.
    size : int
        How many it has.
    closed : bool
        Whether it has a list of its objects: of one without, what is there is looked for.

    Raises
    ------
    FileError
        Where it is no ROOT file, or is cut short.
    """
    if not head:
        raise FileError(f"{path!r} is empty: it has no bytes at all. Copy or download it again.")
    if head[:4] != b"root"[: len(head)]:
        start = head.lstrip().lower()
        told = next((words for magic, words in _STAND_INS.items() if start.startswith(magic)), _UNKNOWN)
        raise FileError(
            f"{path!r} is not a ROOT file: it starts with {_shown(head)}, not with 'root'. {told}"
        )
    if len(head) < remote.HEAD:
        raise FileError(
            f"{path!r} is truncated: it has {size} bytes, less than the header of a ROOT file. "
            "Copy or download it again."
        )
    version = struct.unpack(">i", head[4:8])[0]
    end = struct.unpack(
        ">q" if version >= _LARGE_FILE else ">i", head[12 : 20 if version >= _LARGE_FILE else 16]
    )[0]
    if end > size and closed:
        raise FileError(
            f"{path!r} is truncated: its header says {end:,} bytes, the file has {size:,}. Copy or download "
            "it again; where the program that wrote it did not close it, let it write it again."
        )


def _shown(head: bytes) -> str:
    text = head[:24].decode("utf-8", errors="replace")
    return f"the text {text!r}" if text.isprintable() or "\n" in text else f"the bytes {head[:8].hex(' ')}"
