"""The file browser: folders, ROOT files and what is in them, in one tree with a preview."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets
import traitlets
from matplotlib.figure import Figure

import hepnb.events
from hepnb.errors import FileError, HepnbError
from hepnb.events import Entry, RootFile, RootFiles, Tree
from hepnb.figures import draw_histogram, draw_mesh, lay_out
from hepnb.python_code import Script, call, comment, literal
from hepnb.widgets.file_browser.folders import Item, check_pattern, list_folder, resolve_inside, size_words
from hepnb.widgets.toolkit.inputs import Input, PathText, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import Panel, column, row
from hepnb.widgets.toolkit.table import Table

__all__ = ["FileBrowser"]

_ICONS = {"directory": "folder", "tree": "tree", "rntuple": "tree", "graph": "graph", "other": "other"}
_COLUMNS = [
    {"key": "name", "kind": "tree", "label": "Name"},
    {"key": "what", "label": "Type", "width": 104},
    {
        "key": "count",
        "label": "Entries",
        "kind": "number",
        "width": 84,
        "title": "Entries of a tree, size of a file",
    },
]


class FileBrowser(Panel):
    """Browse the ROOT files below a folder; what is selected becomes a live Python object.

    Attributes
    ----------
    selected : Tree, hist.Hist or None
        The object, read-only and observable.
    result : tuple of Entry
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
        self._files = Table(
            columns=_COLUMNS,
            label="Files",
            placeholder="Search: words, *, ? or /regex/",
            empty="No ROOT files here",
            height=340,
        )
        self._files.on_expand(self._on_expand)
        self._files.observe(self._on_row, "selected")
        self._files.layout.flex = "1 1 400px"
        self._summary = ipywidgets.HTML()
        self.live = LiveFigure(width=420, height=300, alt="Preview")
        self._live_box = ipywidgets.VBox([self.live])
        preview = column([self._summary, self._live_box], width="424px")
        self._compose(row(self._files, preview))
        self.observe(self._on_root, "root")
        self.observe(self._on_file, "file")
        self.observe(self._on_path, "path")
        self._say("", "Choose a tree or a histogram.")
        self._on_root()

    # -- inputs ---------------------------------------------------------------------------------------

    def _on_root(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("root", shows=""):
            self._opened = None
            self.set_trait("selected", None)
            self._files.rows = []
            self._files.rows = [_item_row(item, None) for item in list_folder(self.root, "")]
            self._files.label = f"Files in {self.root}"
            self.file = ""

    def _on_file(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("file", shows=""), self._reporting("row", shows=""):
            self._opened = None
            self.path = ""
            self.set_trait("selected", None)
            # Nothing of the file before stays in the list of entries, or in the preview.
            self._set_result(None)
            self._say("", "" if self.file else "Choose a tree or a histogram.")
            if not self.file:
                return
            name = self._open_file(self._relative(self.file))
            self._point_at(_file_id(name))
            self._show_file(name)

    def _on_path(self, change: Any = None) -> None:  # noqa: ARG002
        with self._reporting("path", shows=""):
            if not self.path:
                self.set_trait("selected", None)
                if self._opened is not None:
                    self._show_file(self._relative(self.file))
                return
            self.set_trait("selected", None)
            self._say(self.path)
            if self._opened is None:
                raise FileError(f"there is no open file to find {self.path!r} in. Choose a file first.")
            entry = self._entry(self.path)
            name = self._relative(self.file)
            for folder in _parents(entry.path):
                self._unfold(self._entry_id(name, self._entry(folder)))
            self._point_at(self._entry_id(name, entry))
            self._show(entry)

    def _relative(self, file: str) -> str:
        top = resolve_inside(self.root, "")
        return resolve_inside(self.root, file).relative_to(top).as_posix()

    def _open_file(self, name: str) -> str:
        check_pattern(self.root, name)
        for folder in _parents(name):
            self._unfold(_folder_id(folder))
        opened = hepnb.events.open(os.path.join(self.root, name))  # noqa: PTH118  # keeps the root as it was given
        self._set_result(opened.walk())
        self._opened = opened
        self._unfold(_file_id(name))
        return name

    def _entry(self, path: str) -> Entry:
        bare, _, cycle = path.strip("/").partition(";")
        entries: Iterable[Entry] = self.result or ()
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
            children = [_item_row(item, row_id) for item in list_folder(self.root, name)]
        else:
            try:
                path = resolve_inside(self.root, name)
                entries = hepnb.events.open(path).walk()
            except HepnbError as error:
                broken = {"muted": True, "tooltip": str(error), "icon": "warning", "expanded": False}
                self._files.update_cells({row_id: broken})
                raise
            newest = _newest(entries)
            children = [self._entry_row(name, entry, newest) for entry in entries]
        self._files.replace_children(row_id, children)

    def _entry_row(self, file: str, entry: Entry, newest: dict[str, int]) -> dict[str, Any]:
        folder = entry.path.rpartition("/")[0]
        old = entry.cycle != newest[entry.path]
        return {
            "id": self._entry_id(file, entry),
            "parent": f"o:{file}|{folder};{newest[folder]}" if folder in newest else _file_id(file),
            "name": f"{entry.name};{entry.cycle}" if old else entry.name,
            "what": entry.classname if entry.kind != "directory" else "",
            "count": entry.n_entries,
            "icon": _icon(entry),
            "expandable": entry.kind == "directory",
            "muted": old or not entry.readable,
            "tooltip": _first_line(entry.reason) or entry.title or entry.name,
        }

    @staticmethod
    def _entry_id(file: str, entry: Entry) -> str:
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
        entries: Iterable[Entry] = self.result or ()
        kinds = [entry.kind for entry in entries if entry.kind != "directory"]
        trees = sum(kind in ("tree", "rntuple") for kind in kinds)
        histograms = sum(kind == "histogram" for kind in kinds)
        others = len(kinds) - trees - histograms
        counted = ((trees, "tree"), (histograms, "histogram"), (others, "other object"))
        parts = [_plural(n, word) for n, word in counted if n]
        self._say(name.rsplit("/", 1)[-1], ", ".join(parts) or "An empty file")

    def _show(self, entry: Entry) -> None:
        assert self._opened is not None  # noqa: S101  # an entry is of an open file
        if entry.kind == "directory":
            self.set_trait("selected", None)
            self._say(entry.path, entry.title)
            return
        if not entry.readable:
            self.set_trait("selected", None)
            self._say(entry.key, f"{entry.classname} cannot be read: {_first_line(entry.reason)}")
            return
        found = self._opened[entry.key]
        if isinstance(found, Tree):
            n = len(found.branches)
            self._say(
                entry.key, f"{found.n_entries:,} entries, {_plural(n, 'branch', 'branches')}", entry.title
            )
        elif entry.kind == "graph":
            self._say(entry.key, f"{entry.classname}, {_plural(found.n_rows, 'point')}", entry.title)
            if "y_low" not in found:
                self._draw(lambda figure: _draw_graph(found, figure), f"Preview of the graph {entry.path}")
        elif entry.kind == "histogram":
            bins = " x ".join(str(len(ax)) for ax in found.axes)
            self._say(entry.key, f"{entry.classname}, {bins} bins", entry.title)
            self._draw(lambda figure: _draw_preview(found, figure), f"Preview of the histogram {entry.path}")
        else:
            self._say(entry.key, f"{entry.classname}: {str(found)[:200]}", entry.title)
        self.set_trait("selected", found if entry.kind in ("tree", "rntuple", "histogram") else None)

    def _draw(self, draw: Any, alt: str) -> None:
        assert self.live is not None  # noqa: S101  # made in _build
        self.live.restructure(draw)
        self.live.alt = alt
        self._live_box.layout.display = None

    def _say(self, heading: str, *lines: str) -> None:
        self._live_box.layout.display = "none"
        hints = "".join(f'<div class="hepnb-hint">{html.escape(line)}</div>' for line in lines if line)
        self._summary.value = f'<div class="hepnb-heading">{html.escape(heading)}</div>{hints}'

    # -- what it gives back ---------------------------------------------------------------------------

    def table(self) -> list[dict[str, Any]]:
        """Return the entries of the open file, one dictionary for each."""
        return [dict(entry.__dict__) for entry in self.result or ()]

    def to_code(self) -> str:
        """Return Python that opens the file and takes the object that is selected."""
        if self._opened is None:
            return "import hepnb\n\n# Choose a file."
        script = Script("import hepnb")
        script.add(f"file = {call('hepnb.open', self._opened.path)}")
        if self.path:
            entry = self._entry(self.path)
            if entry.readable:
                script.add(f"selected = file[{literal(self.path)}]")
            else:
                script.add(comment(f"{entry.key} cannot be read: {entry.reason}"))
        return script.text


def _draw_preview(histogram: Any, figure: Figure) -> None:
    [[axes]] = lay_out(figure)
    if len(histogram.axes) == 2:
        draw_mesh(histogram, axes)
    elif len(histogram.axes) == 1:
        draw_histogram(histogram, axes)
    else:
        draw_histogram(histogram.project(0), axes, note="projection")


def _draw_graph(graph: Mapping[str, Any], figure: Figure) -> None:
    axes = figure.add_subplot()
    if "efficiency" in graph:
        low, high = graph["x_low"], graph["x_high"]
        errors = {"xerr": (high - low) / 2}
        if "error_low" in graph:
            errors["yerr"] = (graph["error_low"], graph["error_high"])
        axes.errorbar((low + high) / 2, graph["efficiency"], fmt="o", markersize=3, linewidth=1, **errors)
        axes.set(xlabel="x", ylabel="efficiency", ylim=(0, 1.05))
        return
    errors = {
        f"{axis}err": graph[f"{axis}_error"]
        if f"{axis}_error" in graph
        else (graph[f"{axis}_error_low"], graph[f"{axis}_error_high"])
        for axis in ("x", "y")
        if f"{axis}_error" in graph or f"{axis}_error_low" in graph
    }
    axes.errorbar(graph["x"], graph["y"], fmt="o", markersize=3, linewidth=1, **errors)
    axes.set(xlabel="x", ylabel="y")


def _item_row(item: Item, parent: str | None) -> dict[str, Any]:
    icon = "warning" if item.reason else "folder" if item.is_folder else "file"
    return {
        "id": _folder_id(item.path) if item.is_folder else _file_id(item.path),
        "parent": parent,
        "name": item.name,
        "what": "",
        "count": None if item.is_folder or item.reason else size_words(item.size),
        "icon": icon,
        "expandable": not item.reason,
        "muted": bool(item.reason),
        "tooltip": item.reason or item.path,
    }


def _folder_id(path: str) -> str:
    return f"d:{path}"


def _file_id(path: str) -> str:
    return f"f:{path}"


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _newest(entries: Iterable[Entry]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for entry in entries:
        newest[entry.path] = max(entry.cycle, newest.get(entry.path, entry.cycle))
    return newest


def _icon(entry: Entry) -> str:
    if not entry.readable:
        return "warning"
    if entry.kind == "histogram":
        return "histogram2d" if entry.classname.startswith(("TH2", "TProfile2D")) else "histogram"
    return _ICONS[entry.kind]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _plural(n: int, word: str, words: str = "") -> str:
    return f"{n:,} {word if n == 1 else words or word + 's'}"
