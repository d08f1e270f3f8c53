"""Rows of the selector's tables, and what an edit of one does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from hepnb.errors import BranchError
from hepnb.events import Branch, CutflowRow
from hepnb.widgets.toolkit.branch_histogram import ELEMENTS

__all__ = ["BRANCHES", "CUTS", "EXPRESSIONS", "branch_row", "edited", "named", "step_cells"]

BRANCHES = [
    {"key": "chosen", "kind": "check", "selects": True, "title": "selected"},
    {"key": "name", "label": "Branch"},
    {"key": "type", "label": "Type", "width": 84},
    {
        "key": "elements",
        "label": "Elements",
        "kind": "select",
        "width": 80,
        "options": ["", *ELEMENTS],
        "title": "What is taken of a list per event",
    },
    {"key": "spark", "kind": "spark", "label": "Values", "width": 78},
]
EXPRESSIONS = [
    {"key": "name", "label": "Name", "editable": True, "width": 110},
    {"key": "text", "label": "Expression", "editable": True},
    {"key": "remove", "kind": "button", "title": "remove"},
]
CUTS = [
    {"key": "on", "kind": "check", "title": "applied", "editable": True},
    {"key": "name", "label": "Cut", "editable": True, "width": "minmax(90px, 0.6fr)"},
    {"key": "text", "label": "Condition", "editable": True, "width": "minmax(120px, 1fr)"},
    {
        "key": "n_alone",
        "label": "Alone",
        "kind": "number",
        "width": 58,
        "title": "Entries that pass this cut alone",
    },
    {
        "key": "n_passed",
        "label": "Entries",
        "kind": "number",
        "width": 60,
        "title": "Entries left after this cut",
    },
    {
        "key": "step",
        "label": "Step %",
        "width": 88,
        "title": "Part of the entries before this cut that pass it",
    },
    {"key": "total", "label": "All %", "width": 88, "title": "Part of all entries that are left"},
    {
        "key": "sumw",
        "label": "Weighted",
        "kind": "number",
        "width": 84,
        "title": "Sum of weights",
        "digits": 5,
    },
    {"key": "earlier", "kind": "button", "title": "apply earlier", "text": "▲"},
    {"key": "remove", "kind": "button", "title": "remove"},
]


def branch_row(branch: Branch, elements: str = "") -> dict[str, Any]:
    """Return the row of a branch; of a list with what is taken of it."""
    about = branch.title if branch.title and branch.title != branch.name else branch.name
    made: dict[str, Any] = {"id": branch.name, "name": branch.name, "type": branch.typename, "tooltip": about}
    made["about"] = branch.title
    if branch.readable and branch.kind in ("list", "array"):
        made |= {"elements": elements or "all", "elements_options": list(ELEMENTS)}
    else:
        made |= {"elements": "", "elements_options": [""], "locked": ["elements"]}
    if not branch.readable:
        made |= {"muted": True, "tooltip": branch.reason, "spark": None, "locked": ["chosen", "elements"]}
    return made


def step_cells(step: CutflowRow) -> dict[str, Any]:
    """Return the cells that a step of the cutflow fills."""
    return {
        "n_passed": step.n_passed,
        "n_alone": step.n_alone,
        "step": _percent(step.efficiency_step, step.efficiency_step_error),
        "total": _percent(step.efficiency, step.efficiency_error),
        "sumw": step.sumw,
        "tooltip": f"{step.cut}\nsum of weights {step.sumw:.6g} ± {step.sumw2**0.5:.2g}",
    }


def _percent(part: float, error: float) -> str:
    if not math.isfinite(part):
        return ""
    digits = 1 if not 0 < error < 1 else min(max(-math.floor(math.log10(100 * error)), 1), 3)
    spread = f" ± {100 * error:.{digits}f}" if math.isfinite(error) else ""
    return f"{100 * part:.{digits}f}{spread}"


def named(text: str, name: str, stem: str, taken: Mapping[str, str]) -> tuple[str, str]:
    """Take the name off ``name = text``, or make one."""
    given = re.fullmatch(r"\s*(\w[\w ]*?)\s*=(?!=)\s*(.+)", text)
    if given and not name:
        name, text = given.groups()
        if name in taken:
            raise BranchError(f"{name!r} is there already. Edit it in the table, or choose another name.")
    number = 1
    while not name or name in taken:
        name = f"{stem}{len(taken) + number}"
        number += 1
    return name, text.strip()


def edited(entries: Mapping[str, str], row_id: str, key: str, value: Any) -> dict[str, str]:
    """Apply an edit of one row to an ordered mapping."""
    if key == "remove":
        return {name: text for name, text in entries.items() if name != row_id}
    if key == "earlier":
        names = list(entries)
        place = names.index(row_id)
        names.insert(max(place - 1, 0), names.pop(place))
        return {name: entries[name] for name in names}
    value = str(value).strip()
    if key == "name" and value and value not in entries:
        return {value if name == row_id else name: text for name, text in entries.items()}
    if key == "text" and value:
        return {name: value if name == row_id else text for name, text in entries.items()}
    return dict(entries)
