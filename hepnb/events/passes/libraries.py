"""Columns in the containers of other libraries: dicts of numpy arrays, awkward, pandas and Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import HepnbError, OptionError, SelectionError
from hepnb.events.language.operators import is_list
from hepnb.events.rootio.exact import has_options
from hepnb.events.units import pyarrow

__all__ = ["Library", "check_library", "in_library"]

Library = Literal["np", "ak", "pd", "pa"]
"""numpy, awkward, pandas, pyarrow."""

_LIBRARIES = ("np", "ak", "pd", "pa")


def check_library(library: Any) -> Library | None:
    """Insist on a library that is known; None stays.

    Raises
    ------
    OptionError
        Where it is not.
    """
    if library is not None and library not in _LIBRARIES:
        raise OptionError(
            f"library={library!r:.40}: give 'np' (a dict of numpy arrays), 'ak' (an awkward array), 'pd' (a "
            "data frame) or 'pa' (an Arrow table)."
        )
    found: Library | None = library
    return found


def in_library(columns: Mapping[str, Any], library: Library | None) -> Any:
    """Put columns into the container of a library.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray or awkward.Array
        Values and lists.
    library : {"np", "ak", "pd", "pa"} or None
        None leaves them as they are.

    Returns
    -------
    dict, awkward.Array, pandas.DataFrame or pyarrow.Table
        With "np" and "pd" lists are arrays of objects: for each entry a numpy array, or a list of lists.

    Raises
    ------
    SelectionError
        Where columns of one table differ in length.
    HepnbError
        Where the library is not installed.

    Examples
    --------
    >>> in_library({"x": np.array([1, 2]), "y": ak.Array([[0.5], []])}, "ak").to_list()
    [{'x': 1, 'y': [0.5]}, {'x': 2, 'y': []}]
    """
    if library is None:
        return dict(columns)
    if library == "np":
        return {name: _objects(column) if is_list(column) else column for name, column in columns.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {n:,}" for name, n in list(lengths.items())[:4])
        raise SelectionError(
            f"library={library!r} makes one table, but the columns differ in length ({shown}): leave "
            "flatten(...) out, or read them on their own."
        )
    if library == "ak":
        return ak.zip({name: _awkward(column) for name, column in columns.items()}, depth_limit=1)
    if library == "pa":
        arrow, _ = pyarrow()
        return arrow.table({n: ak.to_arrow(_awkward(c), extensionarray=False) for n, c in columns.items()})
    try:
        import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415  # large, optional
    except ImportError as error:
        raise HepnbError("library='pd' needs pandas, which is not installed: pip install pandas.") from error
    return pd.DataFrame({n: _objects(c) if is_list(c) else c for n, c in columns.items()})


def _awkward(column: Any) -> ak.Array:
    if is_list(column):
        return ak.Array(column)
    return ak.Array(column.tolist()) if column.dtype.kind in "UOT" else ak.Array(column)


def _objects(lists: Any) -> NDArray[np.object_]:
    """Give an array of objects: a numpy array for each list of numbers, a list for what is deeper."""
    if lists.ndim > 2 or has_options(lists):
        parts = ak.to_list(lists)
    else:
        ends = np.cumsum(ak.to_numpy(ak.num(lists)))
        parts = np.split(ak.to_numpy(ak.flatten(lists)), ends[:-1]) if len(lists) else []
    found = np.empty(len(lists), dtype=np.object_)
    # One by one: numpy would make lists of equal lengths an axis of their own.
    for place, part in enumerate(parts):
        found[place] = part
    return found
