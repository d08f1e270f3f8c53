"""Controls that follow a trait of a panel, and set it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets

from hepnb.widgets.toolkit.quiet import Quiet

__all__ = ["Linked", "Settable"]


class Settable(Protocol):
    """The part of a panel that a control sets and follows."""

    def typed(self, name: str, value: Any) -> None:
        """Set an input; what is wrong with it is shown in the panel."""

    def observe(self, handler: Callable[[Any], None], names: Any) -> None:
        """Follow traits."""


class Linked:
    """Base of the controls: links of widgets to traits, without an echo."""

    _panel: Any

    @functools.cached_property
    def _syncing(self) -> Quiet:
        return Quiet()

    def _follow(self, widget: Any, name: str) -> None:
        def typed(change: Any) -> None:
            if not self._syncing:
                self._panel.typed(name, change["new"])

        def sync(change: Any) -> None:
            options = getattr(widget, "_options_values", None)
            with self._quietly():
                # A choice shows what it knows; what is set from Python may be something else.
                if options is None or isinstance(widget, ipywidgets.Combobox) or change["new"] in options:
                    widget.value = change["new"]

        widget.observe(typed, "value")
        self._panel.observe(sync, [name])

    def _quietly(self) -> Quiet:
        """Suppress the observers of the controls inside the block."""
        return self._syncing
