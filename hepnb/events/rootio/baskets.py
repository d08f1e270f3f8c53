"""Where the baskets of a tree's branches lie, for those that read them and those that plan a pass."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from uproot.interpretation.numerical import AsDtype

from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.open_files import FileVersion, acquire
from hepnb.events.rootio.records import KEY
from hepnb.events.rootio.trees import tree_of

__all__ = ["Baskets", "baskets_of", "coarsest", "densest_of", "largest_list", "largest_of", "offsets_of"]

_LOOKED_AT = 20
_CAN_READ_AT = hasattr(os, "preadv")


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
        return self.sizes >= np.diff(self.offsets) * self.stored.itemsize + KEY.size

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
        try:
            tree = tree_of(handle, path)
            if branch.path not in tree.baskets:
                tree.baskets[branch.path] = _baskets_of(tree.readers.get(branch.path))
        except Exception:  # noqa: BLE001  # damaged numbers: reading in the other way says which
            return None
        return tree.baskets[branch.path]


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
        tree = tree_of(handle, path)
        if tree.cuts is None:
            readable = [branch for branch in names.values() if branch.readable]
            found = [offsets_of(seen, path, branch) for branch in readable[:_LOOKED_AT]]
            offsets = [
                one for one in found if one.size > 1 and one[-1] == n_entries and (one[1:] > one[:-1]).all()
            ]
            tree.cuts = min(offsets, key=len) if offsets else np.zeros(0, dtype=np.int64)
        return tree.cuts if tree.cuts.size else None


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
        tree = tree_of(handle, path)
        if branch.path not in tree.largest:
            reader: Any = tree.readers.get(branch.path)
            try:
                ratio = max(reader.uncompressed_bytes / max(reader.compressed_bytes, 1), 1.0)
                largest = max(int(size) for size in reader.member("fBasketBytes")[: reader.num_baskets])
                found = int(largest * ratio), int(np.diff(reader.entry_offsets).max())
            except Exception:  # noqa: BLE001  # an RNTuple, or damaged numbers: reading says which
                found = 0, 0
            tree.largest[branch.path] = found
        return tree.largest[branch.path]


def densest_of(seen: FileVersion, path: str, branch: Branch) -> float:
    """Find how many bytes an entry takes in the densest basket of a branch that is read through uproot.

    Parameters
    ----------
    seen, path : FileVersion, str
        The file and the tree.
    branch : Branch
        The branch.

    Returns
    -------
    float
        Bytes, decompressed; 0 where nobody knows.
    """
    if "://" in seen[0]:
        return 0.0
    with acquire(seen[0]) as handle:
        reader: Any = tree_of(handle, path).readers.get(branch.path)
        try:
            ratio = max(reader.uncompressed_bytes / max(reader.compressed_bytes, 1), 1.0)
            n_bytes = np.array(reader.member("fBasketBytes")[: reader.num_baskets], dtype=np.float64)
            n_entries = np.diff(reader.entry_offsets)
            # Of a small one most is its header.
            full = n_entries >= max(int(n_entries.max()) // 4, 1)
            return float((ratio * n_bytes[full] / n_entries[full]).max())
        except Exception:  # noqa: BLE001  # an RNTuple, or damaged numbers: reading says which
            return 0.0


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
        reader: Any = tree_of(handle, path).readers.get(branch.path)
        try:
            if hasattr(reader, "entry_offsets"):
                return np.asarray(reader.entry_offsets, dtype=np.int64)
            clusters = reader.ntuple.cluster_summaries
            begins = [cluster.num_first_entry for cluster in clusters]
            return np.asarray([*begins, begins[-1] + clusters[-1].num_entries], dtype=np.int64)
        except Exception:  # noqa: BLE001  # damaged numbers: whoever reads with them says which
            return np.zeros(0, dtype=np.int64)


def largest_of(found: Mapping[str, Baskets]) -> int:
    """Bytes that one open basket of each branch takes, with what it is decompressed from."""
    largest = [baskets.largest for baskets in found.values()]
    in_file = max((packed for packed, _ in largest), default=0)
    return in_file + sum(numbers for _, numbers in largest)
