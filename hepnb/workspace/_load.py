"""Load a workspace: JSON, HS3, HistFactory XML, an archive of likelihoods, a dict, a pyhf.Workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hepnb.errors import WorkspaceError
from hepnb.local_files import check_regular, local_path
from hepnb.resolvers import RESOLVERS
from hepnb.workspace.archives import documents_of_archive
from hepnb.workspace.combine import load_card
from hepnb.workspace.documents import read_json, read_text
from hepnb.workspace.foreign import about_text, is_card, is_hs3, is_record
from hepnb.workspace.histfactory import load_xml
from hepnb.workspace.hs3 import load_hs3
from hepnb.workspace.leftovers import warn_of_leftovers
from hepnb.workspace.likelihoods import Likelihoods, likelihoods_of
from hepnb.workspace.origin import Loaded, Origin
from hepnb.workspace.workspace import Workspace

__all__ = ["load"]


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Workspace,
    *,
    root: str | os.PathLike[str] | None = None,
    mounts: Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]] = (),
    analysis: str | None = None,
    dialect: str | None = None,
    signal: str | None = None,
    region: str | None = None,
    mass: float | str | None = None,
    signals: Mapping[str, str | Sequence[str]] | None = None,
) -> Workspace | Any:
    """Load a workspace.

    Parameters
    ----------
    source : path, mapping, pyhf.Workspace or Workspace
        A path leads to pyhf's JSON, to an HS3 document, to the top-level file of a HistFactory XML
        configuration, to a datacard of Combine, or to an archive of likelihoods (tar or zip). JSON may be
        compressed with gzip. A mapping is pyhf's or HS3's JSON. The name of a record of HEPData
        (``"ins1748602"``, its DOI or address) fetches its likelihoods: see :func:`hepnb.datasets.hepdata`.
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
    signal, region : str, optional
        A signal and a region of an archive or a record.
    mass : float or str, optional
        What stands for ``$MASS`` in a datacard; 120 by default, as in Combine.
    signals : mapping of str to str or sequence of str, optional
        The processes of a datacard that each parameter of interest scales: ``{"r_ggH": "ggH"}``. By default
        ``r`` scales all signals.

    Returns
    -------
    Workspace or Likelihoods
        :class:`~hepnb.workspace.Likelihoods` where an archive or a record has several, or has signals, and
        none was chosen. Else a workspace, validated. Its POI may be missing: background-only workspaces get
        theirs from a patch. XML is read as HistFactory in ROOT reads it, with the defaults of ROOT 6.40. An
        HS3 document is read as ROOT means it; a systematic ``alpha_S`` of it is called S here,
        ``gamma_G_bin_0`` G[0], and ``gamma_stat_C_bin_0`` staterror_C[0].

    Raises
    ------
    FileError
        No such file, not a text file.
    WorkspaceError
        Not JSON or XML (with line and column), or not a workspace (with the path of the fault). Files of
        other kinds are named for what they are: patches, ROOT files, tables. What a datacard has that
        HistFactory has not is refused with the number of its line.

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
    chosen: dict[str, Any] = {"analysis": analysis, "dialect": dialect, "mass": mass, "signals": signals}
    picked = {"signal": signal, "region": region}
    if isinstance(source, Workspace):
        _only({**chosen, **picked}, (), "a workspace")
        return source
    if isinstance(source, Mapping):
        _only(picked, (), "one workspace")
        if is_hs3(source):
            return load_hs3(source, **_only(chosen, _OF_HS3, "an HS3 document"))
        _only(chosen, (), "a workspace of pyhf")
        made = Workspace(source)
        warn_of_leftovers(made)
        return made
    if not isinstance(source, str | os.PathLike):
        raise WorkspaceError(
            f"a workspace cannot be loaded from {type(source).__name__}: "
            "give a path, a dict or a pyhf.Workspace."
        )
    if "hepdata" in RESOLVERS and is_record(os.fsdecode(source)) and not local_path(source).exists():
        _only(chosen, (), "a record of HEPData", _UNPACK)
        return RESOLVERS["hepdata"](os.fsdecode(source), **picked)
    likelihoods = _archive(source)
    if likelihoods is not None:
        _only(chosen, (), "an archive", _UNPACK)
        return likelihoods.chosen(signal, region)
    _only(picked, (), "one workspace")
    loaded = _read(source, root, mounts, chosen)
    options: dict[str, Any] = {} if root is None else {"root": os.fspath(root)}
    options |= {name: value for name, value in chosen.items() if value is not None}
    if mounts:
        options["mounts"] = [tuple(map(os.fspath, pair)) for pair in mounts]
    loaded._origin = Loaded(os.fspath(source), options)
    return loaded


def read_likelihoods(path: Path, origin: Origin) -> Likelihoods:
    """Read all likelihoods of an archive, or of a JSON file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    origin : Origin
        Where it came from.

    Returns
    -------
    Likelihoods
        At least one.

    Raises
    ------
    FileError, WorkspaceError
        It cannot be read, or has no likelihood.
    """
    check_regular(path, "file of likelihoods")
    texts = documents_of_archive(path)
    return likelihoods_of({path.name: read_text(path)} if texts is None else texts, str(path), origin)


def _archive(source: str | os.PathLike[str]) -> Likelihoods | None:
    """Return the likelihoods of an archive, None where the file is none."""
    path = local_path(source)
    try:
        if not path.is_file():  # A named pipe would wait here for a writer.
            return None
        texts = documents_of_archive(path)
    except OSError:
        return None  # reading it as a text says what is wrong
    return None if texts is None else likelihoods_of(texts, str(path), Loaded(os.fspath(source)))


_OF_HS3, _OF_CARD = ("analysis", "dialect"), ("mass", "signals")
_UNPACK = "Leave it out, or unpack the archive and load the file in it."
_OWNERS = {
    **dict.fromkeys(_OF_HS3, "HS3 documents"), **dict.fromkeys(_OF_CARD, "datacards"),
    **dict.fromkeys(("signal", "region"), "archives and records of HEPData"),
}  # fmt: skip


def _only(
    options: Mapping[str, Any], mine: Sequence[str], what: str, remedy: str = "Leave it out."
) -> dict[str, Any]:
    """Return the options that a kind of file has; refuse others that were given."""
    for name, value in options.items():
        if value is not None and name not in mine:
            raise WorkspaceError(f"{name}={value!r:.80} is for {_OWNERS[name]}, and this is {what}. {remedy}")
    return {name: options[name] for name in mine if options[name] is not None}


def _read(
    source: str | os.PathLike[str],
    root: str | os.PathLike[str] | None,
    mounts: Sequence[Any],
    chosen: Mapping[str, Any],
) -> Workspace:
    text, path = read_text(source), local_path(source)
    if text.lstrip()[:1] == "<":
        said = about_text(text)
        if said:
            raise WorkspaceError(f"{path} {said}")
        _only(chosen, (), "HistFactory XML")
        return load_xml(path, root, mounts)
    if is_card(text):
        try:
            return load_card(text, path.parent, **_only(chosen, _OF_CARD, "a datacard"))
        except WorkspaceError as error:
            raise WorkspaceError(f"{path}: {error}") from None
    document = read_json(path, text)
    try:
        if is_hs3(document):
            return load_hs3(document, **_only(chosen, _OF_HS3, "an HS3 document"))
        _only(chosen, (), "a workspace of pyhf")
        made = Workspace(document)
    except WorkspaceError as error:
        raise WorkspaceError(f"{path}: {error}") from None
    warn_of_leftovers(made, f"{path}: ")
    return made
