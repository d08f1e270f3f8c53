"""Put a workspace together from the top-level file of a HistFactory XML configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hepnb.errors import FileError, WorkspaceError, nearest
from hepnb.workspace.histfactory.assemble import assemble
from hepnb.workspace.histfactory.channels import read_channel
from hepnb.workspace.histfactory.elements import parse
from hepnb.workspace.histfactory.functions import put_in, read_function
from hepnb.workspace.histfactory.histograms import Histograms, mounted
from hepnb.workspace.histfactory.measurements import read_measurement
from hepnb.workspace.workspace import Workspace

__all__ = ["load_xml"]


def load_xml(
    path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    mounts: Iterable[Any] | None = None,
) -> Workspace:
    """Load the top-level file of a HistFactory XML configuration.

    Parameters
    ----------
    path : path
        The file with the ``<Combination>`` element.
    root : path, optional
        The directory that relative paths in the XML start from. By default the nearest directory above the
        file from which the first ``<Input>`` is found.
    mounts : iterable of (path, path), optional
        Directories here, and what the XML calls them: absolute paths of another machine.

    Returns
    -------
    Workspace
        As HistFactory in ROOT 6.40 reads the files, with its defaults. Constraints that pyhf has not are in
        :attr:`Workspace.constraints`. Channels without ``<Data>`` have the expected data of the first
        measurement. Every sample is multiplied by the luminosity, as in ROOT, which passes over
        ``NormalizeByTheory``.

    Raises
    ------
    FileError
        When an XML or ROOT file, or a histogram in it, is missing.
    WorkspaceError
        When the XML is not HistFactory's, has an element that is not supported, or the result is not a
        workspace.

    Warns
    -----
    UserWarning
        Of what has no effect, in ROOT and here: settings of parameters that do not exist, for instance.
    """
    top = parse(path)
    inputs = [(child.text or "").strip() for child in top.children("Input")]
    if top.tag != "Combination" or not any(inputs):
        raise WorkspaceError(
            f"{os.fspath(path)}: the root element is <{top.tag}>. "
            "Give the top-level file: a <Combination> with its <Input> files."
        )
    top.check(("OutputFilePrefix", "Mode"), ("Function", "Input", "Measurement"))
    functions = [read_function(element) for element in top.children("Function")]
    start = [name for name in inputs if name]
    histograms = Histograms(Path(), mounted(mounts))
    histograms.root = Path(root) if root is not None else _root(Path(path), histograms, start[0])
    try:
        channels = [read_channel(parse(histograms.resolve(name)), histograms) for name in start]
    finally:
        histograms.close()
    put_in(functions, channels)
    measurements = [read_measurement(element) for element in top.children("Measurement")]
    if not measurements:
        raise top.fault("has no <Measurement>.")
    try:
        return assemble(channels, measurements)
    except WorkspaceError as error:
        said = str(error)
        raise WorkspaceError(said if said.startswith(str(top.where)) else f"{top.where}: {said}") from None


def _root(top: Path, histograms: Histograms, first: str) -> Path:
    """Find where relative paths start: HistFactory means the directory hist2workspace is run in."""
    for directory in (top.parent, *top.resolve().parents[1:4]):
        histograms.root = directory
        if histograms.resolve(first).is_file():
            return directory
    near = [other.name for other in top.parent.iterdir()]
    raise FileError(
        f"{top}: its <Input> {first} is in none of the directories above. {nearest(Path(first).name, near)} "
        "Say where its paths start: load(..., root=...)."
    )
