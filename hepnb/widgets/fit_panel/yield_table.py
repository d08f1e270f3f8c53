"""The table of yields: channels that unfold into their samples, before and after the fit."""

from __future__ import annotations

import threading
from typing import Any

from hepnb.fits import yields
from hepnb.forks import fork_safe
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.toolkit.table import Table

__all__ = ["YieldTable", "yield_rows"]

_FEW = 4  # channels up to which all are unfolded

_COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "label": "Channel and sample", "kind": "tree", "width": "minmax(150px, 1fr)"},
    {"key": "before", "label": "Before the fit", "kind": "number", "digits": 5, "width": 110},
    {"key": "before_error", "label": "±", "kind": "number", "digits": 3, "width": 80,
     "title": "Uncertainty before the fit"},
    {"key": "after", "label": "After the fit", "kind": "number", "digits": 5, "width": 110},
    {"key": "after_error", "label": "±", "kind": "number", "digits": 3, "width": 80,
     "title": "Uncertainty after the fit"},
    {"key": "data", "label": "Data", "kind": "number", "digits": 6, "width": 90},
]  # fmt: skip


def yield_rows(state: FitState) -> list[dict[str, Any]]:
    """Return a row for each channel, with the total and the data, and below it one for each sample.

    Parameters
    ----------
    state : FitState
        Model, data and the last fit.

    Returns
    -------
    list of dict
        For the table; what the fit would say is None without one.
    """
    before = yields(state.data, state.model)
    after = None if state.result is None else yields(state.data, state.model, result=state.result)
    rows: list[dict[str, Any]] = []

    def cells(sample: int, channel: int) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for key, one in (("before", before), ("after", after)):
            found[key] = None if one is None else float(one.sums[sample, channel])
            found[f"{key}_error"] = None if one is None else float(one.sum_uncertainty[sample, channel])
        return found

    for column, channel in enumerate(before.channels):
        parent = f"channel {column}"  # names of channels and samples may have any letters
        observed = float(before.data[before.slices[channel]].sum())
        rows.append(
            {"id": parent, "name": channel, "tooltip": channel, "expandable": True,
             "expanded": len(before.channels) <= _FEW, "data": observed, **cells(-1, column)}
        )  # fmt: skip
        rows += [
            {"id": f"{parent} sample {row}", "name": sample, "tooltip": sample, "parent": parent,
             "data": None, **cells(row, column)}
            for row, sample in enumerate(before.samples)
            if before.present[row, column]
        ]  # fmt: skip
    return rows


class YieldTable:
    """Shows the yields of a state; made when it is first looked at, and of the fit that it was made for."""

    def __init__(self) -> None:
        self.widget = Table(
            columns=_COLUMNS, rows=[], label="Yields", placeholder="Search channels and samples", height=260,
            empty="No model yet", sort_trees=True,
        )  # fmt: skip
        self._shown: tuple[Any, Any] | None = None
        # A click asks while a fit ends on another thread: the table must end with the newest fit.
        self._lock = fork_safe(threading.Lock())

    def show(self, state: FitState | None) -> None:
        """Show the yields, unless they are of this fit already."""
        with self._lock:
            self._show(state)

    def _show(self, state: FitState | None) -> None:
        key = None if state is None else (state, state.result)
        if (
            key is not None
            and self._shown is not None
            and all(a is b for a, b in zip(key, self._shown, strict=True))
        ):
            return
        folded = {row["id"]: row["expanded"] for row in self.widget.rows if "expanded" in row}
        rows = [] if state is None else yield_rows(state)
        for row in rows:
            if row["id"] in folded:
                row["expanded"] = folded[row["id"]]
        self.widget.rows = rows
        self._shown = key
