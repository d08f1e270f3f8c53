"""Where columns come from: the memory, or the file under its lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hepnb.errors import BranchError, ExpressionError, FileError
from hepnb.events.branches import Branch, branches_of, readers_of, to_column
from hepnb.events.cache import COLUMNS
from hepnb.events.expressions import Expression, check_expression
from hepnb.events.handles import Handle, borrow, reading

__all__ = ["TreeInfo", "read_column", "read_info"]

_MAX_CHECKED = 500
_LARGE_BASKET = 64 * 1024**2
_MAX_COMPRESSION = 2000


@dataclass
class TreeInfo:
    """What one open file knows of one tree."""

    file: str
    path: str
    name: str
    title: str
    n_entries: int
    branches: tuple[Branch, ...]
    readers: dict[str, Any]
    names: dict[str, Branch] = field(default_factory=dict)
    checked: dict[str, Expression] = field(default_factory=dict)

    def check(self, text: str, role: str = "expression") -> Expression:
        """Check an expression against the branches; remembered, because a slider asks again and again."""
        found = self.checked.get(text) if text.__class__ is str else None
        if found is None:
            try:
                found = check_expression(text, self.names)
            except (BranchError, ExpressionError) as error:
                raise type(error)(f"tree {self.path!r}, {role}: {error}") from error.__cause__
            for name in found.branches:
                branch = self.names[name]
                if not branch.readable:
                    raise BranchError(
                        f"branch {name!r} of tree {self.path!r} cannot be used ({branch.typename}): "
                        f"{branch.reason}."
                    )
            if len(self.checked) >= _MAX_CHECKED:
                self.checked.clear()
            self.checked[text] = found
        return found


def read_info(handle: Handle, path: str) -> TreeInfo:
    """Read what is in a tree, once per open file; the caller holds the lock.

    Raises
    ------
    FileError
        Where it is no tree, or is damaged.
    """
    known = handle.known.get(("tree", path))
    if known is not None:
        return known  # type: ignore[no-any-return]
    with reading(f"tree {path!r}", handle.path):
        tree = handle.object(path)
        if not hasattr(tree, "num_entries"):
            raise FileError(f"{path!r} of {handle.path!r} is a {tree.classname}, not a tree.")
        branches = branches_of(tree)
        title = str((tree.description if "RNTuple" in tree.classname else tree.title) or "")
        n_entries = int(tree.num_entries)
        info = TreeInfo(handle.path, path, str(tree.name), title, n_entries, branches, readers_of(tree))
    for branch in branches:
        info.names.setdefault(branch.name, branch)
    handle.known["tree", path] = info
    return info


def read_column(file: str, path: str, branch: Branch, start: int, stop: int) -> Any:
    """Read entries of a branch, from the memory where they are there.

    Parameters
    ----------
    file, path : str
        The file and the tree.
    branch : Branch
        What to read.
    start, stop : int
        Range of entries.

    Returns
    -------
    numpy.ndarray or awkward.Array
        `stop - start` entries; not to be changed.

    Raises
    ------
    BranchError
        Where they cannot be read.
    """
    with borrow(file) as handle:
        # The lock is held while reading: threads that want the same column read it once.
        key = (handle.stamp, path, ".".join((branch.path, *branch.fields)))
        column = COLUMNS.get(key, start, stop)
        if column is not None:
            return column
        reader = read_info(handle, path).readers[branch.path]
        with reading(f"branch {branch.name!r} of tree {path!r}", file, BranchError):
            _check_baskets(reader, start, stop)
            plain = branch.kind in ("number", "bool") and not branch.fields
            array = reader.array(entry_start=start, entry_stop=stop, library="np" if plain else "ak")
            column = to_column(array, branch)
            if len(column) != stop - start:
                raise BranchError(
                    f"branch {branch.name!r} of tree {path!r} has {len(column)} values for "
                    f"{stop - start} entries. The file may be damaged."
                )
        COLUMNS.put(key, start, stop, column)
        return column


def _check_baskets(reader: Any, start: int, stop: int) -> None:
    """Refuse a basket whose damaged header claims so many bytes that filling them would take minutes."""
    offsets = getattr(reader, "entry_offsets", None)
    if offsets is None:
        return
    # The last ones may be embedded in the tree: those have no header of their own.
    for number in range(reader.num_baskets - len(reader.embedded_baskets)):
        if offsets[number + 1] <= start or offsets[number] >= stop:
            continue
        key = reader.basket_key(number)
        if key.fObjlen > _LARGE_BASKET and key.fObjlen > _MAX_COMPRESSION * key.fNbytes:
            raise ValueError(f"basket {number} claims {key.fObjlen:,} bytes in {key.fNbytes:,}")
