"""What a damaged file gives away: numbers that are written twice, checksums, sizes that cannot be.

uproot verifies some of it (the checksums of lz4 blocks, the number of values in a basket). Here is the rest:
the two copies of an object's key, the entries of a tree and of its branches, and the places and sizes of
baskets before memory is reserved for them.

Nobody can tell what was written without a checksum: flipped bits in a basket that is stored as it is, or that
was compressed with zstd (ROOT asks for no checksum in it), give other numbers. Blocks of zlib, lzma and lz4,
and the pages of an RNTuple, have theirs.

References
----------
ROOT, "TFile physical format", section "Data record".
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from hepnb.events.rootio.open_files import Damaged
from hepnb.events.rootio.records import KEY, LARGE_FILE, bytes_at, key_at, place_of_names, string_at

__all__ = ["branch_fault", "check_baskets", "check_key", "check_list", "check_size", "check_tree"]

_COUNTS = struct.Struct(">hiiii")
_HEAD = 512
_LARGE = 64 * 1024**2
# zstd writes 128 KiB of equal bytes as a block of 4: nothing that ROOT uses packs more tightly.
_MAX_COMPRESSION = 40_000
_MAYBE = ": the file may be damaged"


def check_key(key: Any) -> None:
    """Compare the key in the list of objects with its copy before the object.

    Parameters
    ----------
    key : uproot ReadOnlyKey
        From a folder's list.

    Raises
    ------
    Damaged
        Where they differ.
    """
    place = int(key.fSeekKey)
    record = bytes_at(key._file, place, place + max(int(key.fKeylen), KEY.size))
    n_bytes, version, n_object, _, n_key, cycle = KEY.unpack_from(record)
    there = (n_bytes, n_object, n_key, cycle)
    listed = (int(key.fNbytes), int(key.fObjlen), int(key.fKeylen), int(key.fCycle))
    if there != listed:
        raise Damaged(
            f"the list of objects says of {key.fName!r} {listed} for its bytes, length, key and cycle, "
            f"its record {there}"
        )
    classname, at = string_at(record, place_of_names(version))
    name, _ = string_at(record, at)
    # One writer calls a folder TDirectory in its record and TDirectoryFile in the list.
    if name != key.fName or classname.removesuffix("File") != str(key.fClassName).removesuffix("File"):
        raise Damaged(
            f"the list of objects has {key.fName!r}, a {key.fClassName}, where {name!r}, a {classname}, is"
        )
    check_size(f"the object {key.fName!r}", n_object, n_bytes)


def check_list(folder: Any) -> None:
    """Look for an object that the list of a folder holds but does not count.

    A list may be followed by bytes that mean nothing: uproot writes lists into space that was used before,
    and leaves the end of a longer list behind when objects are deleted. Only a key that leads to an object
    of this folder which is neither listed nor given free was lost.

    Parameters
    ----------
    folder : uproot ReadOnlyDirectory
        With its list read.

    Raises
    ------
    Damaged
        Where the list has a further object, or the folder or its list was overwritten with zeros.
    """
    if not int(folder._fSeekDir):
        raise Damaged("there are zeros where the folder says where it is")
    place, size = int(folder._fSeekKeys), int(folder._fNbytesKeys)
    if not place:
        return
    content = bytes_at(folder.file, place, place + size)
    zeroed = [key for key in folder._keys if int(key.fSeekKey) <= 0 or not key.fClassName]
    if KEY.unpack_from(content)[0] <= 0 or zeroed:
        raise Damaged("there are zeros where the list of objects should be")
    used = KEY.unpack_from(content)[4] + 4 + sum(int(key.fKeylen) for key in folder._keys)
    left_over = key_at(content, used)
    if left_over is None or left_over.folder != int(folder._fSeekDir):
        return
    if left_over.seek in {int(key.fSeekKey) for key in folder._keys} or _is_free(folder.file, left_over.seek):
        return
    try:
        record = bytes_at(folder.file, left_over.seek, left_over.seek + left_over.length)
    except Damaged:
        return
    if key_at(record, 0) == left_over:
        raise Damaged(
            f"it says {len(folder._keys)} objects, but there are more in it: {left_over.name!r} too"
        )


def _is_free(file: Any, place: int) -> bool:
    """Tell whether a byte is in the file's list of free space; yes where that list cannot be read."""
    start, size = int(file.fSeekFree), int(file.fNbytesFree)
    try:
        content = bytes_at(file, start, start + size)
        at = KEY.unpack_from(content)[4]
        while at < len(content):
            form = struct.Struct(
                ">hqq" if int.from_bytes(content[at : at + 2], "big") > LARGE_FILE else ">hii"
            )
            _, first, last = form.unpack_from(content, at)
            if first <= place <= last:
                return True
            at += form.size
    except (Damaged, struct.error):
        return True
    return False


def check_size(what: str, n_bytes: int, n_packed: int) -> None:
    """Refuse what claims to be so large that nothing could have compressed it, before memory is reserved."""
    if n_bytes < 0 or (n_bytes > _LARGE and n_bytes > _MAX_COMPRESSION * n_packed):
        raise Damaged(f"{what} claims {n_bytes:,} bytes in {n_packed:,}")


