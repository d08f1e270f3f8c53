"""Evaluate a checked syntax tree on columns: numpy for one value per event, awkward for lists."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, ExpressionError, HepnbError
from hepnb.events.language.combinations import TooManyAtOnce
from hepnb.events.language.four_vectors import ATTRIBUTES, MAKERS
from hepnb.events.language.functions import FUNCTIONS, pick, take
from hepnb.events.language.nesting import Jagged, each, plain
from hepnb.events.language.objects import (
    Objects,
    chosen_flat,
    combined,
    make,
    objects_of,
    same_lengths,
)
from hepnb.events.language.operators import (
    arithmetic,
    bits,
    compare,
    counted,
    is_bool,
    is_list,
    kind_of,
    truth,
    widened,
)
from hepnb.events.language.source_map import TokenizedExpression
from hepnb.events.language.tokenizer import CONSTANTS
from hepnb.events.language.whitelist import bounds_of, index_of, prefix_of

__all__ = ["evaluate", "is_text"]


def evaluate(body: ast.expr, words: TokenizedExpression, arrays: Mapping[str, Any]) -> Any:
    """Evaluate a checked expression.

    Parameters
    ----------
    body : ast.expr
        Checked by :func:`hepnb.events.language.whitelist.check`.
    words : TokenizedExpression
        What its placeholders stand for.
    arrays : mapping of str to array
        The columns.

    Returns
    -------
    a number, numpy.ndarray, awkward.Array or Objects
        One value or one list per event.
    """
    return _Walk(words, arrays).value(body)


class _Walk:
    """One evaluation over one set of columns."""

    def __init__(self, words: TokenizedExpression, arrays: Mapping[str, Any]) -> None:
        self.words = words
        self.arrays = arrays

    def value(self, node: Any) -> Any:
        return plain(self.calculated(node))

    def calculated(self, node: Any) -> Any:
        """Evaluate a node; lists may come flat."""
        return getattr(self, "do_" + type(node).__name__.lower())(node)

    def number(self, node: ast.AST) -> Any:
        """Evaluate what is about to be calculated with: text is refused. Lists come as awkward arrays."""
        return plain(self.operand(node))

    def operand(self, node: ast.AST) -> Any:
        """Evaluate what is about to be calculated with: text is refused. Lists may come flat."""
        value = self.calculated(node)
        if isinstance(value, str) or is_text(value):
            name = self.words.branches.get(getattr(node, "id", ""), None)
            who = f"{self.words.kind(name)} {name!r}" if name else "a text"
            raise BranchError(
                f"{who} holds text in {self.words.text!r}: compare it with == or !=, for instance "
                f"{name or 'branch'} == 'GT'; it cannot be calculated with."
            )
        return value

    # -- words for the person

    def shown(self, node: ast.AST) -> str:
        """Name a part of the expression: the branch, or the text and the branches in it."""
        name = self.words.branches.get(getattr(node, "id", ""))
        if name is not None:
            return f"{self.words.kind(name)} {name!r}"
        inside = {
            self.words.branches[n.id]
            for n in ast.walk(node)
            if isinstance(n, ast.Name) and n.id in self.words.branches
        }
        text = self.words.source(node)
        one = next(iter(inside)) if len(inside) == 1 else ""
        return f"{text!r} (from {self.words.kind(one)} {one!r})" if one and one != text else repr(text)

    def each(self, function: Callable[..., Any], nodes: Sequence[ast.AST], *values: Any) -> Any:
        """Apply a function of numbers element by element."""
        return self.together(lambda *given: each(function, *given), nodes, *values)

    def together(self, function: Callable[..., Any], nodes: Sequence[ast.AST], *values: Any) -> Any:
        """Apply a function element by element; say which lists do not fit each other where it fails."""
        try:
            return function(*values)
        except (HepnbError, TooManyAtOnce):
            raise
        except Exception:
            parts = [(node, _shape(value)) for node, value in zip(nodes, values, strict=True)]
            lists = [(node, shape) for node, shape in parts if shape is not None]
            for (first, one), (second, other) in combinations(lists, 2):
                self.check_lengths(first, one, second, other)
            raise

    def check_lengths(self, first: ast.AST, one: Any, second: ast.AST, other: Any) -> None:
        """Refuse lists that do not have the same number of elements in every event."""
        # A list that is not there goes with any other: what comes out is not there either.
        counts, others = (np.asarray(ak.fill_none(ak.num(lists, axis=1), -1)) for lists in (one, other))
        counts, others = np.where(others < 0, others, counts), np.where(counts < 0, counts, others)
        if np.array_equal(counts, others):
            return
        event = np.flatnonzero(counts != others)[0]
        raise ExpressionError(
            f"{self.shown(first)} and {self.shown(second)} do not have the same number of elements in every "
            f"event (one event has {counts[event]} and {others[event]}), so {self.words.text!r} cannot go "
            "through both element by element. Reduce one to a number per event, as in max(x), or take one "
            "element, as in x[:, 0]."
        )

    # -- one method per kind of node

    def do_constant(self, node: ast.Constant) -> Any:
        return node.value

    def do_name(self, node: ast.Name) -> Any:
        if node.id in self.words.branches:
            return widened(self.arrays[self.words.branches[node.id]])
        if node.id in self.words.strings:
            return self.words.strings[node.id]
        return CONSTANTS[node.id]

    def do_attribute(self, node: ast.Attribute) -> Any:
        objects: Objects = self.value(node.value)
        return objects.get(node.attr, self.column)

    def column(self, prefix: str, attribute: str) -> tuple[str, Any]:
        """Give the branch of a particle's further column, by its name and its values."""
        name = self.words.fields[prefix, attribute]
        return name, widened(self.arrays[name])

    def do_binop(self, node: ast.BinOp) -> Any:
        left, right = self.operand(node.left), self.operand(node.right)
        op, sides = node.op, (node.left, node.right)
        if isinstance(left, Objects) or isinstance(right, Objects):
            return self.together(lambda a, b: combined(op, a, b), sides, left, right)
        if isinstance(op, (ast.BitAnd, ast.BitOr)):
            combine = np.bitwise_and if isinstance(op, ast.BitAnd) else np.bitwise_or
            return self.each(lambda a, b: bits(a, b, combine), sides, left, right)
        return self.each(lambda a, b: arithmetic(op, a, b), sides, left, right)

    def do_unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.operand(node.operand)
        if isinstance(value, Objects):
            return value if isinstance(node.op, ast.UAdd) else combined(ast.Mult(), value, -1.0)
        if isinstance(node.op, ast.Not):
            return each(lambda a: np.logical_not(truth(a)), value)
        if isinstance(node.op, ast.Invert):
            if not is_bool(value):
                raise ExpressionError(
                    f"'~' of {self.shown(node.operand)} in {self.words.text!r}: it is a number, and '~' "
                    "would flip its bits. Write not (...), or compare it first."
                )
            return each(np.logical_not, value)
        value = counted(value)
        if isinstance(node.op, ast.UAdd):
            return value
        if kind_of(value) in "iu":
            return each(lambda a: arithmetic(ast.Sub(), 0, a), value)
        return each(np.negative, value)

    def do_boolop(self, node: ast.BoolOp) -> Any:
        combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        result = each(truth, self.operand(node.values[0]))
        for i, other in enumerate(node.values[1:]):
            sides = (node.values[i], other)
            result = self.each(combine, sides, result, each(truth, self.operand(other)))
        return result

    def do_compare(self, node: ast.Compare) -> Any:
        nodes = (node.left, *node.comparators)
        sides = [self.calculated(side) for side in nodes]
        result: Any = None
        for i, op in enumerate(node.ops):
            texts = [isinstance(side, str) or is_text(side) for side in sides[i : i + 2]]
            if any(texts) and not (all(texts) and isinstance(op, (ast.Eq, ast.NotEq))):
                self.number(node.left if texts[0] and i == 0 else node.comparators[i if texts[1] else i - 1])
            step = self.compared(op, nodes[i : i + 2], sides[i], sides[i + 1])
            if result is None:
                result = step
            else:
                result = self.each(np.logical_and, (nodes[0], nodes[i + 1]), result, step)
        return result

    def compared(self, op: ast.cmpop, nodes: Sequence[ast.AST], left: Any, right: Any) -> Any:
        return self.each(lambda a, b: compare(op, a, b), nodes, left, right)

    def do_call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in MAKERS:
            return self.made(name, node)
        function = FUNCTIONS[name]
        values = [self.operand(argument) for argument in node.args]
        if not function.bare:
            values = [value if isinstance(value, Objects) else counted(value) for value in values]
        if function.reduces and len(values) == 1 and not _has_lists(values[0]):
            several = " Give two or more arguments, or" if function.n_max > 1 else " To use it as it is,"
            raise ExpressionError(
                f"{name}(...) goes over a list per event, but {self.shown(node.args[0])} has one value per "
                f"event, in {self.words.text!r}.{several} leave {name}(...) out."
            )
        flat = function.flat if isinstance(values[0], Jagged) else None
        if function.kinds is not None and flat is None:
            return self.together(function.call, node.args, *values)
        if not function.reduces or len(values) > 1:
            return self.each(function.call, node.args, *values)
        found = None if flat is None else flat(values[0])
        if found is not None:
            return found
        return self.together(function.call, node.args, *(plain(value) for value in values))

    def made(self, name: str, node: ast.Call) -> Objects:
        """Make four-vectors, with what is given by keyword."""
        prefix = prefix_of(node, self.words)
        values = {x: counted(self.operand(part)) for x, part in zip(MAKERS[name], node.args[:4], strict=True)}
        nodes: dict[str, ast.AST] = dict(zip(MAKERS[name], node.args[:4], strict=True))
        fields: dict[str, Any] = {}
        for given in node.keywords:
            key, value = str(given.arg), self.operand(given.value)
            nodes[key] = given.value
            if key in ATTRIBUTES:
                values[ATTRIBUTES[key]] = counted(value)
            else:
                fields[key] = value

        def call(*columns: Any) -> Objects:
            return make(name, columns[:4], prefix, dict(zip(fields, columns[4:], strict=True)))

        shown = [nodes[x] for x in (*values, *fields)]
        found: Objects = self.together(call, shown, *values.values(), *fields.values())
        return found

    # -- elements of lists

    def do_subscript(self, node: ast.Subscript) -> Any:
        value = self.operand(node.value)
        if not _has_lists(value):
            raise ExpressionError(
                f"an index after {self.shown(node.value)} in {self.words.text!r}, but there is one value per "
                "event, not a list."
            )
        if isinstance(node.slice, ast.Tuple):
            return self.placed(node, value)
        index = self.operand(node.slice)
        found = chosen_flat(value, index)
        if found is not None:
            return found
        value, index = plain(value), plain(index)
        if is_list(index) and is_bool(index):
            # awkward would take a shorter condition for the first few elements.
            self.check_lengths(node.value, _shape(value), node.slice, index)
            if index.ndim > _shape(value).ndim:
                raise ExpressionError(
                    f"the condition {self.shown(node.slice)} in {self.words.text!r} is on lists inside the "
                    f"elements of {self.shown(node.value)}: write any(...) or all(...) of it."
                )
            if index.ndim > 2:
                ak.broadcast_arrays(_shape(value), index)
            return value.mask(index) if isinstance(value, Objects) else value[index]
        if is_list(index) and kind_of(index) in "iuf":
            self.check_bits(node)
            self.check_whole(node, index)
            if index.ndim > _shape(value).ndim:
                raise ExpressionError(
                    f"the index {self.shown(node.slice)} in {self.words.text!r} is on lists inside the "
                    f"elements of {self.shown(node.value)}: write one list of places per event."
                )
            nodes = (node.value, node.slice)
            return self.together(lambda v, i: objects_of(v).pick_lists(i).out(), nodes, value, index)
        if isinstance(index, np.ndarray) and index.dtype.kind in "iuf":
            self.check_whole(node, index)
            self.check_place(node, value)
            if isinstance(value, Objects):
                return value.pick(index)
            return pick(value, index)
        remedy = "write [:, 0] for the first element, or a condition on the elements"
        if isinstance(index, np.ndarray):
            remedy = "it has one value per event: put it into the cut, or compare elements here"
        raise ExpressionError(f"the index {self.shown(node.slice)} in {self.words.text!r}: {remedy}.")

    def check_bits(self, node: ast.Subscript) -> None:
        """Refuse x[id & 4]: a condition is meant, and the number would be a place."""
        if isinstance(node.slice, ast.BinOp) and isinstance(node.slice.op, (ast.BitAnd, ast.BitOr)):
            raise ExpressionError(
                f"the index {self.shown(node.slice)} in {self.words.text!r} has bits of whole numbers, which "
                f"would be places: for a condition write ({self.words.source(node.slice)}) != 0."
            )

    def check_whole(self, node: ast.Subscript, index: Any) -> None:
        """Refuse places that are not whole numbers; NaN is no place."""
        flat = ak.to_numpy(ak.flatten(index, axis=None)) if is_list(index) else index
        if not np.equal(np.floor(flat), flat)[np.isfinite(flat)].all():
            raise ExpressionError(
                f"the index {self.shown(node.slice)} in {self.words.text!r} is not whole numbers: write the "
                "places of elements, or a condition on the elements."
            )

    def check_place(self, node: ast.Subscript, value: Any) -> None:
        """A place found in one list means nothing in a list of other lengths."""
        call = node.slice
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("argmax", "argmin"):
            searched = self.operand(call.args[0])
            if not same_lengths(value, searched):
                self.check_lengths(node.value, _shape(value), call.args[0], _shape(searched))

    def placed(self, node: ast.Subscript, value: Any) -> Any:
        for position, index in enumerate(_indices(node.slice)):
            shape = _shape(value)
            if position and shape is None:
                raise ExpressionError(
                    f"more indices after {self.shown(node.value)} in {self.words.text!r} than it has "
                    "dimensions."
                )
            value = _at(value, index)
        return value


def _at(lists: Any, index: int | slice) -> Any:
    if isinstance(lists, Objects) or (isinstance(lists, Jagged) and len(lists.nesting.levels) == 1):
        return objects_of(lists).place(index).out()
    lists = plain(lists)
    return lists[:, index] if isinstance(index, slice) else take(lists, index)


def _indices(node: Any) -> Iterator[int | slice]:
    for element in node.elts[1:]:
        index = bounds_of(element) if isinstance(element, ast.Slice) else index_of(element)
        if index is not None:
            yield index


def _shape(value: Any) -> Any:
    """The lists of a value; None for one value per event."""
    value = plain(value.lists if isinstance(value, Objects) else value)
    return value if is_list(value) else None


def _has_lists(value: Any) -> bool:
    return value.is_list if isinstance(value, Objects) else isinstance(value, (Jagged, ak.Array))


def is_text(value: Any) -> bool:
    """Tell whether a column holds text."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "UOT"
