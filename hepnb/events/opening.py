"""Open one file, or many under one name."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload
from urllib.request import url2pathname

from hepnb.errors import FileError, OptionError, nearest
from hepnb.events.root_file import RootFile
from hepnb.events.root_files import RootFiles, checked
from hepnb.events.rootio.open_files import acquire
from hepnb.events.rootio.remote import is_remote, matches
from hepnb.events.sources.chain import ChainSource
from hepnb.events.sources.csv_file import CsvSource
from hepnb.events.sources.memory import MemorySource, columns_from
from hepnb.events.sources.parquet import ParquetSource
from hepnb.events.sources.root_tree import FileSource
from hepnb.events.sources.source import OnError, Source
from hepnb.events.tree import Tree
from hepnb.python_code import call

__all__ = ["open", "tree"]

PathLike: TypeAlias = "str | os.PathLike[str]"

_TABLES: dict[str, Callable[[str], Source]] = {
    ".parquet": ParquetSource,
    ".pq": ParquetSource,
    ".csv": CsvSource,
    ".tsv": CsvSource,
}


# Any stands for Tree: the suffix says which it is, and with Tree none could be used without a check.
@overload
def open(path: PathLike, *, on_error: OnError = "raise") -> RootFile | RootFiles | Any: ...
@overload
def open(path: list[PathLike] | tuple[PathLike, ...], *, on_error: OnError = "raise") -> RootFiles | Any: ...
@overload
def open(path: Mapping[Any, str], *, on_error: OnError = "raise") -> Tree: ...
def open(path: Any, *, on_error: OnError = "raise") -> RootFile | RootFiles | Tree:
    """Open a ROOT, Parquet or CSV file, or many as if they were one.

    Parameters
    ----------
    path : str or path-like, list of such, or dict of file to path in the file
        A local file or a URL (http, or root:// where ``hepnb[xrootd]`` is installed); with wildcards
        (``data_*.root``) or in a list for several files, whose trees are then read one after the other. A
        dict gives the tree in each file, and so the tree itself. A file that ends in ".parquet" (or ".pq"),
        ".csv" or ".tsv" is one tree; its path in a dict is not used.
    on_error : {"raise", "skip"}
        Of several files: whether one that is missing or damaged is an error, or is left out with a warning
        and a record in ``skipped`` and in the metadata of histograms.

    Returns
    -------
    RootFile, RootFiles or Tree
        A file is used like a mapping of paths to objects. From a dict, and from Parquet and CSV files, the
        tree.

    Raises
    ------
    FileError
        If the file is missing, is not of its kind, or is cut short; each with its own words.

    Examples
    --------
    >>> open("no/such/file.root")
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: there is no file 'no/such/file.root': its folder 'no/such' does not exist.
    Check the path.
    """
    if isinstance(path, Collection) and not isinstance(path, (str, bytes)) and not len(path):
        raise FileError("the list of files is empty: name at least one.")
    if on_error not in ("raise", "skip"):
        raise OptionError(f"on_error={on_error!r} is neither 'raise' nor 'skip'.")
    if isinstance(path, Mapping):
        return _open_trees(path, on_error)
    if isinstance(path, Iterable) and not isinstance(path, (str, bytes)):
        return _open_several([_name_of(one) for one in path], on_error)
    name = _name_of(path)
    if _is_pattern(name):
        return _open_several([name], on_error)
    if is_table(name):
        return _tree_over(_source_of(name, ""))
    with acquire(name):
        return RootFile(name)


def tree(columns: Any, name: str = "tree") -> Tree:
    """Make a tree of columns that are in memory.

    Parameters
    ----------
    columns : dict of str to array, awkward.Array, pandas.DataFrame or pyarrow.Table
        A value or a list per entry each: numbers, conditions or texts; numpy or awkward arrays, or lists. Of
        an awkward array the fields, of a record in it the members (``Muon.pt``). They are copied.
    name : str
        What messages call it.

    Returns
    -------
    Tree
        It is equal to itself only. Code that a panel writes for it takes the columns from the variable
        ``columns``.

    Raises
    ------
    BranchError
        Where it is no set of columns, or they differ in length.

    Examples
    --------
    >>> made = tree({"pt": [[30.0, 20.0], [], [50.0]], "w": [1.0, 2.0, 0.5]})
    >>> made.hist("flatten(pt)", (3, 0, 60), weight="w").values().tolist()
    [0.0, 2.0, 0.5]
    """
    return Tree.over(MemorySource(name, columns_from(columns)))


def is_table(file: str) -> bool:
    """Whether a file is one tree: Parquet or CSV."""
    return Path(file).suffix.lower() in _TABLES


def _source_of(file: str, path: str) -> Source:
    table = _TABLES.get(Path(file).suffix.lower())
    if table is None:
        return FileSource(file, path)
    if is_remote(file):
        raise FileError(f"{file!r} is an address, from which only ROOT files are read. Download the file.")
    return table(file)


def _tree_over(source: Source) -> Tree:
    source.reader()
    return Tree.over(source)


def _open_several(names: Sequence[str], on_error: OnError) -> RootFiles | Tree:
    code = _code_of(names[0] if len(names) == 1 and _is_pattern(names[0]) else list(names), on_error)
    found = _expanded(names)
    tables = [file for file in found if is_table(file)]
    if tables and len(tables) < len(found):
        other = next(file for file in found if not is_table(file))
        raise FileError(
            f"{tables[0]!r} is one tree and {other!r} has a tree in it: say which, "
            f"hepnb.open({{{tables[0]!r}: '', {other!r}: 'events'}})."
        )
    if tables:
        sources = tuple(_source_of(file, "") for file in found)
        return _tree_over(ChainSource(sources, _label_of(names, found), on_error, code=code))
    return checked(RootFiles(tuple(found), _label_of(names, found), code=code, on_error=on_error))


def _open_trees(paths: Mapping[Any, str], on_error: OnError) -> Tree:
    names = {_name_of(file): path for file, path in paths.items()}
    for name, path in names.items():
        if not isinstance(path, str):
            raise FileError(f"the tree of {name!r} is {path!r:.60}: give its path in the file, as text.")
    members = [(file, path) for name, path in names.items() for file in _expanded([name])]
    files = [file for file, _ in members]
    _check_once(files)
    label = _label_of(list(names), files)
    sources = tuple(_source_of(*member) for member in members)
    return _tree_over(ChainSource(sources, label, on_error, code=_code_of(names, on_error)))


def _name_of(path: Any) -> str:
    try:
        name = os.fsdecode(path)
    except TypeError as error:
        raise FileError(f"{path!r:.80} is not a path. Give a text or a pathlib.Path.") from error
    if name.startswith("file://"):
        name = url2pathname(name.removeprefix("file://"))
    if is_remote(name):
        return name
    return os.path.expanduser(name)  # noqa: PTH111  # a Path would rewrite what the person wrote


def _is_pattern(name: str) -> bool:
    if is_remote(name):
        return "*" in name  # a question mark begins a query, brackets hold an address
    return glob.has_magic(name) and not Path(name).exists()


def _expanded(names: Sequence[str]) -> list[str]:
    """Files in the order of the names; those of a pattern in the order of the alphabet."""
    found: list[str] = []
    for name in names:
        if not _is_pattern(name):
            found.append(name)
            continue
        if is_remote(name):
            found += matches(name)
            continue
        here = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
        if not here:
            raise FileError(_no_match(name))
        found += here
    _check_once(found)
    return found


def _check_once(files: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        place = file if is_remote(file) else os.path.realpath(file)
        if place in seen:
            other = f" (as {seen[place]!r})" if seen[place] != file else ""
            raise FileError(f"the file {file!r} is in the list twice{other}: its entries would count twice.")
        seen[place] = file


def _no_match(name: str) -> str:
    pattern, _, inside = name.rpartition(":")
    if pattern and glob.glob(pattern, recursive=True):  # noqa: PTH207  # see above
        return f"no file matches {name!r}. Write hepnb.open({pattern!r})[{inside!r}]."
    folder = Path(name).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    if not folder.is_dir():
        return f"no file matches {name!r}: the folder {str(folder)!r} does not exist. Check the path."
    others = [entry.name for entry in folder.iterdir() if entry.suffix == ".root"]
    holds = nearest(Path(name).name, others) if others else "It holds no .root files."
    return f"no file matches {name!r} in the folder {str(folder)!r}. {holds}"


def _label_of(names: Sequence[str], found: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{found[0]} and {len(found) - 1} more" if len(found) > 1 else found[0]


def _code_of(names: Any, on_error: OnError) -> str:
    skip = {"on_error": on_error} if on_error == "skip" else {}
    return call("hepnb.open", names, **skip)
