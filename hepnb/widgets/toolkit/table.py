"""One widget for a list, a table or a tree of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anywidget
import traitlets

from hepnb.errors import HepnbError, nearest
from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["COLUMN_KINDS", "Table"]


COLUMN_KINDS = ("text", "number", "check", "slider", "spark", "tree", "color", "select", "button")

RowId = str
OnEdit = Callable[[RowId, str, Any], None]
OnRow = Callable[[RowId], None]
OnExpand = Callable[[RowId, bool], None]
OnWant = Callable[[list[RowId]], None]


class Table(anywidget.AnyWidget):
    """A virtualised table: only the rows in view exist on the page, and all rows share one comm.

    Parameters
    ----------
    columns : list of dict
        ``key``, ``label``, ``kind`` (one of `COLUMN_KINDS`, "text" by default), and optionally
        ``width`` [px, or text as in CSS's ``grid-template-columns``] (the widest of those without one grows),
        ``editable``, ``title`` (tooltip), ``sort_by`` (the key to sort by), ``sort_abs`` (sort by size),
        ``digits`` (significant, of a number), ``options`` (of a select; a row may bring its own as
        ``row[key + "_options"]``), ``min``, ``max``, ``step`` of a slider: numbers, or names of keys of
        the row.
    rows : list of dict
        Values by column key. ``id`` (str, unique) is required. ``tooltip``, ``muted`` (greyed out),
        ``locked`` (a list of keys not to edit here) are optional. In a tree column's table: ``parent``
        (id or None, parents come before their children), ``expandable``, ``expanded``, ``icon``; ``group``
        for a row that only heads its children.
    label : str
        What a screen reader calls the table.
    multi : bool
        Whether several rows can be selected.

    Notes
    -----
    A spark cell is a list of numbers, drawn as bars; for rows in view that do not have the key yet, the page
    asks (`on_want`). A button cell is an edit with the value True. A check column with ``selects: True``
    shows and changes the selection; the page then offers to show only what is selected, and to clear it.
    Searching (words, ``*`` and ``?``, or ``/regex/``), sorting and folding happen on the page. What fits best
    comes first: names before titles (``about`` of a row) and other text. Words may be of the rows above in a
    tree; where nothing fits, names are found that have the letters in this order. Each row is one stop of the
    Tab key; F2 goes on to the next field of the row.
    `rows` sends all rows, `update_cells` only what changed.

    Examples
    --------
    >>> table = Table(
    ...     columns=[{"key": "name"}, {"key": "value", "kind": "slider", "min": 0, "max": 2}],
    ...     rows=[{"id": "mu", "name": "mu", "value": 1.0}],
    ... )
    >>> table.update_cells({"mu": {"value": 1.5}})
    >>> table.row("mu")["value"]
    1.5
    """

    _esm = static_text("table_search.js") + static_text("table.js")
    _css = static_text("table.css")

    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    filter = traitlets.Unicode("").tag(sync=True)
    sort_trees = traitlets.Bool(
        False, help="Whether the rows of a tree can be sorted below their parents"
    ).tag(sync=True)
    sort = traitlets.Unicode("", help="A column's key, with a leading '-' when descending").tag(sync=True)
    multi = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode("Table").tag(sync=True)
    search = traitlets.Bool(True, help="Whether there is a search box").tag(sync=True)
    placeholder = traitlets.Unicode("Search").tag(sync=True)
    empty = traitlets.Unicode("Nothing here", help="Said when there are no rows").tag(sync=True)
    arrows_choose = traitlets.Bool(
        True, help="Whether the arrow keys choose a row; otherwise they move, and Enter chooses"
    ).tag(sync=True)
    dim = traitlets.Bool(False, help="Whether what is listed is of before").tag(sync=True)
    height = traitlets.Int(280, min=24, help="Largest height of the rows [px]").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        self._index: dict[str, dict[str, Any]] = {}
        self._edits: list[OnEdit] = []
        self._activations: list[OnRow] = []
        self._expansions: list[OnExpand] = []
        self._wants: list[OnWant] = []
        super().__init__(**kwargs)
        self.on_msg(self._receive)

    @traitlets.validate("columns")
    def _check_columns(self, proposal: Any) -> Any:
        for column in proposal["value"]:
            kind = column.get("kind", "text")
            if kind not in COLUMN_KINDS:
                raise HepnbError(
                    f"column {column.get('key')!r}: no kind {kind!r}. {nearest(kind, COLUMN_KINDS)}"
                )
        return proposal["value"]

    @traitlets.validate("rows")
    def _check_rows(self, proposal: Any) -> Any:
        index: dict[str, dict[str, Any]] = {}
        for row in proposal["value"]:
            name = row.get("id")
            if not isinstance(name, str) or name in index:
                raise HepnbError(f"row {name!r}: every row needs an 'id' of its own, a str")
            index[name] = row
        self._index = index
        return proposal["value"]

    def row(self, row_id: str) -> dict[str, Any]:
        """Return one row as it is now."""
        try:
            return self._index[row_id]
        except KeyError:
            raise HepnbError(
                f"table {self.label!r} has no row {row_id!r}. {nearest(row_id, self._index)}"
            ) from None

    def update_cells(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Change some cells and send only those.

        Parameters
        ----------
        changes : mapping
            ``{row_id: {key: value}}``.
        """
        for row_id, cells in changes.items():
            self.row(row_id).update(cells)
        self.send({"type": "cells", "cells": {row_id: dict(cells) for row_id, cells in changes.items()}})

    def replace_children(self, parent: str, children: Iterable[Mapping[str, Any]]) -> None:
        """Put rows below one row of a tree, in place of those that were there, and unfold it.

        Parameters
        ----------
        parent : str
            Id of the row.
        children : iterable of dict
            Rows, depth first, each with its ``parent``.
        """
        gone = {parent}
        kept = []
        for other in self.rows:
            if other.get("parent") in gone:
                gone.add(other["id"])
            else:
                kept.append(other)
        place = next(i for i, other in enumerate(kept) if other["id"] == parent) + 1
        self.row(parent)["expanded"] = True
        self.rows = [*kept[:place], *(dict(child) for child in children), *kept[place:]]

    def on_edit(self, callback: OnEdit) -> None:
        """Call ``callback(row_id, key, value)`` when the user edits a cell."""
        self._edits.append(callback)

    def on_activate(self, callback: OnRow) -> None:
        """Call ``callback(row_id)`` on Enter or a double click."""
        self._activations.append(callback)

    def on_expand(self, callback: OnExpand) -> None:
        """Call ``callback(row_id, expanded)`` when a row of a tree is unfolded or folded."""
        self._expansions.append(callback)

    def on_want(self, callback: OnWant) -> None:
        """Call ``callback(row_ids)`` for the rows in view that lack their spark."""
        self._wants.append(callback)

    def edit(self, row_id: str, key: str, value: Any) -> None:
        """Do what the user does when editing a cell."""
        self.row(row_id)[key] = value
        for callback in self._edits:
            callback(row_id, key, value)

    def activate(self, row_id: str) -> None:
        """Do what the user does with Enter or a double click."""
        self.row(row_id)
        for callback in self._activations:
            callback(row_id)

    def expand(self, row_id: str, expanded: bool = True) -> None:
        """Do what the user does with the right and left arrow keys in a tree."""
        self.row(row_id)["expanded"] = expanded
        for callback in self._expansions:
            callback(row_id, expanded)

    def want(self, row_ids: Iterable[str]) -> None:
        """Do what the page does when rows without their spark come into view."""
        known = [row_id for row_id in row_ids if row_id in self._index]
        for callback in self._wants:
            callback(known)

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:  # noqa: ARG002
        kind = content.get("type")
        try:
            if kind == "edit":
                for row_id, cells in content["cells"].items():
                    for key, value in cells.items():
                        if row_id in self._index:
                            self.edit(row_id, key, value)
            elif kind == "activate" and content["id"] in self._index:
                self.activate(content["id"])
            elif kind == "expand" and content["id"] in self._index:
                self.expand(content["id"], bool(content["expanded"]))
            elif kind == "want":
                self.want(content["ids"])
        finally:
            if "seq" in content:
                self.send({"type": "done", "seq": content["seq"]})
