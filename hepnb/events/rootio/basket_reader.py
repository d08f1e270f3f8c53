"""Columns of plain numbers straight from their baskets, a block of entries at a time.

For a branch of one number per event a basket is nothing but those numbers, compressed. Reading them here
needs no lock on the open file, no copy of a whole column, and buffers that are used again. Everything that
is not as simple (lists, text, records, RNTuple, remote files, baskets that are not as expected) is left to
uproot, which also finds the words for what is damaged.

What compression would have made longer is stored as it is: of such baskets no more is read than the block
needs. One value of a float32 branch takes about 1 ns on one core of an EPYC then, half of it the copy out of
the page cache and half the change of byte order and precision; with zstd it takes 5 ns, four fifths of it
decompression.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.events.rootio.baskets import Baskets
from hepnb.events.rootio.open_files import FileVersion, acquire
from hepnb.events.rootio.records import KEY, place_of_names

__all__ = ["Buffer", "Column", "Descriptor", "Unusual", "descriptor_of", "read_plain"]

_COUNTS = struct.Struct(">Hiiii")
_BLOCK_HEADER = 9
_LZ4_CHECKSUM = 8
_HEAD = 4096
_CLASS = b"\x07TBasket"


class Unusual(Exception):  # no error: a reason to read in the other way
    """A basket is not as simple as the branch promised."""


class Descriptor:
    """An open file for reads at a place; closed when nobody holds it."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self) -> None:
        number = getattr(self, "_number", None)
        if number is not None:
            os.close(number)

    def read(self, buffer: NDArray[np.uint8], place: int) -> None:
        """Fill a buffer with the bytes from a place on."""
        done = 0
        while done < buffer.size:
            n = os.preadv(self._number, [buffer[done:].data], place + done)
            if not n:
                raise Unusual("the file ends")
            done += n


def descriptor_of(seen: FileVersion) -> Descriptor:
    """Open a file for reads at a place, once as long as it is the same.

    Raises
    ------
    Unusual
        Where it is not the one that was seen.
    """
    with acquire(seen[0]) as handle:
        if handle.stamp != seen:
            raise Unusual("the file changed")
        if handle.descriptor is None:
            handle.descriptor = Descriptor(str(Path(seen[0])))
        return handle.descriptor


class Buffer:
    """Bytes that are used again, and grow where they have to."""

    def __init__(self) -> None:
        self._bytes: NDArray[np.uint8] = np.zeros(0, np.uint8)

    def take(self, n: int) -> NDArray[np.uint8]:
        """Give so many bytes; what was in them before is gone."""
        if self._bytes.size < n:
            self._bytes = np.zeros(0, np.uint8)
            self._bytes = np.empty(n, np.uint8)
        return self._bytes[:n]


class Column:
    """Reads one branch forwards; the basket it stands in stays decompressed.

    Parameters
    ----------
    file : Descriptor
        The open file.
    baskets : Baskets
        Where to read.
    scratch : Buffer
        For what comes from the file; the columns that a thread reads share one.
    """

    def __init__(self, file: Descriptor, baskets: Baskets, scratch: Buffer) -> None:
        self.file = file
        self.baskets = baskets
        self._place = -1
        self._begin = 0
        self._numbers: NDArray[Any] | None = None
        self._scratch = scratch
        self._own = Buffer()

    def read(self, start: int, stop: int, out: NDArray[Any]) -> None:
        """Read entries `start` to `stop` into an array of the wide type.

        Raises
        ------
        Unusual
            Where a basket is not what it should be.
        """
        offsets = self.baskets.offsets
        place = int(np.searchsorted(offsets, start, side="right")) - 1
        while start < stop:
            if place != self._place:
                self._open(place)
            begin = int(offsets[place])
            end = min(stop, int(offsets[place + 1]))
            out[: end - start] = self._part(start - begin, end - begin)
            out = out[end - start :]
            start, place = end, place + 1

    def _part(self, start: int, stop: int) -> NDArray[Any]:
        """Give some numbers of the open basket, valid until the next call."""
        if self._numbers is not None:
            return self._numbers[start:stop]
        # Not more than is needed: it stays in the cache of the processor until it is used.
        width = self.baskets.stored.itemsize
        some = self._scratch.take((stop - start) * width)
        self.file.read(some, self._begin + start * width)
        return some.view(self.baskets.stored)

    def _open(self, place: int) -> None:
        self._place = -1
        baskets = self.baskets
        size, seek = int(baskets.sizes[place]), int(baskets.seeks[place])
        n = int(baskets.offsets[place + 1] - baskets.offsets[place])
        n_bytes = n * baskets.stored.itemsize
        stored = bool(baskets.stored_as_it_is[place])
        packed = self._scratch.take(min(size, _HEAD) if stored else size)
        self.file.read(packed, seek)
        header = _header(packed, size, n, n_bytes)
        if stored != (size - header == n_bytes):
            raise Unusual("a basket is longer than what is in it")
        self._numbers, self._begin = None, seek + header
        if not stored:
            numbers = self._own.take(n_bytes)
            _decompress(packed[header:], numbers)
            self._numbers = numbers.view(baskets.stored)
        self._place = place


