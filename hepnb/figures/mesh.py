"""Two-dimensional histograms as maps of colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import StepPatch
from matplotlib.ticker import NullLocator

from hepnb.errors import BinningError
from hepnb.figures.content import Content, read_content, value_title_of
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import make_side_room, set_x_axis
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import PALETTE, dress
from hepnb.figures.tlatex import readable

__all__ = ["MeshArtists", "draw_mesh"]


@dataclass(frozen=True)
class MeshArtists:
    """Artists of :func:`draw_mesh`.

    Parameters
    ----------
    axes : Axes
        Where.
    mesh : QuadMesh
        The coloured cells.
    projections : tuple of StepPatch
        On the x and on the y axis, where they are drawn.
    """

    axes: Axes
    mesh: QuadMesh
    projections: tuple[StepPatch, ...] = ()

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes."""
        return (self.mesh, *self.projections)

    def update(self, histogram: Any) -> None:
        """Show the numbers of another histogram with the same bins.

        Parameters
        ----------
        histogram : PlottableHistogram
            Of two dimensions.
        """
        self.mesh.set_array(_mesh_values(histogram))
        for index, step in enumerate(self.projections):
            content = _axis_content(histogram, index)
            move_step(step, content.values, content.edges)


@drawing
def draw_mesh(
    histogram: Any,
    ax: Axes,
    *,
    log_x: bool = False,
    log_y: bool = False,
    log_z: bool = False,
    projections: bool = False,
    x_title: str | None = None,
    y_title: str | None = None,
    z_title: str | None = None,
    note: str = "",
    style: str = "hepnb",
) -> MeshArtists:
    """Draw a two-dimensional histogram as a map of colours; empty bins stay white.

    Parameters
    ----------
    histogram : PlottableHistogram
        Of two dimensions: counts, sums of weights or means.
    ax : Axes
        Where to draw; a colour bar is taken off its right side.
    log_x, log_y, log_z : bool
        Logarithmic axes, and colours. Of a logarithmic axis the positive part is shown.
    projections : bool
        Draw the projections on both axes along the upper and the right side.
    x_title, y_title, z_title : str, optional
        The labels of the axes, and what the colours mean: the histogram's title of values, ``"Events"``, or
        ``"Mean"``.
    note : str
        One line above the map.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    MeshArtists
        Whose ``update(histogram)`` follows a slider.

    Raises
    ------
    BinningError
        If it does not have two dimensions, or means are to be projected.

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
    figure = ax.get_figure(root=True)
    if figure is None:
        raise BinningError("the axes belong to no figure. Make them with Figure().add_subplot().")
    means = "MEAN" in str(getattr(histogram, "kind", ""))
    if means and projections:
        raise BinningError("means have no projections: they cannot be added up. Draw it without.")
    across, along = (_axis_content(histogram, index) for index in (0, 1))
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    x_title = across.title if x_title is None else x_title
    y_title = along.title if y_title is None else y_title
    dressed = dress(ax, style, x_title=x_title, y_title=y_title)
    values = _mesh_values(histogram)
    norm = _norm(values, log_z)
    mesh = ax.pcolormesh(
        across.edges, along.edges, values, cmap="viridis", norm=norm, rasterized=True, zorder=0.5
    )
    set_x_axis(ax, across)
    _set_y_axis(ax, along)
    size = dressed.tick_size * dressed.scale(figure)
    room = 0.55 if projections else 0.0
    make_side_room(ax, right=1.0 + room)
    steps: tuple[StepPatch, ...] = ()
    if projections:
        _lower_top(ax, room / figure.get_size_inches()[1])
        steps = _draw_projections(ax, across, along)
    shift = 0.19 if projections else 0.0
    bar = figure.colorbar(mesh, cax=ax.inset_axes((1.02 + shift, 0.0, 0.045, 1.0)))
    bar.ax.tick_params(labelsize=size, labelfontfamily=dressed.family[0])
    what = z_title if z_title is not None else value_title_of(histogram) or ("Mean" if means else "Events")
    font = {"family": list(dressed.family), "size": size * 1.05}
    bar.ax.set_ylabel(readable(what), loc="top", fontdict=font)
    if note:
        ax.text(0.0, 1.015 + shift, readable(note), transform=ax.transAxes, fontdict=font, va="bottom")
    return MeshArtists(ax, mesh, steps)


def _norm(values: Any, log: bool) -> Normalize:
    """Return the colours' scale; a logarithmic one begins at the smallest positive value."""
    positive = values.compressed()
    positive = positive[positive > 0]
    if not log or not positive.size:
        return Normalize()
    low, high = float(positive.min()), float(positive.max())
    return LogNorm(low, high if high > low else 2 * low)


def _set_y_axis(ax: Axes, content: Content) -> None:
    low, high = float(content.edges[0]), float(content.edges[-1])
    if ax.get_yscale() == "log" and low <= 0:
        positive = content.edges[content.edges > 0]
        if not positive.size:
            raise BinningError(f"an axis from {low:g} to {high:g} cannot be logarithmic. Use a linear one.")
        low = float(positive[0]) / 2
    ax.set_ylim(low, high)
    if content.categories:
        ax.set_yticks(range(len(content.categories)), labels=list(content.categories))
        ax.yaxis.set_minor_locator(NullLocator())


def _lower_top(ax: Axes, part: float) -> None:
    box = ax.get_position()
    ax.set_position((box.x0, box.y0, box.width, box.height - part))


def _draw_projections(ax: Axes, across: Content, along: Content) -> tuple[StepPatch, ...]:
    """Draw steps without an axis of their own: their heights are those of the map, added up."""
    steps = []
    for content, place, sideways in (
        (across, (0.0, 1.015, 1.0, 0.165), False),
        (along, (1.015, 0.0, 0.165, 1.0), True),
    ):
        inset = ax.inset_axes(place)
        inset.set_axis_off()
        step = add_step(
            inset, content.values, content.edges, facecolor=(PALETTE[0], 0.3), edgecolor=PALETTE[0],
            linewidth=1.0, orientation="horizontal" if sideways else "vertical",
        )  # fmt: skip
        top = float(np.max(content.values, initial=0.0)) * 1.08 or 1.0
        low = min(float(np.min(content.values, initial=0.0)), 0.0)
        if sideways:
            inset.set_yscale(ax.get_yscale())
            inset.set(ylim=ax.get_ylim(), xlim=(low, top))
        else:
            inset.set_xscale(ax.get_xscale())
            inset.set(xlim=ax.get_xlim(), ylim=(low, top))
        steps.append(step)
    return tuple(steps)


def _axis_content(histogram: Any, index: int) -> Content:
    """Edges and title of one axis of a histogram of any dimension; the numbers are its projection."""
    return read_content(histogram.project(index))


def _mesh_values(histogram: Any) -> Any:
    values = np.asarray(histogram.values(), dtype=float).T
    if "MEAN" in str(getattr(histogram, "kind", "")):
        return np.ma.masked_array(values, mask=np.asarray(histogram.counts()).T <= 0)
    return np.ma.masked_equal(values, 0.0)
