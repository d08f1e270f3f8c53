"""Rows and columns of widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

__all__ = ["column", "row"]


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
