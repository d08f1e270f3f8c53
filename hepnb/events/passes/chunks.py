"""A tree in chunks: only the branches an expression needs, with progress and cancel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, ExpressionError, SelectionError
from hepnb.events.language.expression import Expression
from hepnb.events.language.functions import to_numbers
from hepnb.events.language.nesting import jagged
from hepnb.events.language.operators import is_bool, is_list
from hepnb.events.units import memory_bytes

__all__ = [
    "Chunk",
    "StepSize",
    "as_expressions",
    "as_mask",
    "elements_of",
    "entry_range",
    "mask_of",
    "per_entry",
    "ranges",
    "steps",
    "values_of",
]

StepSize = int | str


@dataclass(frozen=True)
class Chunk:
    """A range of entries with its columns.

    Attributes
    ----------
    arrays : dict of str to array, or what the library has for it
        One column per expression: the entries that pass the cut.
    start, stop : int
        The entries that were looked at.
    """

    arrays: Any
    start: int
    stop: int


def entry_range(n_entries: int, start: int | None, stop: int | None) -> tuple[int, int]:
    """Entries asked for, as Python slices count them.

    Examples
    --------
    >>> entry_range(100, 10, -10), entry_range(100, None, 1000)
    ((10, 90), (0, 100))
    """
    try:
        low, high, _ = slice(start, stop).indices(n_entries)
    except TypeError as error:
        raise SelectionError(
            f"entries from {start!r} to {stop!r}: whole numbers are needed, or None for the ends."
        ) from error
    return low, max(low, high)


def steps(step_size: StepSize | float, bytes_per_entry: float) -> int:
    """Entries per chunk.

    Parameters
    ----------
    step_size : int or str
        Entries, or memory such as "50 MB" (1 kB = 1024 bytes).
    bytes_per_entry : float
        Of the branches that are read.

    Returns
    -------
    int
        At least one. From a memory size a power of two, so that chunks of different sets of branches
        begin at common entries and share the cached columns.

    Raises
    ------
    SelectionError
        Where the step size is neither.

    Examples
    --------
    >>> steps(500, 8), steps("1 kB", 8), steps("1 MB", 24)
    (500, 128, 32768)
    """
    if isinstance(step_size, str):
        entries = memory_bytes(step_size, "step_size") / max(bytes_per_entry, 1.0)
        return 1 << max(int(math.log2(entries)), 0) if entries >= 1 else 1
    if isinstance(step_size, float) and math.isinf(step_size) and step_size > 0:
        return 2**62
    if isinstance(step_size, bool) or not isinstance(step_size, int | np.integer) or step_size < 1:
        raise SelectionError(
            f"step_size={step_size!r:.60} is not a number of entries. Write '50 MB', or 1 and above."
        )
    return int(step_size)


def ranges(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    """Ranges of entries from `start` to `stop`.

    Examples
    --------
    >>> list(ranges(0, 2304, 1000))
    [(0, 1000), (1000, 2000), (2000, 2304)]
    """
    for low in range(start, stop, step):
        yield low, min(low + step, stop)


def as_expressions(expressions: Mapping[str, str] | Sequence[str] | str) -> dict[str, str]:
    """Name to text, from a mapping, a list of texts or one text.

    Examples
    --------
    >>> as_expressions(["px", "py"])
    {'px': 'px', 'py': 'py'}
    """
    if isinstance(expressions, str):
        return {expressions: expressions}
    if isinstance(expressions, Mapping):
        return dict(expressions)
    if not isinstance(expressions, Iterable):
        raise ExpressionError(
            f"expressions={expressions!r:.60}: give a list of formulas, or a dict of name to formula."
        )
    return {text: text for text in expressions}


def values_of(
    expression: Expression,
    columns: Mapping[str, Any],
    n: int,
    passed: NDArray[np.bool_] | None = None,
    lists: bool = False,
) -> tuple[Any, NDArray[np.int64] | None]:
    """Evaluate what is to be histogrammed or handed out.

    Parameters
    ----------
    expression : Expression
        One value per entry, or ``flatten(...)``.
    columns : mapping of str to array
        The branches, `n` entries each.
    n : int
        Entries in the chunk.
    passed : numpy.ndarray of bool, shape (n,), optional
        Keep these entries only.
    lists : bool
        Whether lists are handed out as they are.

    Returns
    -------
    values : numpy.ndarray, shape (n_kept,) or (n_elements,), or awkward.Array
        One value per entry that is kept; all their elements where the expression is flat.
    counts : numpy.ndarray of int, shape (n_kept,), or None
        Elements per entry where the expression is flat.

    Raises
    ------
    BranchError
        Where the result is a list per event, and lists are not asked for.
    """
    found = expression.lists(columns)
    if expression.flat and is_list(found):
        return elements_of(found if passed is None else found[passed])
    values = found if lists and is_list(found) else per_entry(expression, found, n)
    return (values if passed is None else values[passed]), None


def elements_of(lists: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give all elements of lists in a row, and how many each entry has; a missing list has none."""
    found = jagged(lists) if isinstance(lists, ak.Array) else None
    if found is not None:
        ends = found.nesting.levels[0]
        for offsets in found.nesting.levels[1:]:
            ends = offsets[ends]
        return found.flat, np.diff(ends)
    while lists.ndim > 2:
        lists = ak.flatten(lists, axis=2)
    return to_numbers(ak.flatten(lists)), np.asarray(ak.fill_none(ak.num(lists), 0), dtype=np.int64)


