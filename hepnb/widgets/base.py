"""What all panels share: checked inputs, a result, a picture, errors in words, and code."""

from __future__ import annotations

import abc
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from hepnb.errors import HepnbError, nearest
from hepnb.python_code import comment
from hepnb.widgets.chrome import Chrome
from hepnb.widgets.live_figure import LiveFigure
from hepnb.widgets.main_loop import call_later

__all__ = ["Panel"]

_CODE_DELAY = 0.3  # [s] of quiet before an open code pane follows: dragging a slider must not pay for it
_BAR_INTERVAL = 0.1  # [s] between two updates of the progress bar


class _PanelType(abc.ABCMeta, type(ipywidgets.VBox)):  # type: ignore[misc]
    """Abstract classes among widgets; and a panel is closed to new names once it is built."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        panel = super().__call__(*args, **kwargs)
        object.__setattr__(panel, "_built", True)
        return panel


class Panel(ipywidgets.VBox, metaclass=_PanelType):
    """Base of the panels.

    A subclass declares its inputs as traits tagged ``panel_input=True``, builds its controls in `_build`
    (called once, before the inputs are set, so that observers find the controls), and computes in
    observers, within ``with self._reporting():``, by one headless call.

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
    show_latency = traitlets.Bool(False, help="Show the milliseconds of each frame in the picture")

    _built = False

    def __init__(self, *args: Any, **inputs: Any) -> None:
        names = type(self).input_names()
        if len(args) > len(names) or not inputs.keys().isdisjoint(names[: len(args)]):
            raise HepnbError(f"{type(self).__name__} takes each of {', '.join(names)} once.")
        inputs |= dict(zip(names, args, strict=False))
        for name in inputs:
            if name not in names and name not in ("layout", "show_latency"):
                raise HepnbError(f"{type(self).__name__} has no input {name!r}. {nearest(name, names)}")
        self._live: LiveFigure | None = None
        self._nested = threading.local()
        self._code_pending = False
        self._bar_shown = 0.0
        self._bar_started = 0.0
        own = {name: inputs.pop(name) for name in ("layout",) if name in inputs}
        super().__init__(**own)
        self.add_class("hepnb-panel")
        self.chrome = Chrome(label=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(self).__name__).capitalize())
        self.chrome.make_code = self._safe_code
        self.children = (self.chrome,)
        self._build()
        self.observe(self._stale_code, [*names, "result"])
        for name in (*names, "show_latency"):
            if name in inputs:
                setattr(self, name, inputs[name])

    def __setattr__(self, name: str, value: Any) -> None:
        if self._built and not name.startswith("_") and not hasattr(self, name):
            message = f"{type(self).__name__} has no attribute {name!r}."
            raise HepnbError(f"{message} {nearest(name, type(self).input_names())}")
        super().__setattr__(name, value)

    @classmethod
    def input_names(cls) -> tuple[str, ...]:
        """Return the names of the inputs, in the order in which the classes declare them."""
        inputs = set(cls.class_trait_names(panel_input=True))
        order = [name for base in reversed(cls.__mro__) for name in vars(base) if name in inputs]
        return tuple(dict.fromkeys(order))

    # -- what a panel gives back ----------------------------------------------------------------------

    @property
    def live(self) -> LiveFigure | None:
        """The live figure, where the panel has one."""
        return self._live

    @live.setter
    def live(self, live: LiveFigure) -> None:
        self._live = live
        live.on_error = self._show_error
        traitlets.dlink((self, "show_latency"), (live, "show_latency"))

    @property
    def figure(self) -> Figure | None:
        """The matplotlib figure on screen: ``panel.figure.savefig("x.pdf")``."""
        return None if self._live is None else self._live.figure

    @abc.abstractmethod
    def to_code(self) -> str:
        """Return Python that reproduces the present state without the widget."""

    def table(self) -> list[dict[str, Any]]:
        """Return the data behind the picture, one dictionary for each row."""
        return []

    # -- for subclasses -------------------------------------------------------------------------------

    def _build(self) -> None:
        """Make the controls and hand them to `_compose`."""

    def _compose(self, *children: ipywidgets.Widget) -> None:
        """Show these, from top to bottom, and the panel's own area below."""
        self.children = (*children, self.chrome)

    def _set_result(self, result: Any) -> None:
        self.set_trait("result", result)

    def _reporting(self) -> AbstractContextManager[None, bool]:
        """Show an error in the panel instead of raising it, and clear it after the next success.

        Nested, the outermost decides; the last good picture and the last good result stay.
        """
        # Said so to type checkers: what comes after the `with` is reached, after an error too.
        return cast("AbstractContextManager[None, bool]", self._report())

    @contextmanager
    def _report(self) -> Iterator[None]:
        nested = self._nested
        outermost = not getattr(nested, "depth", 0)
        if outermost:
            nested.failed = False
        nested.depth = getattr(nested, "depth", 0) + 1
        try:
            yield
        except Exception as error:  # noqa: BLE001  # a callback has nobody to raise to: the user sees it here
            nested.failed = True
            self._show_error(error)
        finally:
            nested.depth -= 1
        if outermost and not nested.failed:
            self._clear_error()

    def _show_error(self, error: BaseException) -> None:
        words = str(error) if isinstance(error, HepnbError) else f"Unexpected {type(error).__name__}: {error}"
        details = "".join(traceback.format_exception(error))
        with self.chrome.hold_sync():
            self.chrome.error, self.chrome.details = words, details
        self.error = words

    def _clear_error(self) -> None:
        if self.error:
            with self.chrome.hold_sync():
                self.chrome.error = self.chrome.details = ""
            self.error = ""

    def _progress(self, done: int, total: int) -> None:
        """Show how far a long job is: pass it on as ``progress=self._progress``."""
        now = time.monotonic()
        if done <= 0 or self.chrome.progress < 0:
            self._bar_started = now
        finished = done >= total
        if not finished and now - self._bar_shown < _BAR_INTERVAL:
            return
        self._bar_shown = now
        with self.chrome.hold_sync():
            self.chrome.progress = -1.0 if finished else max(0.0, done / total)
            self.chrome.note = f"{done:,} of {total:,}{self._time_left(done, total, now)}"

    def _time_left(self, done: int, total: int, now: float) -> str:
        elapsed = now - self._bar_started
        if done <= 0 or elapsed < 1.0:
            return ""
        left = elapsed * (total - done) / done
        return f", {left:.0f} s left" if left < 100 else f", {left / 60:.0f} min left"

    def _hide_progress(self) -> None:
        self.chrome.progress = -1.0

    def _on_cancel(self, callback: Callable[[], None] | None) -> None:
        """Give the progress bar a Cancel button, or (None) take it away."""
        self.chrome.on_cancel = callback
        self.chrome.cancellable = callback is not None

    # -- code -----------------------------------------------------------------------------------------

    def _safe_code(self) -> str:
        try:
            return self.to_code()
        except HepnbError as error:
            return comment(str(error))

    def _stale_code(self, change: Any) -> None:  # noqa: ARG002
        if self.chrome.code_open and not self._code_pending:
            self._code_pending = True
            call_later(_CODE_DELAY, self._fresh_code)

    def _fresh_code(self) -> None:
        self._code_pending = False
        self.chrome.refresh_code()


def row(*children: ipywidgets.Widget, **layout: Any) -> ipywidgets.HBox:
    """Lay widgets side by side, wrapping where the page is narrow."""
    box = ipywidgets.HBox(children, layout=ipywidgets.Layout(**layout))
    box.add_class("hepnb-row")
    return box


def column(children: Sequence[ipywidgets.Widget], **layout: Any) -> ipywidgets.VBox:
    """Lay widgets below each other."""
    box = ipywidgets.VBox(tuple(children), layout=ipywidgets.Layout(**layout))
    box.add_class("hepnb-controls")
    return box
