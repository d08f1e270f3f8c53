"""One or several histograms on the same axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.patches import StepPatch

from hepnb.errors import BinningError
from hepnb.figures.comparison import ComparisonArtists, draw_comparison
from hepnb.figures.content import Content, HistogramLike, read_content
from hepnb.figures.inputs import drawing
from hepnb.figures.layout import draw_legend, make_bottom_room, set_x_axis, settle_y
from hepnb.figures.points import Points, draw_points
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import colors_for, dress
from hepnb.figures.titles import y_title_of
from hepnb.figures.tlatex import readable

__all__ = ["HistogramArtists", "draw_histogram"]


@dataclass(frozen=True)
class HistogramArtists:
    """Artists of :func:`draw_histogram`.

    Parameters
    ----------
    axes : Axes
        Where.
    steps : tuple of StepPatch
        One for each histogram; for means it is the outline that is not seen.
    errors : tuple of Points
        Their error bars, and the points of means.
    legend : Legend, optional
        Where there is one.
    per_width, normalized : bool
        Whether heights are divided by the bin widths, by the sum.
    comparison : ComparisonArtists, optional
        The lower panel.
    at_most : int, optional
        The number of bins up to which none are merged.
    """

    axes: Axes
    steps: tuple[StepPatch, ...]
    errors: tuple[Points, ...]
    legend: Legend | None
    per_width: bool
    normalized: bool = False
    comparison: ComparisonArtists | None = None
    at_most: int | None = None

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        bars = [artist for points in self.errors for artist in points.moving]
        return (*self.steps, *bars, *(self.comparison.moving if self.comparison else ()))

    def _scaled(self, histogram: HistogramLike) -> Content:
        merged = read_content(histogram).merged(self.at_most)
        return merged.scaled(per_width=self.per_width, normalized=self.normalized)

    def update(self, *histograms: HistogramLike) -> None:
        """Show other numbers, and other bins if need be; neither text nor limits change.

        Parameters
        ----------
        *histograms : PlottableHistogram or Content
            As many as were drawn, in the same order.
        """
        contents = [self._scaled(histogram) for histogram in histograms]
        for step, points, content in zip(self.steps, self.errors, contents, strict=True):
            heights, errors = content.values, content.errors
            move_step(step, heights, content.edges)
            points.update(content.centers, heights, heights - errors, heights + errors)
        if self.comparison is not None:
            self.comparison.update(contents)

    def fits(self, *histograms: HistogramLike, least: float = 0.3) -> bool:
        """Return whether these histograms fill the present y limits without leaving them.

        A live picture keeps its axes while this is true, and is drawn anew where it is not.

        Parameters
        ----------
        *histograms : PlottableHistogram or Content
            As for :meth:`update`.
        least : float
            Part of the height that the highest bin must reach.

        Returns
        -------
        bool
            False where something would be cut off, or lie flat on the ground.
        """
        low, high = self.axes.get_ylim()
        contents = [self._scaled(histogram) for histogram in histograms]
        top = max(float(np.nanmax(content.values, initial=0.0)) for content in contents)
        if self.axes.get_yscale() == "log":
            return low < top < high
        return low + least * (high - low) < top < low + 0.97 * (high - low)


@drawing
def draw_histogram(
    histograms: HistogramLike | Sequence[HistogramLike] | Mapping[str, HistogramLike],
    ax: Axes,
    *,
    labels: Sequence[str] | None = None,
    colors: Mapping[str, str | None] | None = None,
    filled: bool | None = None,
    log_x: bool = False,
    log_y: bool = False,
    per_width: bool = False,
    normalized: bool = False,
    at_most: int | None = None,
    ratio_ax: Axes | None = None,
    below: Literal["ratio", "pull"] = "ratio",
    x_title: str | None = None,
    y_title: str | None = None,
    note: str = "",
    style: str = "hepnb",
) -> HistogramArtists:
    """Draw one-dimensional histograms as steps with error bars, and means (of a profile) as points.

    Parameters
    ----------
    histograms : PlottableHistogram or Content, sequence of them, or mapping of label to histogram
        Anything that speaks UHI: hist, boost-histogram, uproot.
    ax : Axes
        Where to draw.
    labels : sequence of str, optional
        For the legend; a mapping brings its own.
    colors : mapping of label to colour, optional
        The palette otherwise.
    filled : bool, optional
        Shade the area; by default where there is one histogram.
    log_x, log_y : bool
        Logarithmic axes; of an x axis the positive part is shown.
    per_width : bool
        Divide by the bin widths, as variable bins ask for.
    normalized : bool
        Divide each histogram by its sum inside the axis.
    at_most : int, optional
        Merge neighbouring bins in the picture where there are more: what is narrower than a pixel is slow to
        draw, and not seen.
    ratio_ax : Axes, optional
        Below, for a comparison of each histogram with the first; see :func:`hepnb.figures.lay_out`.
    below : {"ratio", "pull"}
        What is drawn there: histogram over first, or the difference in units of its uncertainty. Histograms
        of the same events are correlated, which the uncertainties do not know.
    x_title, y_title : str, optional
        The axis's label, and the histogram's or ``"Events / 10 GeV"`` otherwise. ROOT's TLatex is understood.
    note : str
        One line in the upper corner, for instance what lies outside the axis.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    HistogramArtists
        Whose ``update(*histograms)`` follows a slider.

    Raises
    ------
    BinningError
        If there is nothing to draw, a histogram has more than one dimension, its sum cannot be normalised, an
        axis has no positive part to be logarithmic, or bins that are to be compared differ.

    Examples
    --------
    >>> import hist
    >>> from matplotlib.figure import Figure
    >>> h = hist.Hist.new.Reg(3, 0, 30, label="mass [GeV]").Weight().fill([5, 15, 16])
    >>> drawn = draw_histogram(h, Figure().add_subplot())
    >>> drawn.axes.get_ylabel()
    'Events / 10 GeV'
    """
    named = _named(histograms, labels)
    raw = {name: read_content(histogram).merged(at_most) for name, histogram in named.items()}
    contents = {name: one.scaled(per_width=per_width, normalized=normalized) for name, one in raw.items()}
    first = next(iter(contents.values()))
    chosen = colors_for(list(contents), colors)
    fill = len(contents) == 1 if filled is None else filled
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    title = x_title if x_title is not None else first.title
    vertical = y_title if y_title is not None else y_title_of(first, title, per_width, normalized)
    dressed = dress(
        ax, style, x_title="" if ratio_ax else title, y_title=vertical, tick_labels=ratio_ax is None
    )
    labelled = len(contents) > 1 or labels or isinstance(histograms, Mapping)
    drawn = [
        _draw_one(ax, content, chosen[name], readable(name) if labelled else "_", fill, order)
        for order, (name, content) in enumerate(contents.items())
    ]
    set_x_axis(ax, first)
    if first.categories and ratio_ax is None:
        make_bottom_room(ax)
    handles = [
        points.markers if content.means else step
        for (step, points), content in zip(drawn, contents.values(), strict=True)
        if not str(step.get_label()).startswith("_")
    ]
    legend = draw_legend(ax, dressed, note=note, handles=handles) if handles or note else None
    settle_y(ax, legend, list(contents.values()))
    comparison = None
    if ratio_ax is not None:
        ratio_ax.set_xscale("log" if log_x else "linear")
        comparison = draw_comparison(contents, ratio_ax, chosen, below, title, style)
        if first.categories:
            make_bottom_room(ax, ratio_ax)
    steps, errors = zip(*drawn, strict=True)
    return HistogramArtists(
        ax, tuple(steps), tuple(errors), legend, per_width, normalized, comparison, at_most
    )


_LINES = ("-", "--", "-.", ":")


def _draw_one(
    ax: Axes, content: Content, color: str, label: str, fill: bool, order: int
) -> tuple[StepPatch, Points]:
    shade: Any = (color, 0.30) if fill else "none"
    heights, spread = content.values, content.errors
    step = add_step(
        ax, heights, content.edges, edgecolor=color, facecolor=shade, linewidth=1.5, label=label,
        zorder=1.5 + 0.01 * order, linestyle="-" if fill else _LINES[order % len(_LINES)],
        visible=not content.means,
    )  # fmt: skip
    points = draw_points(
        ax, content.centers, heights, heights - spread, heights + spread, color=color, label=label,
        marker="o" if content.means else "none", zorder=1.8 + 0.01 * order,
    )  # fmt: skip
    return step, points


def _named(
    histograms: HistogramLike | Sequence[HistogramLike] | Mapping[str, HistogramLike],
    labels: Sequence[str] | None,
) -> dict[str, HistogramLike]:
    if isinstance(histograms, Mapping):
        named = {str(name): histogram for name, histogram in histograms.items()}
    elif isinstance(histograms, Content) or hasattr(histograms, "axes"):
        named = {labels[0] if labels else "histogram": cast("HistogramLike", histograms)}
    else:
        listed = list(histograms)
        names = list(labels) if labels is not None else [f"histogram {index}" for index in range(len(listed))]
        if len(names) != len(listed):
            raise BinningError(f"{len(listed)} histograms have {len(names)} labels. Give one label to each.")
        named = dict(zip(names, listed, strict=True))
    if not named:
        raise BinningError("there is no histogram to draw. Give at least one.")
    return named
