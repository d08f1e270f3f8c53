"""The list of objects in a file, and the objects of it: by key, so that any name will do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import uproot

from hepnb.errors import FileError, MissingObjectError, nearest
from hepnb.events.rootio.checks import check_key, check_list, check_tree
from hepnb.events.rootio.object_readers import KeyKind, kind_of, why_not
from hepnb.events.rootio.open_files import OpenFile, reading, reason_of
from hepnb.events.rootio.recovery import recover, recover_folder
from hepnb.events.rootio.remote import is_remote

__all__ = ["FileKey", "Listing", "key_of", "listing_of", "object_of"]


@dataclass(frozen=True)
class FileKey:
    """One object in a file.

    Attributes
    ----------
    path : str
        Folders and name, without the cycle.
    name : str
        The last part of it.
    cycle : int
        ROOT's version number of the object.
    classname : str
        The C++ class.
    kind : str
        "directory", "tree", "rntuple", "histogram", "graph" or "other".
    title : str
        The object's title.
    n_entries : int or None
        Entries of a tree.
    depth : int
        How many folders it is in.
    readable : bool
        Whether ``file[path]`` gives something.
    reason : str
        Why not, where it does not.
    """

    path: str
    name: str
    cycle: int
    classname: str
    kind: KeyKind
    title: str
    n_entries: int | None
    depth: int
    readable: bool
    reason: str

    @property
    def key(self) -> str:
        """Path with the cycle: what names this object and no other."""
        return f"{self.path};{self.cycle}"


@dataclass(eq=False)
class Listing:
    """Every object of a file.

    Attributes
    ----------
    entries : list of FileKey
        Depth first, in the file's order.
    keys : dict of str to uproot ReadOnlyKey
        Where each is, by its path with the cycle.
    newest : dict of str to str
        The key of a path without a cycle.
    """

    entries: list[FileKey] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)


def listing_of(handle: OpenFile) -> Listing:
    """List the objects of an open file, once; the caller holds the lock.

    Raises
    ------
    FileError
        Where the list at the top of the file is damaged.
    """
    _recover(handle)
    known: Listing | None = handle.known.get("listing")
    if known is None:
        known = Listing()
        cycles: dict[str, int] = {}
        for entry in _inside(handle, known, handle.root, _Place("", 0, frozenset())):
            known.entries.append(entry)
            if entry.cycle >= cycles.get(entry.path, entry.cycle):
                cycles[entry.path] = entry.cycle
                known.newest[entry.path] = entry.key
        handle.known["listing"] = known
    return known


def key_of(handle: OpenFile, path: str) -> Any:
    """Find where an object is; the caller holds the lock.

    Parameters
    ----------
    handle : OpenFile
        The open file.
    path : str
        With or without a cycle.

    Raises
    ------
    FileError
        Where there is no such object.
    """
    _recover(handle)
    if "listing" not in handle.known:
        # Most names say themselves in which folder they are; then the other folders need not be read.
        try:
            return handle.root.key(path)
        except (uproot.KeyInFileError, uproot.deserialization.DeserializationError, ValueError):
            pass
    listing = listing_of(handle)
    found = listing.keys.get(path) or listing.keys.get(listing.newest.get(path, ""))
    if found is None:
        raise MissingObjectError(f"{handle.path!r} has no object {path!r}. {nearest(path, listing.newest)}")
    return found


def _recover(handle: OpenFile) -> None:
    """Look once whether the file was closed; over the network one cannot look through all of it."""
    if "unclosed" not in handle.known:
        with reading("the list of objects", handle.path):
            handle.known["unclosed"] = not is_remote(handle.path) and recover(handle.root, handle.path)


def object_of(handle: OpenFile, path: str) -> Any:
    """Read an object, once; the caller holds the lock.

    Parameters
    ----------
    handle : OpenFile
        The open file.
    path : str
        With or without a cycle.
    """
    return _object_at(handle, key_of(handle, path))


def _object_at(handle: OpenFile, key: Any) -> Any:
    place = "object", int(key.fSeekKey)
    if place not in handle.known:
        check_key(key)
        found = key.get()
        if kind_of(str(key.fClassName)) in ("tree", "rntuple"):
            check_tree(found)
        handle.known[place] = found
    return handle.known[place]


class _Place(NamedTuple):
    """Where in the file's folders."""

    prefix: str
    depth: int
    above: frozenset[int]


class _Base(NamedTuple):
    """What the key of an object says."""

    path: str
    name: str
    cycle: int
    classname: str
    kind: KeyKind
    title: str


def _inside(handle: OpenFile, listing: Listing, folder: Any, place: _Place) -> Iterator[FileKey]:
    with reading(f"the list of objects in {place.prefix or '/'!r}", handle.path):
        # By key and not by name: uproot would look for folders where a name has a slash in it.
        keys = list(folder._keys)
        check_list(folder)
    for key in keys:
        name, cycle, classname = str(key.fName), int(key.fCycle), str(key.fClassName)
        base = _Base(place.prefix + name, name, cycle, classname, kind_of(classname), str(key.fTitle))
        yield from _described(handle, listing, key, base, place)


def _described(handle: OpenFile, listing: Listing, key: Any, base: _Base, place: _Place) -> Iterator[FileKey]:
    depth, full = place.depth, f"{base.path};{base.cycle}"
    if full in listing.keys:
        yield FileKey(*base, None, depth, False, "another object of this path and cycle comes before it")
        return
    listing.keys[full] = key
    if base.kind == "directory":
        yield from _folder(handle, listing, key, base, place)
    elif base.kind in ("tree", "rntuple"):
        try:
            yield FileKey(*base, int(_object_at(handle, key).num_entries), depth, True, "")
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
            yield FileKey(*base, None, depth, False, reason_of(error))
    else:
        reason = why_not(base.kind, base.classname)
        yield FileKey(*base, None, depth, not reason, reason)


def _folder(handle: OpenFile, listing: Listing, key: Any, base: _Base, place: _Place) -> Iterator[FileKey]:
    try:
        check_key(key)
        inner = key.get()
        if handle.known["unclosed"]:
            recover_folder(inner)
        # Where it is itself, and where its list of objects is: a file that was not closed has none.
        here = {int(key.fSeekKey), int(inner.fSeekKeys)} - {0}
        if here & place.above:
            raise FileError("the folder is inside itself")
        below = _Place(base.path + "/", place.depth + 1, place.above | here)
        inside = list(_inside(handle, listing, inner, below))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
        yield FileKey(*base, None, place.depth, False, reason_of(error))
        return
    yield FileKey(*base, None, place.depth, True, "")
    yield from inside
