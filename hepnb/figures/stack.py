"""Stacked samples, their uncertainty, the data on top, and the ratio below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, StepPatch
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError
from hepnb.figures.comparison import Below
from hepnb.figures.content import Content, HistogramLike, read_content
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend, make_bottom_room, set_x_axis, settle_y
from hepnb.figures.points import Points, draw_points
from hepnb.figures.ratio import BAND, RatioArtists, data_points, draw_ratio
from hepnb.figures.steps import add_step, move_step, step_data
from hepnb.figures.style import DATA_COLOR, PALETTE, colors_for, dress
from hepnb.figures.titles import y_title_of
from hepnb.figures.tlatex import readable

__all__ = ["StackArtists", "draw_stack"]


@dataclass(frozen=True)
class StackArtists:
    """Artists of :func:`draw_stack`.

    Parameters
    ----------
    axes : Axes
        Where the stack is.
    samples : mapping of name to StepPatch
        From the bottom to the top.
    total, band : StepPatch
        The outline of the stack, and its uncertainty.
    data : Points, optional
        The data.
    ratio : RatioArtists, optional
        The lower panel.
    legend : Legend
        Of the upper panel.
    per_width : bool
        Whether heights are divided by the bin widths.
    """

    axes: Axes
    samples: Mapping[str, StepPatch]
    total: StepPatch
    band: StepPatch
    data: Points | None
    ratio: RatioArtists | None
    legend: Legend
    per_width: bool = False
    _observed: list[Content] = field(default_factory=list)

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        points = self.data.moving if self.data else ()
        lower = self.ratio.moving if self.ratio else ()
        return (*self.samples.values(), self.total, self.band, *points, *lower)

    def update(
        self,
        samples: Mapping[str, HistogramLike | ArrayLike],
        *,
        data: HistogramLike | ArrayLike | None = None,
        uncertainty: NDArray[np.float64] | None = None,
    ) -> None:
        """Show other numbers, and other bins if need be; neither text nor limits change.

        Parameters
        ----------
        samples : mapping of name to PlottableHistogram, Content or array
            The names that were drawn; arrays of shape (n_bins,) keep the present bins.
        data : PlottableHistogram, Content or array, optional
            The data stay as they are where not given.
        uncertainty : ndarray, shape (n_bins,), optional
            Absolute uncertainty of the total; from the variances where not given.
        """
        edges = step_data(self.total)[1]
        contents = [self._content(samples[name], edges) for name in self.samples]
        piled = _pile(contents)
        for step, content, base in zip(self.samples.values(), contents, piled.bases, strict=True):
            move_step(step, base + content.values, content.edges, base)
        spread = _spread(contents, self._per_width(uncertainty, contents[0]))
        edges = contents[0].edges
        move_step(self.total, piled.total, edges)
        move_step(self.band, piled.total + spread, edges, piled.total - spread)
        if data is not None and self.data is not None:
            self._observed[:] = [_as_content(data, edges)]
            self.data.update(contents[0].centers, *data_points(self._observed[0], self.per_width))
        if self.ratio is not None:
            observed = self._observed[0] if self._observed else None
            self.ratio.update(edges, piled.total, spread, observed, self.per_width)

    def _content(self, sample: HistogramLike | ArrayLike, edges: NDArray[np.float64]) -> Content:
        return _as_content(sample, edges).scaled(per_width=self.per_width)

    def _per_width(
        self, uncertainty: NDArray[np.float64] | None, content: Content
    ) -> NDArray[np.float64] | None:
        if uncertainty is None or not self.per_width:
            return uncertainty
        return np.asarray(uncertainty / np.diff(content.edges), dtype=np.float64)

    def show_band(self, shown: bool) -> None:
        """Show the uncertainty, or hide it while it is not known.

        Parameters
        ----------
        shown : bool
            Whether it is known.
        """
        self.band.set_visible(shown)
        if self.ratio is not None:
            self.ratio.band.set_visible(shown)

    def fits(
        self,
        samples: Mapping[str, HistogramLike | ArrayLike],
        data: HistogramLike | ArrayLike | None = None,
        *,
        least: float = 0.3,
    ) -> bool:
        """Return whether these numbers fill the present y limits without leaving them.

        Parameters
        ----------
        samples : mapping of name to PlottableHistogram, Content or array
            As for :meth:`update`.
        data : PlottableHistogram, Content or array, optional
            As for :meth:`update`.
        least : float
            Part of the height that the highest bin must reach.

        Returns
        -------
        bool
            False where something would be cut off, or lie flat on the ground.
        """
        edges = step_data(self.total)[1]
        piled = _pile([self._content(samples[name], edges) for name in self.samples])
        top, bottom = float(np.max(piled.top, initial=0.0)), float(np.min(piled.bottom, initial=0.0))
        if data is not None:
            top = max(top, float(np.max(self._content(data, edges).values, initial=0.0)))
        low, high = self.axes.get_ylim()
        if self.axes.get_yscale() == "log":
            return low < top < high
        return bottom >= low and low + least * (high - low) < top < low + 0.97 * (high - low)


@drawing
def draw_stack(
    samples: Mapping[str, HistogramLike | ArrayLike],
    ax: Axes,
    *,
    data: HistogramLike | ArrayLike | None = None,
    ratio_ax: Axes | None = None,
    edges: Sequence[float] | None = None,
    uncertainty: NDArray[np.float64] | None = None,
    colors: Mapping[str, str | None] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    per_width: bool = False,
    below: Below = "ratio",
    x_title: str | None = None,
    y_title: str | None = None,
    ratio_title: str | None = None,
    note: str = "",
    style: str = "hepnb",
) -> StackArtists:
    """Draw samples on top of each other, data as points with Poisson bars, and their ratio.

    Negative contents are stacked downwards from 0; the total, its uncertainty and the ratio are those of the
    sum of all samples.

    Parameters
    ----------
    samples : mapping of name to PlottableHistogram or array
        From the bottom to the top; all with the same bins. Arrays of shape (n_bins,) need ``edges``.
    ax : Axes
        For the stack.
    data : PlottableHistogram or array, optional
        Counts; their bars are central Poisson intervals, or sqrt(variance) where they are weighted.
    ratio_ax : Axes, optional
        For data over prediction; see :func:`hepnb.figures.layout.lay_out`.
    edges : sequence of float, optional
        Bin edges for arrays; bins of width 1 where not given.
    uncertainty : ndarray, shape (n_bins,), optional
        Absolute uncertainty of the total; the statistical one where not given.
    colors : mapping of name to colour, optional
        The palette otherwise.
    log_x, log_y : bool
        Logarithmic axes; of an x axis the positive part is shown.
    per_width : bool
        Divide by the bin widths, as variable bins ask for.
    below : {"ratio", "pull"}
        Shown on ``ratio_ax``: data over prediction, or their difference in units of the uncertainty of both.
    x_title, y_title, ratio_title : str, optional
        Axis titles.
    note : str
        One line above the legend, for instance the name of the channel.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    StackArtists
        Whose ``update(samples)`` follows a fit or a slider.

    Raises
    ------
    BinningError
        If there is no sample, or the bins differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> samples = {"background": [50.0, 60.0], "signal": [5.0, 9.0]}
    >>> drawn = draw_stack(samples, Figure().add_subplot(), data=[52, 71])
    >>> drawn.total.get_data().values.tolist()
    [55.0, 69.0]
    """
    check_result(samples, ("items", "values"), "draw_stack", "a mapping of names to histograms or arrays")
    check_axes(ax)
    if not samples:
        raise BinningError("there is no sample to stack. Give at least one.")
    given = None if edges is None else np.asarray(edges, dtype=float)
    contents = {name: _as_content(sample, given) for name, sample in samples.items()}
    observed = None if data is None else _as_content(data, given)
    first = next(iter(contents.values()))
    for name, content in [*contents.items(), *([("data", observed)] if observed is not None else [])]:
        if content.values.size != first.values.size:
            raise BinningError(
                f"sample {name!r} has {content.values.size} bins, {next(iter(contents))!r} has "
                f"{first.values.size}. Fill them with the same axis."
            )
        if content.categories != first.categories or not _same_edges(content.edges, first.edges):
            raise BinningError(
                f"sample {name!r} has other bins than {next(iter(contents))!r}: from {content.edges[0]:g} to "
                f"{content.edges[-1]:g}, not from {first.edges[0]:g} to {first.edges[-1]:g}. Fill them with "
                "the same axis."
            )
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    title = x_title if x_title is not None else first.title
    vertical = y_title if y_title is not None else y_title_of(first, title, per_width)
    dressed = dress(
        ax, style, x_title="" if ratio_ax else title, y_title=vertical, tick_labels=ratio_ax is None
    )
    scaled = {name: content.scaled(per_width=per_width) for name, content in contents.items()}
    steps, piled = _draw_steps(scaled, ax, colors_for(list(contents), colors))
    base = piled.total
    wide = np.diff(first.edges) if per_width else 1.0
    spread = _spread(list(scaled.values()), None if uncertainty is None else np.asarray(uncertainty) / wide)
    total = add_step(ax, base, first.edges, facecolor="none", edgecolor="#333333", linewidth=1.2, zorder=1.6)
    band = add_step(ax, base + spread, first.edges, baseline=base - spread, zorder=1.7, **BAND)
    points = None
    if observed is not None:
        places = data_points(observed, per_width)
        points = draw_points(ax, first.centers, *places, color=DATA_COLOR, zorder=3)
    set_x_axis(ax, first)
    if first.categories and ratio_ax is None:
        make_bottom_room(ax)
    legend = _draw_stack_legend(ax, dressed, steps, points, note)
    drawn = [(base, spread**2), (piled.top, np.zeros_like(base)), (piled.bottom, np.zeros_like(base))]
    heights = [Content(first.edges, values, variances) for values, variances in drawn]
    ends = [] if observed is None else [_upper_ends(observed, per_width)]
    settle_y(ax, legend, [*heights, *ends])
    ratio = None
    if ratio_ax is not None:
        ratio_ax.set_xscale("log" if log_x else "linear")
        ratio = draw_ratio(
            ratio_ax, first, base, spread, observed, x_title=title, y_title=ratio_title, style=style,
            below=below, per_width=per_width,
        )  # fmt: skip
        if first.categories:
            make_bottom_room(ax, ratio_ax)
    seen = [] if observed is None else [observed]
    return StackArtists(ax, steps, total, band, points, ratio, legend, per_width, seen)


def _same_edges(edges: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    return bool(np.abs(edges - others).max() <= 1e-9 * max(float(np.abs(others).max()), 1e-300))


@dataclass(frozen=True)
class _Pile:
    """Samples on top of each other: positive contents upwards from 0, negative ones downwards.

    Then no area covers another one, and the outline of the total is the sum all the same.
    """

    bases: list[NDArray[np.float64]]
    top: NDArray[np.float64]
    bottom: NDArray[np.float64]

    @property
    def total(self) -> NDArray[np.float64]:
        """The sum of all samples."""
        return self.top + self.bottom


def _pile(contents: Sequence[Content]) -> _Pile:
    top = np.zeros(contents[0].values.size)
    bottom = np.zeros_like(top)
    bases = []
    for content in contents:
        bases.append(np.where(content.values < 0, bottom, top))
        top = top + np.maximum(content.values, 0.0)
        bottom = bottom + np.minimum(content.values, 0.0)
    return _Pile(bases, top, bottom)


_HATCHES = (None, "\\\\\\\\", "....", "xxxx", "oo", "++")


def _draw_steps(
    contents: Mapping[str, Content], ax: Axes, colors: Mapping[str, str]
) -> tuple[dict[str, StepPatch], _Pile]:
    piled = _pile(list(contents.values()))
    steps = {}
    # Where there are more samples than colours, a hatch tells those of one colour apart.
    seen: Counter[str] = Counter()
    for (name, content), base in zip(contents.items(), piled.bases, strict=True):
        hatch = _HATCHES[seen[colors[name]] % len(_HATCHES)] if len(contents) > len(PALETTE) else None
        seen[colors[name]] += 1
        steps[name] = add_step(
            ax, base + content.values, content.edges, baseline=base, facecolor=colors[name],
            edgecolor="white", linewidth=0.6, zorder=1.2, hatch=hatch,
        )  # fmt: skip
    return steps, piled


def _draw_stack_legend(
    ax: Axes, dressed: Any, steps: Mapping[str, StepPatch], points: Points | None, note: str
) -> Legend:
    handles: list[tuple[Any, str]] = []
    if points is not None:
        handles.append((Line2D([], [], color=DATA_COLOR, marker="o", markersize=4.5, linewidth=1.1), "Data"))
    for name, step in reversed(list(steps.items())):
        handles.append(
            (
                Patch(
                    facecolor=step.get_facecolor(), edgecolor="white", linewidth=0.6, hatch=step.get_hatch()
                ),
                readable(name),
            )
        )
    handles.append((Patch(**BAND), "Uncertainty"))
    columns = 1 if len(handles) <= 5 else 2
    drawn, texts = zip(*handles, strict=True)
    return draw_legend(ax, dressed, note=note, handles=drawn, labels=texts, ncols=columns, columnspacing=1.0)


def _as_content(sample: HistogramLike | ArrayLike, edges: NDArray[np.float64] | None) -> Content:
    if isinstance(sample, Content):
        return sample
    if hasattr(sample, "axes"):
        return read_content(cast("HistogramLike", sample))
    values = np.asarray(sample, dtype=float)
    if edges is None or edges.size != values.size + 1:
        if edges is not None and edges.size:
            raise BinningError(f"{values.size} values need {values.size + 1} edges, there are {edges.size}.")
        edges = np.arange(0.5, values.size + 1)
    return Content(edges, values, np.zeros_like(values))


def _spread(contents: Sequence[Content], uncertainty: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if uncertainty is not None:
        return np.asarray(uncertainty, dtype=float)
    summed = np.sum([content.variances for content in contents], axis=0)
    return np.asarray(np.sqrt(summed), dtype=np.float64)


def _upper_ends(observed: Content, per_width: bool) -> Content:
    high = np.nan_to_num(data_points(observed, per_width)[2])
    return Content(observed.edges, high, np.zeros_like(high))
