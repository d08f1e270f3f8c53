"""Many files as if they were one: their trees go one after the other, their histograms are added."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import hist

from hepnb.errors import FileError, HepnbError, MissingObjectError, nearest
from hepnb.events.root_file import FileKey, KeyKind, RootFile
from hepnb.events.rootio.open_files import acquire, close
from hepnb.events.sources.chain import ChainSource
from hepnb.events.sources.many_files import each_file
from hepnb.events.sources.root_tree import FileSource
from hepnb.events.sources.source import OnError, Skipped, warn_of
from hepnb.events.tree import Tree
from hepnb.progress import Cancel, Progress
from hepnb.python_code import literal

__all__ = ["RootFiles", "checked"]


@dataclass(frozen=True)
class RootFiles:
    """Several files, or a folder in each of them; no open handles, so that it can be pickled and shared.

    Attributes
    ----------
    paths : tuple of str
        The files, in order.
    path : str
        What they are called together.
    directory : str
        Folder inside the files; empty at the top.
    on_error : {"raise", "skip"}
        What to do about a file that cannot be read.
    skipped : tuple of Skipped
        Files that are left out.
    code : str
        Python that opens them.

    Examples
    --------
    >>> import hepnb
    >>> path = hepnb.datasets.generate()
    >>> files = hepnb.open([path])
    >>> files["signal"].n_entries == hepnb.open(path)["signal"].n_entries
    True
    """

    paths: tuple[str, ...]
    path: str
    directory: str = ""
    on_error: OnError = "raise"
    skipped: tuple[Skipped, ...] = ()
    code: str = field(default="", compare=False)

    def __repr__(self) -> str:
        inside = f", folder {self.directory!r}" if self.directory else ""
        out = f", {len(self.skipped)} left out" if self.skipped else ""
        return f"<RootFiles {self.path!r}: {len(self.paths)} files{out}{inside}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and any(entry.readable and key in _names(entry) for entry in self.walk())

    def close(self) -> None:
        """Close the files; whoever uses them or one of their trees again opens them again."""
        for path in self.paths:
            close(path)

    def walk(self) -> tuple[FileKey, ...]:
        """List every object of the files; what is not in all of them is not readable, with the reason.

        Returns
        -------
        tuple of FileKey
            In the order of the first file; only the newest cycles. A tree has the entries of all files.

        Raises
        ------
        FileError
            Where a file cannot be read.
        """
        found = each_file(self._newest_of, self.paths, self.path, skip_errors=False)
        walks = {number: entries for number, entries in found if not isinstance(entries, HepnbError)}
        each = [(path, walks[number]) for number, path in enumerate(self.paths)]
        names = dict.fromkeys(name for _, entries in each for name in entries)
        return tuple(_together(name, each) for name in names)

    def _newest_of(self, path: str) -> dict[str, FileKey]:
        return _newest(RootFile(path, self.directory).walk())

    def keys(self, kind: KeyKind | None = None, match: str = "*") -> list[str]:
        """List paths, without cycles.

        Parameters
        ----------
        kind : str, optional
            Of this kind only, such as "tree".
        match : str
            Wildcards as in a shell.

        Returns
        -------
        list of str
            Such as ``"dir/tree"``; only what is in all files.
        """
        return [
            entry.path
            for entry in self.walk()
            if entry.readable and kind in (None, entry.kind) and fnmatch.fnmatchcase(entry.path, match)
        ]

    def __getitem__(self, key: str) -> Any:
        """Give a tree over all files, the sum of the histograms, or a folder.

        Parameters
        ----------
        key : str
            Path; of several cycles in a file the newest, unless it ends in ``;cycle``.

        Returns
        -------
        Tree, hist.Hist or RootFiles
            A tree's entries are those of the first file, then of the second, and so on.

        Raises
        ------
        FileError
            Where a file has no such object, or it cannot be read; the message names the file.
        """
        if not isinstance(key, str):
            raise FileError(f"{self.path!r} has no object {key!r:.60}: a path in the files is text.")
        if key.strip("/") == "":
            return self
        first = RootFile(self.paths[0], self.directory)
        entry = first.entry(key)
        if entry is None:
            # Another file may have it: with on_error="skip" the first one is then left out.
            having = (RootFile(path, self.directory).entry(key) for path in self.paths[1:])
            entry = next((found for found in having if found is not None), None)
        if entry is None:
            raise MissingObjectError(
                f"{self.paths[0]!r} has no object {key!r}. {nearest(key, [e.path for e in first.walk()])}"
            )
        inside = re.sub(r"/+", "/", f"{self.directory}/{key}".strip("/"))
        if entry.kind == "directory":
            return replace(self, directory=inside)
        if entry.kind in ("tree", "rntuple"):
            return self.tree(key)
        return self._sum(key)

    def tree(self, path: str, *, progress: Progress | None = None, cancel: Cancel | None = None) -> Tree:
        """Give a tree over all files, as ``files[path]`` does, and say how far it is.

        Every file is opened once, to count its entries and to list its branches.

        Parameters
        ----------
        path : str
            Of the tree in the files.
        progress : callable, optional
            Called with (files done, files in all).
        cancel : object with is_set(), optional
            Looked at before each file.

        Returns
        -------
        Tree
            Its entries are those of the first file, then of the second, and so on.

        Raises
        ------
        FileError
            Where a file has no such tree, or it cannot be read; where somebody cancelled.
        """
        inside = re.sub(r"/+", "/", f"{self.directory}/{path}".strip("/"))
        members = tuple(FileSource(file, inside) for file in self.paths)
        source = ChainSource(
            members, self.path, self.on_error, self.skipped, f"{self.code}[{literal(inside)}]"
        )
        source.reader(progress, cancel)
        return Tree.over(source)

    def _sum(self, key: str) -> hist.Hist[Any]:
        total: hist.Hist[Any] | None = None
        skipped = list(self.skipped)
        for file in self.paths:
            try:
                found = RootFile(file, self.directory)[key]
            except HepnbError as error:
                if self.on_error != "skip":
                    raise
                skipped.append(Skipped(file, str(error)))
                warn_of(skipped[-1])
                continue
            if not isinstance(found, hist.Hist):
                raise FileError(
                    f"{key!r} is not a tree and not a histogram: it is not put together from several files. "
                    f"Open one: hepnb.open({file!r})[{key!r}]."
                )
            if total is not None and (
                total.axes != found.axes or total.storage_type is not found.storage_type
            ):
                raise FileError(
                    f"the histogram {key!r} has other bins in {file!r} than in {self.paths[0]!r}: "
                    "they cannot be added. Open the files one by one."
                )
            total = found if total is None else total + found
        if total is None:
            raise FileError(f"none of the files {self.path!r} has a histogram {key!r} that can be read.")
        if skipped:
            total.metadata = {**(total.metadata or {}), "skipped": tuple(skipped)}
        return total


def checked(files: RootFiles) -> RootFiles:
    """Make sure that every file can be opened, or leave it out where that is asked for.

    Raises
    ------
    FileError
        Where a file is missing or is no ROOT file; always where all are.
    """
    found = dict(each_file(_acquired, files.paths, files.path, skip_errors=files.on_error == "skip"))
    good = [path for number, path in enumerate(files.paths) if found[number] is None]
    skipped = []
    for number, path in enumerate(files.paths):
        if found[number] is not None:
            skipped.append(Skipped(path, str(found[number])))
            warn_of(skipped[-1])
    if not good:
        said = "\n".join(f"  {one}" for one in skipped[:5])
        raise FileError(f"none of the files {files.path!r} can be read:\n{said}")
    return replace(files, paths=tuple(good), skipped=tuple(skipped))


def _acquired(path: str) -> None:
    with acquire(path):
        pass


def _names(entry: FileKey) -> tuple[str, str]:
    return entry.path, entry.key


def _newest(entries: tuple[FileKey, ...]) -> dict[str, FileKey]:
    newest: dict[str, FileKey] = {}
    for entry in entries:
        known = newest.get(entry.path)
        if known is None or known.cycle < entry.cycle:
            newest[entry.path] = entry
    return newest


def _together(name: str, each: list[tuple[str, dict[str, FileKey]]]) -> FileKey:
    found = [(path, entries[name]) for path, entries in each if name in entries]
    file, first = found[0]
    missing = [path for path, entries in each if name not in entries]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return replace(first, readable=False, n_entries=None, reason=f"it is not in {missing[0]!r}{more}")
    for path, entry in found:
        if not entry.readable:
            return replace(first, readable=False, n_entries=None, reason=f"{entry.reason}, in {path!r}")
        if entry.kind != first.kind and {entry.kind, first.kind} != {"tree", "rntuple"}:
            reason = f"it is a {first.classname} in {file!r}, but a {entry.classname} in {path!r}"
            return replace(first, readable=False, n_entries=None, reason=reason)
    if first.n_entries is None:
        return first
    return replace(first, n_entries=sum(entry.n_entries or 0 for _, entry in found))