def per_entry(expression: Expression, value: Any, n: int, flat: bool = True) -> NDArray[Any]:
    """Make sure that there is one value per entry; a constant is repeated.

    Raises
    ------
    BranchError
        Where there is a list per event instead.
    """
    if is_list(value):
        raise BranchError(_choices(expression, is_bool(value), flat))
    array: NDArray[Any] = np.asarray(value)
    return np.full(n, array) if array.ndim == 0 else array


def _choices(expression: Expression, condition: bool, flat: bool) -> str:
    """Say what can be made of a list per event."""
    text, name = expression.text.strip(), expression.branches[0]
    subject = f"branch {name!r}"
    if text in expression.columns:
        subject = f"column {text!r}"
    elif text.strip("`") != name:
        subject = f"{text!r} (from branch {name!r})"
    if condition:
        choices = f"any({text}), all({text}), or how many, count({text}) >= 2"
    else:
        choices = f"an index ({expression.enclosed}[:, 0]), a reduction (max({text}))"
    return f"{subject} is a list per event: choose {choices}{f', or flatten({text})' if flat else ''}."


def mask_of(cut: Expression | None, columns: Mapping[str, Any], n: int) -> NDArray[np.bool_] | None:
    """Which entries pass a cut, shape (n,): non-zero passes, NaN does not."""
    if cut is None:
        return None
    return as_mask(cut, cut.lists(columns), n)


def as_mask(cut: Expression, found: Any, n: int) -> NDArray[np.bool_]:
    """Turn what a cut evaluates to into a mask, shape (n,): see :func:`mask_of`."""
    value = per_entry(cut, found, n, flat=False)
    if value.dtype.kind in "UO":
        raise BranchError(f"the cut {cut.text!r} gives text: compare it with == or !=.")
    if value.dtype.kind == "b":
        return value
    return np.asarray((value != 0) & (value == value))  # noqa: PLR0124  # NaN is not itself


def numbers(expression: Expression, values: NDArray[Any]) -> NDArray[np.float64]:
    """Values in double precision; text is refused."""
    if values.dtype.kind not in "biuf":
        raise BranchError(
            f"branch {expression.branches[0]!r} holds text: a histogram needs numbers. Compare it, "
            f"as {expression.text} == '...', or use bins=hist.axis.StrCategory([], growth=True)."
        )
    return np.asarray(values, dtype=np.float64)
