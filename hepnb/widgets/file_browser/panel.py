"""The file browser: folders, ROOT files and what is in them, in one tree with a preview."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import hepnb.events
from hepnb.errors import FileError, HepnbError
from hepnb.events import FileKey, Tree
from hepnb.widgets.file_browser.code import browser_code
from hepnb.widgets.file_browser.folders import check_pattern, list_folder, resolve_inside
from hepnb.widgets.file_browser.preview import TREES, BrowserPreview
from hepnb.widgets.file_browser.rows import (
    branch_row,
    file_id,
    first_line,
    folder_id,
    icon_of,
    item_row,
    newest_cycles,
    parent_folders,
)

__all__ = ["FileBrowser"]


class FileBrowser(BrowserPreview):
    """Browse the ROOT files below a folder; what is selected becomes a live Python object.

    Attributes
    ----------
    selected : Tree, hist.Hist or None
        The object, read-only and observable.
    histogram : hist.Hist or None
        What the preview shows, read-only and observable.
    result : tuple of FileKey
        What is in the file: ``hepnb.open(file).walk()``.

    Examples
    --------
    >>> FileBrowser(root="no/such/folder").error
    "the root 'no/such/folder' does not exist. Choose a folder."
    """

    def _build(self) -> None:
        self._moving_cursor = False
        self._branches: dict[str, tuple[str, str, str]] = {}
        super()._build()
        self._files = self._controls.files
        self._files.on_expand(self._on_expand)
        self._files.observe(self._on_row, "selected")
        self._compose(self._controls.box)
        self.observe(self._on_root, "root")
        self.observe(self._on_file, "file")
        self.observe(self._on_path, "path")
        self.observe(self._on_branch, ["branch", "elements"])
        self.observe(self._on_axes, "axes")
        self._follow_choices()
        self._controls.say("", "Choose a tree or a histogram.")
        self._on_root()

    # -- inputs ---------------------------------------------------------------------------------------

    def _on_root(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("root", shows=""):
            self._opened = None
            self._branches = {}
            self.set_trait("selected", None)
            self._files.rows = []
            self._files.rows = [item_row(item, None) for item in list_folder(self.root, "")]
            self._files.label = f"Files in {self.root}"
            self.file = ""

    def _on_file(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("file", shows=""), self._reporting("row", shows=""):
            self._opened = None
            self.path = ""
            self.set_trait("selected", None)
            # Nothing of the file before stays in the list of entries, or in the preview.
            self._set_result(None)
            self._controls.say("", "" if self.file else "Choose a tree or a histogram.")
            if not self.file:
                return
            name = self._open_file(self._relative(self.file))
            self._point_at(file_id(name))
            self._show_file(name)

    def _on_path(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("path", shows=""), self._reporting("branch"):
            self._background.cancel()
            self.branch = ""
            if not self.path:
                self.set_trait("selected", None)
                if self._opened is not None:
                    self._show_file(self._relative(self.file))
                return
            self.set_trait("selected", None)
            self._controls.say(self.path)
            if self._opened is None:
                raise FileError(f"there is no open file to find {self.path!r} in. Choose a file first.")
            entry = self._entry(self.path)
            name = self._relative(self.file)
            for folder in parent_folders(entry.path):
                self._unfold(self._entry_id(name, self._entry(folder)))
            self._point_at(self._entry_id(name, entry))
            self._show(entry)

    def _relative(self, file: str) -> str:
        top = resolve_inside(self.root, "")
        return resolve_inside(self.root, file).relative_to(top).as_posix()

    def _open_file(self, name: str) -> str:
        check_pattern(self.root, name)
        for folder in parent_folders(name):
            self._unfold(folder_id(folder))
        opened = hepnb.events.open(os.path.join(self.root, name))  # noqa: PTH118  # keeps the root as it was given
        self._set_result(opened.walk())
        self._opened = opened
        self._unfold(file_id(name))
        return name

    def _entry(self, path: str) -> FileKey:
        bare, _, cycle = path.strip("/").partition(";")
        entries: Iterable[FileKey] = self.result or ()
        found = [e for e in entries if e.path == bare and (not cycle or str(e.cycle) == cycle)]
        if not found:
            assert self._opened is not None  # noqa: S101  # whoever looks for an entry has opened a file
            self._opened[path]  # says, with the nearest names, that there is none
            raise FileError(f"{self.file!r} has no object {path!r}.")
        return max(found, key=lambda e: e.cycle)

    # -- the list -------------------------------------------------------------------------------------

    def _on_expand(self, row_id: str, expanded: bool) -> None:
        if not expanded:
            return
        with self._reporting("row", shows=""):
            self._fill(row_id)

    def _unfold(self, row_id: str) -> None:
        self._fill(row_id)
        if not self._files.row(row_id).get("expanded"):
            self._files.expand(row_id)
            self._files.update_cells({row_id: {"expanded": True}})

    def _fill(self, row_id: str) -> None:
        """Put a folder's or a file's content below its row, once."""
        kind, name = row_id[0], row_id[2:]
        if kind not in "dfo" or any(other.get("parent") == row_id for other in self._files.rows):
            return
        if kind == "d":
            children = [item_row(item, row_id) for item in list_folder(self.root, name)]
        elif kind == "o":
            children = self._branch_rows(row_id)
        else:
            try:
                path = resolve_inside(self.root, name)
                entries = hepnb.events.open(path).walk()
            except HepnbError as error:
                broken = {"muted": True, "tooltip": str(error), "icon": "warning", "expanded": False}
                self._files.update_cells({row_id: broken})
                raise
            newest = newest_cycles(entries)
            children = [self._entry_row(name, entry, newest) for entry in entries]
        self._files.replace_children(row_id, children)

    def _branch_rows(self, row_id: str) -> list[dict[str, Any]]:
        """Make the rows below that of a tree; there are none below a folder that is filled already."""
        if self._files.row(row_id)["icon"] != "tree":
            return []
        file, _, key = row_id[2:].rpartition("|")
        opened = self._opened if self._is_open(file) else hepnb.events.open(resolve_inside(self.root, file))
        tree = opened[key] if opened is not None else None
        if not isinstance(tree, Tree):
            return []
        first = {branch.name: branch for branch in reversed(tree.branches)}
        rows = []
        for number, branch in enumerate(reversed(first.values())):
            name = f"b:{number}|{row_id[2:]}"
            self._branches[name] = (file, key, branch.name)
            rows.append(branch_row(branch, name, row_id))
        return rows

    def _entry_row(self, file: str, entry: FileKey, newest: dict[str, int]) -> dict[str, Any]:
        folder = entry.path.rpartition("/")[0]
        old = entry.cycle != newest[entry.path]
        return {
            "id": self._entry_id(file, entry),
            "parent": f"o:{file}|{folder};{newest[folder]}" if folder in newest else file_id(file),
            "name": f"{entry.name};{entry.cycle}" if old else entry.name,
            "what": entry.classname if entry.kind != "directory" else "",
            "count": entry.n_entries,
            "icon": icon_of(entry),
            "expandable": entry.kind == "directory" or (entry.kind in TREES and entry.readable),
            "muted": old or not entry.readable,
            "tooltip": first_line(entry.reason) or entry.title or entry.name,
        }

    @staticmethod
    def _entry_id(file: str, entry: FileKey) -> str:
        return f"o:{file}|{entry.path};{entry.cycle}"

    def _point_at(self, row_id: str) -> None:
        self._moving_cursor = True
        try:
            self._files.selected = [row_id]
        finally:
            self._moving_cursor = False

    def _on_row(self, change: Any) -> None:
        if self._moving_cursor or not change["new"]:
            return
        row_id = change["new"][0]
        kind, name = row_id[0], row_id[2:]
        if kind == "d":
            return
        with self._reporting("row", shows=""):
            if kind == "b":
                self._choose_branch(*self._branches[row_id])
            elif kind == "f":
                self.path = ""
                if self._is_open(name):
                    self.set_trait("selected", None)
                    self._show_file(name)
                self.file = name
            else:
                file, _, path = name.rpartition("|")
                if not self._is_open(file):
                    self.file = file
                if self._opened is not None:
                    self.path = path
                    self.branch = ""

    def _choose_branch(self, file: str, key: str, branch: str) -> None:
        if not self._is_open(file):
            self.file = file
        if self._opened is not None:
            if self._entry(self.path).key != key if self.path else True:
                self.path = key
            self.branch = branch

    def _is_open(self, name: str) -> bool:
        return bool(self.file) and self._opened is not None and self._relative(self.file) == name

    def _point_at_branch(self, name: str) -> None:
        entry = self._entry(self.path)
        row_id = self._entry_id(self._relative(self.file), entry)
        self._unfold(row_id)
        wanted = (self._relative(self.file), f"{entry.path};{entry.cycle}", name)
        found = next((row for row, branch in self._branches.items() if branch == wanted), "")
        if found:
            self._point_at(found)

    # -- what it gives back ---------------------------------------------------------------------------

    def table(self) -> list[dict[str, Any]]:
        """Return the entries of the open file, one dictionary for each."""
        return [dict(entry.__dict__) for entry in self.result or ()]

    def to_code(self) -> str:
        """Return Python that opens the file and takes the object that is selected."""
        entry = self._entry(self.path) if self._opened is not None and self.path else None
        file = None if self._opened is None else self._opened.path
        return browser_code(file, self.path, entry, self._drawn)
