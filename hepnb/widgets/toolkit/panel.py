"""What all panels share: checked inputs, a result, a picture, errors in words, and code."""

from __future__ import annotations

import abc
import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from hepnb.errors import HepnbError, nearest
from hepnb.progress import Stopped
from hepnb.python_code import comment
from hepnb.widgets.toolkit.background import Background
from hepnb.widgets.toolkit.chrome import Chrome
from hepnb.widgets.toolkit.condition import Condition, Problem, Summary
from hepnb.widgets.toolkit.inputs import input_names, panel_input
from hepnb.widgets.toolkit.interrupts import watch_interrupts
from hepnb.widgets.toolkit.keeping import FORMATS, KeepingBox, file_stem, free_path
from hepnb.widgets.toolkit.lifetime import CELLS, widgets_of
from hepnb.widgets.toolkit.live_figure import LiveFigure
from hepnb.widgets.toolkit.main_loop import call_later, main_loop, must_post
from hepnb.widgets.toolkit.panel_type import PanelType
from hepnb.widgets.toolkit.saved_copy import SavedCopy, text_table

__all__ = ["PICTURE", "Panel"]

PICTURE = "picture"
"""The output that the live figure shows."""
_DIM = "hepnb-dim"
_CODE_DELAY = 0.3  # [s] of quiet before an open code pane follows: dragging a slider must not pay for it
_CLOSING = 5.0  # [s] that `close` waits for a worker
_CANCELLED = "Cancelled: this is of before. Set an input again to compute it."


