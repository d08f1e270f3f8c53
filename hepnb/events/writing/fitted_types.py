"""Types of the columns of a new file that hold every value written to them.

The types are told from the first entry. What a later one has may not fit: a whole number may be missing
(NaN), a quotient infinite, a number larger than 2**63. Then the file is begun again, after a pass over all
entries that finds a type for each column; what no type holds is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import awkward as ak
import numpy as np

from hepnb.errors import BranchError
from hepnb.events.language.functions import is_list
from hepnb.events.rootio.exact import common_dtype, content_dtype, exactly, has_options, without_options
from hepnb.events.sources.source import TreeReader
from hepnb.events.writing.schema import OutputColumn, OutputSchema, with_fields
from hepnb.events.writing.selected_rows import Rows

__all__ = ["fitted", "settled", "until_it_fits"]

T = TypeVar("T")
_DOUBLE = np.dtype(np.float64)


class Outgrown(Exception):  # no error: a reason to begin again
    """A column has values that its type does not hold."""


def until_it_fits(
    plan: OutputSchema, write: Callable[[OutputSchema], T], evaluate: Callable[[OutputSchema], Iterable[Rows]]
) -> T:
    """Write a file, and where a value does not fit its column, look at all rows and write again.

    Parameters
    ----------
    plan : OutputSchema
        The columns, with types told from the first entry.
    write : callable
        Writes with a plan.
    evaluate : callable
        Gives the rows of a plan without writing them.
    """
    try:
        return write(plan)
    except Outgrown:
        return write(settled(plan, evaluate(plan)))


def settled(plan: OutputSchema, chunks: Iterable[Rows]) -> OutputSchema:
    """Find types that hold all values of all columns.

    Parameters
    ----------
    plan : OutputSchema
        The columns; those that repeat a branch keep at least its type.
    chunks : iterable of Rows
        Every row.

    Returns
    -------
    OutputSchema
        With these types.

    Raises
    ------
    BranchError
        Where a column has to be a list of lists, which the new file cannot hold.
    """
    dtypes: dict[str, set[np.dtype[Any]]] = {
        field.name: {field.dtype} if field.stored and field.dtype is not None else set()
        for field in plan.fields
    }
    shapes = {field.name: field.shape for field in plan.fields}
    negative: set[str] = set()
    for rows in chunks:
        for field in plan.fields if len(rows.entries) else ():
            column = rows.columns[field.name]
            if shapes[field.name] and not _has_shape(column, shapes[field.name]):
                shapes[field.name] = ()
            own = content_dtype(column)
            if field.dtype is None or own is None:
                continue
            read = field.stored and own.kind == field.dtype.kind == "f"
            if not read and (not field.stored or exactly(column, field.dtype) is None):
                dtypes[field.name].add(own)
            if own.kind == "i" and ak.any(column < 0, axis=None):
                negative.add(field.name)
    return with_fields(
        plan, [_field(f, dtypes[f.name], shapes[f.name], f.name in negative) for f in plan.fields]
    )


def _field(
    field: OutputColumn, dtypes: set[np.dtype[Any]], shape: tuple[int, ...], negative: bool
) -> OutputColumn:
    if field.shape and not shape:
        field = replace(field, shape=(), depth=len(field.shape))
    if field.dtype is None or not dtypes:
        return field
    dtype = common_dtype(dtypes)
    if dtype == np.uint64 and negative:
        dtype = _DOUBLE
    return replace(field, dtype=dtype)


def fitted(plan: OutputSchema, rows: Rows, reader: TreeReader) -> dict[str, Any]:
    """Bring rows to the types of the columns they are written to.

    Parameters
    ----------
    plan : OutputSchema
        The columns.
    rows : Rows
        At least one row.
    reader : TreeReader
        Where they come from, for messages.

    Returns
    -------
    dict of str to array
        One per column.

    Raises
    ------
    BranchError
        Where a row has no value that could be written.
    Outgrown
        Where a value would be changed.
    """
    return {field.name: _fitted(field, rows.columns[field.name], plan, rows, reader) for field in plan.fields}


def _fitted(field: OutputColumn, column: Any, plan: OutputSchema, rows: Rows, reader: TreeReader) -> Any:
    if is_list(column):
        column = _without_options(field, column, plan, rows, reader)
    if field.dtype is None:
        return column
    if field.shape and is_list(column):
        if not _has_shape(column, field.shape):
            raise Outgrown(field.name)
        column = np.asarray(ak.flatten(column, axis=None)).reshape(len(rows.entries), *field.shape)
    own = content_dtype(column)
    if field.stored and own is not None and own.kind == field.dtype.kind == "f":
        # As it was in the file: double precision was for calculations.
        return ak.values_astype(column, field.dtype) if is_list(column) else column.astype(field.dtype)
    fits = exactly(column, field.dtype)
    if fits is None:
        if plan.settled:
            raise BranchError(
                f"{_where(field, plan, rows, reader)} has whole numbers of more than 53 bits, and the column "
                "has values that only double precision holds (NaN, infinity, fractions, both signs): "
                "no type keeps them all. Write them as two columns, or cut the others away."
            )
        raise Outgrown(field.name)
    return fits


def _without_options(
    field: OutputColumn, column: Any, plan: OutputSchema, rows: Rows, reader: TreeReader
) -> Any:
    """Lists that may be missing, but are all there."""
    if not has_options(column):
        return column
    if ak.any(ak.is_none(column, axis=0)):
        raise BranchError(
            f"{_where(field, plan, rows, reader)} has an event without a list, which is not the same as an "
            "empty list: a file holds no such thing. Cut these events away, or reduce the lists to numbers."
        )
    return without_options(column)


def _where(field: OutputColumn, plan: OutputSchema, rows: Rows, reader: TreeReader) -> str:
    file = reader.segment_at(rows.start).file
    text = plan.expressions[field.name].text.strip()
    return f"column {field.name!r}{f' ({text})' if text != field.name else ''} of {file!r}"


def _has_shape(column: Any, shape: tuple[int, ...]) -> bool:
    if not is_list(column):
        return bool(column.shape[1:] == shape)
    return all(
        bool(ak.all(ak.num(column, axis=axis) == size, axis=None)) for axis, size in enumerate(shape, 1)
    )
