"""Cuts and formulas: parsed, checked against a whitelist, and evaluated by our own walk; never ``eval``.

The language, its grammar and its rules are in ``docs/expressions.md``. In short: numbers, branch names (any
name between backticks), ``+ - * / // % **``, comparisons (also chained), ``& | ~`` and ``and or not``, the
functions of :data:`hepnb.events.language.functions.FUNCTIONS`; for a branch with a list per event
``Muon_pt[:, 0]``, ``Muon_pt[abs(Muon_eta) < 2.4]`` and ``Jet_eta[argmax(Jet_pt)]``; and four-vectors,
``(p4(Muon)[:, 0] + p4(Muon)[:, 1]).mass``.

Arithmetic is numpy's in double precision with its warnings off: 1/0 is inf, sqrt(-1) is NaN, a comparison
with NaN is false. Whole numbers stay whole (64 bits, going over to double precision where they would not
fit); powers and divisions are always in double precision.

An element that is not there (``Muon_pt[:, 1]`` or ``p4(Muon)[:, 1]`` of an event with one muon, ``max`` of
an empty list) is NaN, and so is all that is calculated with it: such an event passes no comparison, and
enters no histogram (its ``metadata["n_nan"]`` counts them).
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, ExpressionError, HepnbError, MissingBranchError
from hepnb.events.language.combinations import TooManyAtOnce
from hepnb.events.language.evaluator import evaluate, is_text
from hepnb.events.language.functions import to_numbers
from hepnb.events.language.kinds import Kind
from hepnb.events.language.nesting import plain
from hepnb.events.language.operators import is_list
from hepnb.events.language.pieces import in_pieces
from hepnb.events.language.root_spelling import in_our_spelling
from hepnb.events.language.source_map import TokenizedExpression, point_at
from hepnb.events.language.tokenizer import tokenize
from hepnb.events.language.whitelist import check, enclosed, is_flatten

__all__ = ["ChunkColumns", "Expression", "check_expression", "parse"]


class ChunkColumns(dict[str, Any]):
    """The branches of one range of entries; what is derived from them is calculated once and kept here.

    Attributes
    ----------
    derived : dict
        Derived columns that were asked for, by name and expression.
    """

    __slots__ = ("derived",)

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__(columns)
        self.derived: dict[tuple[str, Expression], Any] = {}


class Expression:
    """A checked cut or formula.

    Attributes
    ----------
    text : str
        What the person wrote.
    branches : tuple of str
        The branches it reads, in the order of their first use; those behind derived columns too.
    columns : tuple of str
        The derived columns it uses, each after those it needs itself.
    flat : bool
        True for ``flatten(...)``: the result has one value per list element.
    kind : Kind or None
        What objects its values are; None for numbers.
    """

    branches: tuple[str, ...]
    __slots__ = ("_body", "_hash", "_key", "_needs", "_words", "branches", "flat", "kind", "text")

    def __init__(
        self, words: TokenizedExpression, body: ast.expr, kind: Kind | None, needs: Mapping[str, Expression]
    ) -> None:
        self._words = words
        self._body = body
        self._needs = needs
        self.text = words.text
        self.flat = is_flatten(body)
        self.kind = kind
        read = [
            self._needs[name].branches if name in self._needs else (name,)
            for name in (*words.branches.values(), *words.fields.values())
        ]
        self.branches = tuple(dict.fromkeys(name for names in read for name in names))
        self._key = (self.text, self.branches, tuple((name, e.text) for name, e in needs.items()))
        self._hash = hash(self._key)

    @property
    def columns(self) -> tuple[str, ...]:
        """The derived columns it uses, each after those it needs itself."""
        return tuple(self._needs)

    @property
    def enclosed(self) -> str:
        """The text as an index or a dot may follow it: in brackets where they are needed."""
        return enclosed(self.text.strip(), self._body)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Expression) and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # One after the other, not inside each other: a chain of a thousand columns is no deep recursion.
        return _rebuilt, (tuple((name, e.text, e.branches) for name, e in self._items()),)

    def _items(self) -> list[tuple[str, Expression]]:
        return [*self._needs.items(), ("", self)]

    def evaluate(self, arrays: Mapping[str, Any]) -> Any:
        """Evaluate on columns.

        Parameters
        ----------
        arrays : mapping of str to array
            One entry per name in `branches`: numpy of shape (n_events,), or awkward with one list per event.

        Returns
        -------
        numpy.ndarray, awkward.Array, Objects or a number
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
        """Evaluate, leaving the lists of ``flatten(...)`` and four-vectors as they are."""
        return plain(self._lists(arrays))

    def _lists(self, arrays: Mapping[str, Any]) -> Any:
        missing = [name for name in self.branches if name not in arrays]
        if missing:
            raise BranchError(
                f"{self.text!r} reads the branch {missing[0]!r}, which is not among the columns."
            )
        try:
            return self._whole(arrays)
        except TooManyAtOnce as many:
            columns = {name: arrays[name] for name in self.branches}
            n = len(next(iter(columns.values())))
            return in_pieces(lambda part, _: self.lists(ChunkColumns(part)), columns, n, many)

    def _whole(self, arrays: Mapping[str, Any]) -> Any:
        """Evaluate all entries at once."""
        if not self._needs:
            return self._value(arrays)
        derived = arrays.derived if isinstance(arrays, ChunkColumns) else {}
        columns = {name: arrays[name] for name in self.branches}
        for name, needed in self._needs.items():
            if (name, needed) not in derived:
                derived[name, needed] = _read_only(needed._value(columns, f"column {name!r}: "))
            columns[name] = derived[name, needed]
        return self._value(columns)

    def _value(self, arrays: Mapping[str, Any], who: str = "") -> Any:
        with np.errstate(all="ignore"):
            try:
                value = evaluate(self._body, self._words, arrays)
            except TooManyAtOnce:
                raise
            except HepnbError as error:
                raise (type(error)(f"{who}{error}") if who else error) from error.__cause__
            except (
                Exception
            ) as error:  # awkward and numpy raise many kinds: all of them mean the columns do not fit
                what = f"{who}{self.text!r} cannot be evaluated"
                raise ExpressionError(f"{what}: {_first_line(error)}") from error
        if isinstance(value, str) or is_text(value):
            if isinstance(self._body, ast.Name):
                return value
            raise ExpressionError(f"{self.text!r} gives text, not numbers.")
        return value


