"""Numbers, conditions and lists of them: what + - * / and comparisons do to each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.events.language.nesting import Jagged, jagged

__all__ = [
    "COMPARISONS",
    "OPERATORS",
    "absolute",
    "alike",
    "arithmetic",
    "as_float",
    "bits",
    "compare",
    "counted",
    "extent",
    "is_bool",
    "is_list",
    "kind_of",
    "sum_of_lists",
    "truth",
    "widened",
]

_WIDE = {"i": "int64", "u": "uint64", "f": "float64"}

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}


def is_list(value: object) -> bool:
    """Tell whether a value holds one list per event.

    Examples
    --------
    >>> is_list(np.zeros(3)), is_list(ak.Array([[1], [2, 3]]))
    (False, True)
    """
    return isinstance(value, ak.Array)


def kind_of(value: Any) -> str:
    """Kind of the numbers: numpy's letter, 'b' bool, 'i' and 'u' whole, 'f' double, 'U' text.

    Examples
    --------
    >>> kind_of(ak.Array([[True], []])), kind_of(3), kind_of("GT")
    ('b', 'i', 'U')
    """
    if isinstance(value, Jagged):
        return value.flat.dtype.kind
    if is_list(value):
        form = value.layout.form
        while getattr(form, "content", None) is not None and not hasattr(form, "primitive"):
            form = form.content
        primitive = getattr(form, "primitive", None)
        return np.dtype(primitive).kind if primitive else "O"
    return np.asarray(value).dtype.kind if not isinstance(value, str) else "U"


def is_bool(value: Any) -> bool:
    """Tell whether a value is a condition."""
    return kind_of(value) == "b"


def truth(value: Any) -> Any:
    """Non-zero is true, NaN is not.

    Examples
    --------
    >>> truth(np.array([0.0, 2.0, np.nan]))
    array([False,  True, False])
    """
    if is_bool(value):
        return value
    return np.logical_and(np.not_equal(value, 0), np.equal(value, value))


def counted(value: Any) -> Any:
    """Let true count as one, as in ROOT: numpy would make true + true true."""
    if not is_bool(value):
        return value
    if isinstance(value, Jagged):
        return Jagged(value.nesting, value.flat.astype(np.int64))
    if is_list(value):
        return ak.values_astype(value, np.int64)
    return value.astype(np.int64) if isinstance(value, np.ndarray | np.generic) else int(value)


def as_float(value: Any) -> Any:
    """Give a number, array or list in double precision."""
    if is_list(value):
        return ak.values_astype(value, np.float64)
    return np.asarray(value, dtype=np.float64) if isinstance(value, np.ndarray) else float(value)


def widened(value: Any) -> Any:
    """Give whole numbers 64 bits and others double precision; what is no number stays as it is.

    Lists of numbers come flat.

    Examples
    --------
    >>> widened(np.array([100], dtype=np.int8)).dtype, widened(np.array([1.5], dtype=np.float32)).dtype
    (dtype('int64'), dtype('float64'))
    """
    if isinstance(value, Jagged):
        return Jagged(value.nesting, widened(value.flat))
    if is_list(value) and (flat := jagged(value)) is not None:
        return widened(flat)
    wide = _WIDE.get(kind_of(value)) if isinstance(value, (np.ndarray, np.generic, ak.Array)) else None
    if wide is None:
        return value
    if is_list(value):
        return value if _is_wide(value.layout.form, wide) else ak.values_astype(value, wide)
    return value if value.dtype == wide else value.astype(wide)


def _is_wide(form: Any, wide: str) -> bool:
    while getattr(form, "content", None) is not None and not hasattr(form, "primitive"):
        form = form.content
    return getattr(form, "primitive", wide) == wide


def bits(left: Any, right: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """``&`` or ``|``: of the bits of whole numbers, of the truth of anything else."""
    kinds = {kind_of(side) for side in (left, right)}
    if kinds == {"i", "u"}:
        left, right = as_whole(left, "u"), as_whole(right, "u")
    if kinds <= {"i", "u"}:
        return combine(left, right)
    return combine(truth(left), truth(right))


def as_whole(value: Any, kind: str) -> Any:
    """Give whole numbers as signed ("i") or unsigned ("u") 64 bits; what does not fit wraps around."""
    wide = _WIDE[kind]
    if is_list(value):
        return ak.values_astype(value, wide)
    if isinstance(value, int):
        return np.dtype(wide).type(value % 2**64 - (2**64 if kind == "i" and value % 2**64 >= 2**63 else 0))
    return np.asarray(value).astype(wide)


def alike(values: Sequence[Any]) -> list[Any]:
    """Give signed and unsigned whole numbers one type that holds both, or double precision."""
    kinds = {kind_of(value) for value in values}
    if kinds != {"i", "u"}:
        return list(values)
    extents = [extent(value) for value in values]
    kind = _holds(min(low for low, _ in extents), max(high for _, high in extents), "i")
    return [as_float(value) if kind is None else as_whole(value, kind) for value in values]


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    """Compare; of two plain numbers a plain bool.

    Signed and unsigned whole numbers are compared exactly, others in double precision, as numpy does it.
    """
    function = COMPARISONS[type(op)]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return bool(function(left, right))
    return function(left, right)


def arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    """Calculate: whole numbers stay whole where 64 bits can hold the result."""
    left, right = counted(left), counted(right)
    function = OPERATORS[type(op)]
    whole = all(kind_of(side) in "iu" for side in (left, right))
    kind = _kind_of_result(op, left, right) if whole and not isinstance(op, (ast.Pow, ast.Div)) else None
    if kind is not None:
        return function(as_whole(left, kind), as_whole(right, kind))
    if whole or isinstance(op, (ast.Pow, ast.Div)):
        left, right = as_float(left), as_float(right)
    return function(left, right)


def _kind_of_result(op: ast.operator, left: Any, right: Any) -> str | None:
    """Tell which 64-bit whole numbers hold the result, and what it is calculated with: None for neither."""
    (low1, high1), (low2, high2) = extent(left), extent(right)
    first = "u" if (kind_of(left), kind_of(right)) == ("u", "u") else "i"
    if isinstance(op, (ast.FloorDiv, ast.Mod)):
        zero = right == 0
        if bool(ak.any(zero, axis=None) if is_list(zero) else np.any(zero)):
            return None
        # Both sides must fit, and the smallest number over -1 is one too large.
        over = max(high1, high2, -low1 if low2 < 0 else 0)
        return _holds(min(low1, low2), over, first)
    if isinstance(op, ast.Mult):
        corners = [low1 * low2, low1 * high2, high1 * low2, high1 * high2]
    elif isinstance(op, ast.Add):
        corners = [low1 + low2, high1 + high2]
    else:
        corners = [low1 - high2, high1 - low2]
    # The sides may wrap around: modulo 2**64 the result is right whatever they were.
    return _holds(min(corners), max(corners), first)


def _holds(low: int, high: int, first: str) -> str | None:
    fits = {"i": low >= -(2**63) and high < 2**63, "u": low >= 0 and high < 2**64}
    return next((kind for kind in (first, "i", "u") if fits[kind]), None)


def extent(value: Any) -> tuple[int, int]:
    """Return the smallest and the largest of whole numbers; zero and zero where there are none."""
    if isinstance(value, int):
        return value, value
    if is_list(value):
        value = ak.drop_none(ak.flatten(value, axis=None))
        value = ak.to_numpy(value)
    array: NDArray[Any] = np.asarray(value)
    return (int(array.min()), int(array.max())) if array.size else (0, 0)


def _within(value: Any, limit: int) -> bool:
    low, high = extent(value)
    return -limit <= low and high <= limit


def absolute(value: Any) -> Any:
    """Return absolute values; of whole numbers in double precision where -2**63 is among them."""
    if kind_of(value) == "i" and extent(value)[0] == -(2**63):
        value = as_float(value)
    return np.absolute(value)


def sum_of_lists(value: Any) -> Any:
    """Sum each event's list: whole numbers stay whole where 64 bits hold every sum."""
    total = ak.sum(value, axis=-1)
    kind = kind_of(value)
    if kind not in "iu" or _within(value, 2**31):
        return total
    # Modulo 2**64 the sum is right if it fits. Whether it does the halves say, whose sums cannot wrap around.
    unit = np.dtype(_WIDE[kind]).type
    upper, lower = np.right_shift(value, unit(32)), np.bitwise_and(value, unit(2**32 - 1))
    above = ak.sum(upper, axis=-1) + np.right_shift(ak.sum(lower, axis=-1), unit(32))
    low, high = extent(above)
    fits = low >= -(2**31) and high < 2**31 if kind == "i" else high < 2**32
    return total if fits else ak.sum(as_float(value), axis=-1)
