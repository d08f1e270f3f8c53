"""Numbers of one type as another one, and arrays behind each other, without changing a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError
from hepnb.events.language.operators import is_list

__all__ = ["common_dtype", "content_dtype", "exactly", "has_options", "join_exactly", "without_options"]

_DOUBLE = np.dtype(np.float64)


def content_dtype(array: Any) -> np.dtype[Any] | None:
    """Type of the numbers of an array, or in its lists; None for text, and where there are none at all.

    Examples
    --------
    >>> content_dtype(np.array([1, 2])), content_dtype(ak.Array([[1.5], []])), content_dtype(np.array(["a"]))
    (dtype('int64'), dtype('float64'), None)
    """
    if not is_list(array):
        return array.dtype if array.dtype.kind in "biuf" else None
    inner = array.type.content
    while not isinstance(inner, (ak.types.NumpyType, ak.types.UnknownType)):
        if not hasattr(inner, "content"):
            return None
        inner = inner.content
    marked = inner.parameters.get("__array__") in ("char", "byte")
    return None if marked or isinstance(inner, ak.types.UnknownType) else np.dtype(inner.primitive)


def has_options(array: Any) -> bool:
    """Tell whether lists or their elements may be missing.

    Examples
    --------
    >>> has_options(ak.Array([[1, None]])), has_options(ak.Array([[1], None])), has_options(ak.Array([[1]]))
    (True, True, False)
    """
    said = str(array.type)
    return "?" in said or "option[" in said


def without_options(array: Any) -> Any:
    """Give lists that may be missing, but are all there, as lists; their elements too.

    Examples
    --------
    >>> str(without_options(ak.Array([[1, None], [2]])[1:]).type)
    '1 * var * int64'
    """
    return ak.Array(_stripped(array.layout))


def _stripped(layout: Any) -> Any:
    if layout.is_option or layout.is_indexed:
        return _stripped(layout.project())
    if not layout.is_list:
        return layout
    lists = layout.to_ListOffsetArray64(True)
    inside = lists.content[: lists.offsets[-1]]
    return ak.contents.ListOffsetArray(lists.offsets, _stripped(inside), parameters=layout.parameters)


def common_dtype(dtypes: Iterable[np.dtype[Any]]) -> np.dtype[Any]:
    """Give the type that several types of numbers are brought to before they follow each other.

    Signed and unsigned numbers of 64 bits go to the unsigned ones, where numpy would round them to double
    precision: whether that holds them all, :func:`exactly` says.

    Examples
    --------
    >>> common_dtype([np.dtype("int64"), np.dtype("uint64")]), common_dtype([np.dtype(bool), np.dtype("f8")])
    (dtype('uint64'), dtype('float64'))
    """
    distinct = [dtype.newbyteorder("=") for dtype in dict.fromkeys(dtypes)]
    found = np.dtype(np.result_type(*distinct))
    whole = [dtype for dtype in distinct if dtype.kind in "biu"]
    if found.kind == "f" and len(whole) == len(distinct):
        return np.dtype(np.uint64)
    # Of a number of 32 bits and a whole one numpy makes one of 64 bits only where it has to.
    return _DOUBLE if found.kind == "f" and whole else found


def exactly(array: Any, dtype: np.dtype[Any]) -> Any:
    """Bring an array, or the content of its lists, to another type; None where that would change a value.

    Examples
    --------
    >>> exactly(np.array([1, 2]), np.dtype("float64")), exactly(np.array([0.5]), np.dtype("int64"))
    (array([1., 2.]), None)
    """
    own = content_dtype(array)
    if own is None or own == dtype:
        return array
    numbers = np.asarray(ak.drop_none(ak.flatten(array, axis=None))) if is_list(array) else array
    if not _holds(numbers, dtype):
        return None
    return ak.values_astype(array, dtype) if is_list(array) else array.astype(dtype)


def _holds(numbers: Any, dtype: np.dtype[Any]) -> bool:
    """Tell whether a type holds every number of an array."""
    own = numbers.dtype
    if not numbers.size or (np.can_cast(own, dtype, "safe") and not (own.kind in "iu" and dtype.kind == "f")):
        return True
    if own.kind == "f" and dtype.kind == "f":
        # From double precision to the type it was read from.
        return bool(np.array_equal(numbers.astype(dtype).astype(own), numbers, equal_nan=True))
    if own.kind == "f" or dtype.kind == "b":
        return False
    if own.kind == "b":
        return True
    low, high = int(numbers.min()), int(numbers.max())
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min <= low and high <= limits.max
    digits = 2 ** (np.finfo(dtype).nmant + 1)
    if -digits <= low and high <= digits:
        return True
    there = numbers.astype(dtype)
    # The largest whole numbers round to one that is too large to come back.
    inside = np.abs(there) < float(np.iinfo(own).max)
    return bool(inside.all() and (there.astype(own) == numbers).all())


def join_exactly(pieces: Sequence[Any], what: str) -> Any:
    """Put arrays behind each other; all of them lists, or none.

    Parameters
    ----------
    pieces : sequence of numpy.ndarray or awkward.Array
        At least one.
    what : str
        Their name, for the message.

    Returns
    -------
    numpy.ndarray or awkward.Array
        Of a type that holds all of the values.

    Raises
    ------
    BranchError
        Where no type of numbers does.

    Examples
    --------
    >>> join_exactly([np.array([1]), np.array([2**64 - 1], dtype=np.uint64)], "u")
    array([                   1, 18446744073709551615], dtype=uint64)
    """
    if len(pieces) == 1:
        return pieces[0]
    dtypes = {dtype for dtype in map(content_dtype, pieces) if dtype is not None}
    if len(dtypes) > 1:
        pieces = _alike(pieces, common_dtype(dtypes), what)
    return ak.concatenate(pieces) if any(map(is_list, pieces)) else np.concatenate(pieces)


def _alike(pieces: Sequence[Any], dtype: np.dtype[Any], what: str) -> list[Any]:
    for wanted in dict.fromkeys((dtype, _DOUBLE)):
        found = [exactly(piece, wanted) for piece in pieces]
        if all(piece is not None for piece in found):
            return found
    raise BranchError(
        f"{what} has whole numbers of more than 53 bits beside others that only double precision holds (NaN "
        "for what is missing, fractions, or both signs): no type of numbers keeps them all. Read the parts "
        "on their own."
    )
