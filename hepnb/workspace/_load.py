"""Load a workspace: JSON, HistFactory XML, a dict, a pyhf.Workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.local_files import local_path
from hepnb.workspace.documents import read_json, read_text
from hepnb.workspace.foreign import about_text, is_hs3
from hepnb.workspace.histfactory import load_xml
from hepnb.workspace.hs3 import load_hs3
from hepnb.workspace.leftovers import warn_of_leftovers
from hepnb.workspace.origin import Loaded
from hepnb.workspace.workspace import Workspace

__all__ = ["load"]


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Workspace,
    *,
    root: str | os.PathLike[str] | None = None,
    mounts: Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]] = (),
    analysis: str | None = None,
    dialect: str | None = None,
) -> Workspace:
    """Load a workspace.

    Parameters
    ----------
    source : path, mapping, pyhf.Workspace or Workspace
        A path leads to pyhf's JSON, to an HS3 document, or to the top-level file of a HistFactory XML
        configuration. A mapping is pyhf's or HS3's JSON.
    root : path, optional
        The directory that the paths inside XML files start from; found from the first ``<Input>`` by default.
    mounts : sequence of (path, path)
        Directories here, and the absolute paths by which XML files call them: they may come from another
        machine.
    analysis : str, optional
        Which analysis of an HS3 document; by default those of its observed data.
    dialect : {"root-6.30", "root-6.40", "absolute"}, optional
        What the ``vals`` of a shapesys of an HS3 document are: 1 / uncertainty^2, as ROOT wrote until about
        6.32; relative uncertainties, as it writes since; absolute ones. By default as its version says.

    Returns
    -------
    Workspace
        Validated. Its POI may be missing: background-only workspaces get theirs from a patch. XML is read as
        HistFactory in ROOT reads it, with the defaults of ROOT 6.40. An HS3 document is read as ROOT means
        it; a systematic ``alpha_S`` of it is called S here, ``gamma_G_bin_0`` G[0], and
        ``gamma_stat_C_bin_0`` staterror_C[0].

    Raises
    ------
    FileError
        No such file, not a text file.
    WorkspaceError
        Not JSON or XML (with line and column), or not a workspace (with the path of the fault). Files of
        other kinds are named for what they are: datacards, archives, patches, ROOT files.

    Warns
    -----
    WorkspaceWarning
        An observation without a channel, a parameter setting that names no parameter, a key that an object
        has twice: they have no effect.

    Examples
    --------
    >>> from hepnb.workspace import load, uncorrelated_background
    >>> load(uncorrelated_background([5.0], [50.0], [7.0]).spec).channels
    ('singlechannel',)
    """
    if isinstance(source, Workspace):
        return source
    chosen = {"analysis": analysis, "dialect": dialect}
    if isinstance(source, Mapping):
        if is_hs3(source):
            return load_hs3(source, **chosen)
        _refuse_choices(chosen, "a workspace of pyhf")
        made = Workspace(source)
        warn_of_leftovers(made)
        return made
    if not isinstance(source, str | os.PathLike):
        raise WorkspaceError(
            f"a workspace cannot be loaded from {type(source).__name__}: "
            "give a path, a dict or a pyhf.Workspace."
        )
    loaded = _read(source, root, mounts, chosen)
    options: dict[str, Any] = {} if root is None else {"root": os.fspath(root)}
    options |= {name: value for name, value in chosen.items() if value is not None}
    if mounts:
        options["mounts"] = [tuple(map(os.fspath, pair)) for pair in mounts]
    loaded._origin = Loaded(os.fspath(source), options)
    return loaded


def _refuse_choices(chosen: Mapping[str, str | None], what: str) -> None:
    for name, value in chosen.items():
        if value is not None:
            raise WorkspaceError(f"{name}={value!r} is for HS3 documents, and this is {what}. Leave it out.")


def _read(
    source: str | os.PathLike[str],
    root: str | os.PathLike[str] | None,
    mounts: Sequence[Any],
    chosen: Mapping[str, str | None],
) -> Workspace:
    text, path = read_text(source), local_path(source)
    if text.lstrip()[:1] == "<":
        said = about_text(text)
        if said:
            raise WorkspaceError(f"{path} {said}")
        _refuse_choices(chosen, "HistFactory XML")
        return load_xml(path, root, mounts)
    document = read_json(path, text)
    try:
        if is_hs3(document):
            return load_hs3(document, **chosen)
        _refuse_choices(chosen, "a workspace of pyhf")
        made = Workspace(document)
    except WorkspaceError as error:
        raise WorkspaceError(f"{path}: {error}") from None
    warn_of_leftovers(made, f"{path}: ")
    return made
