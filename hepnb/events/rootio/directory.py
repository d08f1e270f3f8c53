"""The objects of a file: by key, so that any name will do, and only the folders that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hepnb.errors import FileError, MissingObjectError, nearest
from hepnb.events.rootio.checks import check_key, check_list, check_tree
from hepnb.events.rootio.ntuple_checks import check_ntuple, entries_of
from hepnb.events.rootio.object_readers import KeyKind, kind_of, why_not
from hepnb.events.rootio.open_files import OpenFile, reading, reason_of
from hepnb.events.rootio.recovery import recover, recover_folder
from hepnb.events.rootio.remote import is_remote

__all__ = ["FileKey", "Folder", "Item", "key_of", "listing_of", "lookup", "names_of", "object_of", "path_of"]

_DUPLICATE = "another object of this path and cycle comes before it"


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


class Item(NamedTuple):
    """An object as the list of its folder has it; nothing of it is read.

    Attributes
    ----------
    path, name, cycle, classname, kind, title
        As of a :class:`FileKey`.
    key : uproot ReadOnlyKey
        Where it is.
    order : tuple of int
        Its number in its folder, after those of the folders: sorted by it, a folder comes before its objects.
    """

    path: str
    name: str
    cycle: int
    classname: str
    kind: KeyKind
    title: str
    key: Any
    order: tuple[int, ...]

    @property
    def full(self) -> str:
        """Path with the cycle."""
        return f"{self.path};{self.cycle}"


@dataclass(eq=False)
class Folder:
    """The list of objects of a folder, and the folders in it that were opened.

    Attributes
    ----------
    items : list of Item
        In the file's order.
    above : frozenset of int
        Places of the folders that it is in, and of itself.
    unclosed : bool
        Whether the file was not closed: then folders may lack their lists.
    numbers : dict of str to list of int
        The objects of a name.
    folders : dict of int to Folder or str
        By number of the object: a folder that was opened, or why it cannot be.
    """

    items: list[Item]
    above: frozenset[int]
    unclosed: bool
    numbers: dict[str, list[int]] = field(default_factory=dict)
    folders: dict[int, Folder | str] = field(default_factory=dict)

    def named(self, name: str) -> Iterator[Item]:
        """Yield the objects of a name, which may have a cycle."""
        for number in self.numbers.get(name, ()):
            yield self.items[number]
        alone, _, cycle = name.rpartition(";")
        for number in self.numbers.get(alone, ()):
            if str(self.items[number].cycle) == cycle:
                yield self.items[number]


def _top(handle: OpenFile) -> Folder:
    """List the objects at the top of a file, once; look at first whether the file was closed."""
    if handle.top is None:
        with reading("the list of objects", handle.path):
            # Over the network one cannot look through all of it.
            unclosed = not is_remote(handle.path) and recover(handle.root, handle.path)
        handle.top = _listed(handle, handle.root, "", (), frozenset(), unclosed)
    return handle.top


def _listed(
    handle: OpenFile, folder: Any, prefix: str, order: tuple[int, ...], above: frozenset[int], unclosed: bool
) -> Folder:
    with reading(f"the list of objects in {prefix or '/'!r}", handle.path):
        # By key and not by name: uproot would look for folders where a name has a slash in it.
        keys = list(folder._keys)
        check_list(folder)
    made = Folder([], above, unclosed)
    for number, key in enumerate(keys):
        name, classname = str(key.fName), str(key.fClassName)
        made.items.append(
            Item(
                prefix + name,
                name,
                int(key.fCycle),
                classname,
                kind_of(classname),
                str(key.fTitle),
                key,
                (*order, number),
            )
        )
        made.numbers.setdefault(name, []).append(number)
    return made


def _inside(handle: OpenFile, outer: Folder, item: Item) -> Folder | str:
    """List the objects of a folder, once; why not, where that cannot be done."""
    number = item.order[-1]
    if number not in outer.folders:
        try:
            outer.folders[number] = _opened(handle, outer, item)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
            outer.folders[number] = reason_of(error)
    return outer.folders[number]


def _opened(handle: OpenFile, outer: Folder, item: Item) -> Folder:
    check_key(item.key)
    inner = item.key.get()
    if outer.unclosed:
        recover_folder(inner)
    # Where it is itself, and where its list of objects is: a file that was not closed has none.
    here = {int(item.key.fSeekKey), int(inner.fSeekKeys)} - {0}
    if here & outer.above:
        raise FileError("the folder is inside itself")
    return _listed(handle, inner, item.path + "/", item.order, outer.above | here, outer.unclosed)


def _every(handle: OpenFile, folder: Folder, seen: set[str]) -> Iterator[tuple[Folder, Item, bool]]:
    """Yield every object with its folder, depth first, and whether one like it came before."""
    for item in folder.items:
        duplicate = item.full in seen
        seen.add(item.full)
        yield folder, item, duplicate
        if item.kind == "directory" and not duplicate:
            inner = _inside(handle, folder, item)
            if isinstance(inner, Folder):
                yield from _every(handle, inner, seen)


def _found(handle: OpenFile, folder: Folder, path: str) -> Iterator[tuple[Folder, Item]]:
    """Yield every object of a path, with or without its cycle.

    A name may have slashes of its own: what comes before any of them may be a folder.
    """
    for item in folder.named(path):
        yield folder, item
    at = path.find("/")
    while at >= 0:
        for item in folder.named(path[:at]):
            inner = _inside(handle, folder, item) if item.kind == "directory" else ""
            if isinstance(inner, Folder):
                yield from _found(handle, inner, path[at + 1 :])
        at = path.find("/", at + 1)


def _first(handle: OpenFile, path: str) -> tuple[Folder, Item] | None:
    """Return the object that a path names: the newest cycle, and of equal ones the first."""
    found = sorted(_found(handle, _top(handle), path), key=lambda pair: pair[1].order)
    # A name may end as if in a cycle: "x;1" itself comes before cycle 1 of "x".
    return max(found, key=lambda pair: (pair[1].path == path, pair[1].cycle), default=None)


def listing_of(handle: OpenFile) -> tuple[FileKey, ...]:
    """List the objects of an open file with the entries of its trees, once; the caller holds the lock.

    Raises
    ------
    FileError
        Where the list at the top of the file is damaged.
    """
    if handle.listing is None:
        handle.listing = tuple(_described(handle, *one) for one in _every(handle, _top(handle), set()))
    return handle.listing


def names_of(handle: OpenFile) -> Iterator[Item]:
    """Yield every object of an open file without reading one; the caller holds the lock.

    Raises
    ------
    FileError
        Where the list at the top of the file is damaged.
    """
    for _, item, _ in _every(handle, _top(handle), set()):
        yield item


def lookup(handle: OpenFile, path: str) -> FileKey | None:
    """Look an object up in the folders that its path names; the caller holds the lock.

    Parameters
    ----------
    handle : OpenFile
        The open file.
    path : str
        With or without a cycle.

    Returns
    -------
    FileKey or None
        None where there is none.

    Raises
    ------
    FileError
        Where the list at the top of the file is damaged.
    """
    found = _first(handle, path)
    return None if found is None else _described(handle, *found, duplicate=False)


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
    found = _first(handle, path)
    if found is None:
        names = [item.path for item in names_of(handle)]
        raise MissingObjectError(f"{handle.path!r} has no object {path!r}. {nearest(path, names)}")
    return found[1].key


def path_of(handle: OpenFile, paths: Sequence[str]) -> str:
    """Return the first of some paths that names the same object as the last; the caller holds the lock."""
    place = int(key_of(handle, paths[-1]).fSeekKey)
    return next(path for path in paths if int(key_of(handle, path).fSeekKey) == place)


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
    place = int(key.fSeekKey)
    if place not in handle.objects:
        check_key(key)
        found = key.get()
        kind = kind_of(str(key.fClassName))
        if kind == "tree":
            check_tree(found)
        elif kind == "rntuple":
            check_ntuple(found)
        handle.objects[place] = found
    return handle.objects[place]


def _described(handle: OpenFile, folder: Folder, item: Item, duplicate: bool) -> FileKey:
    n_entries, reason = None, _DUPLICATE if duplicate else why_not(item.kind, item.classname)
    if item.kind == "directory" and not duplicate:
        inner = _inside(handle, folder, item)
        reason = "" if isinstance(inner, Folder) else inner
    elif item.kind in ("tree", "rntuple") and not duplicate:
        try:
            n_entries = _entries_of(handle, item)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it stays in the list
            reason = reason_of(error)
    return FileKey(*item[:6], n_entries, len(item.order) - 1, not reason, reason)


def _entries_of(handle: OpenFile, item: Item) -> int:
    if item.kind == "rntuple" and int(item.key.fSeekKey) not in handle.objects:
        # The footer says it: the lists of pages are read, and verified, when the tree is opened.
        check_key(item.key)
        return entries_of(item.key.get())
    return int(_object_at(handle, item.key).num_entries)
