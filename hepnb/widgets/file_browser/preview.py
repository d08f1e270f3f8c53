"""The preview of the file browser: what is selected, as a picture and in words."""

from __future__ import annotations

import abc
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from hepnb.errors import FileError, empty_is_expected
from hepnb.events import Branch, FileKey, RootFile, RootFiles, Tree
from hepnb.figures.tlatex import readable_plain
from hepnb.widgets.file_browser.controls import BrowserControls
from hepnb.widgets.file_browser.picture import Preview, draw_graph, preview_of
from hepnb.widgets.file_browser.rows import first_line, plural
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.branch_histogram import (
    axis_title,
    element_expression,
    is_list,
    own_title,
    suitable_bins,
)
from hepnb.widgets.toolkit.inputs import Input, PathText, panel_input
from hepnb.widgets.toolkit.panel import PICTURE, Panel
from hepnb.workspace import Workspace

__all__ = ["TREES", "BrowserPreview", "Single", "workspace_lines"]

TREES = ("tree", "rntuple")
"""The kinds of objects that have branches."""


@dataclass(frozen=True)
class Single:
    """A file that is one object.

    Parameters
    ----------
    function : str
        What opens it: ``"hepnb.open"`` or ``"hepnb.load"``.
    path : str
        The file.
    """

    function: str
    path: str


def workspace_lines(workspace: Workspace) -> list[str]:
    """Return what is in a workspace, a line for each kind of thing."""
    channels = workspace.channel_bins
    bins = sum(channels.values())
    listed = ", ".join(list(channels)[:8]) + (", ..." if len(channels) > 8 else "")
    return [
        f"A workspace: {plural(len(channels), 'channel')} with {plural(bins, 'bin')}",
        f"Channels: {listed}",
        f"{plural(len(workspace.modifiers), 'modifier')}; parameter of interest: {workspace.poi or 'none'}",
    ]


