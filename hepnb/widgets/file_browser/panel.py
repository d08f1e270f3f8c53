"""The file browser: folders, ROOT files and what is in them, in one tree with a preview."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import traitlets

import hepnb.events
from hepnb.errors import FileError, HepnbError
from hepnb.events import FileKey, RootFile, RootFiles, Tree
from hepnb.widgets.file_browser.code import browser_code
from hepnb.widgets.file_browser.controls import BrowserControls
from hepnb.widgets.file_browser.folders import check_pattern, list_folder, resolve_inside
from hepnb.widgets.file_browser.picture import draw_graph, draw_preview
from hepnb.widgets.file_browser.rows import (
    file_id,
    first_line,
    folder_id,
    icon_of,
    item_row,
    newest_cycles,
    parent_folders,
    plural,
)
from hepnb.widgets.toolkit.inputs import Input, PathText, panel_input
from hepnb.widgets.toolkit.panel import Panel

__all__ = ["FileBrowser"]


class FileBrowser(Panel):
    """Browse the ROOT files below a folder; what is selected becomes a live Python object.

    Attributes
    ----------
    selected : Tree, hist.Hist or None
        The object, read-only and observable.
    result : tuple of FileKey
        What is in the file: ``hepnb.open(file).walk()``.

    Examples
    --------
    >>> FileBrowser(root="no/such/folder").error
    "the root 'no/such/folder' does not exist. Choose a folder."
    """

    root: Input[str, str | os.PathLike[str]] = panel_input(
        PathText(), default=".", help="The folder to browse; it is never left."
    )
    file: Input[str, str | os.PathLike[str]] = panel_input(
        PathText(), default="", help="A file to open, relative to the root or absolute."
    )
    path: str = panel_input(
        traitlets.Unicode(), default="", help="An object in the file, with ``;cycle`` or without."
    )
    selected = traitlets.Any(None, allow_none=True, read_only=True)

    def _build(self) -> None:
        self._opened: RootFile | RootFiles | None = None
        self._moving_cursor = False
        self._controls = BrowserControls()
        self._files = self._controls.files
        self._files.on_expand(self._on_expand)
        self._files.observe(self._on_row, "selected")
        self.live = self._controls.live
        self._compose(self._controls.box)
        self.observe(self._on_root, "root")
        self.observe(self._on_file, "file")
        self.observe(self._on_path, "path")
        self._controls.say("", "Choose a tree or a histogram.")
        self._on_root()

    # -- inputs ---------------------------------------------------------------------------------------

    def _on_root(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("root", shows=""):
            self._opened = None
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
        with self._reporting("path", shows=""):
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
        if kind not in "df" or any(other.get("parent") == row_id for other in self._files.rows):
            return
        if kind == "d":
            children = [item_row(item, row_id) for item in list_folder(self.root, name)]
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
            "expandable": entry.kind == "directory",
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
            if kind == "f":
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

    def _is_open(self, name: str) -> bool:
        return bool(self.file) and self._opened is not None and self._relative(self.file) == name

    # -- the preview ----------------------------------------------------------------------------------

    def _show_file(self, name: str) -> None:
        entries: Iterable[FileKey] = self.result or ()
        kinds = [entry.kind for entry in entries if entry.kind != "directory"]
        trees = sum(kind in ("tree", "rntuple") for kind in kinds)
        histograms = sum(kind == "histogram" for kind in kinds)
        others = len(kinds) - trees - histograms
        counted = ((trees, "tree"), (histograms, "histogram"), (others, "other object"))
        parts = [plural(n, word) for n, word in counted if n]
        self._controls.say(name.rsplit("/", 1)[-1], ", ".join(parts) or "An empty file")

    def _show(self, entry: FileKey) -> None:
        assert self._opened is not None  # noqa: S101  # an entry is of an open file
        if entry.kind == "directory":
            self.set_trait("selected", None)
            self._controls.say(entry.path, entry.title)
            return
        if not entry.readable:
            self.set_trait("selected", None)
            self._controls.say(entry.key, f"{entry.classname} cannot be read: {first_line(entry.reason)}")
            return
        found = self._opened[entry.key]
        if isinstance(found, Tree):
            n = len(found.branches)
            self._controls.say(
                entry.key, f"{found.n_entries:,} entries, {plural(n, 'branch', 'branches')}", entry.title
            )
        elif entry.kind == "graph":
            self._controls.say(entry.key, f"{entry.classname}, {plural(found.n_rows, 'point')}", entry.title)
            if "y_low" not in found:
                self._controls.draw(
                    lambda figure: draw_graph(found, figure), f"Preview of the graph {entry.path}"
                )
        elif entry.kind == "histogram":
            bins = " x ".join(str(len(ax)) for ax in found.axes)
            self._controls.say(entry.key, f"{entry.classname}, {bins} bins", entry.title)
            self._controls.draw(
                lambda figure: draw_preview(found, figure), f"Preview of the histogram {entry.path}"
            )
        else:
            self._controls.say(entry.key, f"{entry.classname}: {str(found)[:200]}", entry.title)
        self.set_trait("selected", found if entry.kind in ("tree", "rntuple", "histogram") else None)

    # -- what it gives back ---------------------------------------------------------------------------

    def table(self) -> list[dict[str, Any]]:
        """Return the entries of the open file, one dictionary for each."""
        return [dict(entry.__dict__) for entry in self.result or ()]

    def to_code(self) -> str:
        """Return Python that opens the file and takes the object that is selected."""
        entry = self._entry(self.path) if self._opened is not None and self.path else None
        return browser_code(None if self._opened is None else self._opened.path, self.path, entry)
