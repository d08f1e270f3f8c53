"""What a panel leaves behind: its picture in a file, its object under a name in the notebook."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from IPython import get_ipython
from matplotlib.figure import Figure

from hepnb.errors import FileError, HepnbError
from hepnb.widgets.toolkit.condition import Condition
from hepnb.widgets.toolkit.working import WorkingBox

__all__ = ["FORMATS", "KeepingBox", "file_stem", "free_path"]

FORMATS = ("pdf", "png", "svg")
"""What pictures are saved as."""
_PICTURE = "picture"  # the panel's name of the output
_RESOLUTION = 200  # pixels for each inch of a PNG
_LONGEST = 60  # letters of a file's name


def free_path(path: Path) -> Path:
    """Return a name beside `path` that nothing has yet.

    Examples
    --------
    >>> free_path(Path("no/such/folder")).name
    'folder'
    """
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}_{number}")
    return free


def file_stem(text: str) -> str:
    """Return a text as the name of a file.

    Examples
    --------
    >>> file_stem("sqrt(px**2 + py**2)"), file_stem("../dir/h;1"), file_stem("  ")
    ('sqrt_px_2_py_2', 'dir_h_1', 'picture')
    """
    return re.sub(r"\W+", "_", text).strip("_")[:_LONGEST] or "picture"


class KeepingBox(WorkingBox):
    """The part of a panel that saves its picture, and puts its object into the notebook."""

    _condition: Condition
    _kept_before: tuple[str, Any] = ("", None)

    @property
    def figure(self) -> Figure | None:
        """The matplotlib figure on screen."""
        return None

    def _kept(self) -> Any:
        """Return the object that the notebook gets; None where there is none yet."""
        return None

    def _picture_name(self) -> str:
        """Return what the picture shows, for the name of its file."""
        return type(self).__name__

    def save_picture(self, path: str | os.PathLike[str]) -> Path:
        """Save the picture on the screen for a paper.

        Parameters
        ----------
        path : str or path-like
            Ends in ``.pdf``, ``.png`` or ``.svg``; of an existing file the picture takes the place.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        HepnbError
            If nothing is drawn, what is drawn is not of the present inputs, or the file cannot be written.
        """
        file, figure = Path(path), self.figure
        kind = file.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            raise FileError(f"{os.fspath(path)!r}: pictures are saved as .pdf, .png or .svg.")
        if figure is None or not figure.axes:
            raise HepnbError("nothing is drawn yet that could be saved.")
        stale = self._condition.stale(_PICTURE)
        if stale:
            raise HepnbError(f"the picture is not saved, as it is not that of the inputs. {stale}")
        # Without a date the same picture is the same file.
        undated: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
        try:
            figure.savefig(file, format=kind, dpi=_RESOLUTION, metadata=undated.get(kind))
        except OSError as error:
            raise FileError(f"{os.fspath(path)!r} cannot be written: {error.strerror}.") from error
        return file

    def keep(self, name: str) -> Any:
        """Put the object of the panel into the notebook, as a variable.

        Parameters
        ----------
        name : str
            The variable. One of the user's own is not overwritten.

        Returns
        -------
        object
            The histogram, tree or result.

        Raises
        ------
        HepnbError
            If there is nothing yet, or `name` is no name or taken.
        """
        name, found, space = name.strip(), self._kept(), _namespace()
        if found is None:
            raise HepnbError("there is nothing yet that the notebook could have.")
        if not name.isidentifier() or keyword.iskeyword(name):
            raise HepnbError(f"{name!r} is no name of a variable. Write one such as 'histogram'.")
        taken = name in space and space[name] is not found
        if taken and not (self._kept_before[0] == name and self._kept_before[1] is space[name]):
            raise HepnbError(f"the notebook has a variable {name!r} already. Choose another name.")
        space[name] = found
        self._kept_before = (name, found)
        return found


def _namespace() -> MutableMapping[str, Any]:
    shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    if shell is None:
        raise HepnbError("there is no notebook to put a variable into.")
    space: MutableMapping[str, Any] = shell.user_ns
    return space
