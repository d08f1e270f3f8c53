"""The whitelist over what may follow the dot of objects, and over the functions that make four-vectors."""

from __future__ import annotations

import ast
from typing import Any, NoReturn

from hepnb.errors import ExpressionError
from hepnb.events.language.four_vectors import ATTRIBUTES, MAKERS
from hepnb.events.language.functions import FUNCTIONS
from hepnb.events.language.kinds import (
    OBJECT_WORDS,
    Kind,
    branch_of,
    columns_of,
    no_attribute,
    particle,
)
from hepnb.events.language.objects import ORDINALS
from hepnb.events.language.p4_branches import misplaced
from hepnb.events.language.source_map import TokenizedExpression, point_at

__all__ = ["ObjectChecker", "enclosed", "prefix_of"]


class ObjectChecker:
    """Checks what belongs to objects; :meth:`check` is that of the whole language.

    Parameters
    ----------
    words : TokenizedExpression
        What is checked.
    """

    def __init__(self, words: TokenizedExpression) -> None:
        self.words = words

    def check(self, node: ast.AST) -> Kind | None:
        """Check a node, and give the kind of objects that it is."""
        raise NotImplementedError

    def refuse(self, node: ast.AST, what: str) -> NoReturn:
        """Say what is wrong, and where."""
        offset = getattr(node, "col_offset", 0)
        raise ExpressionError(point_at(self.words.text, self.words.positions[offset], what))

    def number(self, node: ast.AST, what: str) -> None:
        """Check what must not be four-vectors."""
        kind = self.check(node)
        if kind is not None:
            one = enclosed(self.words.source(node), node)
            if not kind.has_vectors:
                self.refuse(node, f"{what} of combinations: take one of their members, such as {one}.first")
            self.refuse(node, f"{what} of four-vectors: take one of their numbers, such as {one}.pt or .mass")

    def check_attribute(self, node: ast.Attribute) -> Kind | None:
        """Check what follows a dot."""
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
            self.refuse(node, no_attribute(kind, attribute, self.words.names, self.words.columns))
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
        rule = FUNCTIONS[name].kinds
        try:
            return None if rule is None else rule(name, kinds)
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
        """Check a coordinate that is given by keyword."""
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


def prefix_of(node: ast.Call, words: TokenizedExpression) -> str:
    """What the branches begin with of a particle that a call makes; empty where it is made of expressions."""
    last = node.args[-1] if node.args else None
    return words.prefixes.get(last.id, "") if isinstance(last, ast.Name) else ""


def enclosed(text: str, node: ast.AST) -> str:
    """Text of a node that something may follow, such as an index: in brackets where they are needed.

    Examples
    --------
    >>> enclosed("a + b", ast.parse("a + b").body[0].value), enclosed("f(a)", ast.parse("f(a)").body[0].value)
    ('(a + b)', 'f(a)')
    """
    return text if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)) else f"({text})"