def check_tree(tree: Any) -> None:
    """Look for contradictions in what a tree says of itself.

    Parameters
    ----------
    tree : uproot TTree
        From an open file.

    Raises
    ------
    Damaged
        Where no branch has the entries of the tree.
    """
    n_entries = int(tree.num_entries)
    if n_entries < 0:
        raise Damaged(f"the tree says {n_entries:,} entries")
    counts: set[int] = set()
    unknown = False
    for branch in tree.itervalues(recursive=True):
        try:
            if branch.num_baskets:
                counts.add(int(branch.num_entries))
        except Exception:  # noqa: BLE001  # a basket inside the tree that cannot be read is that branch's fault
            unknown = True
    # A tree may be filled branch by branch: then it says 0, and that is what one can read.
    if unknown or not n_entries or n_entries in counts:
        return
    if counts:
        found = f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"
        raise Damaged(f"the tree says {n_entries:,} entries, its branches have {found}")
    if any(not len(branch.branches) for branch in tree.itervalues()):
        raise Damaged(f"the tree says {n_entries:,} entries, its branches have none")


def branch_fault(branch: Any, n_entries: int) -> str:
    """Say what is wrong with a branch of a tree, from what the tree says of it; nothing where all is well.

    Parameters
    ----------
    branch : uproot TBranch
        The branch.
    n_entries : int
        Entries of its tree.
    """
    if not n_entries:
        return ""
    if int(branch.num_entries) != n_entries:
        return f"it has {int(branch.num_entries):,} entries, the tree {n_entries:,}"
    n_baskets = int(branch.num_baskets)
    if not n_baskets:
        return "it has no baskets: nothing was stored for it"
    offsets = np.asarray(branch.entry_offsets, dtype=np.int64)
    if offsets[0] != 0 or offsets[-1] != n_entries or (np.diff(offsets) < 0).any():
        said = f"the entries of its {n_baskets} baskets do not follow each other up to {n_entries:,}"
        return said + _MAYBE
    n_free = n_baskets - len(branch.embedded_baskets)
    seeks = np.asarray(branch.member("fBasketSeek")[:n_free], dtype=np.int64)
    sizes = np.asarray(branch.member("fBasketBytes")[:n_free], dtype=np.int64)
    counts, width = np.diff(offsets)[:n_free], _least_width(branch)
    claimed = (counts * width > _LARGE) & (counts * width > _MAX_COMPRESSION * sizes)
    if claimed.any():
        number = int(claimed.argmax())
        said = f"its basket {number} says {int(counts[number]):,} entries in {int(sizes[number]):,} bytes"
        return said + _MAYBE
    size = branch.file.source.num_bytes
    wrong = (seeks < branch.file.fBEGIN) | (sizes < KEY.size) | (seeks + sizes > size)
    if wrong.any():
        number = int(wrong.argmax())
        return (
            f"its basket {number} is said to be the {int(sizes[number]):,} bytes from "
            f"{int(seeks[number]):,} on, in a file of {size:,}{_MAYBE}"
        )
    return ""


def _least_width(branch: Any) -> int:
    """Bytes that one entry takes at least."""
    stored = getattr(branch.interpretation, "from_dtype", None)
    return max(int(stored.itemsize), 1) if isinstance(stored, np.dtype) else 1


def check_baskets(branch: Any, start: int, stop: int) -> None:
    """Compare what baskets say of themselves with what their branch says, before they are read.

    Parameters
    ----------
    branch : uproot TBranch
        The branch; of an RNTuple nothing is done.
    start, stop : int
        Range of entries.

    Raises
    ------
    Damaged
        Where they differ, or a basket cannot be as large as it says.
    """
    offsets = getattr(branch, "entry_offsets", None)
    if offsets is None:
        return
    # The last ones may be embedded in the tree: those have no header of their own.
    n_free = int(branch.num_baskets) - len(branch.embedded_baskets)
    first = max(int(np.searchsorted(offsets, start, side="right")) - 1, 0)
    for number in range(first, n_free):
        if offsets[number] >= stop:
            return
        _check_basket(branch, number, int(offsets[number + 1]) - int(offsets[number]))


def _check_basket(branch: Any, number: int, n_entries: int) -> None:
    place, size = int(branch.member("fBasketSeek")[number]), int(branch.member("fBasketBytes")[number])
    head = bytes_at(branch.file, place, place + min(size, _HEAD))
    n_bytes, version, n_object, _, n_key, _ = KEY.unpack_from(head)
    if string_at(head, place_of_names(version))[0] != "TBasket":
        raise Damaged(f"basket {number} is not at byte {place:,}, where its branch says it is")
    if n_bytes != size:
        raise Damaged(f"basket {number} says it has {n_bytes:,} bytes, its branch says {size:,}")
    check_size(f"basket {number}", n_object, n_bytes)
    counts = n_key - _COUNTS.size - 1
    entries = _COUNTS.unpack_from(head, counts)[3] if 0 < counts <= len(head) - _COUNTS.size else n_entries
    # An entry may take no byte at all: a list without elements whose ends are not stored.
    if entries != n_entries or n_entries > max(n_object, 0, _LARGE):
        raise Damaged(
            f"basket {number} says {entries:,} entries in {n_object:,} bytes, its branch says {n_entries:,}"
        )
