from __future__ import annotations

import inspect

import pytest
import traitlets

from hepnb.errors import BranchError, HepnbError
from hepnb.widgets.toolkit.inputs import Input, panel_input
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.panel import Panel


class Doubler(Panel):
    """The smallest panel: doubles a number, and refuses negative ones."""

    number = traitlets.Float(1.0).tag(panel_input=True)
    factor = traitlets.Float(2.0).tag(panel_input=True)

    def _build(self):
        self.order = []
        self.live = LiveFigure(width=200, height=100)
        self._compose(self.live)
        self.observe(self._compute, ["number", "factor"])

    def _compute(self, change):
        self.order.append(change["name"])
        with self._reporting():
            self._check()
            self._set_result(self.factor * self.number)
            self.live.restructure(self._draw)

    def _check(self):
        with self._reporting():
            if self.number < 0:
                raise BranchError("number is -1: choose a positive one")
            if self.number > 100:
                raise ValueError("too large")
        if self.number < 0 or self.number > 100:
            raise BranchError(self.error)

    def _draw(self, figure):
        figure.add_subplot().set_title(f"{self.result:g}")

    def to_code(self):
        return f"{self.factor!r} * {self.number!r}"


def test_a_misspelt_keyword_is_refused_with_the_nearest_name():
    with pytest.raises(HepnbError, match=r"Doubler has no input 'nummber'. Did you mean 'number'\?"):
        Doubler(nummber=3.0)


def test_a_misspelt_attribute_is_refused_too():
    panel = Doubler()
    with pytest.raises(HepnbError, match=r"Doubler has no attribute 'numbr'. Did you mean 'number'\?"):
        panel.numbr = 3.0
    panel.number = 3.0
    assert panel.result == 6.0


def test_inputs_are_set_in_the_order_of_their_declaration_once_the_controls_stand():
    assert Doubler.input_names() == ("number", "factor")
    assert Doubler(factor=3.0, number=2.0).order == ["number", "factor"]


def test_inputs_by_position_come_in_that_order_too():
    assert Doubler(3.0, 4.0).result == 12.0
    for wrong in (lambda: Doubler(3.0, number=3.0), lambda: Doubler(1.0, 2.0, 3.0)):
        with pytest.raises(HepnbError, match="Doubler takes each of number, factor once"):
            wrong()


def test_the_result_is_read_only_and_observable():
    panel = Doubler()
    seen = []
    panel.observe(lambda change: seen.append(change["new"]), "result")
    panel.number = 4.0
    assert seen == [8.0]
    with pytest.raises(traitlets.TraitError, match="read-only"):
        panel.result = 1.0


def test_a_panel_without_code_cannot_be_made():
    class Mute(Panel):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Mute()


def test_an_error_is_shown_in_words_and_the_last_good_picture_and_result_stay():
    panel = Doubler(number=5.0)
    picture = panel.live.png
    panel.number = -1.0
    assert panel.error == panel.chrome.error == "number is -1: choose a positive one"
    assert "BranchError" in panel.chrome.details
    assert panel.result == 10.0
    assert panel.live.png == picture
    panel.number = 6.0
    assert panel.error == panel.chrome.error == panel.chrome.details == ""


def test_an_unexpected_error_says_so():
    panel = Doubler(number=1000.0)
    assert panel.error == "Unexpected ValueError: too large"


def test_an_error_while_drawing_is_shown():
    panel = Doubler(number=5.0)
    picture = panel.live.png

    def draw(figure):
        raise HepnbError("nothing to draw: choose a branch")

    with panel._reporting():
        panel.live.restructure(draw)
    assert panel.error == "nothing to draw: choose a branch"
    assert panel.live.png == picture


def test_the_code_pane_is_written_only_when_it_is_open():
    panel = Doubler()
    panel.number = 3.0
    assert panel.chrome.code == ""
    panel.chrome.code_open = True
    assert panel.chrome.code == "2.0 * 3.0"
    panel.number = 4.0
    assert panel.chrome.code == panel.to_code() == "2.0 * 4.0"


def test_copying_asks_for_the_code_of_now():
    panel = Doubler(number=7.0)
    sent = []
    panel.chrome.send = sent.append
    panel.chrome._receive(panel.chrome, {"type": "copy"}, [])
    assert sent == [{"type": "copy", "code": "2.0 * 7.0"}]


def test_progress_and_cancel():
    panel = Doubler()
    assert panel.chrome.progress < 0
    panel._progress(0, 10)
    assert panel.chrome.progress == 0.0
    assert panel.chrome.note == "0 of 10"
    cancelled = []
    panel._on_cancel(lambda: cancelled.append(True))
    assert panel.chrome.cancellable
    panel.chrome._receive(panel.chrome, {"type": "cancel"}, [])
    assert cancelled == [True]
    panel._progress(10, 10)
    assert panel.chrome.progress < 0


def test_the_figure_is_the_one_on_screen_and_the_meter_follows():
    panel = Doubler(number=2.0, show_latency=True)
    assert panel.figure is panel.live.figure
    assert panel.figure.axes[0].get_title() == "4"
    assert panel.live.show_latency


def test_types_of_inputs_may_be_objects_instead_of_texts():
    """Cells of a notebook have no ``from __future__ import annotations``."""

    class Typed(Panel):
        """A panel with typed inputs."""

        width: float = panel_input(traitlets.Float(), default=1.0, help="The width.")
        size: int | None = panel_input(traitlets.Any(), default=None, help="The size.")

        def _build(self):
            self._compose()

        def to_code(self):
            return ""

    texts = {"width": float, "size": int | None, "held": Input[int, float]}
    made = type(Panel)("Made", (Typed,), {"__annotations__": texts, "__doc__": "Made of objects."})
    found = {name: parameter.annotation for name, parameter in inspect.signature(made).parameters.items()}
    assert found["width"] == "float"
    assert found["size"] == "int | None"
    assert "width : float" in made.__doc__