def _read_only(value: Any) -> Any:
    """What several expressions share must not be changed through one of them."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _rebuilt(parts: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Expression:
    made: dict[str, Expression] = {}
    for name, text, branches in parts:
        made[name] = parse(text, branches, made)
    return made[""]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def check_expression(
    text: str, names: Collection[str], columns: Mapping[str, Expression] | None = None
) -> Expression:
    """Parse a cut or a formula and check it against the whitelist.

    Parameters
    ----------
    text : str
        What the person wrote.
    names : collection of str
        The branches it may use.
    columns : mapping of str to Expression, optional
        Derived columns it may use.

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
    hepnb.errors.ExpressionError: call of '__import__', a private name of Python. Write cuts and formulas with
    branches, numbers, operators and functions such as sqrt(x). At position 1:
        __import__('os')
        ^
    """
    found = parse(text, names, columns)
    if found.kind is not None and not found.kind.has_vectors:
        raise ExpressionError(
            f"{found.text!r} is combinations: take one of their members, as in {found.enclosed}.first."
        )
    if found.kind is not None:
        raise ExpressionError(
            f"{found.text!r} is a four-vector: take one of its numbers, .mass, .pt, .eta, .phi, .E or "
            f".rapidity, as in {found.enclosed}.mass."
        )
    return found


def parse(text: str, names: Collection[str], columns: Mapping[str, Expression] | None = None) -> Expression:
    """Parse and check as :func:`check_expression` does; the result may be four-vectors."""
    try:
        return _parsed(text, names, columns or {})
    except (MemoryError, RecursionError) as error:
        raise ExpressionError(f"the expression is nested too deeply: {str(text)[:60]!r}...") from error


def _parsed(text: str, names: Collection[str], columns: Mapping[str, Expression]) -> Expression:
    kinds = {name: column.kind for name, column in columns.items()}
    if isinstance(text, str):
        text = in_our_spelling(str.__str__(text))
    words = tokenize(text, names if isinstance(names, (set, frozenset, dict)) else frozenset(names), kinds)
    try:
        body = ast.parse(words.code, mode="eval").body
    except SyntaxError as error:
        # Python says offset 0, or one behind the end, where it wanted more.
        ends = not 0 < (error.offset or 0) <= len(words.code)
        position = len(words.text) if ends else words.positions[(error.offset or 1) - 1]
        raise ExpressionError(point_at(words.text, position, _syntax(error, ends))) from error
    except (ValueError, OverflowError) as error:
        raise ExpressionError(f"the expression is too large: {words.text[:60]!r}...") from error
    kind = check(body, words)
    if words.unknown:
        raise MissingBranchError(words.unknown)
    needs: dict[str, Expression] = {}
    for name in words.branches.values():
        if name in columns:
            needs |= {**columns[name]._needs, name: columns[name]}
    return Expression(words, body, kind, needs)


def _syntax(error: SyntaxError, ends: bool) -> str:
    said = (error.msg or "invalid syntax").partition(".")[0]
    if ends or "EOF" in said or "was never closed" in said:
        said = "it ends too soon" if ends else "a bracket is not closed"
    return f"syntax error: {said}. Write it like (pt > 30) & (abs(eta) < 2.5)."
