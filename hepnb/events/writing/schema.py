"""Which columns are written to a new file, and what each of them is there."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, ExpressionError, MissingBranchError, SelectionError, nearest
from hepnb.events.language.expression import Expression
from hepnb.events.language.functions import is_list
from hepnb.events.passes.chunks import per_entry
from hepnb.events.passes.column_ranges import columns_of
from hepnb.events.rootio.branches import Branch
from hepnb.events.sources.source import TreeReader

__all__ = [
    "Columns",
    "OutputColumn",
    "OutputSchema",
    "match_names",
    "output_schema",
    "values_in",
    "with_fields",
]

Columns: TypeAlias = "Mapping[str, str] | Sequence[str | Mapping[str, str]] | str | None"
"""Name to formula; or a list of branches, patterns, formulas and such mappings; or None for every branch."""


@dataclass(frozen=True)
class OutputColumn:
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
    stored : bool
        Whether the type is that of a branch in its file: it is kept where the values allow it.
    """

    name: str
    dtype: np.dtype[Any] | None
    depth: int = 0
    shape: tuple[int, ...] = ()
    counter: str = ""
    copied: bool = False
    stored: bool = False


@dataclass(frozen=True)
class OutputSchema:
    """What is calculated for a new file.

    Attributes
    ----------
    fields : tuple of OutputColumn
        The columns, in the order asked for.
    expressions : dict of str to Expression
        Where each comes from.
    skipped : dict of str to str
        Where all branches were asked for: those that are left out, and why.
    max_depth : int
        How deep lists may be nested in the new file.
    lenient : bool
        Whether columns that cannot be written are left out.
    settled : bool
        Whether the types come from all entries, not from the first one.
    """

    fields: tuple[OutputColumn, ...]
    expressions: Mapping[str, Expression]
    skipped: Mapping[str, str]
    max_depth: int = 1
    lenient: bool = False
    settled: bool = False


def output_schema(reader: TreeReader, columns: Columns, *, max_depth: int = 1) -> OutputSchema:
    """Say what will be written.

    Parameters
    ----------
    reader : TreeReader
        The tree that is read.
    columns : mapping, sequence, str or None
        What was asked for; None is every branch that can be read and written.
    max_depth : int
        How deep lists may be nested in the new file.

    Returns
    -------
    OutputSchema
        Columns with their types, told from the first entry.

    Raises
    ------
    BranchError, ExpressionError, SelectionError
        Where a column does not fit the tree, is asked for twice, or cannot be written.
    """
    wanted, skipped = _wanted(reader, columns)
    checked = {name: reader.check(text, f"column {name!r}") for name, text in wanted.items()}
    fields: list[OutputColumn] = []
    for name, expression in checked.items():
        try:
            fields.append(_field(reader, name, expression))
        except BranchError as error:
            if columns is not None:
                raise
            skipped[name] = str(error)
    plan = OutputSchema((), checked, skipped, max_depth, columns is None)
    plan = replace(with_fields(plan, fields), settled=False)
    if not plan.fields:
        why = "".join(f"\n{name}: {reason}" for name, reason in list(plan.skipped.items())[:3])
        raise SelectionError(f"tree {reader.path!r}: there is no column to write. Name at least one.{why}")
    return plan


def with_fields(plan: OutputSchema, fields: Iterable[OutputColumn]) -> OutputSchema:
    """Give the plan other columns, found in all entries; those that the new file cannot hold are left out.

    Raises
    ------
    BranchError
        Where a column that was asked for is among them.
    """
    kept: list[OutputColumn] = []
    skipped = dict(plan.skipped)
    for field in fields:
        if field.depth <= plan.max_depth:
            kept.append(field)
            continue
        reason = (
            f"column {field.name!r} is a list of lists per event, which a TTree written here cannot hold. "
            f"Reduce it, for instance {plan.expressions[field.name].text}[:, 0], or write Parquet."
        )
        if not plan.lenient:
            raise BranchError(reason)
        skipped[field.name] = reason
    expressions = {field.name: plan.expressions[field.name] for field in kept}
    return replace(plan, fields=tuple(kept), expressions=expressions, skipped=skipped, settled=True)


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
    expression: Expression,
    columns: Mapping[str, Any],
    n: int,
    passed: NDArray[Any] | None = None,
) -> Any:
    """Evaluate a column.

    Parameters
    ----------
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
    """
    found = expression.lists(columns)
    if not is_list(found):
        found = per_entry(expression, found, n)
    return found if passed is None else found[passed]