def read_plain(seen: FileVersion, baskets: Baskets, start: int, stop: int) -> NDArray[Any] | None:
    """Read entries of a branch of plain numbers into an array of their own.

    Parameters
    ----------
    seen : FileVersion
        The file, which is checked afterwards by the caller.
    baskets : Baskets
        Where the branch lies.
    start, stop : int
        Range of entries.

    Returns
    -------
    numpy.ndarray or None
        Of the wide type; None where a basket is not what it should be, and uproot has to say what it is.
    """
    try:
        out = np.empty(stop - start, baskets.wide)
        Column(descriptor_of(seen), baskets, Buffer()).read(start, stop, out)
    except (Unusual, OSError):
        return None
    return out


def _header(packed: NDArray[np.uint8], size: int, n: int, n_bytes: int) -> int:
    """Length of a basket's header, which must say what the branch said."""
    try:
        total, version, length, _, header, _ = KEY.unpack_from(packed.data, 0)
        _, _, _, entries, last = _COUNTS.unpack_from(packed.data, header - _COUNTS.size - 1)
    except struct.error as error:
        raise Unusual("the header is cut short") from error
    if (total, length, entries, last) != (size, n_bytes, n, header + n_bytes) or header < KEY.size:
        raise Unusual("the header says something else")
    names = place_of_names(version)
    if packed[names : names + len(_CLASS)].tobytes() != _CLASS:
        raise Unusual("it is no basket")
    return int(header)


def _decompress(packed: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    place = filled = 0
    while filled < out.size:
        head = packed[place : place + _BLOCK_HEADER].tobytes()
        if len(head) < _BLOCK_HEADER:
            raise Unusual("the blocks end too soon")
        n_packed, n_bytes = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
        block = packed[place + _BLOCK_HEADER : place + _BLOCK_HEADER + n_packed]
        target = out[filled : filled + n_bytes]
        if block.size != n_packed or target.size != n_bytes or not n_bytes:
            raise Unusual("a block has another length")
        _unpack(head[:2], block, target)
        place += _BLOCK_HEADER + n_packed
        filled += n_bytes
    if place != packed.size:
        raise Unusual("there is more than the blocks")


def _unpack(method: bytes, block: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    import cramjam  # noqa: PLC0415  # it comes with uproot
    import xxhash  # noqa: PLC0415

    try:
        if method == b"L4":
            if xxhash.xxh64(block[_LZ4_CHECKSUM:].data).digest() != block[:_LZ4_CHECKSUM].tobytes():
                raise Unusual("the checksum differs")
            n = cramjam.lz4.decompress_block_into(block[_LZ4_CHECKSUM:].data, target.data)
        elif method == b"ZS":
            n = cramjam.zstd.decompress_into(block.data, target.data)
        elif method == b"ZL":
            n = cramjam.zlib.decompress_into(block.data, target.data)
        else:
            raise Unusual(f"compressed with {method!r}")
    except cramjam.DecompressionError as error:
        raise Unusual(str(error)) from error
    if n != target.size:
        raise Unusual("it decompresses to another length")
