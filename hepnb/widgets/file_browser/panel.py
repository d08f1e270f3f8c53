"""The file browser: folders, ROOT files and what is in them, in one tree with a preview."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import hepnb.events
from hepnb.errors import FileError, HepnbError, WorkspaceError
from hepnb.events import FileKey, Tree
from hepnb.widgets.file_browser.code import browser_code, single_code
from hepnb.widgets.file_browser.folders import (
    Item,
    check_pattern,
    file_kind,
    is_remote,
    list_folder,
    place_of,
    resolve_inside,
)
from hepnb.widgets.file_browser.preview import TREES, BrowserPreview, Single, workspace_lines
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
from hepnb.workspace import load

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
        self._controls.refresh.on_click(lambda _button: self.refresh())
        self._controls.go_to.on_submit(self.go_to)
        self._controls.roots.observe(self._root_chosen, "value")
        self.observe(self._on_roots, "roots")
        self._controls.say("", "Choose a tree or a histogram.")
        self._on_root()

    # -- inputs ---------------------------------------------------------------------------------------

    def _on_root(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("root", shows=""):
            self._opened = self._single = None
            self._branches = {}
            self.set_trait("selected", None)
            self._files.rows = []
            self._check_root()
            self._files.rows = [item_row(item, None) for item in list_folder(self.root, "")]
            self._files.label = f"Files in {self.root}"
            self.file = ""

    def _on_roots(self, _change: Any) -> None:
        with self._reporting("root", shows=""):
            self._check_root()

    def _root_chosen(self, change: Any) -> None:
        if not self._controls.quiet and change["new"]:
            self.root = change["new"]

    def _on_file(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("file", shows=""), self._reporting("row", shows=""):
            self._opened = self._single = None
            self.path = ""
            self.set_trait("selected", None)
            # Nothing of the file before stays in the list of entries, or in the preview.
            self._set_result(None)
            self._no_picture()
            self._controls.say("", "" if self.file else "Choose a tree or a histogram.")
            if not self.file:
                return
            name = self._relative(self.file)
            if file_kind(name) in ("table", "workspace"):
                self._open_single(name)
                return
            self._open_file(name)
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

    def _open_single(self, name: str) -> None:
        """Open a file that is one object: a tree, or a workspace."""
        for folder in parent_folders(name):
            self._unfold(folder_id(folder))
        path = self._as_given(name)
        if not is_remote(name):
            self._point_at(file_id(name))
        if file_kind(name) == "table":
            tree: Any = hepnb.events.open(path)
            self._list_remote(name)
            self._unfold(file_id(name))
            self._single = Single("hepnb.open", path)
            self._show_tree(name.rsplit("/", 1)[-1], tree)
            self.set_trait("selected", tree)
            return
        try:
            workspace = load(path)
        except WorkspaceError as error:
            # A patch is no workspace, and no mistake.
            self._controls.say(name.rsplit("/", 1)[-1], str(error))
            return
        self._single = Single("hepnb.load", path)
        self._controls.say(name.rsplit("/", 1)[-1], *workspace_lines(workspace))
        self.set_trait("selected", workspace)

    def _check_root(self) -> None:
        """Refuse a root that is not among those that were given."""
        known = [os.fspath(root) for root in self.roots]
        if known and os.fspath(self.root) not in known:
            raise FileError(f"{self.root!r} is not one of the roots {', '.join(known)}. Choose one of them.")
        self._controls.offer_roots(known, os.fspath(self.root))

    def refresh(self) -> None:
        """Read the folders again, as the button does; what is open and unfolded stays so."""
        with self._reporting("row", shows=""):
            unfolded = [row["id"] for row in self._files.rows if row.get("expanded") and row["id"][0] == "d"]
            file, path, branch = self.file, self.path, self.branch
            self._on_root()
            for row_id in unfolded:
                if any(row["id"] == row_id for row in self._files.rows):
                    self._unfold(row_id)
            self.file = file
            if self.file and not self.error:
                self.path, self.branch = path, branch

    def go_to(self, text: str) -> bool:
        """Open a file, or unfold a folder, whose path was typed.

        Parameters
        ----------
        text : str
            Relative to the root, or absolute; or the address of a file, such as ``https://...``.

        Returns
        -------
        bool
            Whether it is there.
        """
        done = False
        with self._reporting("go to", shows=""):
            name = self._relative(text.strip())
            if not is_remote(name) and resolve_inside(self.root, name).is_dir():
                for folder in (*parent_folders(name), *([name] if name != "." else [])):
                    self._unfold(folder_id(folder))
                if name != ".":
                    self._point_at(folder_id(name))
            else:
                self.file = name
            done = True
        return done and not self.error

    def _as_given(self, name: str) -> str:
        """Return an address as it is, or a path that begins with the root as it was given."""
        return name if is_remote(name) else os.path.join(self.root, name)  # noqa: PTH118  # as it is spelt

    def _list_remote(self, name: str) -> None:
        """Add a row for a file that is elsewhere, once it is open."""
        if is_remote(name) and not any(row["id"] == file_id(name) for row in self._files.rows):
            row = item_row(Item(name, False), None) | {"count": None, "name": name}
            self._files.rows = [*self._files.rows, row]

    def _relative(self, file: str) -> str:
        if is_remote(file):
            return file
        top = resolve_inside(self.root, "")
        return resolve_inside(self.root, file).relative_to(top).as_posix()

    def _open_file(self, name: str) -> str:
        if not is_remote(name):
            check_pattern(self.root, name)
        for folder in parent_folders(name):
            self._unfold(folder_id(folder))
        opened = hepnb.events.open(self._as_given(name))
        self._set_result(opened.walk())
        self._list_remote(name)
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
        if kind == "f" and file_kind(name) == "workspace":
            return
        if kind == "d":
            children = [item_row(item, row_id) for item in list_folder(self.root, name)]
        elif kind == "o":
            children = self._branch_rows(row_id)
        elif file_kind(name) == "table":
            tree: Any = hepnb.events.open(place_of(self.root, name))
            children = self._rows_of(tree, name, "", row_id)
        else:
            try:
                path = place_of(self.root, name)
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
        opened = self._opened if self._is_open(file) else hepnb.events.open(place_of(self.root, file))
        tree = opened[key] if opened is not None else None
        return self._rows_of(tree, file, key, row_id) if isinstance(tree, Tree) else []

    def _rows_of(self, tree: Tree, file: str, key: str, row_id: str) -> list[dict[str, Any]]:
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
            "what": entry.classname.removeprefix("ROOT::") if entry.kind != "directory" else "",
            "about": entry.title,
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
                if self._is_open(name) and self._single is not None:
                    self.branch = ""
                elif self._is_open(name):
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
        if self._single is not None:
            self.branch = branch
        elif self._opened is not None:
            if self._entry(self.path).key != key if self.path else True:
                self.path = key
            self.branch = branch

    def _is_open(self, name: str) -> bool:
        opened = self._opened is not None or self._single is not None
        return bool(self.file) and opened and self._relative(self.file) == name

    def _point_at_branch(self, name: str) -> None:
        file, key, row_id = self._relative(self.file), "", file_id(self._relative(self.file))
        if self._single is None:
            entry = self._entry(self.path)
            key, row_id = f"{entry.path};{entry.cycle}", self._entry_id(file, entry)
        self._unfold(row_id)
        wanted = (file, key, name)
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
        if self._single is not None:
            return single_code(self._single.function, self._single.path, self._drawn)
        file = None if self._opened is None else self._opened.path
        return browser_code(file, self.path, entry, self._drawn)
