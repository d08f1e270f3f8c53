"""The records that a ROOT file is made of: the key before each object, read from bytes that may be anything.

References
----------
ROOT, "TFile physical format", section "Data record".
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import uproot

from hepnb.events.rootio.open_files import Damaged

__all__ = ["KEY", "LARGE_FILE", "StoredKey", "bytes_at", "key_at", "place_of_names", "string_at"]

KEY = struct.Struct(">ihiIhh")
"""Bytes, version, bytes of the object unpacked, date, length of the key, cycle."""
LARGE_FILE = 1000
"""Added to the version of a key or of a free segment whose places take 8 bytes each."""


class StoredKey(NamedTuple):
    """A key, read from bytes that may be anything."""

    n_bytes: int
    n_object: int
    length: int
    cycle: int
    seek: int
    folder: int
    classname: str
    name: str


def key_at(content: bytes, at: int) -> StoredKey | None:
    """Read a key, or give None where there is none."""
    if len(content) < at + KEY.size:
        return None
    n_bytes, version, n_object, _, length, cycle = KEY.unpack_from(content, at)
    places = struct.Struct(">qq" if version > LARGE_FILE else ">ii")
    if n_bytes < length or n_object < 0 or not KEY.size + places.size < length <= len(content) - at:
        return None
    seek, folder = places.unpack_from(content, at + KEY.size)
    classname, end = string_at(content, at + KEY.size + places.size)
    name, end = string_at(content, end)
    _, end = string_at(content, end)
    if end != at + length or not classname:
        return None
    return StoredKey(n_bytes, n_object, length, cycle, seek, folder, classname, name)


def place_of_names(version: int) -> int:
    """Where the names in a record begin: after its place and that of its folder, of 4 or 8 bytes each."""
    return KEY.size + (16 if version > LARGE_FILE else 8)


def string_at(content: bytes, at: int) -> tuple[str, int]:
    """Give a text and where it ends: its length comes first, in one byte or in five."""
    n, at = content[at] if at < len(content) else 0, at + 1
    if n == 255:
        n, at = int.from_bytes(content[at : at + 4], "big"), at + 4
    return content[at : at + n].decode("utf-8", errors="surrogateescape"), at + n


def bytes_at(file: Any, start: int, stop: int) -> bytes:
    """Read bytes of a file, as far as it goes; a record's header at least."""
    stop = min(stop, int(file.source.num_bytes))
    if not 0 < start < stop - KEY.size + 1:
        raise Damaged(f"a record is said to begin at byte {start:,}, outside the file")
    chunk = file.source.chunk(start, stop)
    return bytes(chunk.get(start, stop, uproot.source.cursor.Cursor(start), {}))
