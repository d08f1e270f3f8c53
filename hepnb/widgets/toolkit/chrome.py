"""What every panel shows below its picture: errors, progress, and the code that reproduces its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["Chrome"]


class Chrome(anywidget.AnyWidget):
    """An area for errors, a progress bar with Cancel, and a foldable pane of code with a copy button.

    Its style sheet is the one of all panels.

    Parameters
    ----------
    label : str
        What a screen reader calls the panel.
    error : str
        What went wrong, in the user's words; empty when nothing did.
    details : str
        The traceback, folded below.
    state : str
        What is stale or computed, besides the picture; empty where all is current.
    progress : float
        Fraction done, 0 to 1; negative hides the bar.
    note : str
        Beside the bar: how much, how long.
    cancellable : bool
        Whether there is a Cancel button.
    code_title : str
        What is written above the code; fixed once the panel is shown.
    formats : list of str
        What a picture can be saved as; empty where there is no picture.
    variable : str
        The name that is proposed for the panel's object in the notebook; empty where there is none.
    """

    _esm = static_text("chrome.js")
    _css = static_text("chrome.css")

    label = traitlets.Unicode("Panel").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    details = traitlets.Unicode("").tag(sync=True)
    state = traitlets.Unicode("").tag(sync=True)
    progress = traitlets.Float(-1.0).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    cancellable = traitlets.Bool(False).tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)
    code_title = traitlets.Unicode("Code").tag(sync=True)
    code_open = traitlets.Bool(False).tag(sync=True)
    formats = traitlets.List(traitlets.Unicode()).tag(sync=True)
    variable = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        self.on_cancel: Callable[[], None] | None = None
        self.make_code: Callable[[], str] | None = None
        self.on_save: Callable[[str], None] | None = None
        self.on_keep: Callable[[str], None] | None = None
        super().__init__(**kwargs)
        self.on_msg(self._receive)

    def refresh_code(self) -> None:
        """Write the code of the present state into the pane."""
        if self.make_code is not None:
            self.code = self.make_code()

    @traitlets.observe("code_open")
    def _on_open(self, change: Any) -> None:
        if change["new"]:
            self.refresh_code()

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:  # noqa: ARG002
        kind = content.get("type")
        if kind == "cancel" and self.on_cancel is not None:
            self.on_cancel()
        elif kind in ("copy", "insert"):
            self.refresh_code()
            self.send({"type": kind, "code": self.code})
        elif kind == "save" and self.on_save is not None:
            self.on_save(str(content["format"]))
        elif kind == "keep" and self.on_keep is not None:
            self.on_keep(str(content["name"]))

    def say(self, words: str) -> None:
        """Show for a while beside the buttons what was done."""
        self.send({"type": "said", "words": words})
