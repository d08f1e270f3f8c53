"""Named cuts that may use each other: ``{"SR": "n_jet >= 4", "CR": "~SR & (n_b == 0)"}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from hepnb.errors import BranchError, ExpressionError, SelectionError
from hepnb.events.language.expression import Expression, check_expression
from hepnb.events.language.named_columns import Column, check_new_name, define
from hepnb.events.sources.source import TreeReader

__all__ = ["conditions"]


def conditions(reader: TreeReader, cuts: Mapping[str, str] | Sequence[str]) -> dict[str, Expression]:
    """Check the cuts of a cutflow against a tree.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    cuts : mapping of name to cut, or sequence of cuts
        A cut may use branches, the tree's columns, and by their names the other cuts of the mapping. Where a
        name is a branch's or a column's as well, it is that one in the texts. Cuts without a name are called
        by their text, a column's by its title.

    Returns
    -------
    dict of str to Expression
        In the order given.

    Raises
    ------
    ExpressionError, BranchError
        Where a cut does not fit the tree, or needs itself.
    SelectionError
        Where two cuts have one name.
    """
    named = _named(reader, cuts)
    usable = {name: Column(text) for name, text in named.items() if _can_be_used(name, reader)}
    words = {word for text in named.values() for word in re.findall(r"\w+", text)}
    if not words & usable.keys():
        # What is wrong with a name is said below, where the other cuts are among what may have been meant.
        with suppress(BranchError) if len(usable) > 1 else nullcontext():
            return {name: reader.check(text, f"cut {name!r}") for name, text in named.items()}
    try:
        made = define(usable, reader.known, reader.defined, "cut")
    except (BranchError, ExpressionError) as error:
        raise type(error)(f"tree {reader.path!r}, {error}") from error.__cause__
    found = {}
    for name, text in named.items():
        try:
            found[name] = check_expression(text, reader.known, made)
        except (BranchError, ExpressionError) as error:
            raise type(error)(f"tree {reader.path!r}, cut {name!r}: {error}") from error.__cause__
        reader.check_readable(found[name])
    return found


def _named(reader: TreeReader, cuts: Any) -> dict[str, str]:
    if isinstance(cuts, Mapping):
        texts = {str(name): text for name, text in cuts.items()}
    elif isinstance(cuts, Sequence) and not isinstance(cuts, str):
        pairs = [(reader.columns[t].title or t if t in reader.columns else t, t) for t in map(_text, cuts)]
        texts = dict(pairs)
        if len(texts) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise SelectionError(f"the cut {twice!r} is there twice. Leave one out, or give them names.")
    else:
        raise ExpressionError(
            f"the cuts of a cutflow are a dict of name to cut, {{'hard': 'pt > 30'}}, or a list of cuts, "
            f"not {cuts!r:.60}."
        )
    return {name: _text(text, name) for name, text in texts.items()}


def _text(cut: Any, name: str = "") -> str:
    if not isinstance(cut, str):
        raise ExpressionError(f"cut {name!r}: a cut is a text such as 'pt > 30', not {cut!r:.60}.")
    return cut


def _can_be_used(name: str, reader: TreeReader) -> bool:
    try:
        check_new_name(name, reader.known, reader.columns)
    except (BranchError, ExpressionError):
        return False
    return True
