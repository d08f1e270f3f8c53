"""What is current: errors by input, staleness by output."""

from __future__ import annotations

import pytest
import traitlets

from hepnb.errors import BranchError
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import PICTURE, Panel


class Ruler(Panel):
    """A panel with two inputs that can be wrong, and a number beside the picture."""

    length = traitlets.Float(1.0).tag(panel_input=True)
    unit = traitlets.Unicode("m").tag(panel_input=True)

    def _build(self):
        self.live = LiveFigure(width=100, height=80)
        self.number = LiveFigure(width=100, height=80)
        self._dims("number", self.number)
        self._compose(self.live)
        self.observe(self._new_length, "length")
        self.observe(self._new_unit, "unit")

    def _new_length(self, change):
        with self._reporting():
            if self.length < 0:
                raise BranchError("length is negative")
            if self.length > 1e6:
                raise KeyboardInterrupt
            self._set_result(self.length)

    def _new_unit(self, change):
        with self._reporting("unit", shows="number"):
            if self.unit not in ("m", "km"):
                raise BranchError(f"no unit {self.unit!r}")

    def to_code(self):
        return ""


def dimmed(widget):
    return "hepnb-dim" in widget._dom_classes


def test_an_error_stays_until_its_own_input_is_right():
    panel = Ruler()
    panel.length = -1.0
    panel.unit = "km"
    assert panel.error == "length is negative"
    panel.unit = "mile"
    assert panel.error == panel.chrome.error == "no unit 'mile'"
    panel.length = 2.0
    assert panel.error == "no unit 'mile'"
    panel.unit = "m"
    assert (panel.error, panel.state, panel.state_words) == ("", "current", "")


def test_what_an_error_is_about_is_stale_and_dimmed():
    panel = Ruler()
    states = []
    panel.observe(lambda change: states.append(change["new"]), "state")
    panel.length = -1.0
    assert panel.live.stale
    assert not dimmed(panel.number)
    panel.length = 1.0
    panel.unit = "mile"
    assert panel.live.stale == ""
    assert dimmed(panel.number)
    assert panel.chrome.state == panel.state_words != ""
    panel.unit = "m"
    assert not dimmed(panel.number)
    assert states == ["stale", "current", "stale", "current"]


def test_work_is_named_while_it_lasts():
    panel = Ruler()
    with panel._computing(PICTURE, "Measuring"):
        assert (panel.state, panel.state_words, panel.live.stale) == ("computing", "Measuring", "Measuring")
        with panel._computing("number", "Counting"):
            assert panel.chrome.state == "Counting"
        panel._mark("number", "The number is old")
        assert panel.state == "computing"
    assert (panel.state, panel.state_words) == ("stale", "The number is old")
    panel._mark("number", "")
    assert panel.state == "current"


def test_an_interrupt_goes_on_and_leaves_the_picture_stale():
    panel = Ruler()
    with pytest.raises(KeyboardInterrupt):
        panel.length = 1e7
    assert panel.state == "stale"
    assert "interrupted" in panel.error
    panel.length = 1.0
    assert panel.state == "current"


def test_the_state_is_read_only():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        Ruler().state = "current"
