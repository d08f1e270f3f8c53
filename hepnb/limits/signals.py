"""The signals of a grid: patches from patch sets, files and mappings, with their names and where they lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, HepnbError, ModelError
from hepnb.workspace import Workspace
from hepnb.workspace.documents import read_json
from hepnb.workspace.patches import Patch

__all__ = ["Patches", "Signal", "Signals", "WorkspaceLike", "signals_of"]

if TYPE_CHECKING:
    import pyhf

WorkspaceLike: TypeAlias = "Workspace | Mapping[str, Any] | str | os.PathLike[str] | pyhf.Workspace"
"""A workspace, or what :func:`hepnb.load` makes one of."""

Patches: TypeAlias = "str | os.PathLike[str] | pyhf.PatchSet | Mapping[str, Any] | Iterable[Patch]"
"""Signals: a patch set or its path, a path or a pattern, patches by name, or a list of patches or paths."""

# A part of a name that is a number: 300, m300, 0.5, and 12p5 as files spell 12.5.
_NUMBER = re.compile(r"m?(\d+(?:[.p]\d+)?)")


@dataclass(frozen=True)
class Signal:
    """One signal.

    Parameters
    ----------
    name : str
        What it is called.
    patch : list or path
        The operations, or a file that could not be read: applying it says why.
    values : tuple of float
        Where it lies; empty if that is not known.
    """

    name: str
    patch: Any
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Signals:
    """The signals of a grid.

    Parameters
    ----------
    members : tuple of Signal
        In the order given.
    labels : tuple of str
        What the coordinates are called.
    """

    members: tuple[Signal, ...]
    labels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The signals' names."""
        return tuple(member.name for member in self.members)

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """Where the signals lie, shape (n, k)."""
        return np.array([member.values for member in self.members], dtype=float).reshape(
            len(self.members), len(self.labels)
        )


def signals_of(
    workspace: Workspace,
    patches: Patches,
    coordinates: Mapping[str, Sequence[float]] | None = None,
    labels: Sequence[str] = (),
) -> Signals:
    """Collect the signals in whatever was given.

    Parameters
    ----------
    workspace : Workspace
        The background that a patch set must belong to.
    patches : pyhf.PatchSet, path, mapping of str to patch, or sequence of paths
        As for :func:`hepnb.limit_grid`.
    coordinates : mapping of str to sequence of float, optional
        Where the signals lie, in place of what patch sets or names say.
    labels : sequence of str
        What the coordinates are called, in place of what a patch set says.

    Returns
    -------
    Signals
        Every one with the same number of coordinates.

    Raises
    ------
    ModelError
        No signals, two of one name, or different numbers of coordinates.
    FileError, WorkspaceError
        A patch set that cannot be read, or was made for another workspace.
    """
    members, found = _collect(workspace, patches)
    if not members:
        raise ModelError("a grid needs at least one patch; give a mapping of names to patches.")
    names = [member.name for member in members]
    for name in {name for name in names if names.count(name) > 1}:
        raise ModelError(f"{names.count(name)} patches are called {name!r}. Give every one its own name.")
    members = _placed(members, coordinates or {})
    size = len(members[0].values)
    chosen = tuple(map(str, labels or found))
    if labels and len(chosen) != size:
        raise ModelError(f"there are {len(chosen)} labels for {size} coordinates. Give one for each.")
    if len(chosen) != size:
        chosen = tuple(f"value {index}" for index in range(1, size + 1))
    return Signals(tuple(members), chosen)


def _placed(members: list[Signal], coordinates: Mapping[str, Sequence[float]]) -> list[Signal]:
    """Put signals where they were said to lie, or where their names say if all have as many numbers."""
    known = [tuple(map(float, coordinates.get(member.name, member.values))) for member in members]
    spelt = [values or _numbers(member.name) for member, values in zip(members, known, strict=True)]
    for values in (spelt, known):
        if len({len(value) for value in values}) == 1:
            return [Signal(m.name, m.patch, value) for m, value in zip(members, values, strict=True)]
    sizes = sorted({len(value) for value in known})
    raise ModelError(f"the signals have {sizes} coordinates. Give every one the same number.")


