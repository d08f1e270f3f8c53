"""Read a JSON document from disk, and say in words why that failed."""

from __future__ import annotations

import json
import os
from typing import Any

from hepnb.errors import FileError, WorkspaceError, nearest
from hepnb.local_files import check_regular, local_path

__all__ = ["read_json", "read_text"]


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a text file, with an error that names the files next to a missing one.

    Parameters
    ----------
    path : path
        Where it is.

    Returns
    -------
    str
        Its content.

    Raises
    ------
    FileError
        When there is no such file, or it is not text.
    """
    file = local_path(path)
    if file.is_dir():
        inside = [other.name for other in file.iterdir() if other.suffix in {".json", ".xml"}]
        raise FileError(f"{file} is a directory, not a workspace file. {nearest('', inside)}")
    check_regular(file, "workspace file")
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = [other.name for other in file.parent.iterdir()] if file.parent.is_dir() else []
        where = nearest(file.name, near) if near else f"The directory {file.parent} does not exist either."
        raise FileError(f"{file}: no such file. {where}") from None
    except UnicodeDecodeError:
        raise FileError(
            f"{file} is not text: a workspace is a JSON or a HistFactory XML file. "
            "Open ROOT files with hepnb.open."
        ) from None
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}.") from error


def read_json(path: str | os.PathLike[str], text: str | None = None) -> Any:
    """Parse a JSON file; a fault is told with its line and column.

    Parameters
    ----------
    path : path
        Where it is.
    text : str, optional
        Its content, if it has been read already.

    Returns
    -------
    object
        The document.

    Raises
    ------
    FileError, WorkspaceError
        When it cannot be read, or is not JSON.
    """
    content = read_text(path) if text is None else text
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise WorkspaceError(
            f"{os.fspath(path)}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}). "
            "Mend the file there, or save it again."
        ) from None
    except RecursionError:
        raise WorkspaceError(f"{os.fspath(path)}: the JSON is nested too deeply to be a workspace.") from None
