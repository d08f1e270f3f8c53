"""Named cuts and trees that are drawn beside each other: the sections "Cuts" and "Files"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from hepnb.errors import HepnbError, WorkspaceError
from hepnb.widgets.histogram_builder.table_text import Sources
from hepnb.widgets.toolkit.expression_box import ExpressionBox
from hepnb.widgets.toolkit.layout import row
from hepnb.widgets.toolkit.table import Table

__all__ = ["OverlayControls"]

_TICK = {"key": "drawn", "kind": "check", "title": "drawn", "editable": True}
_BUTTONS = (
    {"key": "earlier", "kind": "button", "title": "earlier", "text": "▲"},
    {"key": "remove", "kind": "button", "title": "remove"},
)


class OverlayControls:
    """Tables of what is overlaid, linked to the traits ``cuts``, ``trees`` and ``hidden`` of the panel.

    Parameters
    ----------
    panel : HistogramBuilder
        The panel.
    sources : Sources
        Labels of trees, shared with the table of samples.

    Attributes
    ----------
    parts : dict of title to widget
        The sections.
    """

    def __init__(self, panel: Any, sources: Sources) -> None:
        self._panel, self._sources = panel, sources
        self.cuts = Table(
            columns=[_TICK, {"key": "name", "label": "Cut", "editable": True, "width": 140},
                     {"key": "text", "label": "Condition", "editable": True}, *_BUTTONS],
            label="Named cuts", search=False, height=150, empty="No named cuts yet",
        )  # fmt: skip
        self.files = Table(
            columns=[_TICK, {"key": "name", "label": "Name", "editable": True, "width": 140},
                     {"key": "text", "label": "Source", "editable": True, "title": "file.root:tree"},
                     *_BUTTONS],
            label="Files beside each other", search=False, height=150, empty="No files yet",
        )  # fmt: skip
        self.new_cut = ExpressionBox(
            label="New named cut", hide_label=True, placeholder="name = condition, such as hard = pt > 30",
            action="Add", clear=True,
        )  # fmt: skip
        self.new_file = ExpressionBox(
            label="New file", hide_label=True, placeholder="file.root:tree, or name = file.root:tree",
            action="Add", clear=True,
        )  # fmt: skip
        self.add_present = ipywidgets.Button(
            description="Add the present tree", icon="plus", layout={"width": "auto"}
        )
        self.cuts.on_edit(lambda row_id, key, value: self._edited("cuts", row_id, key, value))
        self.files.on_edit(lambda row_id, key, value: self._edited("trees", row_id, key, value))
        self.new_cut.on_submit(lambda text: self._add("cuts", text))
        self.new_file.on_submit(lambda text: self._add("trees", text))
        self.add_present.on_click(lambda _button: self._add_present())
        panel.observe(lambda _change: self.show(), ["cuts", "trees", "hidden"])
        panel.observe(lambda change: self.new_cut.complete_for(change["new"]), ["tree"])
        self.parts = {
            "Cuts": ipywidgets.VBox([self.cuts, self.new_cut]),
            "Files": ipywidgets.VBox([self.files, row(self.new_file, self.add_present)]),
        }

    def show(self) -> None:
        """Fill the tables from the traits."""
        hidden = set(self._panel.hidden)
        self.cuts.rows = [
            {"id": name, "name": name, "text": text, "drawn": name not in hidden, "muted": name in hidden}
            for name, text in self._panel.cuts.items()
        ]
        self.files.rows = [
            {
                "id": name, "name": name, "text": self._sources.label(tree), "drawn": name not in hidden,
                "muted": name in hidden,
            }
            for name, tree in self._panel.trees.items()
        ]  # fmt: skip

    def _edited(self, trait: str, row_id: str, key: str, value: Any) -> None:
        with self._panel._reporting(trait):
            if key == "drawn":
                kept = [name for name in self._panel.hidden if name != row_id]
                self._panel.hidden = (*kept, *(() if value else (row_id,)))
                return
            before: dict[str, Any] = dict(getattr(self._panel, trait))
            if key == "text":
                value = self._sources.find(str(value)) if trait == "trees" else str(value).strip()
            changed = _edited(before, row_id, key, value)
            setattr(self._panel, trait, changed)
            if changed == before:
                self.show()
                if list(changed) != list(before):
                    self._panel.reordered()

    def _add(self, trait: str, text: str) -> bool:
        done = False
        with self._panel._reporting(trait):
            taken: dict[str, Any] = dict(getattr(self._panel, trait))
            name, sign, rest = text.partition("=")
            named = sign and not rest.startswith("=") and not name.rstrip().endswith(("!", "<", ">"))
            what = (rest if named else text).strip()
            name = name.strip() if named else ""
            if not what:
                raise HepnbError(f"{text!r} says nothing behind its name. Write name = condition.")
            if name in taken:
                raise HepnbError(f"{name!r} is there already. Edit it in the table, or choose another name.")
            found: Any = what
            if trait == "trees":
                found = self._sources.find(what)
                name = name or _free(what.rpartition("/")[2], taken)
            elif self._panel.tree is not None:
                self._panel.check_cut(what)
            setattr(self._panel, trait, taken | {name or _free(what, taken): found})
            done = True
        return done  # noqa: RET504  # after an error, which the panel shows, too

    def _add_present(self) -> None:
        with self._panel._reporting("trees"):
            tree = self._panel.tree
            if tree is None:
                raise WorkspaceError("choose a tree first: it becomes one of the files.")
            taken = dict(self._panel.trees)
            self._panel.trees = taken | {_free(self._sources.label(tree), taken): tree}


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that is not taken yet."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _edited(entries: Mapping[str, Any], row_id: str, key: str, value: Any) -> dict[str, Any]:
    """Apply an edit of one row to an ordered mapping."""
    if key == "remove":
        return {name: item for name, item in entries.items() if name != row_id}
    if key == "earlier":
        names = list(entries)
        place = names.index(row_id)
        names.insert(max(place - 1, 0), names.pop(place))
        return {name: entries[name] for name in names}
    if key == "name" and str(value).strip() and str(value).strip() not in entries:
        return {str(value).strip() if name == row_id else name: item for name, item in entries.items()}
    if key == "text":
        return {name: value if name == row_id else item for name, item in entries.items()}
    return dict(entries)
