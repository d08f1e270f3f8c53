"""Rows of the selector's tables, and what an edit of one does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hepnb.errors import BranchError
from hepnb.events import Branch, CutflowRow

__all__ = ["BRANCHES", "CUTS", "EXPRESSIONS", "branch_row", "edited", "named", "step_cells"]

BRANCHES = [
    {"key": "chosen", "kind": "check", "selects": True, "title": "selected"},
    {"key": "name", "label": "Branch"},
    {"key": "type", "label": "Type", "width": 104},
    {"key": "spark", "kind": "spark", "label": "Values"},
]
EXPRESSIONS = [
    {"key": "name", "label": "Name", "editable": True, "width": 110},
    {"key": "text", "label": "Expression", "editable": True},
    {"key": "remove", "kind": "button", "title": "remove"},
]
CUTS = [
    {"key": "name", "label": "Cut", "editable": True, "width": 92},
    {"key": "text", "label": "Condition", "editable": True},
    {
        "key": "n_passed",
        "label": "Entries",
        "kind": "number",
        "width": 72,
        "title": "Entries left after this cut",
    },
    {
        "key": "step",
        "label": "Step",
        "width": 60,
        "title": "Part of the entries before this cut that pass it",
    },
    {"key": "total", "label": "All", "width": 60, "title": "Part of all entries that are left"},
    {
        "key": "sumw",
        "label": "Weighted",
        "kind": "number",
        "width": 76,
        "title": "Sum of weights",
        "digits": 5,
    },
    {"key": "remove", "kind": "button", "title": "remove"},
]


def branch_row(branch: Branch) -> dict[str, Any]:
    """Return the row of a branch."""
    about = branch.title if branch.title and branch.title != branch.name else branch.name
    made: dict[str, Any] = {"id": branch.name, "name": branch.name, "type": branch.typename, "tooltip": about}
    if not branch.readable:
        made |= {"muted": True, "tooltip": branch.reason, "spark": None, "locked": ["chosen"]}
    return made


def step_cells(step: CutflowRow) -> dict[str, Any]:
    """Return the cells that a step of the cutflow fills."""
    return {
        "n_passed": step.n_passed,
        "step": _percent(step.efficiency_step),
        "total": _percent(step.efficiency),
        "sumw": step.sumw,
    }


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %" if part == part else ""  # noqa: PLR0124  # not NaN


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
    value = str(value).strip()
    if key == "name" and value and value not in entries:
        return {value if name == row_id else name: text for name, text in entries.items()}
    if key == "text" and value:
        return {name: value if name == row_id else text for name, text in entries.items()}
    return dict(entries)
