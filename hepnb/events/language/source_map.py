"""An expression in safe words, and messages that point into what the person wrote."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TokenizedExpression", "point_at"]


@dataclass(frozen=True)
class TokenizedExpression:
    """An expression in safe words.

    Attributes
    ----------
    text : str
        What the person wrote.
    code : str
        ASCII Python source: operators, brackets, numbers, functions of the table and placeholders.
    branches : dict of str to str
        Placeholder to the name of a branch or of a derived column.
    strings : dict of str to str
        Placeholder to text.
    positions : tuple of int, shape (len(code) + 1,)
        Where each character of `code` comes from in `text`.
    unknown : str
        What to say of the first name that is no branch; empty where there is none. It is said last, because
        a text that is not in the language at all is the greater fault.
    columns : mapping of str to Kind or None
        The derived columns there are, and of what kind of objects; None for numbers.
    prefixes : dict of str to str
        Placeholder to what the branches of a particle begin with.
    fields : dict of (str, str) to str
        The branch of a particle's further column, by prefix and attribute; filled when it is checked.
    names : collection of str
        The branches there are.
    """

    text: str
    code: str
    branches: dict[str, str]
    strings: dict[str, str]
    positions: tuple[int, ...]
    unknown: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    names: Collection[str] = ()

    def kind(self, name: str) -> str:
        """What a name stands for: "branch" or "column"."""
        return "column" if name in self.columns else "branch"

    def source(self, node: object) -> str:
        """Text that a node of the syntax tree was made from, shortened where it is long."""
        start, stop = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        found = self.text[self.positions[start] : self.positions[min(stop + 1, len(self.positions) - 1)]]
        found = re.sub(r"\s+", " ", found.strip())
        return found if len(found) <= 60 else found[:57] + "..."


def point_at(text: str, position: int, what: str) -> str:
    """Write a message that shows where in the text the fault is.

    Examples
    --------
    >>> print(point_at("a ! b", 2, "'!' is not an operator here"))
    '!' is not an operator here, at position 3:
        a ! b
          ^
    """
    flat = re.sub(r"\s", " ", text)
    start = max(0, position - 40)
    stop = min(len(flat), position + 40)
    left, right = ("..." if start else ""), ("..." if stop < len(flat) else "")
    caret = " " * (len(left) + position - start) + "^"
    place = " At" if what.endswith((".", "?")) else ", at"
    return f"{what}{place} position {position + 1}:\n    {left}{flat[start:stop]}{right}\n    {caret}"
