"""Which columns are written to a new file, and what each of them is there."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, ExpressionError, SelectionError, nearest
from hepnb.events.branches import Branch
from hepnb.events.expressions import Expression
from hepnb.events.functions import is_list
from hepnb.events.passes import columns_of
from hepnb.events.source import TreeInfo
from hepnb.events.stream import per_entry

__all__ = ["Columns", "Field", "Plan", "match_names", "plan_of", "values_in"]

Columns: TypeAlias = "Mapping[str, str] | Sequence[str | Mapping[str, str]] | str | None"
"""Name to formula; or a list of branches, patterns, formulas and such mappings; or None for every branch."""


@dataclass(frozen=True)
class Field:
    """A column of a new file.

    Attributes
    ----------
    name : str
        What it is called there.
    dtype : numpy.dtype or None
        Type of its numbers; None for text.
    depth : int
        0 for one value per event, 1 for a list per event, and so on.
    shape : tuple of int
        Of the values of one event, where all events have the same.
    counter : str
        The branch that holds the lengths of the lists, where it is known.
    copied : bool
        Whether it is a branch of that name as it was.
    """

    name: str
    dtype: np.dtype[Any] | None
    depth: int = 0
    shape: tuple[int, ...] = ()
    counter: str = ""
    copied: bool = False


@dataclass(frozen=True)
class Plan:
    """What is calculated for a new file.

    Attributes
    ----------
    fields : tuple of Field
        The columns, in the order asked for.
    expressions : dict of str to Expression
        Where each comes from.
    skipped : dict of str to str
        Where all branches were asked for: those that are left out, and why.
    """

    fields: tuple[Field, ...]
    expressions: Mapping[str, Expression]
    skipped: Mapping[str, str]


def plan_of(info: TreeInfo, columns: Columns, *, max_depth: int = 1) -> Plan:
    """Say what will be written.

    Parameters
    ----------
    info : TreeInfo
        The tree that is read.
    columns : mapping, sequence, str or None
        What was asked for; None is every branch that can be read and written.
    max_depth : int
        How deep lists may be nested in the new file.

    Returns
    -------
    Plan
        Columns with their types, told from the first entry.

    Raises
    ------
    BranchError, ExpressionError, SelectionError
        Where a column does not fit the tree, is asked for twice, or cannot be written.
    """
    wanted, skipped = _wanted(info, columns)
    checked = {name: info.check(text, f"column {name!r}") for name, text in wanted.items()}
    fields = []
    for name, expression in checked.items():
        try:
            field = _field(info, name, expression)
            if field.depth > max_depth:
                raise BranchError(
                    f"column {name!r} is a list of lists per event, which a TTree written here cannot hold. "
                    f"Reduce it, for instance {expression.text}[:, 0], or write Parquet."
                )
        except BranchError as error:
            if columns is not None:
                raise
            skipped[name] = str(error)
        else:
            fields.append(field)
    if not fields:
        why = "".join(f"\n{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise SelectionError(f"tree {info.path!r}: there is no column to write. Name at least one.{why}")
    return Plan(tuple(fields), {field.name: checked[field.name] for field in fields}, skipped)


def match_names(names: Iterable[str], pattern: str) -> tuple[str, ...]:
    """Names that fit a pattern.

    Parameters
    ----------
    names : iterable of str
        Of branches.
    pattern : str
        With wildcards as in a shell, or a regular expression between slashes.

    Returns
    -------
    tuple of str
        In their order.

    Raises
    ------
    BranchError
        Where the regular expression is not one.

    Examples
    --------
    >>> match_names(["px1", "py1", "E1"], "p[xyz]1"), match_names(["px1", "E1"], "/^E/")
    (('px1', 'py1'), ('E1',))
    """
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        try:
            expression = re.compile(pattern[1:-1])
        except re.error as error:
            raise BranchError(f"{pattern!r} is not a regular expression: {error}.") from error
        return tuple(name for name in names if expression.search(name))
    return tuple(name for name in names if fnmatch.fnmatchcase(name, pattern))


def values_in(
    field: Field,
    expression: Expression,
    columns: Mapping[str, Any],
    n: int,
    passed: NDArray[Any] | None = None,
) -> Any:
    """Evaluate a column and give it the type it will be written with.

    Parameters
    ----------
    field : Field
        The column.
    expression : Expression
        Where it comes from.
    columns : mapping of str to array
        The branches, `n` entries each.
    n : int
        Entries in the chunk.
    passed : numpy.ndarray of bool or int, optional
        Keep these entries only.

    Returns
    -------
    numpy.ndarray or awkward.Array
        One entry each; lists as awkward.

    Raises
    ------
    BranchError
        Where a whole number does not fit the type that the first one had.
    """
    found = expression.lists(columns)
    if not is_list(found):
        found = per_entry(expression, found, n)
    kept = found if passed is None else found[passed]
    if field.dtype is None:
        return kept
    if field.shape and is_list(kept):
        shape = (len(kept), *field.shape)
        return np.asarray(ak.flatten(kept, axis=None)).reshape(shape).astype(field.dtype, copy=False)
    if is_list(kept):
        return ak.values_astype(kept, field.dtype)
    if field.dtype == np.int64 and kept.dtype == np.uint64:
        raise BranchError(
            f"column {field.name!r} began with numbers of 64 bits with a sign, and an event has more than "
            f"those hold. Divide it, for instance {expression.text} / 1."
        )
    return kept.astype(field.dtype, copy=False)


def _wanted(info: TreeInfo, columns: Columns) -> tuple[dict[str, str], dict[str, str]]:
    """Name to formula, patterns opened up; and the branches that cannot be used."""
    if columns is None:
        usable = {name: branch.expression for name, branch in info.names.items() if branch.readable}
        listed = {name: branch.reason for name, branch in info.names.items() if not branch.readable}
        usable |= {name: name for name in info.columns}
        # A group is in the file through its members.
        return usable, {name: why for name, why in listed.items() if "listed below it" not in why}
    items = [columns] if isinstance(columns, (str, Mapping)) else columns
    if not isinstance(items, Iterable):
        raise ExpressionError(
            f"columns={columns!r:.60}: give a list of branches and formulas, or a dict of name to formula."
        )
    wanted: dict[str, str] = {}
    for item in items:
        named = item.items() if isinstance(item, Mapping) else _opened(info, item)
        for name, text in named:
            if name in wanted and wanted[name] != text:
                raise ExpressionError(
                    f"two columns are named {name!r}. Rename one: {{'other_name': {text!r}}}."
                )
            wanted[name] = text
    return wanted, {}


def _opened(info: TreeInfo, item: object) -> Iterable[tuple[str, str]]:
    """The columns that one item of the list stands for: a branch, a pattern of branches, or a formula."""
    if not isinstance(item, str):
        raise ExpressionError(f"column {item!r:.60} is no text. Give a branch, a pattern or a formula.")
    if item in info.names:
        return [(item, info.names[item].expression)]
    found = {name: branch.expression for name, branch in info.names.items() if branch.readable}
    found |= {name: name for name in info.columns}
    names = match_names(found, item)
    if not names and _is_pattern(item):
        raise BranchError(
            f"tree {info.path!r}: no branch fits the pattern {item!r}. {nearest(item.strip('*?/'), found)}"
        )
    return [(name, found[name]) for name in names] or [(item, item)]


def _is_pattern(item: str) -> bool:
    """Tell what can be nothing but a pattern: a formula neither begins nor ends with a star."""
    return item[:1] in ("*", "/") or item[-1:] == "*" or "?" in item


def _field(info: TreeInfo, name: Any, expression: Expression) -> Field:
    """What a column is, told from the first entry."""
    if not isinstance(name, str) or not name.strip():
        raise ExpressionError(f"a column is named {name!r}. Give it a name.")
    if expression.flat:
        raise ExpressionError(
            f"column {name!r}: {expression.text!r} has one value per list element, a tree has one row per "
            "event. Leave flatten(...) out: lists stay lists."
        )
    n = min(info.n_entries, 1)
    # Nothing comes where the first entry cannot be read and may be skipped: then it is told from none.
    empty = (0, 0, {name: info.column(info.names[name], 0, 0) for name in expression.branches})
    _, n, first = next(iter(columns_of(info, [expression], 1, (0, n))), empty)
    found = expression.lists(first)
    copied = _copied(info, expression)
    if not is_list(found):
        values = per_entry(expression, found, n)
        if values.dtype.kind in "UO":
            return Field(name, None)
        same = copied is not None and copied.name == name
        return Field(name, _dtype(copied, values.dtype), copied=same)
    depth, inner = 0, found.type.content
    while isinstance(inner, (ak.types.ListType, ak.types.RegularType)):
        depth, inner = depth + 1, inner.content
    if not isinstance(inner, ak.types.NumpyType):
        raise BranchError(
            f"column {name!r}: {expression.text!r} is not made of numbers. Take a part of it, such as .pt."
        )
    dtype = _dtype(copied, np.dtype(inner.primitive))
    if copied is not None and copied.kind == "array" and n and not copied.fields:
        return Field(name, dtype, 0, np.asarray(ak.to_numpy(found)).shape[1:])
    return Field(name, dtype, depth, (), "" if copied is None else copied.counter)


def _copied(info: TreeInfo, expression: Expression) -> Branch | None:
    """The branch that a formula merely repeats: it keeps its type."""
    if len(expression.branches) != 1:
        return None
    branch = info.names[expression.branches[0]]
    return branch if expression.text.strip() in (branch.name, branch.expression) else None


def _dtype(copied: Branch | None, found: np.dtype[Any]) -> np.dtype[Any]:
    if copied is None or not copied.dtype:
        return found
    return np.dtype(copied.dtype).newbyteorder("=")
