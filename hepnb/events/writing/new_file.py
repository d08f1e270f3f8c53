"""Files of events that appear only when they are complete, and replace none that is read meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hepnb.atomic_file import AtomicFile, atomic_file
from hepnb.errors import FileError
from hepnb.events.rootio.open_files import close
from hepnb.events.rootio.remote import is_remote

__all__ = ["AtomicFile", "new_file"]


@contextmanager
def new_file(
    path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[str] = ()
) -> Iterator[AtomicFile]:
    """Write a file beside its place and move it there when the block ends well.

    Parameters
    ----------
    path : path
        Where the file will be; its folders are made.
    overwrite : bool
        Whether a file that is there may be replaced.
    inputs : iterable of str
        The files that are read meanwhile: none of them is ever replaced.

    Yields
    ------
    AtomicFile
        Where to write.

    Raises
    ------
    FileError
        Where the place is taken, is one of the inputs, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_file(f"{folder}/a.txt") as draft:
    ...         _ = draft.path.write_text("all of it")
    ...     with new_file(f"{folder}/a.txt") as draft:
    ...         pass
    Traceback (most recent call last):
        ...
    hepnb.errors.FileError: ...a.txt' exists already. Choose another name, or say overwrite=True.
    """
    if is_remote(str(path)):
        raise FileError(f"{str(path)!r} is an address: files are written to the disk. Give a local path.")
    with atomic_file(path, overwrite=True, make_folder=True) as draft:
        _check(draft.target, overwrite, inputs)
        yield draft
        if draft.keep:
            _check(draft.target, overwrite, inputs)
            close(str(draft.target))


def _check(target: Path, overwrite: bool, inputs: Iterable[str]) -> None:
    if not target.exists():
        return
    for other in inputs:
        if not is_remote(other) and Path(other).exists() and target.samefile(other):
            raise FileError(
                f"{str(target)!r} is the file that is read: it would be replaced while it is needed. "
                "Choose another name."
            )
    if not overwrite:
        raise FileError(f"{str(target)!r} exists already. Choose another name, or say overwrite=True.")
