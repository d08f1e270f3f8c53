"""A line for an expression, with completion of branch and function names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from hepnb.events import FUNCTIONS, Tree
from hepnb.widgets.toolkit.static_files import static_text

__all__ = ["ExpressionBox"]


class ExpressionBox(anywidget.AnyWidget):
    """A text box that completes names.

    Parameters
    ----------
    label : str
        Its name; to be seen unless `hide_label`, and for screen readers in any case.
    value : str
        The text, set on Enter and when the box is left.
    clear : bool
        For adding to a list: `value` stays empty, `on_submit` gets each text, and the box is emptied when
        that went well.
    action : str
        Label of a button beside it; none where empty.

    Examples
    --------
    >>> box = ExpressionBox(label="New cut", clear=True)
    >>> taken = []
    >>> box.on_submit(taken.append)
    >>> box.submit("pt > 30")
    >>> taken
    ['pt > 30']
    """

    _esm = static_text("expression_box.js")
    _css = static_text("expression_box.css")

    value = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Expression").tag(sync=True)
    hide_label = traitlets.Bool(False).tag(sync=True)
    placeholder = traitlets.Unicode("").tag(sync=True)
    action = traitlets.Unicode("").tag(sync=True)
    clear = traitlets.Bool(False).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    functions = traitlets.Dict().tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        self._submissions: list[Callable[[str], bool | None]] = []
        self._emptied: list[Callable[[], None]] = []
        super().__init__(**kwargs)
        self.on_msg(self._receive)

    def complete_for(self, tree: Tree | None) -> None:
        """Complete the names of a tree's branches and of the functions.

        Parameters
        ----------
        tree : Tree or None
            None: nothing is completed.
        """
        readable = () if tree is None else tree.branches
        self.names = [branch.expression for branch in readable if branch.readable]
        self.functions = {} if tree is None else {name: function.doc for name, function in FUNCTIONS.items()}

    def on_submit(self, callback: Callable[[str], bool | None]) -> None:
        """Call ``callback(text)`` when a text is handed in; it returns False to refuse it."""
        self._submissions.append(callback)

    def on_empty(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when a text that was not taken is deleted."""
        self._emptied.append(callback)

    def empty(self) -> None:
        """Do what the user does when deleting all text."""
        for callback in self._emptied:
            callback()

    def submit(self, text: str) -> None:
        """Do what the user does with Enter in a box that clears."""
        if all(callback(text) is not False for callback in self._submissions):
            self.send({"type": "taken"})

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:  # noqa: ARG002
        if content.get("type") == "submit":
            self.submit(content["text"])
        elif content.get("type") == "emptied":
            self.empty()
