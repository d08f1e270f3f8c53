"""One or several histograms on the same axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.legend import Legend
from matplotlib.patches import StepPatch

from hepnb.errors import BinningError
from hepnb.figures.content import Content, HistogramLike, heights_of, read_content
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend, make_side_room, set_x_axis, settle_y
from hepnb.figures.points import Points, draw_points
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import colors_for, dress
from hepnb.figures.titles import events_title, unit_of

__all__ = ["HistogramArtists", "MeshArtists", "draw_histogram", "draw_mesh"]


@dataclass(frozen=True)
class HistogramArtists:
    """Artists of :func:`draw_histogram`.

    Parameters
    ----------
    axes : Axes
        Where.
    steps : tuple of StepPatch
        One for each histogram.
    errors : tuple of Points
        Their error bars.
    legend : Legend, optional
        Where there is one.
    per_width : bool
        Whether heights are divided by the bin widths.
    """

    axes: Axes
    steps: tuple[StepPatch, ...]
    errors: tuple[Points, ...]
    legend: Legend | None
    per_width: bool

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        bars = [artist for points in self.errors for artist in points.moving]
        return (*self.steps, *bars)

    def update(self, *histograms: HistogramLike) -> None:
        """Show other numbers, and other bins if need be; neither text nor limits change.

        Parameters
        ----------
        *histograms : PlottableHistogram or Content
            As many as were drawn, in the same order.
        """
        for step, points, histogram in zip(self.steps, self.errors, histograms, strict=True):
            heights, errors, content = heights_of(histogram, self.per_width)
            move_step(step, heights, content.edges)
            points.update(content.centers, heights, heights - errors, heights + errors)

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
        top = max(
            float(np.max(heights_of(histogram, self.per_width)[0], initial=0.0)) for histogram in histograms
        )
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
    log_y: bool = False,
    per_width: bool = False,
    x_title: str | None = None,
    y_title: str | None = None,
    note: str = "",
    style: str = "hepnb",
) -> HistogramArtists:
    """Draw one-dimensional histograms as steps with error bars.

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
    log_y : bool
        Logarithmic y axis.
    per_width : bool
        Divide by the bin widths, as variable bins ask for.
    x_title, y_title : str, optional
        The axis's label and ``"Events / 10 GeV"`` otherwise.
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
        If there is nothing to draw, or a histogram has more than one dimension.

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
    contents = {name: read_content(histogram) for name, histogram in named.items()}
    first = next(iter(contents.values()))
    chosen = colors_for(list(contents), colors)
    fill = len(contents) == 1 if filled is None else filled
    ax.set_yscale("log" if log_y else "linear")
    title = x_title if x_title is not None else first.title
    dressed = dress(ax, style, x_title=title, y_title=_y_title(y_title, first, title, per_width))
    steps, errors = [], []
    for order, (name, content) in enumerate(contents.items()):
        heights, spread, _ = heights_of(content, per_width)
        shown = name if len(contents) > 1 or labels or isinstance(histograms, Mapping) else "_"
        shade: Any = (chosen[name], 0.30) if fill else "none"
        step = add_step(
            ax, heights, content.edges, edgecolor=chosen[name], facecolor=shade, linewidth=1.5, label=shown,
            zorder=1.5 + 0.01 * order, linestyle="-" if fill else _LINES[order % len(_LINES)],
        )  # fmt: skip
        steps.append(step)
        errors.append(
            draw_points(
                ax, content.centers, heights, heights - spread, heights + spread,
                color=chosen[name], marker="none", zorder=1.8 + 0.01 * order,
            )
        )  # fmt: skip
    set_x_axis(ax, first)
    handles = [step for step in steps if not str(step.get_label()).startswith("_")]
    legend = draw_legend(ax, dressed, note=note, handles=handles) if handles or note else None
    settle_y(ax, legend, list(contents.values()), per_width)
    return HistogramArtists(ax, tuple(steps), tuple(errors), legend, per_width)


_LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class MeshArtists:
    """Artists of :func:`draw_mesh`.

    Parameters
    ----------
    axes : Axes
        Where.
    mesh : QuadMesh
        The coloured cells.
    """

    axes: Axes
    mesh: QuadMesh

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes."""
        return (self.mesh,)

    def update(self, histogram: Any) -> None:
        """Show the numbers of another histogram with the same bins.

        Parameters
        ----------
        histogram : PlottableHistogram
            Of two dimensions.
        """
        self.mesh.set_array(_mesh_values(histogram))


@drawing
def draw_mesh(histogram: Any, ax: Axes, *, style: str = "hepnb") -> MeshArtists:
    """Draw a two-dimensional histogram as a map of colours; empty bins stay white.

    Parameters
    ----------
    histogram : PlottableHistogram
        Of two dimensions.
    ax : Axes
        Where to draw; a colour bar is taken off its right side.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    MeshArtists
        Whose ``update(histogram)`` follows a slider.

    Raises
    ------
    BinningError
        If it does not have two dimensions.

    Examples
    --------
    >>> import hist
    >>> from matplotlib.figure import Figure
    >>> h = hist.Hist.new.Reg(3, 0, 30, label="x").Reg(2, 0, 1, label="y").Double().fill([5], [0.5])
    >>> draw_mesh(h, Figure().add_subplot()).axes.get_ylabel()
    'y'
    """
    wanted = "a histogram of two dimensions"
    check_result(histogram, ("axes", "values"), "draw_mesh", wanted)
    check_axes(ax)
    if len(histogram.axes) != 2:
        raise BinningError(f"a map needs a histogram of 2 dimensions, this one has {len(histogram.axes)}.")
    across, along = (axis_content(histogram, index) for index in (0, 1))
    dressed = dress(ax, style, x_title=across.title, y_title=along.title)
    mesh = ax.pcolormesh(
        across.edges, along.edges, _mesh_values(histogram), cmap="viridis", rasterized=True, zorder=0.5
    )
    figure = ax.get_figure(root=True)
    if figure is None:
        raise BinningError("the axes belong to no figure. Make them with Figure().add_subplot().")
    make_side_room(ax, right=0.85)
    bar = figure.colorbar(mesh, cax=ax.inset_axes((1.02, 0.0, 0.045, 1.0)))
    bar.ax.tick_params(labelsize=dressed.tick_size * dressed.scale(figure), labelfontfamily=dressed.family[0])
    return MeshArtists(ax, mesh)


def axis_content(histogram: Any, index: int) -> Content:
    """Edges and title of one axis of a histogram of any dimension; the numbers are its projection."""
    return read_content(histogram.project(index))


def _mesh_values(histogram: Any) -> Any:
    values = np.asarray(histogram.values(), dtype=float).T
    return np.ma.masked_equal(values, 0.0)


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


def _y_title(given: str | None, content: Content, x_title: str, per_width: bool) -> str:
    if given is not None:
        return given
    unit = unit_of(x_title)
    if per_width:
        return f"Events / {unit}" if unit else "Events / unit"
    return "Events" if content.categories else events_title(content.edges, unit)