def _numbers(name: str) -> tuple[float, ...]:
    """Read the numbers in a name: sbottom_1300_205_60 lies at (1300, 205, 60)."""
    matches = (_NUMBER.fullmatch(part) for part in re.split(r"[_\s,-]+", name))
    return tuple(float(match[1].replace("p", ".")) for match in matches if match)


def _collect(workspace: Workspace, patches: Patches) -> tuple[list[Signal], tuple[str, ...]]:
    """Return signals, and the labels where a patch set brings them."""
    if isinstance(patches, str | os.PathLike):
        return _from_path(workspace, Path(patches).expanduser())
    if _is_patch_set(patches) or (hasattr(patches, "verify") and hasattr(patches, "labels")):
        return _from_patch_set(workspace, patches)
    if isinstance(patches, Mapping):
        return [_entry(str(name), patch) for name, patch in patches.items()], ()
    if isinstance(patches, Iterable):
        members: list[Signal] = []
        for index, patch in enumerate(patches):
            if isinstance(patch, str | os.PathLike):
                members += [_entry(_file_name(path), path) for path in _files(Path(patch).expanduser())]
            else:
                members.append(_entry(f"patch {index}", patch))
        return members, ()
    raise ModelError(
        f"patches are of type {type(patches).__name__}. Give a pyhf.PatchSet, a path, a list of paths, or a "
        "mapping of names to patches."
    )


def _from_path(workspace: Workspace, path: Path) -> tuple[list[Signal], tuple[str, ...]]:
    if _is_pattern(path):
        return _collect(workspace, [path])
    document = read_json(path)
    if _is_patch_set(document):
        try:
            return _from_patch_set(workspace, document)
        except HepnbError as error:
            raise type(error)(f"{path}: {error}") from None
    return [_entry(_file_name(path), document)], ()


def _from_patch_set(workspace: Workspace, patches: Any) -> tuple[list[Signal], tuple[str, ...]]:
    import pyhf  # noqa: PLC0415  # half a second, needed for patch sets only

    if isinstance(patches, Mapping):
        try:
            patches = pyhf.PatchSet(dict(patches))
        except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidPatchSet) as error:
            raise ModelError(f"not a valid patch set: {str(error).splitlines()[0]}") from None
    try:
        patches.verify(workspace.spec)
    except pyhf.exceptions.PatchSetVerificationError:
        raise ModelError(
            "the patch set was made for another workspace: its checksum is not this workspace's. "
            "Load the background-only workspace that was published with it."
        ) from None
    members = [Signal(str(one.name), list(one.patch), tuple(map(_as_value, one.values))) for one in patches]
    if any(np.isnan(member.values).any() for member in members):
        members = [Signal(member.name, member.patch) for member in members]
    return members, tuple(map(str, patches.labels))


def _as_value(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")  # a patch set may place its signals by words


def _is_patch_set(document: Any) -> bool:
    return isinstance(document, Mapping) and isinstance(document.get("patches"), list)


def _entry(name: str, patch: Any) -> Signal:
    """Take one patch, with the name and values that a member of a patch set has beside its operations."""
    document = patch
    if isinstance(patch, str | os.PathLike):
        try:
            document = read_json(patch)
        except HepnbError:
            return Signal(name, patch)
    if hasattr(patch, "metadata") and hasattr(patch, "patch"):  # a pyhf.Patch
        document = {"metadata": patch.metadata, "patch": list(patch.patch)}
    if isinstance(document, Mapping) and isinstance(document.get("patch"), list):
        metadata = document.get("metadata", {})
        values = tuple(map(_as_value, metadata.get("values", ())))
        return Signal(str(metadata.get("name", name)), document["patch"], values)
    return Signal(name, document)


def _is_pattern(path: Path) -> bool:
    return any(sign in path.name for sign in "*?[") and not path.exists()


def _files(path: Path) -> list[Path]:
    """Return the file, or those that a pattern matches, numbers in their names in order."""
    if not _is_pattern(path):
        return [path]
    found = sorted(
        path.parent.glob(path.name),
        key=lambda file: [
            (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)
        ],
    )
    if not found:
        raise FileError(f"{path}: no file is called so. Mend the pattern, or give the files themselves.")
    return found


def _file_name(path: Path) -> str:
    return path.name.removesuffix(".json").removeprefix("patch.").removesuffix(".patch")
