"""Rows of the list of files: names, icons and identifiers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hepnb.events import Branch, FileKey
from hepnb.widgets.file_browser.folders import Item, file_kind, is_remote, size_words

__all__ = [
    "COLUMNS",
    "branch_row",
    "file_id",
    "first_line",
    "folder_id",
    "icon_of",
    "item_row",
    "newest_cycles",
    "parent_folders",
    "plural",
]

_ICONS = {"directory": "folder", "tree": "tree", "rntuple": "tree", "graph": "graph", "other": "other"}
_FILE_ICONS = {"table": "tree", "workspace": "graph"}
COLUMNS = [
    {"key": "name", "kind": "tree", "label": "Name"},
    {"key": "what", "label": "Type", "width": 112},
    {
        "key": "count",
        "label": "Entries",
        "kind": "number",
        "width": 84,
        "title": "Entries of a tree, size of a file",
    },
]


def item_row(item: Item, parent: str | None) -> dict[str, Any]:
    """Return the row of a file or folder."""
    kind = "" if item.is_folder else file_kind(item.name)
    icon = "warning" if item.reason else "folder" if item.is_folder else _FILE_ICONS.get(kind, "file")
    return {
        "id": folder_id(item.path) if item.is_folder else file_id(item.path),
        "parent": parent,
        "name": item.name,
        "what": "",
        "count": None if item.is_folder or item.reason else size_words(item.size),
        "icon": icon,
        "expandable": not item.reason and kind != "workspace",
        "muted": bool(item.reason),
        "tooltip": item.reason or item.path,
    }


def branch_row(branch: Branch, row_id: str, parent: str) -> dict[str, Any]:
    """Return the row of a branch."""
    about = branch.title if branch.title not in ("", branch.name) else branch.name
    return {
        "id": row_id,
        "parent": parent,
        "name": branch.name,
        "what": branch.typename,
        "count": None,
        "icon": "branch" if branch.readable else "warning",
        "expandable": False,
        "muted": not branch.readable,
        "tooltip": about if branch.readable else first_line(branch.reason),
        "about": branch.title,
    }


def folder_id(path: str) -> str:
    """Return the identifier of a folder's row."""
    return f"d:{path}"


def file_id(path: str) -> str:
    """Return the identifier of a file's row."""
    return f"f:{path}"


def parent_folders(path: str) -> list[str]:
    """Return the folders above a path, the outermost first; an address has none in the list."""
    if is_remote(path):
        return []
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def newest_cycles(entries: Iterable[FileKey]) -> dict[str, int]:
    """Return the newest cycle of each path."""
    newest: dict[str, int] = {}
    for entry in entries:
        newest[entry.path] = max(entry.cycle, newest.get(entry.path, entry.cycle))
    return newest


def icon_of(entry: FileKey) -> str:
    """Return the name of the icon for an object in a file."""
    if not entry.readable:
        return "warning"
    if entry.kind == "histogram":
        return "histogram2d" if entry.classname.startswith(("TH2", "TProfile2D")) else "histogram"
    return _ICONS[entry.kind]


def first_line(text: str) -> str:
    """Return the first line of a text."""
    return text.strip().partition("\n")[0]


def plural(n: int, word: str, words: str = "") -> str:
    """Return a number with its word, in the plural where it is not one."""
    return f"{n:,} {word if n == 1 else words or word + 's'}"