class Panel(KeepingBox, metaclass=PanelType):
    """Base of the panels.

    A subclass declares its inputs with `panel_input`, which makes its signature and the parameters in its
    docstring. It builds its controls in `_build` (called once, before the inputs are set, so that observers
    find the controls), and does in `_ready` what needs all inputs. It computes in observers, within
    ``with self._reporting():``, by one headless call.

    What is shown never disagrees with the inputs in silence. `state` is ``"current"``, ``"stale"`` or
    ``"computing"``, and `state_words` says why; what is not current is dimmed on the page. An error belongs
    to an input, the topic of ``_reporting``, and stays until that input is right.

    A panel lives as long as a variable refers to it, or the cell that displays it is not run again;
    `close` ends it at once, with its workers, figure and controls.

    Parameters
    ----------
    *args, **inputs
        Values of the inputs, by name or in the order in which the class declares them; also ``layout`` and
        ``show_latency``. They are set in that order.

    Raises
    ------
    HepnbError
        For a keyword, and later for an attribute, that the panel does not have; the nearest is named.
    """

    result = traitlets.Any(None, allow_none=True, read_only=True, help="What the headless call returned")
    error = traitlets.Unicode("", help="What went wrong, empty when nothing did")
    state = traitlets.Enum(("current", "stale", "computing"), "current", read_only=True)
    state_words = traitlets.Unicode("", read_only=True, help="What is stale, or computed; empty when current")
    show_latency: bool = panel_input(
        traitlets.Bool(),
        default=False,
        help="Show the milliseconds of each frame in the picture.",
        kw_only=True,
    )
    if TYPE_CHECKING:
        layout: Any = panel_input(
            traitlets.Any(), default=None, help="Layout of the panel on the page.", kw_only=True
        )

    _VARIABLE = "result"
    """The name that is proposed for the panel's object in the notebook; empty where it has none."""
    _built = False
    _closed = True  # until there is something to close

    def __init__(self, *args: Any, **inputs: Any) -> None:
        names = type(self).input_names()
        if len(args) > len(names) or not inputs.keys().isdisjoint(names[: len(args)]):
            raise HepnbError(f"{type(self).__name__} takes each of {', '.join(names)} once.")
        inputs |= dict(zip(names, args, strict=False))
        for name in inputs:
            if name not in names and name not in ("layout", "show_latency"):
                raise HepnbError(f"{type(self).__name__} has no input {name!r}. {nearest(name, names)}")
        self._live: LiveFigure | None = None
        self._condition = Condition()
        self._copy = SavedCopy(self)
        self._outputs: dict[str, tuple[ipywidgets.Widget, ...]] = {}
        self._given_layout = inputs.get("layout")
        self._nested = threading.local()
        self._code_pending = False
        own = {name: inputs.pop(name) for name in ("layout",) if name in inputs}
        super().__init__(**own)
        self._closed = False
        watch_interrupts()
        self.add_class("hepnb-panel")
        self.chrome = Chrome(label=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).capitalize())
        self.chrome.make_code = self._safe_code
        self.chrome.variable = self._VARIABLE
        self.chrome.on_save, self.chrome.on_keep = self._save_pressed, self._keep_pressed
        self.children = (self.chrome,)
        self._build()
        self.observe(self._stale_code, [*names, "result"])
        self.observe(self._copy.changed, ["result", "error", "state_words"])
        for name in (*names, "show_latency"):
            if name in inputs:
                setattr(self, name, inputs[name])
        self._ready()

    def __setattr__(self, name: str, value: Any) -> None:
        if self._built and not name.startswith("_") and not hasattr(self, name):
            message = f"{type(self).__name__} has no attribute {name!r}."
            raise HepnbError(f"{message} {nearest(name, type(self).input_names())}")
        super().__setattr__(name, value)

    @classmethod
    def input_names(cls) -> tuple[str, ...]:
        """Return the names of the inputs, in the order in which the classes declare them."""
        return input_names(cls)

    # -- what a panel gives back ----------------------------------------------------------------------

    @property
    def live(self) -> LiveFigure | None:
        """The live figure, where the panel has one."""
        return self._live

    @live.setter
    def live(self, live: LiveFigure) -> None:
        self._live = live
        self.chrome.formats = list(FORMATS)
        live.on_error = self._drawing_failed
        live.observe(self._copy.changed, "frame")
        traitlets.dlink((self, "show_latency"), (live, "show_latency"))

    @property
    def figure(self) -> Figure | None:
        """The matplotlib figure on screen: ``panel.figure.savefig("x.pdf")``."""
        return None if self._live is None else self._live.figure

    def close(self) -> None:
        """End the panel: what it computes, its figure, and every widget that it made."""
        if self._closed:
            return
        self._closed = True
        CELLS.forget(self)
        self.let_go()
        for worker in self._workers():
            worker.close(timeout=_CLOSING)
        kept = (self._given_layout,) if isinstance(self._given_layout, ipywidgets.Widget) else ()
        for widget in reversed(widgets_of(self, kept)):
            if widget is not self:
                widget.close()
        super().close()

    def __del__(self) -> None:
        # Every widget of the panel is garbage as well, and closes itself.
        super().close()

    def let_go(self) -> None:
        """Stop what is computed: the cell that showed the panel shows another one."""
        for worker in self._workers():
            worker.cancel()

    def _workers(self) -> list[Background]:
        return [value for value in vars(self).values() if isinstance(value, Background)]

    def _repr_mimebundle_(self, **options: Any) -> Any:
        CELLS.keep(self)
        view = super()._repr_mimebundle_(**options)
        return {**(view or {}), **self._copy.bundle()}

    def _ipython_display_(self) -> None:
        """Display the live panel, and below it the copy that a saved notebook shows."""
        CELLS.keep(self)
        self._copy.show({**super()._repr_mimebundle_(), "text/plain": type(self).__name__})

    def snapshot(self) -> tuple[bytes, str]:
        """Return what a saved notebook shows of the panel.

        Returns
        -------
        png : bytes
            The last frame; empty where there is no picture.
        text : str
            What was found in words, and the rows of :meth:`table`.
        """
        live = self._shown_live()
        parts = [*self._headline(), self.error, self.state_words, text_table(self.table())]
        return (b"" if live is None else live.png), "\n".join(filter(None, parts))

    def _shown_live(self) -> LiveFigure | None:
        """Return the live figure on the page."""
        return self._live

    def _kept(self) -> Any:
        return self.result

    def _save_pressed(self, kind: str) -> None:
        # Pictures are drawn, with text: where cells run, and never beside one.
        if must_post():
            main_loop().add_callback(self._save_aloud_as, kind)
        else:
            self._save_aloud_as(kind)

    def _save_aloud_as(self, kind: str) -> None:
        with self._reporting("save picture", shows=""):
            path = free_path(Path(f"{file_stem(self._picture_name())}.{kind}"))
            self.chrome.say(f"wrote {self.save_picture(path)}")

    def _keep_pressed(self, name: str) -> None:
        with self._reporting("keep", shows=""):
            found = self.keep(name)
            self.chrome.say(f"{name.strip()}: a {type(found).__name__}")

    def _headline(self) -> list[str]:
        """Return what was found, in words."""
        return []

    @abc.abstractmethod
    def to_code(self) -> str:
        """Return Python that reproduces the present state without the widget."""

    def table(self) -> list[dict[str, Any]]:
        """Return the data behind the picture, one dictionary for each row."""
        return []

    # -- for subclasses -------------------------------------------------------------------------------

    def _build(self) -> None:
        """Make the controls and hand them to `_compose`."""

    def _ready(self) -> None:
        """Do what needs all inputs that were given; called once, after they are set."""

    def _compose(self, *children: ipywidgets.Widget) -> None:
        """Show these, from top to bottom, and the panel's own area below."""
        self.children = (*children, self.chrome)

    def _set_result(self, result: Any) -> None:
        self.set_trait("result", result)

    def _reporting(
        self, topic: str = PICTURE, shows: str | None = None
    ) -> AbstractContextManager[None, bool]:
        """Show an error in the panel instead of raising it; it stays until the same topic succeeds.

        Nested, a topic has succeeded when everything in the outermost block is over and none of its own
        blocks failed. The last good picture and the last good result stay, and are stale.

        Parameters
        ----------
        topic : str
            The input that the error would belong to, or what is computed from the inputs.
        shows : str, optional
            The output that does not follow the inputs after an error, "" for none; `topic` where that is
            an output, the picture otherwise.
        """
        # Said so to type checkers: what comes after the `with` is reached, after an error too.
        return cast("AbstractContextManager[None, bool]", self._report(topic, shows))

    @contextmanager
    def _report(self, topic: str, shows: str | None) -> Iterator[None]:
        nested = self._nested
        outermost = not getattr(nested, "depth", 0)
        if outermost:
            nested.entered, nested.failed = set(), set()
        nested.depth = getattr(nested, "depth", 0) + 1
        nested.entered.add(topic)
        try:
            yield
        except Stopped:
            # Whoever stopped it says what is shown now.
            nested.failed.add(topic)
            if not outermost:
                raise
        except Exception as error:  # noqa: BLE001  # a callback has nobody to raise to: the user sees it here
            nested.failed.add(topic)
            self._show_error(error, topic, shows)
        except KeyboardInterrupt as error:
            nested.failed.add(topic)
            self._show_error(error, topic, shows)
            raise
        finally:
            nested.depth -= 1
            if outermost:
                for done in nested.entered - nested.failed:
                    self._condition.succeed(done)
                self._show_condition()

    def _show_error(self, error: BaseException, topic: str = PICTURE, shows: str | None = None) -> None:
        if isinstance(error, KeyboardInterrupt):
            words = "interrupted before it was done. Set an input, or press the button, to do it again."
        else:
            words = (
                str(error) if isinstance(error, HepnbError) else f"Unexpected {type(error).__name__}: {error}"
            )
        details = "".join(traceback.format_exception(error))
        output = (topic if topic in self._outputs else PICTURE) if shows is None else shows
        self._condition.fail(topic, Problem(words, details, output))
        self._show_condition()

    def _drawing_failed(self, error: BaseException) -> None:
        self._show_error(error)

    # -- what is current -------------------------------------------------------------------------------

    def _dims(self, output: str, *widgets: ipywidgets.Widget) -> None:
        """Declare an output besides the picture: the widgets that show it are dimmed while it is stale."""
        self._outputs[output] = widgets

    def _mark(self, output: str, words: str) -> None:
        """Mark an output stale with a reason, or (empty) current."""
        if words != self._condition.marked(output):
            self._condition.mark(output, words)
            self._show_condition()

    @contextmanager
    def _computing(self, output: str, words: str) -> Iterator[None]:
        """Show a message while the block computes an output."""
        key = self._condition.begin(output, words)
        self._show_condition()
        try:
            yield
        finally:
            self._condition.end(output, key)
            self._show_condition()

    def _put_right(self, topic: str) -> None:
        """Forget an error whose input is gone, or was set in another way."""
        if self._condition.failed(topic):
            self._condition.succeed(topic)
            self._show_condition()

    def _show_condition(self) -> None:
        shown = None
        # Another thread may change the condition and show it meanwhile: the last one to show it looks again.
        while (now := self._condition.summary()) != shown:
            self._show_summary(now)
            shown = now

    def _show_summary(self, now: Summary) -> None:
        words, details = now.words, now.details
        waiting = list(now.outputs.values())
        said = " ".join(dict.fromkeys(waiting))
        if (words, details) != (self.chrome.error, self.chrome.details):
            with self.chrome.hold_sync():
                self.chrome.error, self.chrome.details = words, details
        self.error = words
        self.set_trait("state_words", said)
        self.set_trait("state", now.state)
        for output, widgets in self._outputs.items():
            dim = bool(now.outputs.get(output))
            for widget in widgets:
                _set_dim(widget, dim)
        if self._live is not None:
            self._live.stale = now.outputs.get(PICTURE, "")
            said = " ".join(dict.fromkeys(words for words in waiting if words != self._live.stale))
        self.chrome.state = said

    def _say_cancelled(self, cancelled: bool) -> None:
        self._mark(PICTURE, _CANCELLED if cancelled else "")

    # -- code -----------------------------------------------------------------------------------------

    def _safe_code(self) -> str:
        try:
            return self.to_code()
        except HepnbError as error:
            return comment(str(error))

    def _stale_code(self, change: Any) -> None:
        self._put_right(typed(change["name"]))
        if self.chrome.code_open and not self._code_pending:
            self._code_pending = True
            call_later(_CODE_DELAY, self._fresh_code)

    def _fresh_code(self) -> None:
        self._code_pending = False
        self.chrome.refresh_code()


def _set_dim(widget: ipywidgets.Widget, dim: bool) -> None:
    """Dim a widget: anywidget's have a trait for it, as they do not follow the classes of ipywidgets."""
    if widget.has_trait("dim"):
        widget.set_trait("dim", dim)
    elif dim != (_DIM in widget._dom_classes):  # there is no other way to ask
        (widget.add_class if dim else widget.remove_class)(_DIM)


def typed(name: str) -> str:
    """Name the topic of what was typed into the box of an input."""
    return f"typed {name}"