def _wanted(reader: TreeReader, columns: Columns) -> tuple[dict[str, str], dict[str, str]]:
    """Name to formula, patterns opened up; and the branches that cannot be used."""
    if columns is None:
        usable = {name: branch.expression for name, branch in reader.names.items() if branch.readable}
        listed = {name: branch.reason for name, branch in reader.names.items() if not branch.readable}
        usable |= {name: name for name in reader.columns}
        # A group is in the file through its members.
        return usable, {name: why for name, why in listed.items() if "listed below it" not in why}
    items = [columns] if isinstance(columns, (str, Mapping)) else columns
    if not isinstance(items, Iterable):
        raise ExpressionError(
            f"columns={columns!r:.60}: give a list of branches and formulas, or a dict of name to formula."
        )
    wanted: dict[str, str] = {}
    for item in items:
        named = item.items() if isinstance(item, Mapping) else _opened(reader, item)
        for name, text in named:
            if name in wanted and wanted[name] != text:
                raise ExpressionError(
                    f"two columns are named {name!r}. Rename one: {{'other_name': {text!r}}}."
                )
            wanted[name] = text
    return wanted, {}


def _opened(reader: TreeReader, item: object) -> Iterable[tuple[str, str]]:
    """The columns that one item of the list stands for: a branch, a pattern of branches, or a formula."""
    if not isinstance(item, str):
        raise ExpressionError(f"column {item!r:.60} is no text. Give a branch, a pattern or a formula.")
    if item in reader.names:
        return [(item, reader.names[item].expression)]
    found = {name: branch.expression for name, branch in reader.names.items() if branch.readable}
    found |= {name: name for name in reader.columns}
    names = match_names(found, item)
    if not names and _is_pattern(item):
        raise MissingBranchError(
            f"tree {reader.path!r}: no branch fits the pattern {item!r}. {nearest(item.strip('*?/'), found)}"
        )
    return [(name, found[name]) for name in names] or [(item, item)]


def _is_pattern(item: str) -> bool:
    """Tell what can be nothing but a pattern: a formula neither begins nor ends with a star."""
    return item[:1] in ("*", "/") or item[-1:] == "*" or "?" in item


def _field(reader: TreeReader, name: Any, expression: Expression) -> OutputColumn:
    """What a column is, told from the first entry."""
    if not isinstance(name, str) or not name.strip():
        raise ExpressionError(f"a column is named {name!r}. Give it a name.")
    if expression.flat:
        raise ExpressionError(
            f"column {name!r}: {expression.text!r} has one value per list element, a tree has one row per "
            "event. Leave flatten(...) out: lists stay lists."
        )
    n = min(reader.n_entries, 1)
    # Nothing comes where the first entry cannot be read and may be skipped: then it is told from none.
    empty = (0, 0, {name: reader.column(reader.known[name], 0, 0) for name in expression.branches})
    _, n, first = next(iter(columns_of(reader, [expression], 1, (0, n))), empty)
    found = expression.lists(first)
    copied = _copied(reader, expression)
    if not is_list(found):
        values = per_entry(expression, found, n)
        if values.dtype.kind in "UO":
            return OutputColumn(name, None)
        same = copied is not None and copied.name == name
        return OutputColumn(name, _dtype(copied, values.dtype), copied=same, stored=copied is not None)
    depth, inner = 0, found.type.content
    while isinstance(inner, (ak.types.ListType, ak.types.RegularType, ak.types.OptionType)):
        depth, inner = depth + (not isinstance(inner, ak.types.OptionType)), inner.content
    if not isinstance(inner, ak.types.NumpyType):
        raise BranchError(
            f"column {name!r}: {expression.text!r} is not made of numbers. Take a part of it, such as .pt."
        )
    dtype = _dtype(copied, np.dtype(inner.primitive))
    if copied is not None and copied.kind == "array" and n and not copied.fields:
        return OutputColumn(name, dtype, 0, np.asarray(ak.to_numpy(found)).shape[1:], stored=True)
    counter = "" if copied is None else copied.counter
    return OutputColumn(name, dtype, depth, (), counter, stored=copied is not None)


def _copied(reader: TreeReader, expression: Expression) -> Branch | None:
    """The branch that a formula merely repeats: it keeps its type."""
    if len(expression.branches) != 1:
        return None
    branch = reader.known[expression.branches[0]]
    return branch if expression.text.strip() in (branch.name, branch.expression) else None


def _dtype(copied: Branch | None, found: np.dtype[Any]) -> np.dtype[Any]:
    if copied is None or not copied.dtype:
        return found
    return np.dtype(copied.dtype).newbyteorder("=")
