"""A folder with everything that a paper needs of a result."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hepnb._version import __version__
from hepnb.atomic_file import atomic_file, write_text
from hepnb.errors import FileError, HepnbError
from hepnb.report.hepdata import hepdata_submission, hepdata_table

__all__ = ["PaperTable", "save_folder"]

_PACKAGES = ("numpy", "scipy", "pyhf", "iminuit", "matplotlib", "mplhep", "uproot", "awkward", "hist")
_DPI = 300


@dataclass(frozen=True)
class PaperTable:
    """A table that is written as CSV and for HEPData.

    Parameters
    ----------
    rows : sequence of mapping
        All with the same keys.
    independent : tuple of str
        The columns that say where a row is.
    words : str
        What it shows.
    errors : mapping of str to str
        A column, and the one that holds its symmetric uncertainty.
    """

    rows: Sequence[Mapping[str, Any]]
    independent: tuple[str, ...]
    words: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


def save_folder(
    folder: str | os.PathLike[str],
    *,
    figures: Mapping[str, Figure] | None = None,
    tables: Mapping[str, PaperTable] | None = None,
    texts: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write pictures, tables, texts, versions and inputs into a folder.

    Parameters
    ----------
    folder : path
        Made where it does not exist; files of the same names are replaced.
    figures : mapping of str to Figure, optional
        Each is written as ``NAME.pdf`` and ``NAME.png``.
    tables : mapping of str to PaperTable, optional
        Each is written as ``NAME.csv`` and, for HEPData, as ``NAME.yaml``; ``submission.yaml`` lists those.
    texts : mapping of str to str, optional
        Files by name, such as ``"code.py"`` or ``"pulls.tex"``.
    inputs : mapping of str to object, optional
        Written into ``versions.json`` beside the versions of Python and of the packages: digests and paths.

    Returns
    -------
    list of pathlib.Path
        What was written.

    Raises
    ------
    FileError
        The folder or a file cannot be written.
    HepnbError
        A name is not one of a file.

    Examples
    --------
    >>> import tempfile
    >>> from hepnb.report.folder import PaperTable, save_folder
    >>> table = PaperTable([{"mu": 0.5, "CLs": 0.31}], ("mu",), "CLs")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(*sorted(path.name for path in save_folder(folder, tables={"scan": table})))
    scan.csv scan.yaml submission.yaml versions.json
    """
    home = Path(folder)
    for name in (*(figures or {}), *(tables or {}), *(texts or {})):
        if not name or Path(name).name != name or name.startswith("."):
            raise HepnbError(
                f"{name!r} is not the name of a file. Leave out folders, and begin with a letter."
            )
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"the folder {str(home)!r} cannot be made: {error}. Give another one.") from error
    written = []
    for name, figure in (figures or {}).items():
        for ending in ("pdf", "png"):
            path = home / f"{name}.{ending}"
            with atomic_file(path) as draft:
                figure.savefig(draft.path, format=ending, dpi=_DPI)
            written.append(path)
    for name, table in (tables or {}).items():
        if table.rows:
            written.append(write_text(home / f"{name}.csv", _csv(table.rows)))
            yaml = hepdata_table(table.rows, table.independent, errors=table.errors)
            written.append(write_text(home / f"{name}.yaml", yaml + "\n"))
    listed = {f"{name}.yaml": table.words for name, table in (tables or {}).items() if table.rows}
    if listed:
        written.append(write_text(home / "submission.yaml", hepdata_submission(listed) + "\n"))
    written += [write_text(home / name, text) for name, text in (texts or {}).items()]
    versions = {"hepnb": __version__, "python": platform.python_version(), **_versions()}
    document = {"versions": versions, "inputs": dict(inputs or {})}
    written.append(write_text(home / "versions.json", json.dumps(document, indent=1, default=str) + "\n"))
    return written


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
