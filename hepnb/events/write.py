"""Write trees to a ROOT file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
import uproot
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BranchError, FileError

__all__ = ["Column", "write_trees"]

Column: TypeAlias = "ArrayLike | tuple[ArrayLike, ArrayLike]"
"""One number per event, or (how many per event, all of them in a row)."""


def write_trees(
    path: str | os.PathLike[str],
    trees: Mapping[str, Mapping[str, Column | Mapping[str, Column]]],
    title: str = "",
) -> Path:
    """Write columns as the trees of a new ROOT file.

    Parameters
    ----------
    path : path
        Where to. The file appears when it is complete; one that is there is replaced.
    trees : mapping of tree name to mapping of branch name to column
        A column is an array of shape (n_events,), or, for a list per event, a pair: how many each event has,
        shape (n_events,), and all values, shape (sum,). A mapping of columns is a group with one counter:
        {"Jet": {"pt": ..., "eta": ...}} becomes nJet, Jet_pt and Jet_eta.
    title : str
        The title of every tree.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    BranchError
        When the columns of a tree differ in length.
    FileError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import hepnb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     columns = {"x": [1.0, 2.0], "Jet_pt": ([2, 0], [30.0, 20.0])}
    ...     tree = hepnb.open(write_trees(f"{folder}/a.root", {"events": columns}))["events"]
    ...     tree.arrays({"x": "x", "n": "count(Jet_pt)"})
    {'x': array([1., 2.]), 'n': array([2, 0])}
    """
    target = Path(path)
    columns = {
        tree: {name: _column(tree, name, value) for name, value in branches.items()}
        for tree, branches in trees.items()
    }
    for tree, branches in columns.items():
        lengths = {name: len(column) for name, column in branches.items()}
        if len(set(lengths.values())) > 1:
            raise BranchError(
                f"tree {tree!r}: its columns differ in length, {lengths}. "
                "Give every column one value per event."
            )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
            draft = Path(folder) / target.name
            with uproot.recreate(draft, compression=uproot.ZLIB(6)) as file:
                for tree, branches in columns.items():
                    file.mktree(tree, {name: _type(column) for name, column in branches.items()}, title)
                    file[tree].extend(branches)
            draft.replace(target)
    except OSError as error:
        raise FileError(
            f"{target} cannot be written ({error.strerror}). Choose a directory that may be written to."
        ) from error
    return target


def _column(tree: str, name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return ak.zip({field: _column(tree, f"{name}_{field}", column) for field, column in value.items()})
    if not isinstance(value, tuple):
        return np.asarray(value)
    counts, content = (np.asarray(part) for part in value)
    if counts.sum() != content.size:
        raise BranchError(
            f"tree {tree!r}, branch {name!r}: the counts add up to {counts.sum()}, "
            f"there are {content.size} values."
        )
    return ak.unflatten(content, counts)


def _type(column: NDArray[Any] | ak.Array) -> Any:
    return column.dtype if isinstance(column, np.ndarray) else column.type.content
