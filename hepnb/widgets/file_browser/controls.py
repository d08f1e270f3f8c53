"""The list and the preview of the file browser."""

from __future__ import annotations

import html

import ipywidgets

from hepnb.widgets.file_browser.rows import COLUMNS
from hepnb.widgets.toolkit.layout import column, row
from hepnb.widgets.toolkit.live_figure import Draw, LiveFigure
from hepnb.widgets.toolkit.table import Table

__all__ = ["BrowserControls"]


class BrowserControls:
    """Makes the list of files and the preview; the panel connects them.

    Attributes
    ----------
    files : Table
        Folders, files and what is in them.
    summary : HTML
        Words about what is selected.
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
        self.files = Table(
            columns=COLUMNS,
            label="Files",
            placeholder="Search: words, *, ? or /regex/",
            empty="No ROOT files here",
            height=340,
        )
        self.files.layout.flex = "1 1 400px"
        self.summary = ipywidgets.HTML()
        self.live = LiveFigure(width=420, height=300, alt="Preview")
        self.picture = ipywidgets.VBox([self.live])
        self.box = row(self.files, column([self.summary, self.picture], width="424px"))

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
