"""JSON patches and patch sets: the signals that published background-only workspaces are completed with."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jsonpatch

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.documents import read_json
from hepnb.workspace.plain import plain

__all__ = ["Patch", "apply_patch", "operations_of"]

Patch: TypeAlias = "str | os.PathLike[str] | Sequence[Mapping[str, Any]] | Mapping[str, Any] | Any"


def apply_patch(spec: dict[str, Any], patch: Patch, name: str | None = None) -> Any:
    """Apply a patch to a specification; neither is changed.

    Parameters
    ----------
    spec : dict
        A workspace specification.
    patch : path, list of operations, patch set (mapping or pyhf.PatchSet), or jsonpatch.JsonPatch
        What to apply.
    name : str, optional
        Which patch of a patch set.

    Returns
    -------
    dict
        The patched specification, not yet validated.

    Raises
    ------
    FileError, WorkspaceError
        See :meth:`hepnb.workspace.Workspace.patch`.

    Examples
    --------
    >>> apply_patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}])
    {'a': [1, 2]}
    >>> apply_patch({"a": [1]}, [{"op": "replace", "path": "/b", "value": 2}])
    Traceback (most recent call last):
    ...
    hepnb.errors.WorkspaceError: patch operation 0 (replace /b) does not apply: can't replace a non-existent
    object 'b'. Is this the workspace that the patch was made for?
    """
    source = ""
    if isinstance(patch, str | os.PathLike):
        source = f"{os.fspath(patch)}: "
        patch = read_json(patch)
    document: Any = spec
    try:
        operations = plain(operations_of(spec, patch, name, source))
    except WorkspaceError as error:
        raise WorkspaceError(str(error) if str(error).startswith(source) else f"{source}{error}") from None
    room = -1
    for index, operation in enumerate(operations):
        try:
            if isinstance(operation, Mapping) and operation.get("op") == "copy":
                if room < 0:
                    room = max(_MOST_COPIED, _COPIES * (_n_values(spec) + _n_values(operations)))
                room -= _n_values(jsonpatch.JsonPointer(operation["from"]).resolve(document, None), room)
                if room < 0:
                    raise WorkspaceError(
                        f"{source}patch operation {index} (copy {operation['from']}) makes the workspace "
                        f"many times larger than it is. Are these the copies that were meant?"
                    )
            document = _applied(document, operation)
        except _PATCH_ERRORS as error:
            said = f"{operation!r:.200}"
            if isinstance(operation, Mapping):
                said = f"{operation.get('op', '?')} {operation.get('path', '?')}"
            raise WorkspaceError(
                f"{source}patch operation {index} ({said}) does not apply: {str(error).strip('.')}. "
                "Is this the workspace that the patch was made for?"
            ) from None
    return document


# What copies may add: values (numbers, texts, lists, mappings), and how many times what there is.
_MOST_COPIED, _COPIES = 1_000_000, 10


def _n_values(document: Any, enough: int | None = None) -> int:
    """Count the values in a document; no further than one more than is enough.

    Examples
    --------
    >>> _n_values({"a": [1, 2]}), _n_values([0] * 100, enough=10) > 10
    (4, True)
    """
    count, waiting = 0, [document]
    while waiting and (enough is None or count <= enough):
        value = waiting.pop()
        count += 1
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return count


_PATCH_ERRORS = (
    RecursionError,
    jsonpatch.JsonPatchException,
    jsonpatch.JsonPointerException,
    TypeError,
    KeyError,
    AttributeError,
)


def _applied(document: Any, operation: Any) -> Any:
    """Apply one operation; what it does not touch is shared with the document, not copied."""
    if isinstance(operation, Mapping):
        for pointer in (operation.get("path"), operation.get("from")):
            if isinstance(pointer, str):
                document = _copied_along(document, jsonpatch.JsonPointer(pointer).parts)
        if _put(document, operation):
            return document
    return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)


def _put(document: Any, operation: Mapping[str, Any]) -> bool:
    """Put a value where it is added or replaces another, without the copy of it that jsonpatch makes.

    Anything unusual is left to jsonpatch, which says what is wrong with it.
    """
    kind, pointer = operation.get("op"), operation.get("path")
    if kind not in ("add", "replace") or not isinstance(pointer, str) or "value" not in operation:
        return False
    *way, last = jsonpatch.JsonPointer(pointer).parts or [""]
    here = document
    for part in way:
        place = int(part) if isinstance(here, list) and _INDEX.fullmatch(part) else part
        try:
            here = here[place]
        except (KeyError, IndexError, TypeError):
            return False
    if isinstance(here, dict) and way and (kind == "add" or last in here):
        here[last] = operation["value"]
        return True
    if isinstance(here, list) and _INDEX.fullmatch(last) and int(last) < len(here) + (kind == "add"):
        if kind == "replace":
            here[int(last)] = operation["value"]
        else:
            here.insert(int(last), operation["value"])
        return True
    return False


# An index as RFC 6901 writes it.
_INDEX = re.compile("0|[1-9][0-9]{0,8}")


def _copied_along(document: Any, parts: Sequence[str]) -> Any:
    """Copy a document's containers on the way to a place in it; a way that ends too soon is left to fail."""
    top = here = copy.copy(document)
    for part in parts[:-1]:
        place: Any = int(part) if isinstance(here, list) and part.isdigit() else part
        try:
            here[place] = copy.copy(here[place])
        except (KeyError, IndexError, TypeError):
            break
        here = here[place]
    return top


def operations_of(spec: dict[str, Any], patch: Any, name: str | None = None, source: str = "") -> list[Any]:
    """The list of operations in whatever was given."""
    if isinstance(patch, jsonpatch.JsonPatch):
        return list(patch.patch)
    if isinstance(patch, Mapping) and "patches" in patch:
        import pyhf  # noqa: PLC0415  # half a second, needed for patch sets only

        try:
            patch = pyhf.PatchSet(dict(patch))
        except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidPatchSet) as error:
            raise WorkspaceError(f"{source}not a valid patch set: {str(error).splitlines()[0]}") from None
    if isinstance(patch, Mapping) and "op" in patch:
        return [patch]
    if hasattr(patch, "patches") and hasattr(patch, "verify"):
        return _member(spec, patch, name, source)
    if isinstance(patch, Sequence):
        return list(patch)
    raise WorkspaceError(
        f"{source}neither a list of JSON patch operations nor a patch set, but {type(patch).__name__}. "
        'A patch is a list like [{"op": "add", "path": "/channels/0/samples/0", "value": ...}].'
    )


def _member(spec: dict[str, Any], patchset: Any, name: str | None, source: str) -> list[Any]:
    """The operations of one patch of a pyhf.PatchSet, once its digest says that it belongs here."""
    import pyhf  # noqa: PLC0415  # half a second, needed for patch sets only

    members = {member.name: member for member in patchset}
    if name is None and len(members) == 1:
        name = next(iter(members))
    if name is None:
        raise WorkspaceError(
            f"{source}the patch set has {len(members)} patches: "
            f"say which, .patch(..., name='{next(iter(members), '')}')."
        )
    if name not in members:
        raise WorkspaceError(f"{source}the patch set has no patch {name!r}. {nearest(name, members)}")
    try:
        patchset.verify(spec)
    except pyhf.exceptions.PatchSetVerificationError:
        raise WorkspaceError(
            f"{source}the patch set was made for another workspace: its checksum is not this workspace's. "
            "Load the background-only workspace that was published with it."
        ) from None
    return list(members[name].patch)
