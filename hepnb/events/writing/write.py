"""Write histograms and trees to a new ROOT file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
import uproot
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BranchError, FileError
from hepnb.events.rootio.exact import has_options, without_options
from hepnb.events.rootio.th_writer import as_root, with_statistics
from hepnb.events.writing.new_file import new_file
from hepnb.events.writing.writers import Compression, root_compression

__all__ = ["Column", "write", "write_trees"]

Column: TypeAlias = "ArrayLike | tuple[ArrayLike, ArrayLike]"
"""One number per event, or (how many per event, all of them in a row)."""


def write(
    path: str | os.PathLike[str],
    objects: Mapping[str, Any],
    *,
    overwrite: bool = False,
    compression: Compression = "zstd",
) -> Path:
    """Write histograms and trees to a new ROOT file.

    Parameters
    ----------
    path : path
        Where to. The file appears when it is complete.
    objects : mapping of path in the file to histogram or columns
        A histogram of one to three axes becomes a TH1D, TH2D or TH3D with its sums of squared weights and its
        flow bins; ``numpy.histogram``'s pair of values and edges too. A mapping of branch name to column
        becomes a tree: an array of one number or text per event, an awkward array of one list per event, or
        a pair of counts and values. Folders are made: "SR/ttbar".
    overwrite : bool
        Whether a file that is there may be replaced.
    compression : str, (str, int) or None
        "zstd", "lz4", "zlib", "lzma" or None, perhaps with a level: ("zlib", 6).

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileError
        Where the file is there already, or cannot be written.
    BinningError
        Where ROOT has no place for a histogram.
    BranchError
        Where the columns of a tree differ in length, or have a type that a tree cannot hold.

    Examples
    --------
    >>> import tempfile
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mass = tree.hist("mll", bins=(4, 80, 160))
    ...     path = hepnb.write(f"{folder}/a.root", {"SR/mass": mass, "events": {"x": [1.0, 2.0]}})
    ...     file = hepnb.open(path)
    ...     file.keys(), bool((file["SR/mass"].values() == mass.values()).all())
    (['SR;1', 'SR/mass;1', 'events;1'], True)
    """
    given: Any = objects
    if not isinstance(given, Mapping) or not given:
        raise FileError(f"objects={objects!r:.60}: give a mapping of names to histograms or columns.")
    made: dict[str, Any] = {}
    for name, what in given.items():
        if not isinstance(name, str) or not name.strip("/ "):
            raise FileError(f"an object is named {name!r}. Give it a path in the file, such as 'SR/ttbar'.")
        name = name.strip("/")  # noqa: PLW2901  # "SR/" would be a folder without a name in it
        if isinstance(what, Mapping):
            made[name] = _columns(name, what)
        elif isinstance(what, tuple) and len(what) in (2, 3):
            made[name] = what
        else:
            made[name] = with_statistics(as_root(name, what))
    with new_file(path, overwrite=overwrite) as draft:
        with uproot.recreate(draft.path, compression=root_compression(compression)) as file:
            for name, what in made.items():
                _put(file, name, what)
        written = draft.target
    # Not from inside the block: there it has not been moved yet.
    return written  # noqa: RET504


def _put(file: Any, name: str, what: Any) -> None:
    try:
        if isinstance(what, dict):
            file.mktree(name, {key: _type(column) for key, column in what.items()}).extend(what)
        else:
            file[name] = what
    except (TypeError, ValueError, NotImplementedError) as error:
        said = " ".join(line.strip() for line in str(error).splitlines() if line.strip())[:200]
        raise BranchError(f"{name!r} cannot be written to a ROOT file: {said}") from error


def _columns(tree: str, branches: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: _column(tree, name, value) for name, value in branches.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if not columns:
        raise BranchError(f"tree {tree!r} has no columns. Give at least one.")
    if len(set(lengths.values())) > 1:
        raise BranchError(
            f"tree {tree!r}: its columns differ in length, {lengths}. Give every column one value per event."
        )
    return columns


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
    columns = {tree: _columns(tree, branches) for tree, branches in trees.items()}
    with new_file(path, overwrite=True) as draft:
        with uproot.recreate(draft.path, compression=uproot.ZLIB(6)) as file:
            for tree, branches in columns.items():
                file.mktree(tree, {name: _type(column) for name, column in branches.items()}, title)
                file[tree].extend(branches)
        written = draft.target
    # Not from inside the block: there it has not been moved yet.
    return written  # noqa: RET504


def _column(tree: str, name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return ak.zip({field: _column(tree, f"{name}_{field}", column) for field, column in value.items()})
    where = f"tree {tree!r}, branch {name!r}"
    if isinstance(value, ak.Array):
        return _without_options(where, value)
    if not isinstance(value, tuple):
        return _array(where, value)
    if len(value) != 2:
        raise BranchError(
            f"{where}: a tuple is a pair of counts and values, this one has {len(value)} items."
        )
    counts, content = (_array(where, part) for part in value)
    if counts.dtype.kind not in "iu":
        raise BranchError(f"{where}: the counts are {counts.dtype}. Give whole numbers, one per event.")
    if counts.sum() != content.size:
        raise BranchError(
            f"tree {tree!r}, branch {name!r}: the counts add up to {counts.sum()}, "
            f"there are {content.size} values."
        )
    return ak.unflatten(content, counts)


def _without_options(where: str, value: ak.Array) -> ak.Array:
    if not has_options(value):
        return value
    if any(ak.any(ak.is_none(value, axis=axis), axis=None) for axis in range(value.ndim)):
        raise BranchError(
            f"{where}: values are missing, which a tree cannot hold. Fill them, for instance with "
            "ak.fill_none(..., np.nan), or leave these events out."
        )
    return without_options(value)


def _array(where: str, value: Any) -> Any:
    if np.ma.is_masked(value):
        raise BranchError(
            f"{where}: values are masked, which a tree cannot hold. Fill them, for instance with "
            "array.astype(float).filled(np.nan), or leave these events out."
        )
    try:
        array = np.asarray(value)
    except ValueError:
        return _unchanged(where, value, _lists(where, value))
    if array.dtype.kind == "U":
        return _unchanged(where, value, ak.Array(array.tolist()))
    array = _unchanged(where, value, array)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise BranchError(
            f"{where}: {value!r:.60} is no column. Give an array of numbers or texts, one per "
            "event, or a list of numbers per event."
        )
    return array


def _lists(where: str, value: Any) -> ak.Array:
    """Lists of several lengths."""
    if all(isinstance(one, np.ndarray) and one.ndim == 1 for one in value):
        return ak.unflatten(np.concatenate(value), [len(one) for one in value])
    try:
        return ak.from_iter(value)
    except (RuntimeError, TypeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise BranchError(
            f"{where}: {value!r:.60} is no column ({said}). Give one list per event."
        ) from error


def _unchanged(where: str, given: Any, array: Any) -> Any:
    """Make sure that values of several types, which numpy brings to one, are still what they were."""
    if hasattr(given, "dtype") or not isinstance(given, Sequence) or _same(given, array.tolist()):
        return array
    with suppress(OverflowError, TypeError, ValueError):
        # numpy takes 0 for a signed number, 2**63 for an unsigned one, and brings both to double precision.
        unsigned = np.array(given, dtype=np.uint64)
        if _same(given, unsigned.tolist()):
            return unsigned
    raise BranchError(
        f"{where}: {given!r:.60} has values that no one type of a branch keeps (texts beside numbers, or "
        "whole numbers of more than 53 bits beside fractions or both signs). Give them as several branches."
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    one = one.item() if isinstance(one, np.generic) else one
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124  # NaN is not itself


def _type(column: NDArray[Any] | ak.Array) -> Any:
    if not isinstance(column, np.ndarray):
        return column.type.content
    return np.dtype((column.dtype, column.shape[1:])) if column.ndim > 1 else column.dtype
