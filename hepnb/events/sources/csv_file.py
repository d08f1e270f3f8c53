"""Columns of a CSV file, as those of a tree."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, HepnbError
from hepnb.events.rootio.branches import Branch, Kind
from hepnb.events.rootio.open_files import FileVersion, check_unchanged, stamp
from hepnb.events.sources.source import FilePart, Segment, TreeReader
from hepnb.events.units import pyarrow
from hepnb.python_code import call

__all__ = ["TEXT_NUMBER", "CsvSource"]

TEXT_NUMBER = "number"
"""Type of a column of numbers: a file of text does not say whether 1 is a whole number or a double."""

_MISSING = ("", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DELIMITERS = ",;\t"
# Whole numbers beyond this are not all doubles.
_EXACT = 2.0**53


@dataclass(frozen=True)
class CsvSource:
    """A CSV file whose first line has the names of the columns; it is read into memory as a whole.

    Attributes
    ----------
    file : str
        Its path.
    """

    file: str

    @property
    def path(self) -> str:
        """Return what messages call it."""
        return self.file

    @property
    def code(self) -> str:
        """Python that makes the tree."""
        return call("hepnb.open", self.file)

    def inputs(self) -> tuple[str, ...]:
        """Return the file."""
        return (self.file,)

    def reader(self) -> TreeReader:
        """Return what is in the file now; remembered as long as the file is the same.

        Raises
        ------
        FileError
            If it is missing, has no line of names, or its lines differ in length.
        """
        return _reader_of(stamp(self.file))


@lru_cache(maxsize=64)
def _reader_of(seen: FileVersion) -> TreeReader:
    file, columns = seen[0], _table(seen)
    n_entries = len(next(iter(columns.values())))
    return TreeReader(
        file,
        file,
        "",
        "",
        n_entries,
        tuple(_branch(name, column) for name, column in columns.items()),
        read=partial(_column, seen),
        segments=(Segment(0, n_entries, file, (FilePart(seen, "", 0, n_entries),)),),
    )


def _column(seen: FileVersion, branch: Branch, start: int, stop: int) -> NDArray[Any]:
    check_unchanged(seen)
    return _table(seen)[branch.path][start:stop]


def _branch(name: str, column: NDArray[Any]) -> Branch:
    kinds: dict[str, Kind] = {"U": "string", "b": "bool"}
    kind = kinds.get(column.dtype.kind, "number")
    typename = TEXT_NUMBER if kind == "number" else kind
    return Branch(name, typename, kind, "" if kind == "string" else str(column.dtype), path=name)


@lru_cache(maxsize=8)
def _table(seen: FileVersion) -> dict[str, NDArray[Any]]:
    """Return the columns of a file by name: float64, int64, uint64, bool or text."""
    file = seen[0]
    try:
        names, delimiter = _names(file)
        try:
            arrow, _ = pyarrow()
        except HepnbError:
            arrow = None
        if arrow is None or _has_names_only(file):
            columns = _read_plain(file, names, delimiter)
        else:
            columns = _read_arrow(arrow, file, names, delimiter)
    except UnicodeDecodeError as error:
        raise FileError(
            f"{file!r} is not text in UTF-8 ({error.object[error.start : error.start + 8]!r}): it cannot be "
            "read as CSV."
        ) from error
    for column in columns.values():
        column.flags.writeable = False
    check_unchanged(seen)
    return columns


def _names(file: str) -> tuple[list[str], str]:
    with open(file, encoding="utf-8-sig", newline="") as lines:  # noqa: PTH123
        first = lines.readline()
        delimiter = next((one for one in _DELIMITERS if one in first), ",")
        texts = next(csv.reader([first], delimiter=delimiter), [])
        # A table with an index, as pandas writes it, has no name for its first column.
        names = [text.strip() or f"column{number}" for number, text in enumerate(texts)]
    if not names:
        raise FileError(
            f"{file!r} cannot be read as CSV: its first line has no names of columns. Write them there."
        )
    if any(_kind_of(name) is not str for name in names):
        raise FileError(
            f"{file!r} cannot be read as CSV: its first line {first.strip()!r:.80} has numbers, where the "
            "names of the columns are expected. Write a line of names before it."
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(f"{file!r}: two columns are named {twice!r}. Rename one.")
    return names, delimiter


def _has_names_only(file: str) -> bool:
    # pyarrow refuses such a file.
    with open(file, "rb") as lines:  # noqa: PTH123
        return not lines.readline() or not lines.read(1)


def _read_arrow(arrow: Any, file: str, names: Sequence[str], delimiter: str) -> dict[str, NDArray[Any]]:
    from pyarrow import csv as reader  # type: ignore[import-untyped]  # noqa: PLC0415  # large, optional

    def table(types: dict[str, Any]) -> Any:
        try:
            return reader.read_csv(
                file,
                read_options=reader.ReadOptions(column_names=list(names), skip_rows=1, use_threads=False),
                parse_options=reader.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=reader.ConvertOptions(
                    column_types=types,
                    null_values=list(_MISSING),
                    true_values=[text for text, value in _TRUTH.items() if value],
                    false_values=[text for text, value in _TRUTH.items() if not value],
                ),
            )
        except (arrow.ArrowInvalid, OSError) as error:
            reason = str(error).splitlines()[0][:160].rstrip(".")
            raise FileError(f"{file!r} cannot be read as CSV ({reason}).") from error

    found = table({})
    # Dates and times stay the text that they are, and whole numbers of more than 64 bits are looked at.
    again = {field.name: arrow.string() for field in found.schema if not _is_final(found, field)}
    texts = table(again) if again else found
    return {name: _from_arrow((texts if name in again else found).column(name), name, file) for name in names}


def _is_final(table: Any, field: Any) -> bool:
    kind = str(field.type)
    if kind in ("int64", "string", "null"):
        return True
    column = table.column(field.name)
    if kind == "bool":
        return not column.null_count
    return kind == "double" and not _is_large(column.drop_null().to_numpy())


def _is_large(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values[np.isfinite(values)]) >= _EXACT).any())


def _from_arrow(column: Any, name: str, file: str) -> NDArray[Any]:
    kind = str(column.type)
    if kind == "string":
        return _converted(column.to_pylist(), name, file)
    if kind == "null":
        return np.full(len(column), np.nan)
    if kind == "int64" and column.null_count:
        return _with_nan(column.to_pylist(), name, file)
    return np.array(column.to_numpy())


def _read_plain(file: str, names: Sequence[str], delimiter: str) -> dict[str, NDArray[Any]]:
    rows: list[list[str]] = []
    with open(file, encoding="utf-8-sig", newline="") as lines:  # noqa: PTH123
        reader = csv.reader(lines, delimiter=delimiter)
        next(reader)
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise FileError(
                    f"{file!r} cannot be read as CSV: line {reader.line_num} has {len(row)} values, there "
                    f"are {len(names)} columns."
                )
            rows.append(row)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: _converted(list(texts), name, file) for name, texts in zip(names, columns, strict=True)}


def _converted(texts: Sequence[str], name: str, file: str) -> NDArray[Any]:
    """Return texts as the narrowest type that all of them are: truth, whole numbers, numbers, or text."""
    kinds = {_kind_of(text) for text in texts if text not in _MISSING}
    n_missing = sum(text in _MISSING for text in texts)
    if not kinds:
        return np.full(len(texts), np.nan)
    if kinds == {bool} and not n_missing:
        return np.array([_TRUTH[text] for text in texts], dtype=np.bool_)
    if kinds == {int}:
        return _with_nan([None if text in _MISSING else int(text) for text in texts], name, file)
    if kinds <= {int, float}:
        large = [text for text in texts if _kind_of(text) is int and int(text) != float(text)]
        if large:
            raise _no_type(name, file, large[0])
        return np.array([np.nan if text in _MISSING else float(text) for text in texts])
    return np.array(texts, dtype=np.str_)


def _kind_of(text: str) -> type:
    if text in _TRUTH:
        return bool
    if _WHOLE.fullmatch(text.strip()):
        return int
    try:
        float(text)
    except ValueError:
        return str
    return float if "_" not in text else str


def _with_nan(values: Sequence[int | None], name: str, file: str) -> NDArray[Any]:
    """Return whole numbers, as doubles with NaN where some are missing."""
    if None in values:
        large = next((one for one in values if one is not None and int(float(one)) != one), None)
        if large is not None:
            raise _no_type(name, file, large)
        return np.array([np.nan if one is None else float(one) for one in values])
    for dtype in (np.int64, np.uint64):
        try:
            return np.array(values, dtype=dtype)
        except OverflowError:
            continue
    raise _no_type(name, file, max(values, key=lambda one: abs(one or 0)))


def _no_type(name: str, file: str, value: object) -> FileError:
    return FileError(
        f"{file!r}: column {name!r} has the whole number {value}, which no type keeps together with its "
        "other values. Write the column as text, or as two columns."
    )
