"""Evaluate a checked syntax tree on columns: numpy for one value per event, awkward for lists."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, ExpressionError
from hepnb.events.functions import FUNCTIONS, as_float, is_list, take
from hepnb.events.syntax import COMPARISONS, OPERATORS, index_of
from hepnb.events.tokens import CONSTANTS, Words

__all__ = ["evaluate", "is_text"]


def evaluate(body: ast.expr, words: Words, arrays: Mapping[str, Any]) -> Any:
    """Evaluate a checked expression.

    Parameters
    ----------
    body : ast.expr
        Checked by :func:`hepnb.events.syntax.check`.
    words : Words
        What its placeholders stand for.
    arrays : mapping of str to array
        The columns.

    Returns
    -------
    a number, numpy.ndarray or awkward.Array
        One value or one list per event.
    """
    return _Walk(words, arrays).value(body)


class _Walk:
    """One evaluation over one set of columns."""

    def __init__(self, words: Words, arrays: Mapping[str, Any]) -> None:
        self.words = words
        self.arrays = arrays

    def value(self, node: Any) -> Any:
        return getattr(self, "do_" + type(node).__name__.lower())(node)

    def number(self, node: ast.AST) -> Any:
        """Evaluate what is about to be calculated with: text is refused."""
        value = self.value(node)
        if isinstance(value, str) or is_text(value):
            name = self.words.branches.get(getattr(node, "id", ""), None)
            who = f"branch {name!r}" if name else "a text"
            raise BranchError(
                f"{who} holds text in {self.words.text!r}: compare it with == or !=, for instance "
                f"{name or 'branch'} == 'GT'; it cannot be calculated with."
            )
        return value

    def do_constant(self, node: ast.Constant) -> Any:
        return node.value

    def do_name(self, node: ast.Name) -> Any:
        if node.id in self.words.branches:
            return self.arrays[self.words.branches[node.id]]
        if node.id in self.words.strings:
            return self.words.strings[node.id]
        return CONSTANTS[node.id]

    def do_binop(self, node: ast.BinOp) -> Any:
        left, right = self.number(node.left), self.number(node.right)
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            return _bits(left, right, np.bitwise_and if isinstance(node.op, ast.BitAnd) else np.bitwise_or)
        return _arithmetic(node.op, left, right)

    def do_unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.number(node.operand)
        if isinstance(node.op, ast.Not):
            return np.logical_not(_truth(value))
        if isinstance(node.op, ast.Invert):
            if not _is_bool(value):
                raise ExpressionError(
                    f"'~' of a number in {self.words.text!r} would flip its bits: "
                    "write not (...), or compare it first."
                )
            return np.logical_not(value)
        value = _counted(value)
        if isinstance(node.op, ast.UAdd):
            return value
        return _arithmetic(ast.Sub(), 0, value) if _kind(value) in "iu" else np.negative(value)

    def do_boolop(self, node: ast.BoolOp) -> Any:
        combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        result = _truth(self.number(node.values[0]))
        for other in node.values[1:]:
            result = combine(result, _truth(self.number(other)))
        return result

    def do_compare(self, node: ast.Compare) -> Any:
        sides = [self.value(side) for side in (node.left, *node.comparators)]
        result: Any = None
        for i, op in enumerate(node.ops):
            texts = [isinstance(side, str) or is_text(side) for side in sides[i : i + 2]]
            if any(texts) and not (all(texts) and isinstance(op, (ast.Eq, ast.NotEq))):
                self.number(node.left if texts[0] and i == 0 else node.comparators[i if texts[1] else i - 1])
            step = _compare(op, sides[i], sides[i + 1])
            result = step if result is None else np.logical_and(result, step)
        return result

    def do_call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        return FUNCTIONS[name].call(*(_counted(self.number(a), name) for a in node.args))

    def do_subscript(self, node: ast.Subscript) -> Any:
        value = self.number(node.value)
        if not is_list(value):
            raise ExpressionError(
                f"an index in {self.words.text!r}, but there is one value per event, not a list."
            )
        if not isinstance(node.slice, ast.Tuple):
            mask = self.number(node.slice)
            if not (is_list(mask) and _is_bool(mask)):
                raise ExpressionError(
                    f"an index in {self.words.text!r}: write [:, 0], or a condition on the elements."
                )
            return value[mask]
        for position, index in enumerate(_indices(node.slice)):
            if position and not is_list(value):
                raise ExpressionError(f"more indices in {self.words.text!r} than the branch has dimensions.")
            value = take(value, index)
        return value


def _indices(node: ast.Tuple) -> Iterator[int]:
    for element in node.elts[1:]:
        index = index_of(element)
        if index is not None:
            yield index


def _kind(value: Any) -> str:
    """Kind of the numbers: numpy's letter, 'b' bool, 'i' and 'u' whole, 'f' double, 'U' text."""
    if is_list(value):
        form = value.layout.form
        while getattr(form, "content", None) is not None and not hasattr(form, "primitive"):
            form = form.content
        primitive = getattr(form, "primitive", None)
        return np.dtype(primitive).kind if primitive else "O"
    return np.asarray(value).dtype.kind if not isinstance(value, str) else "U"


def _is_bool(value: Any) -> bool:
    return _kind(value) == "b"


def is_text(value: Any) -> bool:
    """Tell whether a column holds text."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "UOT"


def _counted(value: Any, function: str = "") -> Any:
    """Let true count as one, as in ROOT: numpy would make true + true true."""
    if not _is_bool(value) or function in ("any", "all", "where", "flatten", "first"):
        return value
    if is_list(value):
        return ak.values_astype(value, np.int64)
    return value.astype(np.int64) if isinstance(value, np.ndarray | np.generic) else int(value)


def _truth(value: Any) -> Any:
    """Non-zero is true, NaN is not."""
    if _is_bool(value):
        return value
    return np.logical_and(np.not_equal(value, 0), np.equal(value, value))


def _bits(left: Any, right: Any, combine: Callable[[Any, Any], Any]) -> Any:
    whole = all(_kind(side) in "iu" for side in (left, right))
    if not whole:
        return combine(_truth(left), _truth(right))
    return combine(left, right)


def _compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    compare = COMPARISONS[type(op)]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return bool(compare(left, right))
    return compare(left, right)


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    left, right = _counted(left), _counted(right)
    function = OPERATORS[type(op)]
    whole = all(_kind(side) in "iu" for side in (left, right))
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
    unsigned = "u" in (_kind(left), _kind(right))
    return all((0 if unsigned else -(2**63)) <= corner < 2**63 for corner in corners)


def _extent(value: Any) -> tuple[int, int]:
    if is_list(value):
        low, high = ak.min(value, axis=None), ak.max(value, axis=None)
        return (0, 0) if low is None else (int(low), int(high))
    array: NDArray[Any] = np.asarray(value)
    return (int(array.min()), int(array.max())) if array.size else (0, 0)
