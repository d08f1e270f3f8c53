"""Where things go in a figure: axes, legend, and limits that keep the two apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.figures.content import Content
from hepnb.figures.style import Style
from hepnb.figures.tlatex import readable

__all__ = [
    "draw_legend",
    "lay_out",
    "make_bottom_room",
    "make_room",
    "make_side_room",
    "set_x_axis",
    "settle_y",
]

Corner = Literal["upper right", "upper left"]
_CORNERS: tuple[Corner, ...] = ("upper right", "upper left")


def lay_out(figure: Figure, *, ratio: bool = False, columns: int = 1, ratios: int = 1) -> list[list[Axes]]:
    """Place axes with fixed margins: cheaper than a layout engine, and steady while a slider moves.

    Parameters
    ----------
    figure : Figure
        Cleared first.
    ratio : bool
        Add a ratio panel of a quarter of the height under the first column.
    columns : int
        How many pictures side by side.
    ratios : int
        How many columns have a ratio panel, where `ratio` asks for it.

    Returns
    -------
    list of list of Axes
        One list per column: ``[main]`` or ``[main, ratio]``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> [[main, ratio], [right]] = lay_out(Figure(), ratio=True, columns=2)
    """
    figure.clear()
    width, height = figure.get_size_inches()
    # Text is smaller in small pictures, and needs less room.
    small = min(1.0, max(0.6, min(width, height * 4 / 3) / 5.6))
    grid = figure.add_gridspec(
        1,
        columns,
        left=min(0.82 * small / width, 0.25),
        right=1 - 0.18 / width,
        bottom=min(0.62 * small / height, 0.25),
        top=1 - 0.36 * small / height,
        wspace=0.27,
    )
    placed: list[list[Axes]] = []
    for column in range(columns):
        if ratio and column < ratios:
            inner = grid[0, column].subgridspec(2, 1, height_ratios=(3, 1), hspace=0.07)
            main = figure.add_subplot(inner[0])
            placed.append([main, figure.add_subplot(inner[1], sharex=main)])
        else:
            placed.append([figure.add_subplot(grid[0, column])])
    return placed


_LONG = 34  # letters of category labels, spaces included, that fit side by side on 5 inches
_LONGEST = 18  # letters of one label


def set_x_axis(ax: Axes, content: Content) -> None:
    """Set the x limits to the histogram's, and name its categories where it has them.

    Parameters
    ----------
    ax : Axes
        Changed in place; on a logarithmic axis its positive part is shown.
    content : Content
        The histogram.

    Raises
    ------
    BinningError
        Where an axis without positive numbers is to be logarithmic.
    """
    low, high = float(content.edges[0]), float(content.edges[-1])
    if ax.get_xscale() == "log" and low <= 0:
        positive = content.edges[content.edges > 0]
        if not positive.size:
            raise BinningError(
                f"an axis from {low:g} to {high:g} cannot be logarithmic. Choose a linear one."
            )
        # As far as makes the first bin visible.
        low = float(positive[0]) / (2.0 if positive.size < 2 else min(float(positive[1] / positive[0]), 10.0))
    ax.set_xlim(low, high)
    if content.categories:
        labels = [_shortened(label).replace("$", r"\$") for label in content.categories]
        many = len(" ".join(labels)) > _LONG
        ax.set_xticks(range(len(labels)), labels=labels, rotation=90 if many else 0)
        ax.xaxis.set_minor_locator(NullLocator())


def _shortened(text: str) -> str:
    """Return a text with its middle left out where it is long."""
    if len(text) <= _LONGEST:
        return text
    half = (_LONGEST - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def draw_legend(ax: Axes, style: Style, *, note: str = "", **how: Any) -> Legend:
    """Draw the legend in the style's font.

    Parameters
    ----------
    ax : Axes
        Where.
    style : Style
        For the font and its size.
    note : str
        One line above the entries.
    **how
        Keywords of ``Axes.legend``.

    Returns
    -------
    Legend
        In the upper right corner, without a frame.
    """
    scale = style.scale(cast("Figure", ax.get_figure(root=True)))
    legend = ax.legend(
        loc="upper right",
        frameon=False,
        prop=FontProperties(family=list(style.family), size=style.legend_size * scale),
        handlelength=1.6,
        borderaxespad=0.8,
        labelspacing=0.35,
        title=readable(note) or None,
        **how,
    )
    title = legend.get_title()
    title.set_fontfamily(list(style.family))
    title.set_fontsize(style.legend_size * scale)
    legend.set_zorder(4)
    return legend


def settle_y(ax: Axes, legend: Legend | None, contents: Sequence[Content]) -> None:
    """Set the y limits so that everything is seen and nothing lies under the legend.

    Parameters
    ----------
    ax : Axes
        Changed in place.
    legend : Legend, optional
        Moved to the corner where it needs least room.
    contents : sequence of Content
        All that is drawn, as high as it is drawn.
    """
    edges = np.unique(np.concatenate([content.edges for content in contents]))
    middles = (edges[1:] + edges[:-1]) / 2
    tops = np.full(middles.size, -np.inf)
    lowest, faintest = np.inf, np.inf
    for content in contents:
        heights, errors = content.values, np.nan_to_num(content.errors)
        where = np.clip(np.searchsorted(content.edges, middles, side="right") - 1, 0, heights.size - 1)
        inside = (middles > content.edges[0]) & (middles < content.edges[-1]) & np.isfinite(heights)[where]
        tops = np.maximum(tops, np.where(inside, (heights + errors)[where], -np.inf))
        drawn = np.isfinite(heights)
        lowest = min(lowest, float(np.min((heights - errors)[drawn], initial=np.inf)))
        faintest = min(faintest, float(np.min(heights, where=drawn & (heights > 0), initial=np.inf)))
    known = tops[np.isfinite(tops)]
    if ax.get_yscale() == "log":
        floor = faintest / 2 if np.isfinite(faintest) else None
    elif all(content.means for content in contents) and known.size:
        # Means need not be seen from 0.
        floor = lowest - 0.08 * max(float(known.max()) - lowest, 0.02 * abs(lowest), 1e-300)
    else:
        below = [
            float(np.min(one.values - one.errors, where=one.values < 0, initial=0.0)) for one in contents
        ]
        floor = 1.1 * min(below) if min(below) < 0 else None
    make_room(
        ax, legend, edges, np.where(np.isfinite(tops), tops, 0.0 if floor is None else floor), floor=floor
    )


def make_room(
    ax: Axes,
    legend: Legend | None,
    edges: NDArray[np.float64],
    heights: NDArray[np.float64],
    *,
    floor: float | None = None,
) -> None:
    """Raise the upper y limit until the legend is clear of what is drawn, in the corner that needs least.

    Parameters
    ----------
    ax : Axes
        Its y scale (linear or log) is respected.
    legend : Legend, optional
        Moved to the upper left or upper right corner.
    edges : ndarray, shape (n_bins + 1,)
        Bin edges.
    heights : ndarray, shape (n_bins,)
        Highest point drawn in each bin, error bars included.
    floor : float, optional
        Lower y limit; 0, or half the lowest positive height on a log axis, where not given.
    """
    tops = np.where(np.isfinite(heights), heights, 0.0)
    log = ax.get_yscale() == "log"
    positive = tops[tops > 0]
    highest = float(positive.max()) if positive.size else 1.0
    if floor is not None and not log:
        # What lies below 0 altogether, such as means, reaches up to its own highest point.
        highest = max(float(tops.max(initial=floor)), floor) if not positive.size else highest
        highest = highest if highest > floor else floor + 1.0
    lowest = 0.0
    if floor is not None:
        lowest = floor
    elif log:
        lowest = float(positive.min(initial=highest)) / 2
    if log:
        lowest = max(lowest, highest * 1e-6)
    forward = np.log10 if log else np.asarray
    tops = forward(np.maximum(tops, lowest if log else tops))
    bottom = float(forward(lowest))
    needed = bottom + (float(forward(highest)) - bottom) * 1.12
    if legend is not None:
        choices = [(_top_for(ax, legend, corner, edges, tops, bottom), corner) for corner in _CORNERS]
        corner_top, corner = min(choices, key=lambda choice: choice[0])
        legend.set_loc(corner)
        needed = max(needed, corner_top)
    ax.set_ylim(lowest, 10**needed if log else needed)


def _top_for(
    ax: Axes,
    legend: Legend,
    corner: Corner,
    edges: NDArray[np.float64],
    tops: NDArray[np.float64],
    bottom: float,
) -> float:
    legend.set_loc(corner)
    box = legend.get_window_extent().transformed(ax.transAxes.inverted())
    low, high = ax.get_xlim()
    left, right = low + (high - low) * (box.x0 - 0.02), low + (high - low) * (box.x1 + 0.02)
    under = tops[(edges[1:] > left) & (edges[:-1] < right)]
    free = max(box.y0 - 0.03, 0.2)
    return bottom + (float(under.max()) - bottom) / free if under.size else bottom


def make_side_room(ax: Axes, *, right: float = 0.18) -> None:
    """Move the axes so that their tick labels and titles fit their cell, however long the names are.

    Parameters
    ----------
    ax : Axes
        Moved in place, within their cell of a grid of axes; alone, within the figure.
    right : float
        Inches to keep free on the right, for a colour bar for instance.
    """
    figure = cast("Figure", ax.get_figure(root=True))
    x0, y0, x1, y1 = _cell(ax, figure)
    width, height = figure.get_size_inches()
    for _ in range(2):  # the labels of an axis of fixed aspect move with it
        ax.apply_aspect()
        outer = ax.get_tightbbox()
        if outer is None:
            return
        inner = ax.get_window_extent()
        left = (inner.x0 - outer.x0) / figure.dpi + 0.08
        bottom = (inner.y0 - outer.y0) / figure.dpi + 0.08
        left, bottom = min(left, 0.6 * width * (x1 - x0)), min(bottom, 0.6 * height * (y1 - y0))
        ax.set_position(
            (
                x0 + left / width,
                y0 + bottom / height,
                x1 - x0 - (left + right) / width,
                y1 - y0 - (bottom + 0.36) / height,
            )
        )


def _cell(ax: Axes, figure: Figure) -> tuple[float, float, float, float]:
    """Return the part of a figure that axes have with their labels, up to their neighbours left and below."""
    spec = ax.get_subplotspec()
    if spec is None:
        return 0.0, 0.0, 1.0, 1.0
    spec = spec.get_topmost_subplotspec()
    grid = spec.get_gridspec()
    _, tops, _, rights = grid.get_grid_positions(figure)
    rows, columns = spec.rowspan, spec.colspan
    return (
        float(rights[columns.start - 1]) if columns.start else 0.0,
        float(tops[rows.stop]) if rows.stop < grid.nrows else 0.0,
        float(rights[columns.stop - 1]) if columns.stop < grid.ncols else 1.0,
        float(tops[rows.start]) if rows.start else 1.0,
    )


def make_bottom_room(*axes: Axes) -> None:
    """Move axes that lie above each other up until the labels below the lowest fit the figure.

    Parameters
    ----------
    *axes : Axes
        Moved in place; those whose labels fit stay where they are.
    """
    lowest = min(axes, key=lambda ax: ax.get_position().y0)
    figure = cast("Figure", lowest.get_figure(root=True))
    outer = lowest.get_tightbbox()
    if outer is None or outer.y0 >= 0:
        return
    bottom, top = lowest.get_position().y0, max(ax.get_position().y1 for ax in axes)
    moved = min(bottom + (0.06 * figure.dpi - outer.y0) / figure.bbox.height, bottom + 0.6 * (top - bottom))
    shrunk = (top - moved) / (top - bottom)
    for ax in axes:
        box = ax.get_position()
        place = (box.x0, moved + (box.y0 - bottom) * shrunk, box.width, box.height * shrunk)
        ax.set_position(place)
