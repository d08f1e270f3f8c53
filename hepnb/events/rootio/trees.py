"""Trees of an open file: what uproot read of them, and what reads their branches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import uproot
from numpy.typing import NDArray

from hepnb.errors import FileError
from hepnb.events.rootio.branches import Branch, branches_of, readers_of
from hepnb.events.rootio.directory import object_of
from hepnb.events.rootio.open_files import OpenFile, reading

if TYPE_CHECKING:
    from hepnb.events.rootio.baskets import Baskets

__all__ = ["OpenTree", "tree_of"]


@dataclass(eq=False)
class OpenTree:
    """A tree of an open file.

    Attributes
    ----------
    name, title : str
        Of the tree.
    n_entries : int
        Number of entries.
    branches : tuple of Branch
        All of them.
    readers : dict of str to uproot TBranch or RField
        What reads a branch, by its path in the tree.
    baskets : dict of str to Baskets or None
        Where the baskets of a branch of plain numbers lie, by the same path; None of another branch.
    largest : dict of str to (int, int)
        Bytes and entries of the largest basket of a branch.
    cuts : numpy.ndarray or None
        Entries at which the tree can be cut; empty where nobody knows, None before they were looked for.
    """

    name: str
    title: str
    n_entries: int
    branches: tuple[Branch, ...]
    readers: dict[str, Any]
    baskets: dict[str, Baskets | None] = field(default_factory=dict)
    largest: dict[str, tuple[int, int]] = field(default_factory=dict)
    cuts: NDArray[np.int64] | None = None


def tree_of(handle: OpenFile, path: str) -> OpenTree:
    """Open a tree, once; the caller holds the lock.

    Parameters
    ----------
    handle : OpenFile
        The open file.
    path : str
        The tree in it.

    Raises
    ------
    FileError
        If it is no tree, or is damaged.
    """
    if path not in handle.trees:
        with reading(f"tree {path!r}", handle.path):
            tree = object_of(handle, path)
            if not isinstance(tree, uproot.TTree) and "RNTuple" not in tree.classname:
                raise FileError(f"{path!r} of {handle.path!r} is a {tree.classname}, not a tree.")
            title = str((tree.description if "RNTuple" in tree.classname else tree.title) or "")
            readers = readers_of(tree)
            branches = branches_of(tree, readers)
            handle.trees[path] = OpenTree(str(tree.name), title, int(tree.num_entries), branches, readers)
    return handle.trees[path]
