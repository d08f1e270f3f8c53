"""The row of numbered steps above the workbench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["Stepper"]


class Stepper(anywidget.AnyWidget):
    """Numbered steps, each with a note of what has been chosen there; one is open.

    Parameters
    ----------
    titles : sequence of str
        One for each step.
    label : str
        What a screen reader calls the row.

    Examples
    --------
    >>> stepper = Stepper(["File", "Fit"])
    >>> stepper.note(1, "mu = 1.59", done=True)
    >>> stepper.steps[1]
    {'title': 'Fit', 'note': 'mu = 1.59', 'done': True}
    """

    _esm = static_text("stepper.js")
    _css = static_text("stepper.css")

    steps = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)
    label = traitlets.Unicode("Steps").tag(sync=True)

    def __init__(self, titles: Sequence[str], label: str = "Steps", **kwargs: Any) -> None:
        steps = [{"title": title, "note": "", "done": False} for title in titles]
        super().__init__(steps=steps, label=label, **kwargs)

    @traitlets.validate("selected")
    def _valid_selected(self, proposal: dict[str, Any]) -> int:
        last = len(self.steps) - 1
        return int(min(max(proposal["value"], 0), last))

    def note(self, index: int, note: str, *, done: bool) -> None:
        """Write a note under a step, and whether the step is done."""
        steps = [dict(step) for step in self.steps]
        steps[index] |= {"note": note, "done": done}
        self.steps = steps

    def mark(self, index: int, words: str) -> None:
        """Mark the note of a step stale with a reason; empty `words` mark it current."""
        if self.steps[index].get("stale", "") == words:
            return
        steps = [dict(step) for step in self.steps]
        steps[index].pop("stale", None)
        if words:
            steps[index]["stale"] = words
        self.steps = steps
