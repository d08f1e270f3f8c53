"""The whitelist over Python's syntax trees: what an expression may be made of."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hepnb.errors import ExpressionError
from hepnb.events.functions import FUNCTIONS
from hepnb.events.tokens import Words, point_at

__all__ = ["COMPARISONS", "OPERATORS", "check", "index_of", "is_flatten"]

MAX_DEPTH = 200
_MAX_EXPONENT = 1000.0
_MAX_POWER = 1e100

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
_REFUSED_NODES: dict[type[ast.AST], str] = {
    ast.Tuple: "a comma outside a function call",
    ast.List: "a list in brackets",
    ast.Starred: "a starred argument",
    ast.Slice: "a slice: write branch[:, 0] for the first element of each event",
    ast.Lambda: "a lambda",
    ast.Attribute: "attribute access",
}


def check(body: ast.expr, words: Words) -> None:
    """Check every node of a parsed expression.

    Parameters
    ----------
    body : ast.expr
        What the parser made of ``words.code``.
    words : Words
        For the message, which points into the person's text.

    Raises
    ------
    ExpressionError
        At the first node that is not in the language.
    """
    _check_depth(body, words.text)
    checker = _Checker(words)
    if is_flatten(body):
        checker.call_shape(body)
        checker.check(body.args[0])  # type: ignore[attr-defined]
    else:
        checker.check(body)


def is_flatten(node: ast.expr) -> bool:
    """Tell whether an expression is flatten(...)."""
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
        # Every name came through the splitter: it is a placeholder, pi, True or False.
        if node.id in self.words.strings:
            self.refuse(node, "a text outside a comparison: write branch == 'GT'")

    def check_constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, (bool, int, float)):
            self.refuse(node, f"the constant {node.value!r}")

    def check_binop(self, node: ast.BinOp) -> None:
        if type(node.op) not in OPERATORS and not isinstance(node.op, (ast.BitAnd, ast.BitOr)):
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
        if any(type(op) not in COMPARISONS for op in node.ops):
            self.refuse(node, "'in' and 'is' are not in the language")
        for middle in node.comparators[:-1]:
            # a < 1 & b > 2 is a < (1 & b) > 2 to Python: nobody means that.
            bare = self.words.code[: middle.col_offset].rstrip()[-1:] != "("
            if isinstance(middle, ast.BinOp) and isinstance(middle.op, (ast.BitAnd, ast.BitOr)) and bare:
                sign = "&" if isinstance(middle.op, ast.BitAnd) else "|"
                self.refuse(middle, f"'{sign}' binds tighter than a comparison: write (a < 1) {sign} (b > 2)")
        texts_fit = len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        for value in (node.left, *node.comparators):
            if not (texts_fit and isinstance(value, ast.Name) and value.id in self.words.strings):
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
                and all(index_of(e) is not None for e in node.slice.elts[1:])
            ):
                return
            self.refuse(node, "this index: write branch[:, 0] for the first element of each event")
        if isinstance(node.slice, (ast.Slice, ast.Constant)) or index_of(node.slice) is not None:
            self.refuse(node, f"index over the events: write {self.source(node.value)}[:, 0]")
        self.check(node.slice)


def index_of(node: ast.AST) -> int | None:
    """Give a whole number written as an index, None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = index_of(node.operand)
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
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = _constant(node.left), _constant(node.right)
        if left is None or right is None:
            return None
        with np.errstate(all="ignore"):
            return float(OPERATORS[type(node.op)](np.float64(left), np.float64(right)))
    return None
