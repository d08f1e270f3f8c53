"""The row of steps."""

from __future__ import annotations

from hepnb.widgets.toolkit.stepper import Stepper


def test_notes_and_selection():
    stepper = Stepper(["File", "Fit", "Limit"])
    stepper.note(2, "< 3.1", done=True)
    assert stepper.steps == [
        {"title": "File", "note": "", "done": False},
        {"title": "Fit", "note": "", "done": False},
        {"title": "Limit", "note": "< 3.1", "done": True},
    ]
    stepper.selected = 7
    assert stepper.selected == 2
    stepper.selected = -1
    assert stepper.selected == 0
