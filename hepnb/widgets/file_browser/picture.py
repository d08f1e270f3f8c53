"""Previews of histograms, branches and graphs: the numbers, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from hepnb.errors import BinningError
from hepnb.figures import draw_histogram, draw_mesh, lay_out
from hepnb.figures.tlatex import readable
from hepnb.widgets.toolkit.statistics import MOST_DRAWN, statistics_words

__all__ = ["Preview", "draw_graph", "preview_of"]


@dataclass(frozen=True)
class Preview:
    """A histogram as it is drawn.

    Parameters
    ----------
    histogram : hist.Hist
        Of one or two dimensions.
    project : tuple of int
        The axes of the histogram in the file that it was projected on; empty where it is itself.
    filled : (expression, bins) or None
        What it was filled with from a branch.
    options : mapping
        Of the drawing function.
    """

    histogram: Any
    project: tuple[int, ...] = ()
    filled: tuple[str, Any] | None = None
    options: Mapping[str, Any] | None = None

    @property
    def function(self) -> str:
        """The name of the drawing function."""
        return "draw_mesh" if len(self.histogram.axes) == 2 else "draw_histogram"

    def draw(self, figure: Figure) -> None:
        """Draw it."""
        [[axes]] = lay_out(figure)
        draw = draw_mesh if self.function == "draw_mesh" else draw_histogram
        draw(self.histogram, axes, **(self.options or {}))

    @property
    def statistics(self) -> str:
        """Number of entries, mean and standard deviation, and what lies outside, in words."""
        return statistics_words(self.histogram)


def preview_of(
    histogram: Any,
    axes: str = "",
    *,
    name: str = "",
    filled: tuple[str, Any] | None = None,
    title: str | None = None,
) -> Preview:
    """Choose what is drawn of a histogram.

    Parameters
    ----------
    histogram : hist.Hist
        Of any dimension.
    axes : str
        Letters of the axes to draw; of one with three axes the first where left out.
    name : str
        Of the histogram, for messages.
    filled : (expression, bins), optional
        What it was filled with.
    title : str, optional
        Title of the x axis.

    Returns
    -------
    Preview
        With one or two dimensions.

    Raises
    ------
    BinningError
        If the histogram does not have these axes.
    """
    n = len(histogram.axes)
    places = tuple("xyz".find(letter) for letter in axes)
    if len(set(places)) != len(places) or not all(0 <= place < n for place in places) or len(places) > 2:
        letters = ", ".join("xyz"[:n])
        raise BinningError(f"{name!r} has no axes {axes!r}. Give one or two of its {letters}.")
    if not places:
        places = tuple(range(n)) if n < 3 else (0,)
    options: dict[str, Any] = {} if title is None else {"x_title": title}
    if len(places) == 1 and len(histogram.axes[places[0]]) > MOST_DRAWN:
        options["at_most"] = MOST_DRAWN
    if places == tuple(range(n)):
        return Preview(histogram, (), filled, options)
    projected = histogram.project(*places)
    return Preview(projected, places, filled, options | ({"note": "projection"} if len(places) == 1 else {}))


def draw_graph(graph: Mapping[str, Any], figure: Figure, title: str = "") -> None:
    """Draw a graph or an efficiency with its errors.

    Parameters
    ----------
    graph : Table
        As :func:`hepnb.open` reads it.
    figure : Figure
        Where.
    title : str
        ROOT's: ``"title;x title;y title"``.
    """
    [[axes]] = lay_out(figure)
    head, *named = title.split(";")
    across, along = (*(readable(name) for name in named), "", "")[:2]
    axes.set_title(readable(head), fontsize=10)
    if "efficiency" in graph:
        low, high = graph["x_low"], graph["x_high"]
        errors = {"xerr": (high - low) / 2}
        if "error_low" in graph:
            errors["yerr"] = (graph["error_low"], graph["error_high"])
        axes.errorbar((low + high) / 2, graph["efficiency"], fmt="o", markersize=3, linewidth=1, **errors)
        axes.set(xlabel=across or "x", ylabel=along or "efficiency", ylim=(0, 1.05))
        return
    errors = {
        f"{axis}err": graph[f"{axis}_error"]
        if f"{axis}_error" in graph
        else (graph[f"{axis}_error_low"], graph[f"{axis}_error_high"])
        for axis in ("x", "y")
        if f"{axis}_error" in graph or f"{axis}_error_low" in graph
    }
    axes.errorbar(graph["x"], graph["y"], fmt="o", markersize=3, linewidth=1, **errors)
    axes.set(xlabel=across or "x", ylabel=along or "y")