class BrowserPreview(Panel):
    """What is shown of the selected object."""

    root: Input[str, str | os.PathLike[str]] = panel_input(
        PathText(), default=".", help="The folder to browse; it is never left."
    )
    file: Input[str, str | os.PathLike[str]] = panel_input(
        PathText(),
        default="",
        help="A file to open: relative to the root, absolute, or the address of one, such as https://...",
    )
    roots: Input[tuple[str, ...], Sequence[str]] = panel_input(
        traitlets.Tuple(),
        default=(),
        help="Folders to choose the root from; `root` is one of them.",
    )
    path: str = panel_input(
        traitlets.Unicode(), default="", help="An object in the file, with ``;cycle`` or without."
    )
    branch: str = panel_input(
        traitlets.Unicode(), default="", help="A branch of the tree at `path`, drawn as a histogram."
    )
    elements: str = panel_input(
        traitlets.Unicode(),
        default="all",
        help='What is drawn of a list per event: "all" elements, the "leading" one, "max", "min", "sum", '
        '"mean", "count", or a place such as "0".',
    )
    axes: str = panel_input(
        traitlets.Unicode(),
        default="",
        help='The axes on which a histogram of two or three dimensions is drawn, such as "xz" or "y".',
    )
    selected = traitlets.Any(None, allow_none=True, read_only=True)
    histogram = traitlets.Any(None, allow_none=True, read_only=True, help="The hist.Hist in the preview")

    _VARIABLE = "selected"

    def _kept(self) -> Any:
        return self.selected if self.histogram is None else self.histogram

    def _picture_name(self) -> str:
        return self.branch or self.path or "picture"

    def _build(self) -> None:
        self._opened: RootFile | RootFiles | None = None
        self._single: Single | None = None
        self._background = Background("browser")
        self._drawn: Preview | None = None
        self._controls = BrowserControls()
        self.live = self._controls.live

    @abc.abstractmethod
    def _entry(self, path: str) -> FileKey:
        """Return the entry of the open file at a path."""

    @abc.abstractmethod
    def _point_at_branch(self, name: str) -> None:
        """Move the cursor of the list to a branch of the selected tree."""

    def _follow_choices(self) -> None:
        for control, name in ((self._controls.elements, "elements"), (self._controls.axes, "axes")):

            def chosen(change: Any, name: str = name) -> None:
                if not self._controls.quiet:
                    setattr(self, name, change["new"])

            def follow(change: Any, control: Any = control) -> None:
                self._controls.choose(control, change["new"])

            control.observe(chosen, "value")
            self.observe(follow, name)

    def _show_file(self, name: str) -> None:
        self._no_picture()
        entries: Iterable[FileKey] = self.result or ()
        kinds = [entry.kind for entry in entries if entry.kind != "directory"]
        trees = sum(kind in TREES for kind in kinds)
        histograms = sum(kind == "histogram" for kind in kinds)
        others = len(kinds) - trees - histograms
        counted = ((trees, "tree"), (histograms, "histogram"), (others, "other object"))
        parts = [plural(n, word) for n, word in counted if n]
        self._controls.say(name.rsplit("/", 1)[-1], ", ".join(parts) or "An empty file")

    def _show(self, entry: FileKey) -> None:
        self._no_picture()
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
            self._show_tree(entry.key, found, entry.title)
        elif entry.kind == "graph":
            self._controls.say(entry.key, f"{entry.classname}, {plural(found.n_rows, 'point')}", entry.title)
            if "y_low" not in found:
                alt = f"Preview of the graph {entry.path}"
                self._controls.draw(lambda figure: draw_graph(found, figure, entry.title), alt)
        elif entry.kind == "histogram":
            if not set(self.axes) <= set("xyz"[: len(found.axes)]):
                self.axes = ""
            self._controls.offer_axes(found, self.axes)
            self._show_histogram(entry, found)
        else:
            self._controls.say(entry.key, f"{entry.classname}: {str(found)[:200]}", entry.title)
        self.set_trait("selected", found if entry.kind in (*TREES, "histogram") else None)

    def _show_tree(self, name: str, tree: Tree, title: str = "") -> None:
        n = len(tree.branches)
        self._controls.say(name, f"{tree.n_entries:,} entries, {plural(n, 'branch', 'branches')}", title)

    def _show_histogram(self, entry: FileKey, found: Any) -> None:
        preview = preview_of(found, self.axes, name=entry.path)
        bins = " x ".join(str(len(ax)) for ax in found.axes)
        title = readable_plain(entry.title)
        self._controls.say(entry.key, f"{entry.classname}, {bins} bins", title, preview.statistics)
        self._show_preview(preview, f"Preview of the histogram {entry.path}")

    def _show_preview(self, preview: Preview, alt: str) -> None:
        self._drawn = preview
        self._controls.draw(preview.draw, alt)
        self.set_trait("histogram", preview.histogram)

    def _on_axes(self, _change: Any) -> None:
        with self._reporting("axes", shows=""):
            if self.path and self._opened is not None and not self.branch:
                entry = self._entry(self.path)
                if entry.kind == "histogram" and entry.readable:
                    self._show_histogram(entry, self._opened[entry.key])

    def _on_branch(self, change: Any) -> None:
        with self._reporting("branch"):
            if change["name"] == "branch":
                self._drawn = None
                self.set_trait("histogram", None)
            if not self.branch:
                if change["name"] == "branch" and self.path and self._opened is not None:
                    self._show(self._entry(self.path))
                elif change["name"] == "branch" and isinstance(self.selected, Tree):
                    self._no_picture()
                    self._show_tree(str(self.file).rsplit("/", 1)[-1], self.selected)
                return
            tree = self.selected
            if not isinstance(tree, Tree):
                raise FileError(f"there is no tree to find branch {self.branch!r} in. Give its `path` too.")
            branch = tree.branch(self.branch)
            if change["name"] == "branch":
                self._point_at_branch(branch.name)
            if not branch.readable:
                self._no_picture()
                words = f"{branch.typename} cannot be read: {first_line(branch.reason)}"
                self._controls.say(branch.name, words)
                return
            self._in_background(self._background, lambda: self._fill_branch(tree, branch))

    def _fill_branch(self, tree: Tree, branch: Branch) -> None:
        """Fill the histogram of a branch, and draw it unless something else was chosen meanwhile."""
        with self._reporting("branch"), self._computing(PICTURE, f"Reading {branch.name} ..."):
            listed = is_list(tree, branch.expression)
            expression = element_expression(branch.expression, self.elements) if listed else branch.expression
            bins = suitable_bins(tree, expression, progress=self._progress)
            with empty_is_expected():
                found = tree.hist(expression, bins, progress=self._progress)
            if (self.selected, self.branch) != (tree, branch.name):
                return
            self._controls.offer_elements(listed)
            title = axis_title(branch, self.elements)
            preview = preview_of(found, name=branch.name, filled=(expression, bins), title=title)
            lines = [f"{branch.typename}, {tree.n_entries:,} entries", preview.statistics]
            if own_title(branch):
                lines.insert(1, readable_plain(branch.title))
            self._controls.say(branch.name, *lines)
            self._show_preview(preview, f"Histogram of the branch {branch.name}")

    def _no_picture(self) -> None:
        self._drawn = None
        self._say_cancelled(False)
        self._controls.offer_axes(None)
        self._controls.offer_elements(False)
        self.set_trait("histogram", None)
