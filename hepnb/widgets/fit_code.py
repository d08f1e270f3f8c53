"""Python that reproduces what a fit panel shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepnb.widgets.fit_state import FitState
from hepnb.widgets.source_code import data_code, mapping_code, workspace_code

__all__ = ["fit_code"]


def fit_code(state: FitState | None, workspace: Any, name: str = "", *, data: Any = None) -> str:
    """Write the model, the fit if there is one, and the point if it is not the fit's.

    Parameters
    ----------
    state : FitState or None
        What to write down.
    workspace : Workspace
        Written out unless `name` says where it is.
    name : str
        A variable that holds the workspace.
    data : array_like, optional
        As the panel was given it.
    """
    if state is None or workspace is None:
        return "# The fit panel has no model yet: give it a workspace.\n"
    lines = ["import hepnb", ""]
    if not name:
        lines += workspace_code(workspace)
    model = f"hepnb.Model({name or 'workspace'}{_interpolation(state)})"
    lines.append(f"model = {model}")
    now = state.now
    if now.result is not None:
        options = f", init={mapping_code(dict(now.init))}" if now.init else ""
        options += f", fixed={mapping_code(dict(now.held))}" if now.held else ""
        lines.append(f"best = hepnb.fit({data_code(data)}, model{options})")
        lines.append(f'print("{state.model.poi_name}: %.4f +- %.4f" % best["{state.model.poi_name}"])') if (
            state.model.poi_name in state.names
        ) else None
    if now.result is None or not np.array_equal(now.values, now.result.bestfit):
        start = "model.init" if now.result is None else "best.bestfit"
        lines.append(f"values = {start}.copy()")
        base = state.model.init if now.result is None else now.result.bestfit
        lines += [
            f'values[model.index("{parameter}")] = {float(value)!r}'
            for parameter, value, old in zip(state.names, now.values, base, strict=True)
            if value != old
        ]
        lines.append("expected = model.expected_by_sample(values)")
    return "\n".join(lines) + "\n"


def _interpolation(state: FitState) -> str:
    standard = {"normsys": "code4", "histosys": "code4p"}
    chosen = dict(state.model.interpolation)
    return "" if chosen == standard else f", interpolation={chosen!r}"
