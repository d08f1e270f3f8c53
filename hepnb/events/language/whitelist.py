"""The whitelist over Python's syntax trees: what an expression may be made of."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hepnb.errors import ExpressionError
from hepnb.events.language.four_vectors import ATTRIBUTES, MAKERS
from hepnb.events.language.functions import FUNCTIONS, MAX_MEMBERS
from hepnb.events.language.kinds import (
    OBJECT_WORDS,
    RULES,
    Kind,
    branch_of,
    columns_of,
    combination,
    computed,
    no_attribute,
    particle,
)
from hepnb.events.language.objects import ORDINALS
from hepnb.events.language.operators import COMPARISONS, OPERATORS
from hepnb.events.language.p4_branches import misplaced
from hepnb.events.language.source_map import TokenizedExpression, point_at

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


class _Checker:
    """The whitelist over syntax nodes; what has no method is refused.

    Each method gives the kind of the objects that the values are; None for numbers.
    """

    def __init__(self, words: TokenizedExpression) -> None:
        self.words = words

    def refuse(self, node: ast.AST, what: str) -> NoReturn:
        offset = getattr(node, "col_offset", 0)
        raise ExpressionError(point_at(self.words.text, self.words.positions[offset], what))

    def check(self, node: ast.AST) -> Kind | None:
        method: Callable[[Any], Kind | None] | None = getattr(
            self, "check_" + type(node).__name__.lower(), None
        )
        if method is None:
            self.refuse(
                node, _REFUSED_NODES.get(type(node), f"{type(node).__name__.lower()} is not in the language")
            )
        return method(node)

    def number(self, node: ast.AST, what: str) -> None:
        """Check what must not be four-vectors."""
        kind = self.check(node)
        if kind is not None:
            one = enclosed(self.words.source(node), node)
            if not kind.has_vectors:
                self.refuse(node, f"{what} of combinations: take one of their members, such as {one}.first")
            self.refuse(node, f"{what} of four-vectors: take one of their numbers, such as {one}.pt or .mass")

    def check_name(self, node: ast.Name) -> Kind | None:
        # Every name came through the splitter: it is a placeholder, pi, True or False.
        if node.id in self.words.strings:
            self.refuse(node, "a text outside a comparison: write branch == 'GT'")
        kind: Kind | None = self.words.columns.get(self.words.branches.get(node.id, ""))
        return kind

    def check_constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, (bool, int, float)):
            self.refuse(node, f"the constant {node.value!r}")

    def check_attribute(self, node: ast.Attribute) -> Kind | None:
        kind, attribute = self.check(node.value), node.attr
        if kind is None:
            one = self.words.source(node.value)
            self.refuse(
                node,
                f"attribute access '.{attribute}' of {one!r}, which is a number: only four-vectors have it",
            )
        if attribute in ORDINALS or attribute == "members":
            return self.member(node, kind)
        if attribute in ATTRIBUTES:
            if not kind.has_vectors:
                self.refuse(
                    node,
                    f"attribute access '.{attribute}' of combinations of numbers: write .first.{attribute}",
                )
            return None
        if attribute == "index":
            self.check_index(node, kind)
            return None
        found = columns_of(kind, attribute, self.words.names) if not kind.members else None
        if found is None:
            self.refuse(node, no_attribute(kind, attribute, self.words.names))
        self.words.fields.update(found)
        return None

    def member(self, node: ast.Attribute, kind: Kind) -> Kind | None:
        """Check .first, .second and so on, and .members."""
        if not kind.members:
            self.refuse(node, f"attribute access '.{node.attr}', which only combinations have, as pairs(x)")
        if node.attr != "members":
            number = ORDINALS.index(node.attr)
            if number >= len(kind.members):
                self.refuse(
                    node, f"attribute access '.{node.attr}' of combinations of {len(kind.members)} objects"
                )
            return kind.members[number]
        return self.ruled("concat", node, list(kind.members))

    def check_index(self, node: ast.Attribute, kind: Kind) -> None:
        """Refuse .index where a branch is called so: it would be the place in the list."""
        for origin in kind.origins:
            branch = branch_of(origin.prefix, "index", self.words.names) if origin.prefix else None
            if branch is not None:
                self.refuse(
                    node,
                    f"attribute access '.index', which may be the place in the list or the branch "
                    f"{branch!r}: give it another name, p4({origin.prefix}, place=local_index({branch})) or "
                    f"p4({origin.prefix}, number={branch})",
                )

    def ruled(self, name: str, node: ast.AST, kinds: list[Kind | None]) -> Kind | None:
        """Give the kind that a function of objects gives."""
        try:
            return RULES[name](name, kinds)
        except ExpressionError as error:
            self.refuse(node, str(error))

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
        if not FUNCTIONS[name].objects:
            for argument in node.args:
                self.number(argument, f"{name}(...)")
            return None
        if name == "where":
            self.number(node.args[0], "the condition")
        if name == "combinations":
            n = index_of(node.args[1])
            if n is None or not 2 <= n <= MAX_MEMBERS:
                self.refuse(node, f"combinations(x, n) takes a whole number n from 2 to {MAX_MEMBERS}")
            return self.of_n(node, n)
        kinds = [self.check(argument) for argument in node.args[1 if name == "where" else 0 :]]
        return self.ruled(name, node, kinds)

    def of_n(self, node: ast.Call, n: int) -> Kind:
        """Give the kind of combinations(x, n)."""
        inner = self.check(node.args[0])
        try:
            return combination("combinations", (inner,) * n)
        except ExpressionError as error:
            self.refuse(node, str(error))

    def made(self, name: str, node: Any) -> Kind:
        """Check a call that makes four-vectors, and what it gives by keyword."""
        prefix = prefix_of(node, self.words)
        for argument in node.args[:4]:
            self.number(argument, f"{name}(...)")
        if not prefix:
            self.check_order(name, node)
        fields = []
        for given in node.keywords:
            self.number(given.value, f"{given.arg}= of {name}(...)")
            if given.arg in ATTRIBUTES:
                self.check_replaced(name, prefix, given)
            elif given.arg in OBJECT_WORDS:
                self.refuse(
                    given, f"a column called {given.arg!r}, which objects have already: call it otherwise"
                )
            elif given.arg in fields:
                self.refuse(given, f"a column {given.arg!r} that is given twice")
            else:
                fields.append(given.arg)
        return particle(prefix, fields)

    def check_replaced(self, name: str, prefix: str, given: ast.keyword) -> None:
        made_of = ", ".join(MAKERS[name])
        if ATTRIBUTES[str(given.arg)] not in MAKERS[name]:
            self.refuse(
                given,
                f".{given.arg} follows from {made_of}, of which p4({prefix}) is made: give one of these",
            )
        if not prefix:
            self.refuse(given, f"{given.arg}= in the call of {name!r}, which takes {made_of} in this order")

    def check_order(self, maker: str, node: ast.Call) -> None:
        """Nobody sees from a histogram that the energy was taken for a momentum: the names tell."""
        fault = misplaced(maker, [self.words.branches.get(getattr(a, "id", "")) for a in node.args])
        if fault:
            self.refuse(node, fault)

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


def prefix_of(node: ast.Call, words: TokenizedExpression) -> str:
    """What the branches begin with of a particle that a call makes; empty where it is made of expressions."""
    last = node.args[-1] if node.args else None
    return words.prefixes.get(last.id, "") if isinstance(last, ast.Name) else ""


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


def enclosed(text: str, node: ast.AST) -> str:
    """Text of a node that something may follow, such as an index: in brackets where they are needed.

    Examples
    --------
    >>> enclosed("a + b", ast.parse("a + b").body[0].value), enclosed("f(a)", ast.parse("f(a)").body[0].value)
    ('(a + b)', 'f(a)')
    """
    return text if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)) else f"({text})"


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
