"""Files that appear only when they are complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hepnb.errors import FileError
from hepnb.events.handles import close
from hepnb.events.remote import is_remote

__all__ = ["Draft", "new_file"]


@dataclass
class Draft:
    """A file that is being written beside its place.

    Attributes
    ----------
    path : pathlib.Path
        Where to write.
    target : pathlib.Path
        Where it will be.
    keep : bool
        Set it to False and nothing appears.
    """

    path: Path
    target: Path
    keep: bool = True


@contextmanager
def new_file(
    path: str | os.PathLike[str], *, overwrite: bool = False, inputs: Iterable[str] = ()
) -> Iterator[Draft]:
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
    Draft
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
    target = _place(path)
    _check(target, overwrite, inputs)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
            draft = Draft(Path(folder) / target.name, target)
            yield draft
            if draft.keep:
                _check(target, overwrite, inputs)
                close(str(target))
                draft.path.replace(target)
    except OSError as error:
        raise FileError(
            f"{str(target)!r} cannot be written ({error.strerror or error}). "
            "Choose a folder that may be written to and has room."
        ) from error


def _place(path: str | os.PathLike[str]) -> Path:
    try:
        name = os.fsdecode(path)
    except TypeError as error:
        raise FileError(f"{path!r:.80} is not a path. Give a text or a pathlib.Path.") from error
    if is_remote(name):
        raise FileError(f"{name!r} is an address: files are written to the disk. Give a local path.")
    target = Path(name).expanduser()
    if not target.name or target.is_dir():
        raise FileError(f"{name!r} is a folder. Give the name of a file in it, such as 'skim.root'.")
    return target


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
