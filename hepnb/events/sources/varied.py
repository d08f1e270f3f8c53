"""A tree as a systematic uncertainty has it: some of its branches and columns replaced by formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hepnb.errors import BranchError, ExpressionError, MissingBranchError, nearest
from hepnb.events.language.expression import Expression
from hepnb.events.language.named_columns import define
from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.python_columns import check_unreplaced
from hepnb.events.sources.source import TreeReader

__all__ = ["formulas_of", "varied"]


def formulas_of(reader: TreeReader, name: str, replaced: Any) -> dict[str, Expression]:
    """Check what a variation replaces.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    name : str
        The variation, for messages.
    replaced : mapping of str to str
        By the name of a branch or a column: the formula that stands for it, of the tree as it is.

    Returns
    -------
    dict of str to Expression
        The formulas, checked.

    Raises
    ------
    ExpressionError, BranchError
        Where there is no such branch or column, or a formula does not fit the tree.
    """
    if not isinstance(replaced, Mapping) or not replaced:
        raise ExpressionError(
            f"variation {name!r}: give a dict of the branches or columns that change to formulas, "
            f"{{'Jet_pt': '1.02 * Jet_pt'}}, not {replaced!r:.60}."
        )
    check_unreplaced(reader, replaced, f"variation {name!r}")
    formulas: dict[str, Expression] = {}
    for what, text in replaced.items():
        if what not in reader.names and what not in reader.columns:
            raise MissingBranchError(
                f"variation {name!r}: tree {reader.path!r} has no branch and no column {what!r}. "
                f"{nearest(str(what), [*reader.names, *reader.columns])}"
            )
        formulas[what] = reader.check(text, f"variation {name!r}, {what!r}")
        if formulas[what].flat:
            raise ExpressionError(
                f"variation {name!r}, {what!r}: flatten(...) has no value for an event. "
                "Leave the list as it is."
            )
    return formulas


def varied(reader: TreeReader, name: str, formulas: Mapping[str, Expression]) -> TreeReader:
    """Give a tree in which replaced columns are read like branches, to check expressions against it.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    name : str
        The variation, for messages.
    formulas : mapping of str to Expression
        What is replaced.

    Returns
    -------
    TreeReader
        Columns that need a replaced column need what stands for it.
    """
    columns = [what for what in formulas if what in reader.columns]
    if not columns:
        return reader
    stand_ins = tuple(Branch(what, "double", "number", "float64", path=what) for what in columns)
    names = {*reader.known, *columns}
    others = {what: column for what, column in reader.columns.items() if what not in formulas}
    try:
        defined = define(others, names)
    except (BranchError, ExpressionError) as error:
        raise type(error)(f"tree {reader.path!r}, variation {name!r}: {error}") from error.__cause__
    return replace(reader, branches=(*reader.branches, *stand_ins), columns=others, defined=defined)
