"""Columns that a Python function calculates: arrays of a range of entries in, one array out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import awkward as ak
import numpy as np

from hepnb.errors import BranchError, ExpressionError, HepnbError
from hepnb.events.language.expression import ChunkColumns, Expression
from hepnb.events.language.named_columns import Column, check_new_name
from hepnb.events.language.operators import is_list
from hepnb.events.rootio.branches import Branch, Kind, to_column
from hepnb.events.rootio.exact import content_dtype
from hepnb.events.sources.added_columns import AddedColumns
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.events.sources.source import Source, TreeReader, cached_column
from hepnb.python_code import Code, call

__all__ = ["PythonColumn", "PythonSource", "as_python_column", "check_unreplaced", "with_functions"]

# The function is tried on so many entries when the column is made, as a whole and in two parts.
_TRIED = 8


@dataclass(frozen=True)
class PythonColumn:
    """A column that a Python function calculates.

    Attributes
    ----------
    function : callable
        Takes one array per input, for a range of entries: numpy arrays, or awkward arrays where there is a
        list per event. Returns one array with an entry for each: numbers, conditions or lists of them. An
        entry's value must not depend on which others are in the range.
    inputs : tuple of str
        Branches, columns or formulas; the names of the function's parameters where left out.
        ``entry_number`` is the number of each entry, for :func:`hepnb.events.random_normal`.
    title, unit : str
        For axes, as of :class:`hepnb.Column`.

    Examples
    --------
    >>> PythonColumn(lambda pt, eta: pt * np.cosh(eta)).inputs
    ('pt', 'eta')
    """

    function: Callable[..., Any]
    inputs: tuple[str, ...] = ()
    title: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        given: Any = self.inputs
        listed = isinstance(given, (list, tuple)) and all(isinstance(text, str) for text in given)
        if not listed:
            raise ExpressionError(
                f"inputs={given!r:.60}: give a list of branches and formulas, ['max(Muon_pt)', 'MET_pt']."
            )
        object.__setattr__(self, "inputs", tuple(given) or _parameters(self.function))

    @property
    def name(self) -> str:
        """Name of the function, where it has one."""
        name = getattr(self.function, "__name__", "")
        return name if name.isidentifier() else ""

    def code(self, column: str) -> Code:
        """Write Python that makes it.

        Parameters
        ----------
        column : str
            What it is called in the tree; a function without a name is called so too.

        Returns
        -------
        Code
            The name of the function, or a call with it.

        Examples
        --------
        >>> print(PythonColumn(np.sqrt, ["2 * x"]).code("root"))
        hepnb.PythonColumn(sqrt, inputs=['2 * x'])
        """
        name = Code(self.name or column)
        more = {key: value for key, value in (("title", self.title), ("unit", self.unit)) if value}
        try:
            plain = _parameters(self.function) == self.inputs
        except ExpressionError:
            plain = False
        if plain and not more:
            return name
        return call("hepnb.PythonColumn", name, **({} if plain else {"inputs": list(self.inputs)}), **more)


def _parameters(function: Any) -> tuple[str, ...]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ExpressionError(
            f"{function!r:.60} does not say what it takes: "
            "hepnb.PythonColumn(function, inputs=['pt', 'eta'])."
        ) from error
    taken = [one for one in found if one.default is inspect.Parameter.empty]
    if not taken or any(one.kind not in kinds for one in taken):
        raise ExpressionError(
            f"{function!r:.60} does not name the columns that it takes: write def f(pt, eta), with the "
            "names of branches, or hepnb.PythonColumn(function, inputs=['max(Muon_pt)', 'MET_pt'])."
        )
    return tuple(one.name for one in taken)


def as_python_column(column: Any) -> PythonColumn | None:
    """Give the column for a function; None for anything else, such as a formula."""
    if isinstance(column, PythonColumn):
        return column
    return PythonColumn(column) if callable(column) and not isinstance(column, (str, type)) else None


@dataclass(frozen=True)
class PythonSource(AddedColumns):
    """A tree with columns of Python functions.

    Attributes
    ----------
    source : Source
        The tree they are calculated from.
    columns : tuple of (str, PythonColumn)
        Their names and functions; each may use those before it.
    """

    source: Source
    columns: tuple[tuple[str, PythonColumn], ...]

    @property
    def code(self) -> str:
        """Python that makes the tree, from functions of these names."""
        return call(f"{self.source.code}.with_columns", {name: one.code(name) for name, one in self.columns})

    def _extended(self, base: TreeReader) -> TreeReader:
        for name, column in self.columns:
            base = _with_column(base, name, column, self._memory.lock)
        return base


def with_functions(source: Source, functions: Mapping[str, PythonColumn]) -> Source:
    """Add columns of Python functions to a tree.

    Parameters
    ----------
    source : Source
        The tree.
    functions : mapping of str to PythonColumn
        By name; those that it has already, with the same function, are left out.

    Returns
    -------
    Source
        The tree with them, checked.

    Raises
    ------
    ExpressionError, BranchError
        Where an input does not fit the tree, a name is taken, or a function fails on the first entries.
    """
    inner, before = (source.source, source.columns) if isinstance(source, PythonSource) else (source, ())
    new = tuple(item for item in functions.items() if item not in before)
    if not new:
        return source
    made = PythonSource(inner, (*before, *new))
    made.reader()
    return made


@dataclass(frozen=True)
class _Function:
    """One column: reads its inputs from the tree below it, and calls the function."""

    base: TreeReader
    name: str
    column: PythonColumn
    inputs: tuple[Expression, ...]
    lock: Any

    def fails(self, why: str) -> ExpressionError:
        named = f" ({self.column.name})" if self.column.name else ""
        return ExpressionError(f"tree {self.base.path!r}, column {self.name!r}{named}: {why}")

    def call(self, start: int, stop: int) -> Any:
        """Return what the function gives for some entries, with an entry for each."""
        names = dict.fromkeys(name for one in self.inputs for name in one.branches)
        read = {name: self.base.column(self.base.known[name], start, stop) for name in names}
        columns, n = ChunkColumns(read), stop - start
        given = [_entries_of(one.lists(columns), n) for one in self.inputs]
        with self.lock:
            try:
                found = self.column.function(*given)
            except HepnbError:
                raise
            except Exception as error:
                raise self.fails(f"the function raised {type(error).__name__}: {error}") from error
        if not isinstance(found, (np.ndarray, ak.Array)):
            found = np.asarray(found)
        if getattr(found, "ndim", 0) < 1 or len(found) != n:
            shape = getattr(found, "shape", None) or (len(found) if found.ndim else "one value")
            raise self.fails(
                f"the function gave {shape} for {n:,} entries. Return an array with a value for each."
            )
        return found

    def kind_of(self, found: Any) -> tuple[Kind, np.dtype[Any], int]:
        """Return the kind, the type of the numbers and the dimensions of what the function gave."""
        dtype = content_dtype(found) if isinstance(found, ak.Array) else found.dtype
        dtype = np.dtype(np.float64) if dtype is None else dtype
        if dtype.kind not in "biuf" or (isinstance(found, ak.Array) and found.fields):
            raise self.fails(f"the function gave {dtype}. Return numbers, conditions, or lists of them.")
        if found.ndim > 1:
            return "list", dtype, found.ndim
        return ("bool" if dtype.kind == "b" else "number"), dtype, 1

    def column_of(self, branch: Branch, start: int, stop: int) -> Any:
        """Return the column for some entries, of the kind that it had when it was made."""
        found = self.call(start, stop)
        kind, _, ndim = self.kind_of(found)
        if (kind, ndim) != (branch.kind, branch.ndim):
            raise self.fails(
                f"the function gave {_shown(kind, ndim)} for the entries from {start:,} to {stop:,}, and "
                f"{_shown(branch.kind, branch.ndim)} for the first ones. Return one kind."
            )
        return to_column(found, branch)


def _shown(kind: str, ndim: int) -> str:
    return {"list": f"lists in {ndim} dimensions", "bool": "conditions"}.get(kind, "numbers")


def _entries_of(value: Any, n: int) -> Any:
    """Return an input with a value for each entry, which must not be changed."""
    if is_list(value):
        return value
    array = np.asarray(value)
    array = (np.full(n, array) if array.ndim == 0 else array).view()
    array.flags.writeable = False
    return array


def _with_column(base: TreeReader, name: str, column: PythonColumn, lock: Any) -> TreeReader:
    check_new_name(name, base.known, base.columns)
    who = f"column {name!r}, input of the function"
    inputs = tuple(base.check(text, who) for text in column.inputs)
    flat = next((one for one in inputs if one.flat), None)
    if flat is not None:
        raise ExpressionError(f"{who}: {flat.text!r} has no value for an event. Leave the list as it is.")
    one = _Function(base, name, column, inputs, lock)
    branch = _tried(one)

    def read(wanted: Branch, start: int, stop: int) -> Any:
        if wanted.name != name:
            return base.read(wanted, start, stop)
        if COLUMNS.disk is not None:
            # A file cannot be told to belong to a function.
            return one.column_of(branch, start, stop)
        key = cast("Any", (column, base.stamps))
        return cached_column(key, base.path, name, start, stop, lambda: one.column_of(branch, start, stop))

    return replace(base, branches=(*base.branches, branch), read=read)


def _tried(one: _Function) -> Branch:
    """Call the function for the first entries, all at once and in parts, and say what the column is."""
    n = min(one.base.n_entries, _TRIED)
    whole = one.call(0, n)
    kind, dtype, ndim = one.kind_of(whole)
    needs = tuple(
        dict.fromkeys(
            more
            for expression in one.inputs
            for name in expression.branches
            for more in (name, *one.base.known[name].needs)
        )
    )
    branch = Branch(
        one.name,
        f"Python function {one.column.name}".rstrip(),
        kind,
        str(dtype),
        Column("", one.column.title, one.column.unit).label(one.name),
        path=one.name,
        ndim=ndim,
        bytes_per_entry=8.0 if ndim == 1 else 32.0,
        needs=needs,
    )
    there = to_column(whole, branch)
    for start, stop in ((0, n // 2), (n // 2, n)) if n > 1 else ():
        if not _nearly_equal(there[start:stop], one.column_of(branch, start, stop)):
            raise one.fails(
                f"the function gives the entries from {start} to {stop} other values when it is called for "
                "these alone: the value of an entry must depend on this entry only. For random numbers take "
                "the input entry_number, and hepnb.events.random_normal(entry_number, seed=1)."
            )
    return branch


def _nearly_equal(one: Any, other: Any) -> bool:
    """Whether two columns agree but for the rounding of single precision, as networks have it."""
    arrays = ak.Array(one), ak.Array(other)
    for depth in range(1, arrays[0].ndim):
        if not ak.array_equal(*(ak.num(array, axis=depth) for array in arrays)):
            return False
    first, second = (ak.to_numpy(ak.flatten(array, axis=None)).astype(np.float64) for array in arrays)
    return bool(np.allclose(first, second, rtol=1e-3, atol=1e-6, equal_nan=True))


def check_unreplaced(reader: TreeReader, replaced: Mapping[str, Any], who: str) -> None:
    """Refuse to replace what a function was calculated from: it would keep its nominal values.

    Raises
    ------
    BranchError
        Where a column of a function needs what is replaced and is not replaced itself.
    """
    for branch in reader.branches:
        needed = next((name for name in branch.needs if name in replaced), None)
        if needed is not None and branch.name not in replaced:
            raise BranchError(
                f"{who} replaces {needed!r}, which the Python function of column {branch.name!r} takes and "
                f"would not see: give the varied column too, {{{branch.name!r}: 'another column'}}, or leave "
                "it out of the tree."
            )
