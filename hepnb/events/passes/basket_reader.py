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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from uproot.interpretation.numerical import AsDtype

from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.open_files import FileVersion, acquire

__all__ = [
    "Baskets",
    "Column",
    "Descriptor",
    "Unusual",
    "baskets_of",
    "coarsest",
    "descriptor_of",
    "largest_of",
]

_KEY = struct.Struct(">ihiIhh")
_COUNTS = struct.Struct(">Hiiii")
_BLOCK_HEADER = 9
_LZ4_CHECKSUM = 8
_LOOKED_AT = 20
_LARGE_FILE = 1000
_HEAD = 4096
_CAN_READ_AT = hasattr(os, "preadv")
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


@dataclass(frozen=True)
class Baskets:
    """Where the baskets of a branch lie.

    Attributes
    ----------
    offsets : numpy.ndarray, shape (n_baskets + 1,)
        Entries at which they begin, and the number of entries.
    seeks, sizes : numpy.ndarray, shape (n_baskets,)
        Their first byte in the file, and their number of bytes there.
    stored : numpy.dtype
        Of the numbers in the file.
    wide : numpy.dtype
        Of the numbers to calculate with.
    """

    offsets: NDArray[np.int64]
    seeks: NDArray[np.int64]
    sizes: NDArray[np.int64]
    stored: np.dtype[Any]
    wide: np.dtype[Any]

    @cached_property
    def stored_as_it_is(self) -> NDArray[np.bool_]:
        """Which baskets are not compressed, because that would have made them longer."""
        return self.sizes >= np.diff(self.offsets) * self.stored.itemsize + _KEY.size

    @property
    def largest(self) -> tuple[int, int]:
        """Bytes of the largest compressed basket, and of the largest one of these decompressed."""
        packed = ~self.stored_as_it_is
        numbers = np.diff(self.offsets)[packed] * self.stored.itemsize
        return int(self.sizes[packed].max(initial=0)), int(numbers.max(initial=0))


def baskets_of(seen: FileVersion, path: str, branch: Branch) -> Baskets | None:
    """Find the baskets of a branch of plain numbers.

    Parameters
    ----------
    seen : FileVersion
        The file.
    path : str
        The tree.
    branch : Branch
        The branch.

    Returns
    -------
    Baskets or None
        None where it is not as simple as that.
    """
    if branch.kind not in ("number", "bool") or branch.fields or "://" in seen[0] or not _CAN_READ_AT:
        return None
    with acquire(seen[0]) as handle:
        if handle.stamp != seen:
            return None
        key = ("baskets", path, branch.path)
        if key not in handle.known:
            reader = handle.known.get(("readers", path), {}).get(branch.path)
            try:
                handle.known[key] = _baskets_of(reader)
            except Exception:  # noqa: BLE001  # damaged numbers: reading in the other way says which
                handle.known[key] = None
        found: Baskets | None = handle.known[key]
        return found


def _baskets_of(reader: Any) -> Baskets | None:
    if not hasattr(reader, "embedded_baskets") or len(reader.embedded_baskets):
        return None
    interpretation = reader.interpretation
    if type(interpretation) is not AsDtype:
        return None
    stored = interpretation.from_dtype
    if stored.kind not in "biuf" or stored.shape or stored == np.dtype(">u8"):
        return None
    if interpretation.to_dtype != stored.newbyteorder("="):
        return None
    n = int(reader.num_baskets)
    offsets = np.asarray(reader.entry_offsets, dtype=np.int64)
    seeks = np.asarray(reader.member("fBasketSeek")[:n], dtype=np.int64)
    sizes = np.asarray(reader.member("fBasketBytes")[:n], dtype=np.int64)
    right = offsets.size == n + 1 and seeks.size == sizes.size == n and offsets[0] == 0
    if not right or (np.diff(offsets) <= 0).any() or (seeks <= 0).any() or (sizes <= 0).any():
        return None
    wide = {"f": np.float64, "b": np.bool_}.get(stored.kind, np.int64)
    return Baskets(offsets, seeks, sizes, stored, np.dtype(wide))


