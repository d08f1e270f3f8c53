"""The whitelist over Python's syntax trees: what an expression may be made of."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from hepnb.errors import ExpressionError
from hepnb.events.language.four_vectors import MAKERS
from hepnb.events.language.functions import FUNCTIONS, MAX_MEMBERS
from hepnb.events.language.kinds import Kind, computed
from hepnb.events.language.object_checks import ObjectChecker, enclosed, prefix_of
from hepnb.events.language.operators import COMPARISONS, OPERATORS
from hepnb.events.language.source_map import TokenizedExpression

__all__ = [
    "COMPARISONS",
    "OPERATORS",
    "bounds_of",
    "check",
    "enclosed",
    "index_of",
    "is_flatten",
    "prefix_of",
]

MAX_DEPTH = 200
_MAX_EXPONENT = 1000.0
_MAX_POWER = 1e100

_REFUSED_NODES: dict[type[ast.AST], str] = {
    ast.Tuple: "a comma outside a function call",
    ast.List: "a list in brackets",
    ast.Starred: "a starred argument",
    ast.Slice: "a slice: write branch[:, 0] for the first element of each event",
    ast.Lambda: "a lambda",
}

_SIGNS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}
# The comparisons of a chain go one way.
_WAYS = ((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq,))


def check(body: ast.expr, words: TokenizedExpression) -> Kind | None:
    """Check every node of a parsed expression.

    Parameters
    ----------
    body : ast.expr
        What the parser made of ``words.code``.
    words : TokenizedExpression
        For the message, which points into the person's text.

    Returns
    -------
    Kind or None
        What objects its values are; None for numbers.

    Raises
    ------
    ExpressionError
        At the first node that is not in the language.
    """
    _check_depth(body, words.text)
    checker = _Checker(words)
    if is_flatten(body):
        checker.call_shape(body)
        inner = body.args[0]  # type: ignore[attr-defined]
        checker.number(inner, "flatten(...)")
        return None
    return checker.check(body)


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


class _Checker(ObjectChecker):
    """The whitelist over syntax nodes; what has no method is refused.

    Each method gives the kind of the objects that the values are; None for numbers.
    """

    def check(self, node: ast.AST) -> Kind | None:
        method: Callable[[Any], Kind | None] | None = getattr(
            self, "check_" + type(node).__name__.lower(), None
        )
        if method is None:
            self.refuse(
                node, _REFUSED_NODES.get(type(node), f"{type(node).__name__.lower()} is not in the language")
            )
        return method(node)

    def check_name(self, node: ast.Name) -> Kind | None:
        # Every name came through the splitter: it is a placeholder, pi, True or False.
        if node.id in self.words.strings:
            self.refuse(node, "a text outside a comparison: write branch == 'GT'")
        kind: Kind | None = self.words.columns.get(self.words.branches.get(node.id, ""))
        return kind

    def check_constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, (bool, int, float)):
            self.refuse(node, f"the constant {node.value!r}")

    def check_binop(self, node: ast.BinOp) -> Kind | None:
        if type(node.op) not in OPERATORS and not isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            self.refuse(node, f"operator {type(node.op).__name__}")
        if isinstance(node.op, ast.Pow):
            self.check_power(node)
        kinds = [self.check(node.left), self.check(node.right)]
        left, right = (kind is not None for kind in kinds)
        if not (left or right):
            return None
        if any(kind is not None and not kind.has_vectors for kind in kinds):
            self.refuse(
                node, f"{_SIGNS[type(node.op)]!r} of combinations of numbers: write x.first + x.second"
            )
        if isinstance(node.op, (ast.Add, ast.Sub)):
            fits = left and right
        else:
            scales = isinstance(node.op, ast.Mult) or (isinstance(node.op, ast.Div) and left)
            fits = scales and left != right
        if not fits:
            one, other = ("four-vectors" if side else "a number" for side in (left, right))
            self.refuse(
                node,
                f"{_SIGNS[type(node.op)]!r} of {one} and {other}: four-vectors can be added, subtracted and "
                "scaled, and have numbers such as .pt and .mass",
            )
        return computed()

    def check_power(self, node: ast.BinOp) -> None:
        exponent = _constant(node.right)
        source = self.words.source(node)
        if exponent is not None and not abs(exponent) <= _MAX_EXPONENT:
            self.refuse(node, f"power {source!r}: the exponent is beyond {_MAX_EXPONENT:g}")
        value = _constant(node)
        if value is not None and abs(value) > _MAX_POWER:
            self.refuse(node, f"power {source!r}: it is beyond {_MAX_POWER:g}")

    def check_unaryop(self, node: ast.UnaryOp) -> Kind | None:
        if isinstance(node.op, (ast.USub, ast.UAdd)):
            kind = self.check(node.operand)
            if kind is not None and not kind.has_vectors:
                self.refuse(node, "a sign before combinations of numbers: write -x.first")
            return kind if kind is None or isinstance(node.op, ast.UAdd) else computed()
        if isinstance(node.op, ast.Not):
            self.check_looser(node.operand, "not", True, (ast.BitAnd, ast.BitOr))
        self.number(node.operand, "'not'" if isinstance(node.op, ast.Not) else "'~'")
        return None

    def check_operand(self, side: ast.expr, last: bool) -> None:
        """Refuse ``a & b > c``: Python compares ``a & b``, and whoever writes it means ``a & (b > c)``."""
        if self.bracketed(side, last):
            return
        if isinstance(side, ast.BinOp) and isinstance(side.op, (ast.BitAnd, ast.BitOr)):
            sign = _SIGNS[type(side.op)]
            either = f"write (a < 1) {sign} (b > 2), or (a {sign} b) == 1"
            self.refuse(side, f"{sign!r} binds tighter than a comparison: {either}")
        if isinstance(side, ast.UnaryOp) and isinstance(side.op, ast.Invert) and not last:
            self.refuse(side, "'~' binds tighter than a comparison: write ~(a < 1), or (~a) == b")

    def check_looser(
        self, side: ast.expr, word: str, last: bool, signs: tuple[type[ast.operator], ...]
    ) -> None:
        """Refuse ``not a & b`` and ``a | b and c``: the words bind more loosely than the signs."""
        if isinstance(side, ast.BinOp) and isinstance(side.op, signs) and not self.bracketed(side, last):
            sign = _SIGNS[type(side.op)]
            one = "not (a & b)" if word == "not" else f"(a {sign} b) {word} c"
            other = f"(not a) {sign} b" if word == "not" else f"a {sign} (b {word} c)"
            self.refuse(
                side, f"{sign!r} binds tighter than {word!r}: write {one.replace('&', sign)}, or {other}"
            )

    def check_chain(self, node: ast.Compare) -> None:
        """Refuse ``a > b == c``: it is ``a > b and b == c``, where ``(a > b) == c`` may be meant."""
        if len(node.ops) > 1 and not any(all(type(op) in way for op in node.ops) for way in _WAYS):
            self.refuse(
                node,
                "a chain of comparisons that does not go one way, as 60 < m < 120 does: put brackets around "
                "one, as in (a > b) == c, or write a > b and b == c",
            )

    def bracketed(self, node: ast.expr, last: bool) -> bool:
        """Tell whether an operand stands in brackets of its own; `last`: right of its operator."""
        code = self.words.code
        if last:
            return code[: node.col_offset].rstrip()[-1:] == "("
        return code[node.end_col_offset :].lstrip()[:1] == ")"

    def check_boolop(self, node: ast.BoolOp) -> None:
        for place, value in enumerate(node.values):
            if isinstance(node.op, ast.And):
                self.check_looser(value, "and", place > 0, (ast.BitOr,))
            self.number(value, "'and'" if isinstance(node.op, ast.And) else "'or'")

    def check_compare(self, node: ast.Compare) -> None:
        if any(type(op) not in COMPARISONS for op in node.ops):
            self.refuse(node, "'in' and 'is' are not in the language")
        for place, side in enumerate((node.left, *node.comparators)):
            self.check_operand(side, last=place > 0)
        self.check_chain(node)
        texts_fit = len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        for value in (node.left, *node.comparators):
            if not (texts_fit and isinstance(value, ast.Name) and value.id in self.words.strings):
                self.number(value, "a comparison")

    def call_shape(self, node: Any) -> None:
        name = node.func.id
        function = FUNCTIONS[name]
        if node.keywords and name not in MAKERS:
            self.refuse(node.keywords[0].value, f"a keyword argument in the call of {name!r}")
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self.refuse(argument, "a starred argument")
        n_given = len(node.args) - bool(self.words.prefixes and prefix_of(node, self.words))
        if not function.n_min <= n_given <= function.n_max:
            wanted = str(function.n_min) if function.n_min == function.n_max else f"{function.n_min} or more"
            what = f"{name!r} takes {wanted} argument(s), not {len(node.args)}"
            if name in MAKERS:
                alone = ", or what branches begin with, as in p4(Muon)[:, 0]" if name == "p4" else ""
                what = (
                    f"{name!r} takes {', '.join(MAKERS[name])}{alone}; here are {len(node.args)} argument(s)"
                )
            self.refuse(node, what)

    def check_call(self, node: ast.Call) -> Kind | None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            hint = ""
            if isinstance(node.func, ast.Attribute):
                hint = f": write .{node.func.attr}, without brackets behind it"
            self.refuse(node, f"call of {self.words.source(node.func)!r}, which is not a function{hint}")
        name = node.func.id
        if name == "flatten":
            self.refuse(node, "flatten(...) must be outermost: write flatten(2 * x), not 2 * flatten(x)")
        self.call_shape(node)
        if name in MAKERS:
            return self.made(name, node)
        if FUNCTIONS[name].kinds is None:
            for argument in node.args:
                self.number(argument, f"{name}(...)")
            return None
        if name == "where":
            self.number(node.args[0], "the condition")
        if name == "combinations":
            n = index_of(node.args[1])
            if n is None or not 2 <= n <= MAX_MEMBERS:
                self.refuse(node, f"combinations(x, n) takes a whole number n from 2 to {MAX_MEMBERS}")
            return self.ruled(name, node, [self.check(node.args[0])] * n)
        kinds = [self.check(argument) for argument in node.args[1 if name == "where" else 0 :]]
        return self.ruled(name, node, kinds)

    def check_subscript(self, node: ast.Subscript) -> Kind | None:
        vectors = self.check(node.value)
        if isinstance(node.slice, ast.Tuple):
            if not _is_place(node.slice):
                self.refuse(node, "this index: write branch[:, 0] for the first element of each event")
            return vectors
        if isinstance(node.slice, (ast.Slice, ast.Constant)) or index_of(node.slice) is not None:
            self.refuse(node, f"index over the events: write {self.words.source(node.value)}[:, 0]")
        self.number(node.slice, "an index")
        return vectors


def _is_place(index: ast.Tuple) -> bool:
    """Tell whether an index is [:, 0], [:, 0, 1] or [:, :2]."""
    if len(index.elts) < 2 or not isinstance(index.elts[0], ast.Slice):
        return False
    colon = index.elts[0]
    if colon.lower or colon.upper or colon.step:
        return False
    *places, last = index.elts[1:]
    ends = bounds_of(last) is not None if isinstance(last, ast.Slice) else index_of(last) is not None
    return ends and all(index_of(place) is not None for place in places)


def bounds_of(node: ast.Slice) -> slice | None:
    """Give a range of elements written as an index, such as :2; None for anything else."""
    if node.step is not None or (node.lower is None and node.upper is None):
        return None
    ends = [None if end is None else index_of(end) for end in (node.lower, node.upper)]
    if any(
        found is None and end is not None for found, end in zip(ends, (node.lower, node.upper), strict=True)
    ):
        return None
    return slice(*ends)


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
