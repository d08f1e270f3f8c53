"""The list and the preview of the file browser."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import ipywidgets

from hepnb.figures.tlatex import readable_plain
from hepnb.widgets.file_browser.rows import COLUMNS
from hepnb.widgets.toolkit.branch_histogram import ELEMENTS
from hepnb.widgets.toolkit.expression_box import ExpressionBox
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.live_figure import Draw, LiveFigure
from hepnb.widgets.toolkit.table import Table

__all__ = ["BrowserControls"]

_NARROW = {"width": "205px"}
_ELEMENTS = [(name if not name.isdigit() else f"element {name}", name) for name in ELEMENTS]


def _axis_name(axis: Any, letter: str) -> str:
    title = str(getattr(axis, "label", ""))
    return letter if title in ("", f"{letter}axis") else readable_plain(title)


class BrowserControls:
    """Makes the list of files and the preview; the panel connects them.

    Attributes
    ----------
    files : Table
        Folders, files and what is in them.
    summary : HTML
        Words about what is selected.
    refresh : Button
        Reads the folders again.
    go_to : ExpressionBox
        Takes the path of a file or folder.
    roots : Dropdown
        Which root.
    axes, elements : Dropdown
        Which axes of a histogram are drawn, and which elements of lists.
    live : LiveFigure
        Its picture.
    box : HBox
        All of them.

    Examples
    --------
    >>> controls = BrowserControls()
    >>> controls.say("a <b>", "2 trees")
    >>> controls.summary.value
    '<div class="hepnb-heading">a &lt;b&gt;</div><div class="hepnb-hint">2 trees</div>'
    """

    def __init__(self) -> None:
        self.quiet = False
        self.files = Table(
            columns=COLUMNS,
            label="Files",
            placeholder="Search: words, *, ? or /regex/; Enter opens",
            empty="No files to open here",
            height=340,
            arrows_choose=False,
        )
        self.refresh = ipywidgets.Button(
            icon="refresh", tooltip="Read the folders again", layout={"width": "38px"}
        )
        self.go_to = ExpressionBox(
            label="Go to",
            hide_label=True,
            placeholder="path of a file or folder, or https://...",
            action="Open",
            clear=True,
        )
        self.roots = ipywidgets.Dropdown(description="Root", layout={"width": "auto", "display": "none"})
        self.summary = ipywidgets.HTML()
        self.live = LiveFigure(width=420, height=300, alt="Preview")
        self.picture = ipywidgets.VBox([self.live])
        self.axes = ipywidgets.Dropdown(description="Axes", options=[("all", "")], layout=_NARROW)
        self.elements = ipywidgets.Dropdown(
            description="Elements", options=_ELEMENTS, value="all", layout=_NARROW,
            tooltip="What is drawn of a list per event",
        )  # fmt: skip
        choices = row(self.axes, self.elements)
        self.go_to.layout.flex = "1 1 200px"
        above = ipywidgets.HBox([self.refresh, self.go_to])
        left = column([self.roots, above, self.files], flex="1 1 400px")
        self.box = row(left, column([self.summary, choices, self.picture], width="424px"))
        self.offer_axes(None)
        self.offer_elements(False)

    def offer_axes(self, histogram: Any, chosen: str = "") -> None:
        """Offer the axes of a histogram of several dimensions, and hide the choice for others.

        Parameters
        ----------
        histogram : hist.Hist or None
            The histogram that is selected.
        chosen : str
            The axes that are drawn.
        """
        axes = () if histogram is None else tuple(histogram.axes)
        n = len(axes)
        self.axes.layout.display = None if n > 1 else "none"
        named = {letter: _axis_name(axis, letter) for letter, axis in zip("xyz", axes, strict=False)}
        options = [("all" if n == 2 else named.get("x", "all"), "")]
        options += [(f"{named[b]} against {named[a]}", a + b) for a, b in combinations(named, 2) if n > 2]
        options += [(named[letter], letter) for letter in named if n == 2 or letter != "x"]
        with self.quietly():
            self.axes.options = options
            self.choose(self.axes, chosen)

    def offer_roots(self, roots: Sequence[str], chosen: str) -> None:
        """Offer folders to browse, and hide the choice where there is none.

        Parameters
        ----------
        roots : sequence of str
            The folders.
        chosen : str
            The one that is browsed.
        """
        self.roots.layout.display = None if len(roots) > 1 else "none"
        with self.quietly():
            self.roots.options = [(root, root) for root in roots]
            self.choose(self.roots, chosen)

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Let the choices change without an answer of the panel."""
        self.quiet, before = True, self.quiet
        try:
            yield
        finally:
            self.quiet = before

    def choose(self, control: ipywidgets.Dropdown, value: str) -> None:
        """Show a value in a choice, where it is one of its options."""
        with self.quietly():
            if value in [known for _, known in control.options]:
                control.value = value

    def offer_elements(self, offered: bool) -> None:
        """Show or hide the choice of what is drawn of a list per event."""
        self.elements.layout.display = None if offered else "none"

    def draw(self, draw: Draw, alt: str) -> None:
        """Show a picture.

        Parameters
        ----------
        draw : callable
            Draws on the figure that it is given.
        alt : str
            What the picture shows, in words.
        """
        self.live.restructure(draw)
        self.live.alt = alt
        self.picture.layout.display = None

    def say(self, heading: str, *lines: str) -> None:
        """Write words in place of the picture.

        Parameters
        ----------
        heading, *lines : str
            Plain text.
        """
        self.picture.layout.display = "none"
        hints = "".join(f'<div class="hepnb-hint">{html.escape(line)}</div>' for line in lines if line)
        self.summary.value = f'<div class="hepnb-heading">{html.escape(heading)}</div>{hints}'
