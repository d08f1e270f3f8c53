"""The table of parameters: one row each, sliders and checks in it, quick at several hundred rows."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.forks import fork_safe
from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.toolkit.table import Table

if TYPE_CHECKING:
    from hepnb.fits import MinosResults, RankingResults

__all__ = ["ParameterTable", "slider_range"]

_SLIDER_SIGMAS = 5.0
_SLIDER_STEPS = 1000  # finer than a pixel, so that a fitted value is shown as it is

_FOLDED = 8  # members from which on a set of parameters is folded at first

_COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "label": "Parameter", "kind": "tree", "width": "minmax(150px, 1fr)"},
    {"key": "value", "label": "", "kind": "slider", "title": "slider", "min": "low", "max": "high",
     "step": "step", "width": 170, "editable": True},
    {"key": "value", "label": "Value", "kind": "number", "digits": 4, "width": 100, "editable": True},
    {"key": "uncertainty", "label": "Uncertainty", "kind": "number", "digits": 3, "width": 84,
     "title": "Uncertainty from the last fit"},
    {"key": "minos", "label": "MINOS", "width": 112, "study": "minos", "sort_by": "minos_size",
     "title": "Asymmetric uncertainty; sorted by the larger side"},
    {"key": "pull", "label": "Pull", "kind": "number", "digits": 3, "width": 62, "sort_abs": True,
     "title": "(value - centre) / width of the auxiliary measurement; sorted by size"},
    {"key": "impact", "label": "Impact", "kind": "number", "digits": 3, "width": 74, "sort_abs": True,
     "study": "ranking",
     "title": "The larger change of the parameter of interest; sorted by size"},
    {"key": "lower", "label": "Lower", "kind": "number", "digits": 4, "width": 58, "editable": True,
     "title": "lower bound"},
    {"key": "upper", "label": "Upper", "kind": "number", "digits": 4, "width": 58, "editable": True,
     "title": "upper bound"},
    {"key": "kind", "label": "Prior", "kind": "text", "width": 70},
    {"key": "fixed", "label": "Fix", "kind": "check", "width": 42, "editable": True,
     "title": "Held where it is in a fit"},
]  # fmt: skip


def slider_range(state: FitState, index: int) -> tuple[float, float, float]:
    """Return the range and the step of a parameter's slider.

    A constrained parameter may have bounds many prior widths away: five of them are enough to see what it
    does. A free one goes five standard deviations from the last fit. The present value is always inside.

    Returns
    -------
    tuple of float
        Lowest value, highest value, step (a round number).
    """
    parameter = state.model.parameters[index]
    lower, upper = map(float, state.bounds[index])
    low, high = lower, upper
    result = state.result
    if math.isfinite(parameter.sigma) and parameter.sigma > 0:
        reach = _SLIDER_SIGMAS * parameter.sigma
        low, high = max(lower, parameter.center - reach), min(upper, parameter.center + reach)
    elif result is not None and result.uncertainty[index] > 0:
        best, reach = float(result.bestfit[index]), _SLIDER_SIGMAS * float(result.uncertainty[index])
        low, high = max(lower, best - reach), min(upper, best + reach)
    value = float(state.values[index])
    low, high = min(low, value), max(high, value)
    if not high > low:
        high = low + 1.0
    rough = (high - low) / _SLIDER_STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (1.0, 2.0, 5.0, 10.0) if digit * power >= rough * (1 - 1e-9))
    return low, high, float(f"{step:.6g}")


class ParameterTable:
    """Shows a state in a table and hands the user's edits on.

    The parameters of a modifier that has one per bin are below a row of their own, which folds.

    Parameters
    ----------
    move : callable
        Called with a name and what was typed, or where a slider in the table is.
    fix : callable
        Called with a name and whether it is to be fixed.
    choose : callable
        Called with a name when its row is selected.
    limit : callable
        Called with a name, ``"lower"`` or ``"upper"``, and what was typed.
    """

    def __init__(
        self,
        move: Callable[[str, Any], None],
        fix: Callable[[str, bool], None],
        choose: Callable[[str], None],
        limit: Callable[[str, str, Any], None],
    ) -> None:
        self.widget = Table(
            columns=_columns(()), rows=[], label="Parameters", placeholder="Search parameters", height=260,
            empty="No model yet", sort_trees=True,
        )  # fmt: skip
        self._move, self._fix, self._choose, self._limit = move, fix, choose, limit
        self._sets: dict[str, str] = {}
        self._ranged: Any = None
        # A fit ends on one thread while a slider moves on another: cells must not be sent in the wrong order.
        self._lock = fork_safe(threading.Lock())
        self._forget_studies()
        self.widget.on_edit(self._edited)
        self.widget.observe(self._selected, "selected")

    def show(self, state: FitState | None) -> None:
        """Make the rows of a new state."""
        with self._lock:
            self._show(state)

    def _show(self, state: FitState | None) -> None:
        self._sets, self._ranged = {}, None
        self._forget_studies()
        if state is None:
            self.widget.rows = []
            return
        sizes = Counter(parameter.set_name for parameter in state.model.parameters)
        cells = self._cells(state)
        rows: list[dict[str, Any]] = []
        for index, parameter in enumerate(state.model.parameters):
            name, group = parameter.name, f"set {parameter.set_name}"
            if sizes[parameter.set_name] > 1:
                if group not in self._sets.values():
                    rows.append(_group_row(group, parameter.set_name, sizes[parameter.set_name]))
                self._sets[name] = group
            low, high, step = slider_range(state, index)
            rows.append(
                {"id": name, "name": name, "tooltip": name, "low": low, "high": high, "step": step,
                 "kind": parameter.kind, "locked": ["fixed"] if parameter.fixed else [],
                 "parent": self._sets.get(name), **cells[name]}
            )  # fmt: skip
        for row in rows:
            if row.get("group"):
                row.update(self._of_group(row["id"], cells))
        self.widget.rows = rows

    def select(self, name: str) -> None:
        """Mark the row of the chosen parameter."""
        if name in {row["id"] for row in self.widget.rows} and self.widget.selected != [name]:
            self.widget.selected = [name]

    def refresh(
        self, state: FitState, names: Iterable[str] | None = None, studies: Mapping[str, Any] | None = None
    ) -> None:
        """Send the cells that changed; of all rows, or only of these.

        Parameters
        ----------
        state : FitState
            What to show.
        names : iterable of str, optional
            Parameters; all where left out.
        studies : mapping of str to object, optional
            The results for MINOS and impact, by the names of ``STUDIES``; their columns are left out where
            there is none.
        """
        with self._lock:
            self._refresh(state, names, studies)

    def _refresh(
        self, state: FitState, names: Iterable[str] | None, studies: Mapping[str, Any] | None
    ) -> None:
        changes = {}
        new_studies = self._take_studies(studies or {})
        new_range, self._ranged = state.result is not self._ranged, state.result
        cells = self._cells(state, None if new_range or new_studies else names)
        for name, new in cells.items():
            old = self.widget.row(name)
            low, high = old["low"], old["high"]
            if new_range or not low <= new["value"] <= high or new["lower"] > low or new["upper"] < high:
                low, high, step = slider_range(state, state.index(name))
                new |= {"low": low, "high": high, "step": step}
            changed = {key: value for key, value in new.items() if old.get(key) != value}
            if changed:
                changes[name] = changed
        for group in {self._sets[name] for name in changes if name in self._sets}:
            changes[group] = self._of_group(group, {**self._known(group), **cells})
        if changes:
            self.widget.update_cells(changes)

    def _forget_studies(self) -> None:
        self._studies: tuple[Any, Any] = (None, None)
        self._errors: Mapping[str, Mapping[str, Any]] = {}
        self._impacts: Mapping[str, float | None] = {}
        self.widget.columns = _columns(())

    def _take_studies(self, studies: Mapping[str, Any]) -> bool:
        """Read the columns of other studies than before; return whether they are others."""
        found = (studies.get("minos"), studies.get("ranking"))
        if all(new is old for new, old in zip(found, self._studies, strict=True)):
            return False
        self._studies = found
        self._errors, self._impacts = _minos_cells(found[0]), _impacts(found[1])
        self.widget.columns = _columns(studies)
        return True

    def _known(self, group: str) -> dict[str, dict[str, Any]]:
        return {name: self.widget.row(name) for name, its in self._sets.items() if its == group}

    def _of_group(self, group: str, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the largest pull and impact of the members, to sort by."""
        members = [name for name, its in self._sets.items() if its == group]
        if not members:
            return {}
        largest = {}
        for key in ("pull", "impact", "minos_size"):
            known = [cells[name][key] for name in members if cells[name].get(key) is not None]
            largest[key] = max(known, key=abs, default=None)
        return largest

    def _cells(self, state: FitState, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        now, pulls, bounds = state.now, state.pulls(), state.bounds
        widths = np.full(now.values.shape, np.nan) if now.result is None else now.result.uncertainty
        cells = {}
        for name in state.names if names is None else names:
            index = state.index(name)
            cells[name] = {
                "value": float(now.values[index]),
                "fixed": bool(now.fixed[index]),
                "pull": _number(np.round(pulls[index], 3)),
                "uncertainty": _number(widths[index]),
                "impact": self._impacts.get(name),
                "lower": float(bounds[index, 0]),
                "upper": float(bounds[index, 1]),
                **self._errors.get(name, {"minos": "", "minos_size": None}),
            }
        return cells

    def _edited(self, name: str, key: str, value: Any) -> None:
        if key == "value":
            self._move(name, value)
        elif key == "fixed":
            self._fix(name, bool(value))
        elif key in ("lower", "upper"):
            self._limit(name, key, value)

    def _selected(self, change: Any) -> None:
        if change["new"] and not change["new"][0].startswith("set "):
            self._choose(change["new"][0])


def _columns(studies: Collection[str]) -> list[dict[str, Any]]:
    """Return the columns whose numbers are known."""
    return [column for column in _COLUMNS if column.get("study") is None or column["study"] in studies]


def _group_row(group: str, name: str, size: int) -> dict[str, Any]:
    words = f"{name} ({size})"
    return {
        "id": group, "name": words, "tooltip": words, "group": True, "expandable": True,
        "expanded": size < _FOLDED, "value": None, "locked": ["value", "fixed", "lower", "upper"],
    }  # fmt: skip


def _minos_cells(found: MinosResults | None) -> dict[str, dict[str, Any]]:
    """Return the asymmetric uncertainties as text, with their larger size to sort by."""
    if found is None:
        return {}
    cells = {}
    sides = zip(found.labels, found.upper, found.upper_status, found.lower, found.lower_status, strict=True)
    for name, up, up_status, down, down_status in sides:
        words = [
            f"{value:+.3g}".replace("-", "−") if math.isfinite(value) else status
            for value, status in ((up, up_status), (down, down_status))
        ]
        size = max((abs(value) for value in (up, down) if math.isfinite(value)), default=None)
        cells[name] = {"minos": " ".join(words), "minos_size": None if size is None else float(size)}
    return cells


def _impacts(found: RankingResults | None) -> dict[str, float | None]:
    """Return the larger of the two post-fit impacts of each parameter, with its sign."""
    if found is None:
        return {}
    return {
        name: _number(up if abs(up) >= abs(down) else down)
        for name, up, down in zip(found.labels, found.postfit_up, found.postfit_down, strict=True)
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
