"""Cuts and formulas: parsed, checked against a whitelist, and evaluated by our own walk; never ``eval``.

The language: numbers, branch names (any name between backticks), ``+ - * / // % **``, comparisons (also
chained), ``& | ~`` and ``and or not``, the functions of :data:`hepnb.events.functions.FUNCTIONS`, and for a
branch with a list per event ``Muon_pt[:, 0]`` and ``Muon_pt[abs(Muon_eta) < 2.4]``.

Arithmetic is numpy's in double precision with its warnings off: 1/0 is inf, sqrt(-1) is NaN, a comparison
with NaN is false. Whole numbers stay whole (64 bits, going over to double precision where they would not
fit); powers and divisions are always in double precision. An element that is not there (``Muon_pt[:, 1]``
of an event with one muon, ``max`` of an empty list) is NaN.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NoReturn

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, ExpressionError, HepnbError
from hepnb.events.functions import FUNCTIONS, as_float, is_list, take, to_numbers
from hepnb.events.tokens import CONSTANTS, Words, point_at, split

__all__ = ["Expression", "check_expression"]

MAX_DEPTH = 200
_MAX_EXPONENT = 1000.0
_MAX_POWER = 1e100

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_REFUSED_NODES: dict[type[ast.AST], str] = {
    ast.Tuple: "a comma outside a function call",
    ast.List: "a list in brackets",
    ast.Starred: "a starred argument",
    ast.Slice: "a slice: write branch[:, 0] for the first element of each event",
    ast.Lambda: "a lambda",
    ast.Attribute: "attribute access",
}


class Expression:
    """A checked cut or formula.

    Attributes
    ----------
    text : str
        What the person wrote.
    branches : tuple of str
        The branches it reads, in the order of their first use.
    flat : bool
        True for ``flatten(...)``: the result has one value per list element.
    """

    __slots__ = ("_body", "_words", "branches", "flat", "text")

    def __init__(self, words: Words, body: ast.expr) -> None:
        self._words = words
        self._body = body
        self.text = words.text
        self.flat = _is_flatten(body)
        self.branches = tuple(words.branches.values())

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and (self.text, self.branches) == (other.text, other.branches)

    def __hash__(self) -> int:
        return hash((self.text, self.branches))

    def __reduce__(self) -> tuple[Any, ...]:
        return check_expression, (self.text, self.branches)

    def evaluate(self, arrays: Mapping[str, Any]) -> Any:
        """Evaluate on columns.

        Parameters
        ----------
        arrays : mapping of str to array
            One entry per name in `branches`: numpy of shape (n_events,), or awkward with one list per event.

        Returns
        -------
        numpy.ndarray, awkward.Array or a number
            One value or one list per event; all elements in one numpy array where `flat`; a number where the
            expression reads no branch.

        Raises
        ------
        ExpressionError
            Where the kinds of the columns do not allow it.
        BranchError
            Where a column is missing, or holds text and is used as a number.

        Examples
        --------
        >>> check_expression("x**2 > 3", ["x"]).evaluate({"x": np.array([1, 2])})
        array([False,  True])
        """
        value = self.lists(arrays)
        if self.flat and is_list(value):
            return to_numbers(ak.flatten(value, axis=None))
        return value

    def lists(self, arrays: Mapping[str, Any]) -> Any:
        """Evaluate, leaving the lists of ``flatten(...)`` as they are."""
        missing = [name for name in self.branches if name not in arrays]
        if missing:
            raise BranchError(
                f"{self.text!r} reads the branch {missing[0]!r}, which is not among the columns."
            )
        with np.errstate(all="ignore"):
            try:
                value = _Walk(self._words, arrays).value(self._body)
            except HepnbError:
                raise
            except (
                Exception
            ) as error:  # awkward and numpy raise many kinds: all of them mean the columns do not fit
                raise ExpressionError(f"{self.text!r} cannot be evaluated: {_first_line(error)}") from error
        if isinstance(value, str) or _is_text(value):
            if isinstance(self._body, ast.Name):
                return value
            raise ExpressionError(f"{self.text!r} gives text, not numbers.")
        return value


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def check_expression(text: str, names: Collection[str]) -> Expression:
    """Parse a cut or a formula and check it against the whitelist.

    Parameters
    ----------
    text : str
        What the person wrote.
    names : collection of str
        The branches it may use.

    Returns
    -------
    Expression
        Ready to be evaluated.

    Raises
    ------
    ExpressionError
        Where it is not in the language; the message names what was refused and shows where.
    BranchError
        Where it uses a name that is no branch.

    Examples
    --------
    >>> check_expression("sqrt(E1**2 - px1**2) > 20", ["E1", "px1"]).branches
    ('E1', 'px1')
    >>> check_expression("__import__('os')", ["E1"])
    Traceback (most recent call last):
        ...
    hepnb.errors.ExpressionError: call of '__import__' (a private name of Python), at position 1:
        __import__('os')
        ^
    """
    words = split(text, names if isinstance(names, (set, frozenset, dict)) else frozenset(names))
    try:
        body = ast.parse(words.code, mode="eval").body
    except SyntaxError as error:
        position = words.positions[min(max((error.offset or 1) - 1, 0), len(words.positions) - 1)]
        raise ExpressionError(point_at(text, min(position, len(text)), _syntax(error))) from error
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        raise ExpressionError(f"the expression is nested too deeply: {text[:60]!r}...") from error
    _check_depth(body, text)
    checker = _Checker(words)
    checker.check(body.args[0] if _is_flatten(body) and isinstance(body, ast.Call) and body.args else body)
    if _is_flatten(body):
        checker.call_shape(body)
    return Expression(words, body)


def _syntax(error: SyntaxError) -> str:
    said = (error.msg or "invalid syntax").partition(".")[0]
    return (
        "the expression ends too soon"
        if "EOF" in said or "was never closed" in said
        else f"syntax error ({said})"
    )


def _is_flatten(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "flatten"


def _check_depth(body: ast.expr, text: str) -> None:
    # Without recursion: the tree may be thousands of nodes deep.
    waiting: list[tuple[ast.AST, int]] = [(body, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested more than {MAX_DEPTH} deep: {text[:60]!r}...")
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


class _Checker:
    """The whitelist over syntax nodes; what has no method is refused."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def refuse(self, node: ast.AST, what: str) -> NoReturn:
        offset = getattr(node, "col_offset", 0)
        raise ExpressionError(point_at(self.words.text, self.words.positions[offset], what))

    def source(self, node: ast.AST) -> str:
        positions, text = self.words.positions, self.words.text
        start, stop = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        found = text[positions[start] : positions[min(stop + 1, len(positions) - 1)]].strip()
        return found if len(found) <= 60 else found[:57] + "..."

    def check(self, node: ast.AST) -> None:
        method: Callable[[Any], None] | None = getattr(self, "check_" + type(node).__name__.lower(), None)
        if method is None:
            self.refuse(
                node, _REFUSED_NODES.get(type(node), f"{type(node).__name__.lower()} is not in the language")
            )
        method(node)

    def check_name(self, node: ast.Name) -> None:
        pass  # every name came through the splitter: a placeholder, pi, True or False

    def check_constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, (bool, int, float)):
            self.refuse(node, f"the constant {node.value!r}")

    def check_binop(self, node: ast.BinOp) -> None:
        if type(node.op) not in _OPERATORS and not isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            self.refuse(node, f"operator {type(node.op).__name__}")
        if isinstance(node.op, ast.Pow):
            self.check_power(node)
        self.check(node.left)
        self.check(node.right)

    def check_power(self, node: ast.BinOp) -> None:
        exponent = _constant(node.right)
        if exponent is not None and not abs(exponent) <= _MAX_EXPONENT:
            self.refuse(node, f"power {self.source(node)!r}: the exponent is beyond {_MAX_EXPONENT:g}")
        value = _constant(node)
        if value is not None and not abs(value) <= _MAX_POWER:
            self.refuse(node, f"power {self.source(node)!r}: it is beyond {_MAX_POWER:g}")

    def check_unaryop(self, node: ast.UnaryOp) -> None:
        self.check(node.operand)

    def check_boolop(self, node: ast.BoolOp) -> None:
        for value in node.values:
            self.check(value)

    def check_compare(self, node: ast.Compare) -> None:
        if any(type(op) not in _COMPARISONS for op in node.ops):
            self.refuse(node, "'in' and 'is' are not in the language")
        for middle in node.comparators[:-1]:
            # a < 1 & b > 2 is a < (1 & b) > 2 to Python: nobody means that.
            bare = self.words.code[: middle.col_offset].rstrip()[-1:] != "("
            if isinstance(middle, ast.BinOp) and isinstance(middle.op, (ast.BitAnd, ast.BitOr)) and bare:
                sign = "&" if isinstance(middle.op, ast.BitAnd) else "|"
                self.refuse(middle, f"'{sign}' binds tighter than a comparison: write (a < 1) {sign} (b > 2)")
        for value in (node.left, *node.comparators):
            self.check(value)

    def call_shape(self, node: Any) -> None:
        name = node.func.id
        function = FUNCTIONS[name]
        if node.keywords:
            self.refuse(node.keywords[0].value, f"a keyword argument in the call of {name!r}")
        if not function.n_min <= len(node.args) <= function.n_max:
            wanted = str(function.n_min) if function.n_min == function.n_max else f"{function.n_min} or more"
            self.refuse(node, f"{name!r} takes {wanted} argument(s), not {len(node.args)}")
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.refuse(argument, "a starred argument")

    def check_call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            self.refuse(node, f"call of {self.source(node.func)!r}, which is not a function")
        if node.func.id == "flatten":
            self.refuse(node, "flatten(...) must be outermost: write flatten(2 * x), not 2 * flatten(x)")
        self.call_shape(node)
        for argument in node.args:
            self.check(argument)

    def check_subscript(self, node: ast.Subscript) -> None:
        self.check(node.value)
        if isinstance(node.slice, ast.Tuple):
            colon = node.slice.elts[0] if node.slice.elts else None
            plain = isinstance(colon, ast.Slice) and not (colon.lower or colon.upper or colon.step)
            if (
                plain
                and len(node.slice.elts) >= 2
                and all(_index(e) is not None for e in node.slice.elts[1:])
            ):
                return
            self.refuse(node, "this index: write branch[:, 0] for the first element of each event")
        if isinstance(node.slice, (ast.Slice, ast.Constant)) or _index(node.slice) is not None:
            self.refuse(node, f"index over the events: write {self.source(node.value)}[:, 0]")
        self.check(node.slice)


def _index(node: ast.AST) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _index(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 2**31:
        return node.value
    return None


def _constant(node: ast.AST) -> float | None:
    """Value of a subtree without branches and calls, in double precision; None otherwise."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _constant(node.operand)
        return None if inner is None else (-inner if isinstance(node.op, ast.USub) else inner)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _constant(node.left), _constant(node.right)
        if left is None or right is None:
            return None
        with np.errstate(all="ignore"):
            return float(_OPERATORS[type(node.op)](np.float64(left), np.float64(right)))
    return None


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
        if isinstance(value, str) or _is_text(value):
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
        return np.negative(_counted(value)) if isinstance(node.op, ast.USub) else _counted(value)

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
            texts = [isinstance(side, str) or _is_text(side) for side in sides[i : i + 2]]
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
        index = _index(element)
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


def _is_text(value: Any) -> bool:
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
    compare = _COMPARISONS[type(op)]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return bool(compare(left, right))
    return compare(left, right)


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    left, right = _counted(left), _counted(right)
    function = _OPERATORS[type(op)]
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