def coarsest(
    seen: FileVersion, path: str, n_entries: int, names: Mapping[str, Branch]
) -> NDArray[np.int64] | None:
    """Find entries at which a tree can be cut without decompressing many baskets twice.

    Parameters
    ----------
    seen, path : FileVersion, str
        The file and the tree.
    n_entries : int
        Its entries.
    names : mapping of str to Branch
        Its branches: the first few are looked at.

    Returns
    -------
    numpy.ndarray, shape (n_baskets + 1,), or None
        Where the baskets begin of the branch that has the fewest; None where no baskets are known.
    """
    with acquire(seen[0]) as handle:
        key = ("cuts", path)
        if key not in handle.known:
            readable = [branch for branch in names.values() if branch.readable]
            found = [offsets_of(seen, path, branch) for branch in readable[:_LOOKED_AT]]
            offsets = [
                one for one in found if one.size > 1 and one[-1] == n_entries and (one[1:] > one[:-1]).all()
            ]
            handle.known[key] = min(offsets, key=len) if offsets else None
        cuts: NDArray[np.int64] | None = handle.known[key]
        return cuts


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
        if "descriptor" not in handle.known:
            handle.known["descriptor"] = Descriptor(str(Path(seen[0])))
        found: Descriptor = handle.known["descriptor"]
        return found


def largest_list(seen: FileVersion, path: str, branch: Branch) -> tuple[int, int]:
    """Find the largest basket of a branch that is read through uproot.

    Parameters
    ----------
    seen, path : FileVersion, str
        The file and the tree.
    branch : Branch
        The branch.

    Returns
    -------
    (int, int)
        Bytes, decompressed, and entries; zeros where nobody knows.
    """
    if "://" in seen[0]:
        return 0, 0
    with acquire(seen[0]) as handle:
        key = ("largest", path, branch.path)
        if key not in handle.known:
            reader = handle.known.get(("readers", path), {}).get(branch.path)
            try:
                ratio = max(reader.uncompressed_bytes / max(reader.compressed_bytes, 1), 1.0)
                largest = max(int(size) for size in reader.member("fBasketBytes")[: reader.num_baskets])
                handle.known[key] = int(largest * ratio), int(np.diff(reader.entry_offsets).max())
            except Exception:  # noqa: BLE001  # an RNTuple, or damaged numbers: reading says which
                handle.known[key] = 0, 0
        found: tuple[int, int] = handle.known[key]
        return found


def offsets_of(seen: FileVersion, path: str, branch: Branch) -> NDArray[np.int64]:
    """Give the entries at which the baskets of a branch begin (of an RNTuple its clusters), and the last.

    Parameters
    ----------
    seen, path : FileVersion, str
        The file and the tree.
    branch : Branch
        The branch.

    Returns
    -------
    numpy.ndarray
        Empty where nobody knows.
    """
    with acquire(seen[0]) as handle:
        reader = handle.known.get(("readers", path), {}).get(branch.path)
        try:
            if hasattr(reader, "entry_offsets"):
                return np.asarray(reader.entry_offsets, dtype=np.int64)
            clusters = reader.ntuple.cluster_summaries
            begins = [cluster.num_first_entry for cluster in clusters]
            return np.asarray([*begins, begins[-1] + clusters[-1].num_entries], dtype=np.int64)
        except Exception:  # noqa: BLE001  # damaged numbers: whoever reads with them says which
            return np.zeros(0, dtype=np.int64)


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


def _header(packed: NDArray[np.uint8], size: int, n: int, n_bytes: int) -> int:
    """Length of a basket's header, which must say what the branch said."""
    try:
        total, version, length, _, header, _ = _KEY.unpack_from(packed.data, 0)
        _, _, _, entries, last = _COUNTS.unpack_from(packed.data, header - _COUNTS.size - 1)
    except struct.error as error:
        raise Unusual("the header is cut short") from error
    if (total, length, entries, last) != (size, n_bytes, n, header + n_bytes) or header < _KEY.size:
        raise Unusual("the header says something else")
    # Two places in the file come before the names: of 8 bytes each in large files.
    names = _KEY.size + (16 if version > _LARGE_FILE else 8)
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


def largest_of(found: Mapping[str, Baskets]) -> int:
    """Bytes that one open basket of each branch takes, with what it is decompressed from."""
    largest = [baskets.largest for baskets in found.values()]
    in_file = max((packed for packed, _ in largest), default=0)
    return in_file + sum(numbers for _, numbers in largest)
