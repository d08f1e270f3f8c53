"""The table of parameters: one row each, sliders and checks in it, quick at several hundred rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from hepnb.widgets.fit_panel.state import FitState
from hepnb.widgets.toolkit.table import Table

__all__ = ["ParameterTable", "slider_range"]

_SLIDER_SIGMAS = 5.0
_SLIDER_STEPS = 1000  # finer than a pixel, so that a fitted value is shown as it is

_COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "label": "Parameter", "kind": "text"},
    {"key": "value", "label": "", "kind": "slider", "title": "slider", "min": "low", "max": "high",
     "step": "step", "width": 220, "editable": True},
    {"key": "value", "label": "Value", "kind": "number", "digits": 4, "width": 84, "editable": True},
    {"key": "uncertainty", "label": "Uncertainty", "kind": "number", "digits": 3, "width": 84,
     "title": "Uncertainty from the last fit"},
    {"key": "pull", "label": "Pull", "kind": "number", "digits": 3, "width": 72,
     "title": "(value - prior centre) / prior width"},
    {"key": "kind", "label": "Prior", "kind": "text", "width": 84},
    {"key": "fixed", "label": "Fix", "kind": "check", "width": 48, "editable": True,
     "title": "Held where it is in a fit"},
]  # fmt: skip


def slider_range(state: FitState, index: int) -> tuple[float, float, float]:
    """Return the range and the step of a parameter's slider.

    A constrained parameter may have bounds many prior widths away: five of them are enough to see what it
    does. The present value is always inside.

    Returns
    -------
    tuple of float
        Lowest value, highest value, step (a round number).
    """
    parameter = state.model.parameters[index]
    low, high = parameter.lower, parameter.upper
    if math.isfinite(parameter.sigma) and parameter.sigma > 0:
        reach = _SLIDER_SIGMAS * parameter.sigma
        low, high = max(low, parameter.init - reach), min(high, parameter.init + reach)
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

    Parameters
    ----------
    move : callable
        Called with a name and what was typed, or where a slider in the table is.
    fix : callable
        Called with a name and whether it is to be fixed.
    choose : callable
        Called with a name when a row is opened (Enter, double click).
    """

    def __init__(
        self,
        move: Callable[[str, Any], None],
        fix: Callable[[str, bool], None],
        choose: Callable[[str], None],
    ) -> None:
        self.widget = Table(
            columns=_COLUMNS, rows=[], label="Parameters", placeholder="Search parameters", height=260,
            empty="No model yet",
        )  # fmt: skip
        self._move, self._fix = move, fix
        self.widget.on_edit(self._edited)
        self.widget.on_activate(choose)

    def show(self, state: FitState | None) -> None:
        """Make the rows of a new state."""
        if state is None:
            self.widget.rows = []
            return
        cells = self._cells(state)
        rows = []
        for index, parameter in enumerate(state.model.parameters):
            name = parameter.name
            low, high, step = slider_range(state, index)
            locked = ["fixed"] if parameter.fixed else []
            rows.append(
                {"id": name, "name": name, "low": low, "high": high, "step": step, "kind": parameter.kind,
                 "locked": locked, **cells[name]}
            )  # fmt: skip
        self.widget.rows = rows

    def refresh(self, state: FitState, names: Iterable[str] | None = None) -> None:
        """Send the cells that changed; of all rows, or only of these."""
        changes = {}
        for name, new in self._cells(state, names).items():
            old = self.widget.row(name)
            changed = {key: value for key, value in new.items() if old.get(key) != value}
            if "value" in changed and not old["low"] <= new["value"] <= old["high"]:
                low, high, step = slider_range(state, state.index(name))
                changed |= {"low": low, "high": high, "step": step}
            if changed:
                changes[name] = changed
        if changes:
            self.widget.update_cells(changes)

    def _cells(self, state: FitState, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        now, pulls = state.now, state.pulls()
        widths = np.full(now.values.shape, np.nan) if now.result is None else now.result.uncertainty
        chosen = state.names if names is None else names
        cells = {}
        for name in chosen:
            index = state.index(name)
            cells[name] = {
                "value": float(now.values[index]),
                "fixed": bool(now.fixed[index]),
                "pull": _number(np.round(pulls[index], 4)),
                "uncertainty": _number(widths[index]),
            }
        return cells

    def _edited(self, name: str, key: str, value: Any) -> None:
        if key == "value":
            self._move(name, value)
        elif key == "fixed":
            self._fix(name, bool(value))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
