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
from collections.abc import Collection, Mapping
from typing import Any

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, ExpressionError, HepnbError
from hepnb.events.evaluate import evaluate, is_text
from hepnb.events.functions import is_list, to_numbers
from hepnb.events.syntax import check, is_flatten
from hepnb.events.tokens import Words, point_at, split

__all__ = ["Expression", "check_expression"]


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
        self.flat = is_flatten(body)
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
                value = evaluate(self._body, self._words, arrays)
            except HepnbError:
                raise
            except (
                Exception
            ) as error:  # awkward and numpy raise many kinds: all of them mean the columns do not fit
                raise ExpressionError(f"{self.text!r} cannot be evaluated: {_first_line(error)}") from error
        if isinstance(value, str) or is_text(value):
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
    hepnb.errors.ExpressionError: call of '__import__', a private name of Python. Write cuts and formulas with
    branches, numbers, operators and functions such as sqrt(x). At position 1:
        __import__('os')
        ^
    """
    words = split(text, names if isinstance(names, (set, frozenset, dict)) else frozenset(names))
    try:
        body = ast.parse(words.code, mode="eval").body
    except SyntaxError as error:
        # Python says offset 0, or one behind the end, where it wanted more.
        ends = not 0 < (error.offset or 0) <= len(words.code)
        position = len(text) if ends else words.positions[(error.offset or 1) - 1]
        raise ExpressionError(point_at(text, position, _syntax(error, ends))) from error
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        raise ExpressionError(f"the expression is nested too deeply: {text[:60]!r}...") from error
    check(body, words)
    if words.unknown:
        raise BranchError(words.unknown)
    return Expression(words, body)


def _syntax(error: SyntaxError, ends: bool) -> str:
    said = (error.msg or "invalid syntax").partition(".")[0]
    if ends or "EOF" in said or "was never closed" in said:
        said = "it ends too soon" if ends else "a bracket is not closed"
    return f"syntax error: {said}. Write it like (pt > 30) & (abs(eta) < 2.5)."
