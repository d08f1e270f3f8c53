"""A tree (TTree or RNTuple): its branches, and what can be made of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TextIO, overload

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, MissingBranchError, SelectionError, nearest, printable
from hepnb.events.language.expression import Expression
from hepnb.events.language.named_columns import Column, as_columns
from hepnb.events.language.operators import is_list
from hepnb.events.passes.chunks import Chunk, StepSize, as_expressions
from hepnb.events.passes.column_ranges import chunks_of
from hepnb.events.passes.libraries import Library, check_library, in_library
from hepnb.events.rootio.branches import Branch
from hepnb.events.rootio.exact import join_exactly
from hepnb.events.sources.root_tree import FileSource
from hepnb.events.sources.source import Skipped, Source, TreeReader
from hepnb.events.tree_filling import Filling
from hepnb.events.tree_output import Output
from hepnb.events.writing.schema import match_names
from hepnb.progress import Cancel, Progress

if TYPE_CHECKING:
    from hepnb.events.sources.chain import Default
    from hepnb.events.sources.python_columns import PythonColumn

__all__ = ["Tree"]


class Tree(Filling, Output):
    """A tree in a file: a path each, so that it is cheap to keep, to compare, to pickle and to share.

    Parameters
    ----------
    file : str
        Path of the file.
    path : str
        Path of the tree inside it.

    Examples
    --------
    >>> import hepnb
    >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
    >>> [branch.name for branch in tree.branches][:3]
    ['mll', 'lep1_pt', 'lep2_pt']
    >>> tree.hist("mll", bins=(4, 80, 160), cut="lep1_pt > 30").values().astype(int).tolist()
    [0, 289, 2527, 0]
    """

    __slots__ = ("_source",)

    def __init__(self, file: str, path: str) -> None:
        self._source: Source = FileSource(file, path)

    @classmethod
    def over(cls, source: Source) -> Tree:
        """Make a tree of what several files or trees hold together.

        Parameters
        ----------
        source : Source
            Where its columns come from.
        """
        tree = cls.__new__(cls)
        tree._source = source
        return tree

    def __repr__(self) -> str:
        return f"<Tree {self.path!r} of {self.file!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._source == other._source

    def __hash__(self) -> int:
        return hash(self._source)

    def __getstate__(self) -> Source:
        return self._source

    def __setstate__(self, source: Source) -> None:
        self._source = source

    # -- what is in it

    @property
    def file(self) -> str:
        """Path of the file; of several, what they are called together."""
        return self._source.file

    @property
    def path(self) -> str:
        """Path of the tree inside the file."""
        return self._source.path

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that entries are read from, in their order."""
        return tuple(dict.fromkeys(segment.file for segment in self._reader().segments))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Files that were left out because of ``on_error="skip"``."""
        return self._reader().skipped

    @property
    def code(self) -> str:
        """Python that makes this tree."""
        return self._source.code

    @property
    def name(self) -> str:
        """Name of the tree."""
        return self._reader().name

    @property
    def title(self) -> str:
        """Title of the tree."""
        return self._reader().title

    @property
    def n_entries(self) -> int:
        """Number of entries."""
        return self._reader().n_entries

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Every branch with its type, those that cannot be read too."""
        return self._reader().branches

    def branch(self, name: str) -> Branch:
        """Look up one branch.

        Parameters
        ----------
        name : str
            Its name, or its full path in the tree.

        Returns
        -------
        Branch
            What it is.

        Raises
        ------
        BranchError
            Where there is none; the message has the nearest names.
        """
        reader = self._reader()
        found = reader.names.get(name)
        if found is None:
            found = next(
                (branch for branch in reader.branches if branch.path == name and not branch.fields), None
            )
        if found is None:
            if name in reader.columns:
                raise BranchError(
                    f"{name!r} of tree {self.path!r} is no branch but calculated: see columns[{name!r}]."
                )
            raise MissingBranchError(
                f"tree {self.path!r} has no branch {name!r}. {nearest(name, reader.names)}"
            )
        return found

    def match(self, pattern: str) -> tuple[str, ...]:
        """Names of the branches that fit a pattern.

        Parameters
        ----------
        pattern : str
            With wildcards as in a shell, ``"p[xyz]1"``, or a regular expression between slashes,
            ``"/p[xyz]1/"``.

        Returns
        -------
        tuple of str
            In the order of the tree.

        Raises
        ------
        BranchError
            Where the regular expression is not one.
        """
        return match_names(self._reader().names, pattern)

    def with_friend(self, other: Tree, prefix: str = "") -> Tree:
        """Put the columns of another tree beside those of this one, entry by entry.

        Parameters
        ----------
        other : Tree
            With as many entries, in the same order; of the same file or another.
        prefix : str
            Put before the names of its branches.

        Returns
        -------
        Tree
            With the branches of both.

        Raises
        ------
        BranchError
            Where the numbers of entries differ, or a name is in both.

        Examples
        --------
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> both = tree.with_friend(tree, prefix="same_")
        >>> bool(both.arrays("same_mll == mll")["same_mll == mll"].all())
        True
        """
        from hepnb.events.sources.friend import FriendSource  # noqa: PLC0415  # seldom needed

        if not isinstance(other, Tree):
            raise BranchError(f"a friend is a tree, not {other!r:.60}. Open it: hepnb.open(file)[path].")
        tree = Tree.over(FriendSource(self._source, other._source, prefix))
        tree._reader()
        return tree

    def with_defaults(self, defaults: Mapping[str, Default] | None = None, /, **named: Default) -> Tree:
        """Give values for branches that some files of a chain lack.

        Parameters
        ----------
        defaults : mapping of branch to value
            A number, True or False, a text, or ``[]`` for a branch of lists.
        **named : value
            The same, written as arguments.

        Returns
        -------
        Tree
            In the files that lack the branch it has this value for every entry. This tree stays as it is,
            and there such a branch cannot be used.

        Raises
        ------
        BranchError
            Where the tree is no chain, none of its files has the branch, or a value is not of its kind.

        Examples
        --------
        Files of two years, of which the first has no prefiring weight:
        ``hepnb.open(files)["Events"].with_defaults(L1PreFiringWeight=1.0)``.
        """
        from hepnb.events.sources.chain import with_defaults  # noqa: PLC0415  # seldom needed

        return Tree.over(with_defaults(self._source, {**(defaults or {}), **named}))

    @property
    def columns(self) -> dict[str, Column]:
        """Columns that are calculated, by name."""
        return dict(self._reader().columns)

    def with_columns(
        self,
        columns: Mapping[str, str | Column | PythonColumn | Callable[..., Any]] | None = None,
        /,
        **named: str | Column | PythonColumn | Callable[..., Any],
    ) -> Tree:
        """Give names to formulas: expressions of the new tree may use them, and they may use each other.

        A column is calculated once for each range of entries, however often it is used. A named cut is a
        column too: with ``SR="n_jet >= 4"`` and ``CR="~SR"`` a cut may be ``"SR | CR"``.

        Parameters
        ----------
        columns : mapping of name to formula, Column or function
            Formulas in any order. A :class:`hepnb.Column` has a title and a unit for axes. A Python function
            takes the columns that its parameters are named after, as arrays of a range of entries, and
            returns one array with a value or a list for each entry; with formulas for inputs it is a
            :class:`hepnb.PythonColumn`. It is called for whatever ranges a pass reads, one call at a time;
            formulas of the same call may use it, and it may use what the tree had before.
        **named : str, Column or function
            The same, written as arguments.

        Returns
        -------
        Tree
            With these columns; this tree stays as it is. A column that it has already, with the same formula,
            is left out.

        Raises
        ------
        ExpressionError, BranchError
            Where a formula does not fit the tree, a name is taken, a column needs itself, or a function fails
            on the first entries, gives them other values when it is called for some of them alone, or
            something else than an array with a value for each.

        Examples
        --------
        >>> import hepnb
        >>> tree = hepnb.open(hepnb.datasets.generate())["signal"]
        >>> tree = tree.with_columns(window="abs(offset) < 5", offset=hepnb.Column("mll - 125", unit="GeV"))
        >>> tree.hist("offset", bins=(2, -5, 5), cut="window").values().astype(int).tolist()
        [1171, 1199]
        >>> def calibrated(mll, lep1_pt):
        ...     return mll * (1 + 0.001 * np.log(lep1_pt))
        >>> tree = tree.with_columns(calibrated=calibrated, shift="calibrated - mll")
        >>> tree.hist("shift", bins=[0, 0.5, 1], cut="calibrated > 125").values().astype(int).tolist()
        [376, 1274]
        """
        from hepnb.events.sources.python_columns import as_python_column, with_functions  # noqa: PLC0415
        from hepnb.events.sources.with_columns import derived  # noqa: PLC0415  # seldom needed

        given: Any = {} if columns is None else columns
        asked: dict[str, Any] = {**(given if isinstance(given, Mapping) else as_columns(given)), **named}
        functions = {name: as_python_column(column) for name, column in asked.items()}
        formulas = as_columns({name: column for name, column in asked.items() if functions[name] is None})
        source = with_functions(
            self._source, {name: one for name, one in functions.items() if one is not None}
        )
        return Tree.over(derived(source, formulas))

    def check(self, text: str) -> Expression:
        """Check an expression against this tree's branches.

        Parameters
        ----------
        text : str
            A cut or a formula.

        Returns
        -------
        Expression
            Its ``branches`` are what would be read.

        Raises
        ------
        ExpressionError, BranchError
            Where it is not in the language, names no branch, or names one that cannot be read.
        """
        return self._check(self._reader(), text)

    # -- columns

    @overload
    def arrays(
        self,
        expressions: Mapping[str, str] | Sequence[str] | str,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        library: Literal["np"] | None = None,
    ) -> dict[str, NDArray[Any]]: ...
    @overload
    def arrays(
        self,
        expressions: Mapping[str, str] | Sequence[str] | str,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        library: Library | None,
    ) -> Any: ...
    def arrays(
        self,
        expressions: Mapping[str, str] | Sequence[str] | str,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        library: Library | None = None,
    ) -> Any:
        """Read columns into memory.

        Parameters
        ----------
        expressions : dict of name to expression, or list of expressions
            Branches or formulas.
        cut : str, optional
            Keep the entries where it holds.
        entry_start, entry_stop : int, optional
            Range of entries, counted as in a slice.
        library : {"np", "ak", "pd", "pa"}, optional
            What they come in: a dict of numpy arrays, an awkward array of records, a pandas data frame, or an
            Arrow table. With "np" and "pd" a list per event is an object, a numpy array. Where left out it is
            a dict as with "np", and a list per event is refused.

        Returns
        -------
        dict of str to numpy.ndarray, shape (n_passed,), or awkward.Array, pandas.DataFrame, pyarrow.Table
            Whole numbers as 64 bits, others in double precision, text as it is. An element of
            ``flatten(...)`` is one value of its own.

        Raises
        ------
        BranchError, ExpressionError
            Where an expression does not fit the tree.
        SelectionError
            Where columns of one table differ in length.
        OptionError
            Where the library is none of these.

        Examples
        --------
        >>> import hepnb
        >>> tree = hepnb.tree({"pt": [[30.0, 20.0], [], [50.0]], "met": [10.0, 20.0, 30.0]})
        >>> tree.arrays(["met", "pt"], cut="met > 15", library="ak").to_list()
        [{'met': 20.0, 'pt': []}, {'met': 30.0, 'pt': [50.0]}]
        """
        check_library(library)
        entries = entry_start, entry_stop
        chunks = list(self._chunks(expressions, cut, entries, "50 MB", None, None, library is not None))
        if len(chunks) == 1:
            columns = {
                name: column if is_list(column) else np.array(column)
                for name, column in chunks[0].arrays.items()
            }
        else:
            columns = {
                name: join_exactly([chunk.arrays[name] for chunk in chunks], f"tree {self.path!r}: {name!r}")
                for name in chunks[0].arrays
            }
        return in_library(columns, library)

    def stream(
        self,
        expressions: Mapping[str, str] | Sequence[str] | str,
        *,
        cut: str | None = None,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        step_size: StepSize = "50 MB",
        library: Library | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[Chunk]:
        """Read columns chunk by chunk.

        Parameters
        ----------
        expressions, cut, entry_start, entry_stop, library
            As for :meth:`arrays`.
        step_size : int or str
            Entries per chunk, or memory such as "50 MB".
        progress : callable, optional
            Called with (entries done, entries in all) after each chunk.
        cancel : object with is_set(), optional
            Looked at before each chunk; once set, no more chunks come.

        Returns
        -------
        iterator of Chunk
            At least one, even where the range is empty; ``chunk.arrays`` is what :meth:`arrays` returns.

        Raises
        ------
        BranchError, ExpressionError, SelectionError, OptionError
            As for :meth:`arrays`.
        """
        check_library(library)
        entries = entry_start, entry_stop
        found = self._chunks(expressions, cut, entries, step_size, progress, cancel, library is not None)
        if library is None:
            return found
        return (replace(chunk, arrays=in_library(chunk.arrays, library)) for chunk in found)

    def _chunks(
        self,
        expressions: Mapping[str, str] | Sequence[str] | str,
        cut: str | None,
        entries: tuple[int | None, int | None],
        step_size: StepSize,
        progress: Progress | None,
        cancel: Cancel | None,
        lists: bool,
    ) -> Iterator[Chunk]:
        reader = self._reader()
        wanted = {name: self._check(reader, text) for name, text in as_expressions(expressions).items()}
        condition = None if cut is None else self._check(reader, cut, "cut")
        if not wanted:
            raise SelectionError("no expressions: name at least one branch or formula.")
        return chunks_of(reader, wanted, condition, step_size, entries, progress, cancel, lists)

    def show(self, pattern: str = "*", *, file: TextIO | None = None) -> None:
        """Print the branches and the columns, with their types.

        Parameters
        ----------
        pattern : str
            Which, as for :meth:`match`.
        file : text stream, optional
            Where to; the standard output where left out.

        Raises
        ------
        BranchError
            Where nothing fits the pattern.

        Examples
        --------
        >>> import hepnb
        >>> hepnb.tree({"pt": [[30.0], []], "n": [1, 2]}).with_columns(lead="max(pt)").show()
        tree: 2 entries
        name  type           is
        pt    var * float64  list of float64
        n     int64          number
        lead  = max(pt)      column
        """
        reader = self._reader()
        names = match_names([*reader.names, *reader.columns], pattern)
        if not names:
            raise MissingBranchError(
                f"tree {self.path!r}: no branch fits the pattern {pattern!r}. "
                f"{nearest(pattern.strip('*?/'), reader.names)}"
            )
        rows = [("name", "type", "is"), *(_described(reader, name) for name in names)]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = [f"{self.path}: {reader.n_entries:,} entries"]
        lines += [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}".rstrip() for row in rows]
        (file or sys.stdout).write("\n".join(map(printable, lines)) + "\n")

    # -- behind it

    def _reader(self) -> TreeReader:
        return self._source.reader()

    def _check(self, reader: TreeReader, text: str, role: str = "expression") -> Expression:
        return reader.check(text, role)


def _described(reader: TreeReader, name: str) -> tuple[str, str, str]:
    """Name, type and kind of a branch or a column."""
    if name in reader.columns:
        return name, f"= {reader.columns[name].expression}", "column"
    branch = reader.names[name]
    if not branch.readable:
        return name, branch.typename, f"not usable: {branch.reason}"
    kind = {"list": "list", "array": "list of fixed length"}.get(branch.kind)
    return name, branch.typename, f"{kind} of {branch.dtype}" if kind else branch.kind
