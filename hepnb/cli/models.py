"""What commands are given: a workspace by any name, with patches and signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hepnb
from hepnb.errors import FileError, WorkspaceError, printable

if TYPE_CHECKING:
    from hepnb.workspace import Workspace

__all__ = ["load_workspace"]


def load_workspace(
    source: str | os.PathLike[str],
    patches: Sequence[str] = (),
    patchset: str | os.PathLike[str] | None = None,
) -> Workspace:
    """Load a workspace and apply patches.

    Parameters
    ----------
    source : path or str
        What :func:`hepnb.load` takes; ``-`` for JSON from the standard input.
    patches : sequence of str
        ``FILE``, ``FILE:NAME`` of a patch set, or a name in the patch set that is given. Of an archive or a
        record of HEPData: ``NAME`` of a signal, or ``REGION:NAME``.
    patchset : path, optional
        A patch set.

    Returns
    -------
    Workspace
        With all of them applied.

    Raises
    ------
    HepnbError
        It cannot be loaded, or there are several to choose from.
    """
    from hepnb.workspace import Likelihoods  # noqa: PLC0415  # a command that shows its help loads nothing

    loaded: Any = _from_standard_input() if os.fspath(source) == "-" else hepnb.load(os.fspath(source))
    given = list(patches)
    if isinstance(loaded, Likelihoods):
        loaded, given = _chosen(loaded, os.fspath(source), given)
    if patchset is not None:
        for name in given or (None,):
            loaded = loaded.patch(patchset, name)
        return loaded  # type: ignore[no-any-return]  # a workspace by now
    for text in given:
        path, _, name = (text, "", "") if Path(text).exists() else text.rpartition(":")
        loaded = loaded.patch(path or text, name or None)
    return loaded  # type: ignore[no-any-return]  # a workspace by now


def _from_standard_input() -> Any:
    from hepnb.workspace.documents import parse_json  # noqa: PLC0415  # a command that shows its help loads nothing

    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise FileError("standard input: this is not text. Give a workspace as JSON.") from None
    if not text.strip():
        raise FileError("standard input: there is nothing. Give a workspace as JSON.")
    return hepnb.load(parse_json(text, "standard input"))


def _chosen(loaded: Any, source: str, patches: list[str]) -> tuple[Workspace, list[str]]:
    """Return one of several likelihoods, and the patches that are files."""
    if not patches:
        raise WorkspaceError(
            f"{source} has several likelihoods or signals. Choose one: --patch NAME, or --patch "
            "REGION:NAME.\n"
            f"{printable(repr(loaded))}"
        )
    first, *rest = patches
    region, _, name = first.rpartition(":")
    if first in loaded:
        return loaded.workspace(region=first), rest
    if region and region in loaded:
        return loaded.workspace(name, region), rest
    return loaded.workspace(first), rest
