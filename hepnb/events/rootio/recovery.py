"""Objects of a file that was not closed: its records are looked through one by one, as ROOT does.

A program that crashes leaves no list of objects at the top of its file. What it had written by then is
there: each object has a key of its own before it.

References
----------
ROOT, ``TFile::Init`` and ``TFile::Recover``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import uproot

from hepnb.errors import FileError
from hepnb.events.rootio.records import LARGE_FILE, StoredKey, bytes_at, key_at

__all__ = ["recover", "recover_folder"]

_HEAD = 1024
_FEWEST = 64
"""Bytes that the shortest record takes, about."""
_WINDOW = 1 << 20
_OWN = 18
"""Where in a folder its own place stands."""
_SEEK = 18
"""Where in a key its place in the file stands, in 4 bytes or in 8."""
_STREAMERS = "StreamerInfo"


def recover(root: Any, path: str) -> bool:
    """Find the objects of a file that has no list of them, and where its classes are described.

    Parameters
    ----------
    root : uproot ReadOnlyDirectory
        The top of a local file.
    path : str
        The file, for messages.

    Returns
    -------
    bool
        Whether the file was not closed: then its folders may lack a list, too.

    Raises
    ------
    FileError
        Where it was not closed and nothing can be found.
    """
    file, size = root.file, int(root.file.source.num_bytes)
    has_list = int(root._fSeekKeys) > int(file.fBEGIN)
    # A list without objects is of a time when there were none, where the file goes on behind its end.
    outdated = has_list and not root._keys and int(file.fEND) < size
    if has_list and not outdated:
        _check_streamers(file, path)
        return False
    first = key_at(bytes_at(file, int(file.fBEGIN), int(file.fBEGIN) + _HEAD), 0)
    if first is not None and int(file.fBEGIN) + first.n_bytes == int(file.fEND) == size:
        # Nothing was ever written to it.
        return False
    # The header was written when the file was made; what came after is as long as the file.
    file._fEND = size
    for place, key in _records(file):
        if key.name == _STREAMERS and key.classname == "TList":
            file._fSeekInfo, file._fNbytesInfo = place, key.n_bytes
    _search(root)
    if not root._keys and outdated:
        # Nothing but left-over bytes.
        return False
    if not root._keys:
        raise FileError(
            f"{path!r} was not closed by the program that wrote it, and there is no whole object in it. "
            "Let the program write it again."
        )
    warnings.warn(
        f"{path!r} was not closed by the program that wrote it: its list of objects is missing. "
        f"{len(root._keys)} objects were found by looking through the file; what was in memory is lost.",
        UserWarning,
        stacklevel=2,
    )
    return True


def recover_folder(folder: Any) -> None:
    """Give a folder without a list the objects whose keys say that they are in it."""
    if not int(folder._fSeekKeys):
        _search(folder)


def _search(folder: Any) -> None:
    own = int(folder._fSeekDir)
    found: dict[tuple[str, int], tuple[int, StoredKey]] = {}
    for place, key in _records(folder.file):
        inside = key.folder == own and place != own
        # Lists of keys and of free space have the class of what they belong to.
        if not inside or key.classname in ("TBasket", "TFile", "") or key.name == _STREAMERS:
            continue
        if key.classname.startswith("TDirectory") and not _is_folder(folder.file, place + key.length, place):
            continue
        # A tree that grew out of its place was written again.
        found[key.name, key.cycle] = place, key
    for place, key in found.values():
        chunk = folder.file.source.chunk(place, place + key.length)
        cursor = uproot.source.cursor.Cursor(place)
        made = uproot.reading.ReadOnlyKey(chunk, cursor, {}, folder.file, folder, read_strings=True)
        folder._keys_lookup.setdefault(key.name, []).append(len(folder._keys))
        folder._keys.append(made)


def _is_folder(file: Any, start: int, place: int) -> bool:
    """Tell a folder, which says where it is itself, from the list of its objects."""
    head = bytes_at(file, start, start + _FEWEST)
    width = 8 if int.from_bytes(head[:2], "big") > LARGE_FILE else 4
    return int.from_bytes(head[_OWN : _OWN + width], "big") == place


def _records(file: Any) -> Iterator[tuple[int, StoredKey]]:
    """Yield where each record begins and what it says."""
    place, size = int(file.fBEGIN), int(file.source.num_bytes)
    while place + _FEWEST < size:
        key = _record_at(file, place)
        if key is not None:
            yield place, key
            place += key.n_bytes
            continue
        # Space that was freed has a negative length where ROOT wrote the file, and anything where uproot did.
        end = place - int.from_bytes(bytes_at(file, place, place + _FEWEST)[:4], "big", signed=True)
        is_gap = place < end < size - _FEWEST and _record_at(file, end) is not None
        place = end if is_gap else _next_key(file, place + 1)


def _record_at(file: Any, place: int) -> StoredKey | None:
    head = bytes_at(file, place, place + _HEAD)
    length = int.from_bytes(head[14:16], "big")
    key = key_at(head if length <= _HEAD else bytes_at(file, place, place + length), 0)
    is_one = key is not None and key.seek == place and place + key.n_bytes <= int(file.source.num_bytes)
    return key if is_one else None


def _next_key(file: Any, start: int) -> int:
    """Find the next place that has its own number where a key says where it is."""
    size = int(file.source.num_bytes)
    for low in range(start, size, _WINDOW):
        content = np.frombuffer(bytes_at(file, low, low + _WINDOW + _FEWEST), np.uint8)
        n = len(content) - _FEWEST
        if n <= 0:
            break
        places = np.arange(low, low + n)
        found = np.zeros(n, dtype=np.bool_)
        for width in (4, 8):
            same = np.ones(n, dtype=np.bool_)
            for number in range(width):
                digit = (places >> 8 * (width - 1 - number)) & 255
                same &= content[_SEEK + number : _SEEK + number + n] == digit
            found |= same
        for number in np.flatnonzero(found).tolist():
            if _record_at(file, low + number) is not None:
                return low + number
    return size


def _check_streamers(file: Any, path: str) -> None:
    """Do without the descriptions of classes where they are not where the header says."""
    place = int(file.fSeekInfo)
    if not place:
        return
    try:
        key = key_at(bytes_at(file, place, place + _HEAD), 0)
    except Exception:  # noqa: BLE001  # outside the file
        key = None
    if key is None or key.name != _STREAMERS:
        file._fSeekInfo = 0
        warnings.warn(
            f"{path!r} says that its classes are described at byte {place:,}, where they are not: it was not "
            "closed, or is damaged. Classes that are known without it are read.",
            UserWarning,
            stacklevel=2,
        )
