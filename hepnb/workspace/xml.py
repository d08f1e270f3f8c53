"""HistFactory XML, read by pyhf.readxml; what pyhf drops on the way (constraint types) is kept."""

from __future__ import annotations

import math
import os
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from hepnb.errors import FileError, WorkspaceError, nearest
from hepnb.workspace.workspace import Workspace

__all__ = ["load_xml"]


def load_xml(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Workspace:
    """Load the top-level file of a HistFactory XML configuration.

    Parameters
    ----------
    path : path
        The file with the ``<Combination>`` element.
    root : path, optional
        The directory that relative paths in the XML start from. By default the nearest directory above the
        file from which the first ``<Input>`` is found.

    Returns
    -------
    Workspace
        With :attr:`Workspace.constraints` filled from ``<StatErrorConfig>`` and ``<ShapeSys>``. A bin whose
        relative statistical uncertainty is below the channel's ``RelErrorThreshold`` has none, so that its
        parameter is held at 1, as in ROOT.

    Raises
    ------
    FileError
        When an XML or ROOT file, or a histogram in it, is missing.
    WorkspaceError
        When the XML is not HistFactory's, or the result is not a workspace.

    References
    ----------
    CERN-OPEN-2012-016 (HistFactory), section 4.
    """
    from pyhf import readxml  # noqa: PLC0415  # half a second, needed for XML only

    top = Path(path)
    tree = _parse(top)
    inputs = [(item.text or "").strip() for item in tree.getroot().findall("Input")]
    if tree.getroot().tag != "Combination" or not inputs:
        raise WorkspaceError(
            f"{top}: the root element is <{tree.getroot().tag}>. "
            "Give the top-level file: a <Combination> with its <Input> files."
        )
    directory = Path(root) if root is not None else _root(top, inputs[0])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyhf 0.7.6 on a new jsonschema
            spec = readxml.parse(top, directory, validation_as_error=False)
    except FileNotFoundError as error:
        raise FileError(f"{top}: {_missing(error)} Say where its paths start: load(..., root=...).") from None
    except KeyError as error:
        said = str(error.args[0])
        if "not found" not in said:
            raise WorkspaceError(f"{top}: an element lacks its attribute {said!r}.") from None
        raise FileError(f"{top}: {said}. Mend the histogram's name or path in the XML.") from None
    except TypeError:
        raise WorkspaceError(
            f"{top}: a histogram in it has more than one axis. "
            "Unroll it to one axis: a channel is a row of bins."
        ) from None
    except ET.ParseError as error:
        raise WorkspaceError(f"{top}: one of its <Input> files is not valid XML ({error}).") from None
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise WorkspaceError(f"{top}: {str(error).splitlines()[0]}") from None
    finally:
        for file, _ in readxml.__FILECACHE__.values():
            file.close()
        readxml.clear_filecache()
    constraints: dict[str, str] = {}
    for name in inputs:
        channel = _parse(directory / name).getroot()
        constraints |= _constraints(channel)
        _hold_below_threshold(spec, channel)
    try:
        known = Workspace(spec).modifiers
        return Workspace(spec, constraints={name: law for name, law in constraints.items() if name in known})
    except WorkspaceError as error:
        raise WorkspaceError(f"{top}: {error}") from None


def _parse(path: Path) -> ET.ElementTree[ET.Element]:
    try:
        return ET.parse(path)  # noqa: S314  # the expat that Python ships bounds entity expansion
    except ET.ParseError as error:
        line, column = error.position
        raise WorkspaceError(
            f"{path}, line {line}, column {column + 1}: not valid XML ({error.msg})."
        ) from None
    except FileNotFoundError:
        raise FileError(f"{path}: no such file.") from None


def _root(top: Path, first: str) -> Path:
    """Find where relative paths start: HistFactory means the directory hist2workspace is run in."""
    for directory in (top.parent, *top.resolve().parents[1:4]):
        if (directory / first).is_file():
            return directory
    near = [other.name for other in top.parent.iterdir()]
    raise FileError(
        f"{top}: its <Input> {first} is in none of the directories above. {nearest(Path(first).name, near)} "
        "Say where its paths start: load(..., root=...)."
    )


def _missing(error: FileNotFoundError) -> str:
    if error.filename:
        return f"{error.filename}: no such file."
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "a file is missing.")


def _constraints(channel: ET.Element) -> dict[str, str]:
    """The constraint types that a channel's XML names; what it does not name keeps the default."""
    found: dict[str, str] = {}
    for config in channel.findall("StatErrorConfig"):
        kind = config.attrib.get("ConstraintType", "").lower()
        if kind in {"gaussian", "poisson"}:
            found[f"staterror_{channel.attrib.get('Name', '')}"] = kind
    for shapesys in channel.iter("ShapeSys"):
        kind = shapesys.attrib.get("ConstraintType", "").lower()
        if kind in {"gaussian", "poisson"}:
            found[shapesys.attrib.get("Name", "")] = kind
    return found


def _hold_below_threshold(spec: dict[str, Any], channel: ET.Element) -> None:
    """Take the statistical uncertainties away from bins where they are relatively small."""
    thresholds = [float(c.attrib.get("RelErrorThreshold") or 0) for c in channel.findall("StatErrorConfig")]
    name = channel.attrib.get("Name", "")
    samples: list[Any] = next((c["samples"] for c in spec["channels"] if c["name"] == name), [])
    pairs = [(s, m) for s in samples for m in s["modifiers"] if m["type"] == "staterror"]
    if not pairs or not any(thresholds):
        return
    total = [sum(s["data"][i] for s, _ in pairs) for i in range(len(pairs[0][0]["data"]))]
    for i, events in enumerate(total):
        if math.hypot(*(m["data"][i] for _, m in pairs)) < thresholds[-1] * events:
            for _, modifier in pairs:
                modifier["data"][i] = 0.0
