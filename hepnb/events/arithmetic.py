"""Numbers, conditions and lists of them: what + - * / and comparisons do to each."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COMPARISONS",
    "OPERATORS",
    "arithmetic",
    "as_float",
    "bits",
    "compare",
    "counted",
    "is_bool",
    "is_list",
    "kind_of",
    "truth",
]

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
    if is_list(value):
        return ak.values_astype(value, np.int64)
    return value.astype(np.int64) if isinstance(value, np.ndarray | np.generic) else int(value)


def as_float(value: Any) -> Any:
    """Give a number, array or list in double precision."""
    if is_list(value):
        return ak.values_astype(value, np.float64)
    return np.asarray(value, dtype=np.float64) if isinstance(value, np.ndarray) else float(value)


def bits(left: Any, right: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """``&`` or ``|``: of the bits of whole numbers, of the truth of anything else."""
    kinds = {kind_of(side) for side in (left, right)}
    if kinds == {"i", "u"} and not any(isinstance(side, int) for side in (left, right)):
        left, right = (_unsigned(side) for side in (left, right))
    if kinds <= {"i", "u"}:
        return combine(left, right)
    return combine(truth(left), truth(right))


def _unsigned(value: Any) -> Any:
    return ak.values_astype(value, np.uint64) if is_list(value) else np.asarray(value).astype(np.uint64)


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    """Compare; of two plain numbers a plain bool."""
    function = COMPARISONS[type(op)]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return bool(function(left, right))
    return function(left, right)


def arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    """Calculate: whole numbers stay whole where 64 bits can hold the result."""
    left, right = counted(left), counted(right)
    function = OPERATORS[type(op)]
    whole = all(kind_of(side) in "iu" for side in (left, right))
    if isinstance(op, (ast.Pow, ast.Div)) or (whole and not _exact(op, left, right)):
        left, right = as_float(left), as_float(right)
    try:
        return function(left, right)
    except (OverflowError, TypeError):
        return function(as_float(left), as_float(right))


def _exact(op: ast.operator, left: Any, right: Any) -> bool:
    """Tell whether 64-bit whole numbers can hold the result."""
    (low1, high1), (low2, high2) = _extent(left), _extent(right)
    if isinstance(op, (ast.FloorDiv, ast.Mod)):
        zero = right == 0
        return not bool(ak.any(zero, axis=None) if is_list(zero) else np.any(zero))
    if isinstance(op, ast.Mult):
        corners = [low1 * low2, low1 * high2, high1 * low2, high1 * high2]
    elif isinstance(op, ast.Add):
        corners = [low1 + low2, high1 + high2]
    else:
        corners = [low1 - high2, high1 - low2]
    unsigned = "u" in (kind_of(left), kind_of(right))
    return all((0 if unsigned else -(2**63)) <= corner < 2**63 for corner in corners)


def _extent(value: Any) -> tuple[int, int]:
    if is_list(value):
        low, high = ak.min(value, axis=None), ak.max(value, axis=None)
        return (0, 0) if low is None else (int(low), int(high))
    array: NDArray[Any] = np.asarray(value)
    return (int(array.min()), int(array.max())) if array.size else (0, 0)
