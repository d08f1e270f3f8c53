"""Read a JSON document from disk, and say in words why that failed."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from hepnb.errors import FileError, WorkspaceError, WorkspaceWarning, nearest
from hepnb.local_files import check_regular, local_path, reason_of_os_error
from hepnb.workspace.archives import is_archive, unpacked
from hepnb.workspace.foreign import HEAD, about_bytes, about_name, about_text

__all__ = ["parse_json", "read_json", "read_text"]


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
    if not os.fsdecode(path):
        raise FileError("the name of the workspace file is empty. Give a path.")
    if os.path.isdir(file):  # noqa: PTH112  # Path.is_dir raises where a name is too long
        raise FileError(_about_folder(file))
    check_regular(file, "workspace file")
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise FileError(about_name(os.fsdecode(path)) or _about_missing(file)) from None
    except OSError as error:
        raise FileError(
            f"{file!s:.200} cannot be read: {reason_of_os_error(error)}. Give another path."
        ) from error
    content = _unpacked(content, file)
    said = about_bytes(file, content[:HEAD])
    if said:
        raise FileError(said)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FileError(
            f"{file} is not text in UTF-8 (byte {error.start} is {content[error.start]:#04x}): a workspace "
            "is a JSON or a HistFactory XML file. Open ROOT files with hepnb.open."
        ) from None


def _unpacked(content: bytes, file: Path) -> bytes:
    """Return the content of a text that was compressed with gzip; archives are left as they are."""
    if content[:2] != b"\x1f\x8b" or is_archive(content[:HEAD]):
        return content
    return unpacked(content, str(file))


def _about_folder(folder: Path) -> str:
    inside = [name for name in _names_in(folder) if name.endswith((".json", ".xml"))]
    if not inside:
        return (
            f"{folder} is a directory, and there is no .json or .xml file in it. Give the workspace's file."
        )
    return f"{folder} is a directory, not a workspace file. {nearest('', inside)}"


def _about_missing(file: Path) -> str:
    if not os.path.isdir(file.parent):  # noqa: PTH112  # see above
        return f"{file}: no such file. The directory {file.parent} does not exist either."
    return f"{file}: no such file. {nearest(file.name, _names_in(file.parent))}"


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is needed
    except OSError:
        return []


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

    Warns
    -----
    WorkspaceWarning
        An object has a key twice.
    """
    return parse_json(read_text(path) if text is None else text, os.fsdecode(path))


def parse_json(text: str, name: str) -> Any:
    """Parse a text as JSON; see :func:`read_json`.

    Parameters
    ----------
    text : str
        JSON.
    name : str
        What the messages call it.

    Returns
    -------
    object
        The document.

    Examples
    --------
    >>> parse_json('{"a": [1}', "a.json")
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: a.json, line 1, column 9: not valid JSON (Expecting ',' delimiter). Mend the
    file there, or save it again.
    """
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice.append(_words_of_twice(pairs, made))
        return made

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        said = about_text(text)
        if said:
            raise WorkspaceError(f"{name} {said}") from None
        raise WorkspaceError(
            f"{name}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}). "
            "Mend the file there, or save it again."
        ) from None
    except RecursionError:
        raise WorkspaceError(f"{name}: the JSON is nested too deeply to be a workspace.") from None
    except ValueError:  # Python converts no integer of more than 4,300 digits
        raise WorkspaceError(
            f"{name}: a number in it has thousands of digits. Write it with an exponent, like 1e5."
        ) from None
    if twice:
        more = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
        warnings.warn(
            f"{name}: {twice[0]}{more}. The last one counts. Rename or remove the others.",
            WorkspaceWarning,
            stacklevel=2,
        )
    return document


def _words_of_twice(pairs: list[tuple[str, Any]], made: dict[str, Any]) -> str:
    keys = [key for key, _ in pairs]
    key = next(key for key in made if keys.count(key) > 1)
    owner = f"the object {made['name']!r:.60}" if isinstance(made.get("name"), str) else "an object"
    return f"{owner} has the key {key!r:.60} {keys.count(key)} times"
