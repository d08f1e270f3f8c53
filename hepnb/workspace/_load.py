"""Load a workspace: JSON, HistFactory XML, a dict, a pyhf.Workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.workspace.documents import read_json, read_text
from hepnb.workspace.histfactory import load_xml
from hepnb.workspace.origin import Loaded
from hepnb.workspace.workspace import Workspace

__all__ = ["load"]


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Workspace,
    *,
    root: str | os.PathLike[str] | None = None,
    mounts: Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]] = (),
) -> Workspace:
    """Load a workspace.

    Parameters
    ----------
    source : path, mapping, pyhf.Workspace or Workspace
        A path leads to pyhf's JSON or to the top-level file of a HistFactory XML configuration.
    root : path, optional
        The directory that the paths inside XML files start from; found from the first ``<Input>`` by default.
    mounts : sequence of (path, path)
        Directories here, and the absolute paths by which XML files call them: they may come from another
        machine.

    Returns
    -------
    Workspace
        Validated. Its POI may be missing: background-only workspaces get theirs from a patch. XML is read as
        HistFactory in ROOT reads it, with the defaults of ROOT 6.40.

    Raises
    ------
    FileError
        No such file, not a text file.
    WorkspaceError
        Not JSON or XML (with line and column), or not a workspace (with the path of the fault).

    Examples
    --------
    >>> from hepnb.workspace import load, uncorrelated_background
    >>> load(uncorrelated_background([5.0], [50.0], [7.0]).spec).channels
    ('singlechannel',)
    """
    if isinstance(source, Workspace):
        return source
    if isinstance(source, Mapping):
        return Workspace(source)
    if not isinstance(source, str | os.PathLike):
        raise WorkspaceError(
            f"a workspace cannot be loaded from {type(source).__name__}: "
            "give a path, a dict or a pyhf.Workspace."
        )
    loaded = _read(Path(source).expanduser(), root, mounts)
    options: dict[str, Any] = {} if root is None else {"root": os.fspath(root)}
    if mounts:
        options["mounts"] = [tuple(map(os.fspath, pair)) for pair in mounts]
    loaded._origin = Loaded(os.fspath(source), options)
    return loaded


def _read(path: Path, root: str | os.PathLike[str] | None, mounts: Sequence[Any]) -> Workspace:
    text = read_text(path)
    if text.lstrip()[:1] == "<":
        return load_xml(path, root, mounts)
    try:
        return Workspace(read_json(path, text))
    except WorkspaceError as error:
        message = str(error)
        raise WorkspaceError(message if message.startswith(str(path)) else f"{path}: {message}") from None
