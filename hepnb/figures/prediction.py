"""Expected and observed events of a model: one channel or all, before and after a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.names import plain, shorten_all
from hepnb.figures.stack import StackArtists, draw_stack
from hepnb.figures.steps import step_data
from hepnb.figures.style import colors_for, style_named

if TYPE_CHECKING:
    from hepnb.fits import YieldResults

__all__ = ["BinsShown", "draw_bins", "draw_prediction", "draw_prefit_postfit", "stacking_order"]

_LONG_NAME = 18  # letters of a name below a bin
_FLAT_SHARE = 0.8  # of the width: names that need more are turned
BIN_ERRORS, BIN_ERRORS_COLOR = "Bin uncertainties", "#bdbdbd"
"""What datacards add to a whole bin belongs to no sample; it is an entry of its own, negative too."""

_LETTER = 0.6  # width of a letter in units of its height


@drawing
def draw_prediction(
    result: YieldResults,
    ax: Axes,
    *,
    channel: str = "",
    ratio_ax: Axes | None = None,
    log_y: bool = False,
    note: str | None = None,
    style: str = "hepnb",
) -> StackArtists:
    """Draw the samples of a channel on top of each other, their uncertainty, and the data.

    Parameters
    ----------
    result : YieldResults
        The results of :func:`hepnb.yields`.
    ax : Axes
        For the stack: the signal on top, the largest background at the bottom.
    channel : str
        Which one; all side by side where it is left out.
    ratio_ax : Axes, optional
        For data over prediction; see :func:`hepnb.figures.lay_out`.
    log_y : bool
        Logarithmic y axis.
    note : str, optional
        One line above the legend; the channel, and whether it is before or after the fit, where left out.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    StackArtists
        What was drawn.

    Raises
    ------
    ModelError
        There is no such channel.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> draw_prediction(hepnb.yields(None, model), Figure().add_subplot()).total.get_data().values
    array([62., 63.])
    """
    wanted = "the YieldResults of hepnb.yields"
    check_result(result, ("values", "uncertainty", "samples", "slices"), "draw_prediction", wanted)
    check_axes(ax)
    only = channel or (result.channels[0] if len(result.channels) == 1 else "")
    where = result.channel(only) if only else slice(0, result.data.size)
    chosen = [result.channels.index(only)] if only else list(range(len(result.channels)))
    inside = [row for row in range(len(result.samples)) if result.present[row, chosen].any()]
    rates = {result.samples[row]: result.values[row, where] for row in inside}
    order = stacking_order({name: float(values.sum()) for name, values in rates.items()}, result.signals)
    stack = {name: rates[name] for name in order}
    added = result.values[-1, where] - np.sum([*stack.values()], axis=0)
    if np.abs(added).max(initial=0.0) > 1e-9 * np.abs(result.values[-1]).max():
        stack[BIN_ERRORS] = added
    return draw_bins(
        stack,
        ax,
        bins=BinsShown(
            result.slices,
            only,
            result.edges.get(only),
            result.titles.get(only, ""),
            result.bin_labels.get(only),
        ),
        data=result.data[where],
        ratio_ax=ratio_ax,
        uncertainty=result.uncertainty[-1, where],
        colors={**colors_for(result.samples, dict(result.colors)), BIN_ERRORS: BIN_ERRORS_COLOR},
        log_y=log_y,
        ratio_title="Data / model",
        note=plain(" ".join(filter(None, (only, result.label)))) if note is None else note,
        style=style,
    )


@dataclass(frozen=True)
class BinsShown:
    """The bins of a picture: those of one channel, or of all side by side.

    Parameters
    ----------
    slices : mapping of str to slice
        The bins of each channel in the model.
    channel : str
        The channel; empty for all.
    edges : sequence of float, optional
        Bin edges of the channel, where they are known.
    title : str
        What the channel's axis is called.
    labels : sequence of str, optional
        The names of its bins.
    """

    slices: Mapping[str, slice]
    channel: str = ""
    edges: Sequence[float] | None = None
    title: str = ""
    labels: Sequence[str] | None = None

    def name(self, pair: Sequence[Axes], size: int) -> None:
        """Write the numbers or names of bins that have no edges."""
        if self.edges is not None:
            return
        pair[-1].set_xlim(0.5, size + 0.5)
        if self.channel:
            _name_bins(pair, self.labels)
        else:
            _name_channels(pair, self.slices)


def draw_bins(
    rates: Mapping[str, ArrayLike], ax: Axes, *, bins: BinsShown, ratio_ax: Axes | None = None, **how: Any
) -> StackArtists:
    """Draw a stack of samples whose bins may be numbers, categories or channels.

    Parameters
    ----------
    rates : mapping of str to array_like, shape (n_bins,)
        From the bottom to the top.
    ax, ratio_ax : Axes
        The picture, and its ratio below.
    bins : BinsShown
        Which bins these are.
    **how
        Keywords of :func:`hepnb.figures.draw_stack`.

    Returns
    -------
    StackArtists
        What was drawn.
    """
    size = np.size(next(iter(rates.values())))
    pair = [ax, *([ratio_ax] if ratio_ax is not None else [])]
    # Names need room below, and the height that is left decides where the legend goes.
    bins.name(pair, size)
    edges = np.arange(size + 1) + 0.5 if bins.edges is None else bins.edges
    title = plain(bins.title) or ("Bin" if bins.edges is None else "")
    drawn = draw_stack(
        rates, ax, ratio_ax=ratio_ax, edges=[float(edge) for edge in edges], x_title=title, **how
    )
    bins.name(pair, size)
    if bins.edges is None and not bins.channel:
        _part_channels(pair, bins.slices)
    return drawn


def stacking_order(sizes: Mapping[str, float], signals: Sequence[str] = ()) -> list[str]:
    """Return the samples from the bottom of a stack to its top: backgrounds by size, then the signal.

    Parameters
    ----------
    sizes : mapping of str to float
        The yield of each sample.
    signals : sequence of str
        Those that the parameter of interest scales.

    Returns
    -------
    list of str
        All samples.

    Examples
    --------
    >>> stacking_order({"signal": 900.0, "fakes": 3.0, "ttbar": 40.0}, ["signal"])
    ['ttbar', 'fakes', 'signal']
    """
    return sorted(sizes, key=lambda name: (name in signals, -sizes[name]))


def _name_bins(pair: Sequence[Axes], labels: Sequence[str] | None = None) -> None:
    """Number the bins of a channel from 1, or write their names."""
    lowest = pair[-1]
    lowest.xaxis.set_minor_locator(NullLocator())
    if labels:
        _write_names(pair, range(1, len(labels) + 1), labels)
    else:
        lowest.xaxis.set_major_locator(MaxNLocator(integer=True))


def _part_channels(pair: Sequence[Axes], slices: Mapping[str, slice]) -> None:
    for start in sorted(where.start for where in slices.values())[1:]:
        for axes in pair:
            axes.axvline(start + 0.5, color="#999999", linewidth=0.8, linestyle=":", zorder=1.05)


def _name_channels(pair: Sequence[Axes], slices: Mapping[str, slice]) -> None:
    """Write the names of channels that lie side by side; bin i is at i + 1."""
    parts = sorted(slices.items(), key=lambda item: item[1].start)
    pair[-1].xaxis.set_minor_locator(NullLocator())
    _write_names(
        pair, [(where.start + 1 + where.stop) / 2 for _, where in parts], [name for name, _ in parts]
    )


def _write_names(pair: Sequence[Axes], places: Sequence[float], names: Sequence[str]) -> None:
    """Write names below the axes, turned where they do not fit side by side, and make room for them."""
    lowest = pair[-1]
    figure = cast("Figure", lowest.get_figure(root=True))
    width = float(lowest.get_window_extent().width) / figure.dpi  # inches
    short = [plain(name) for name in shorten_all(names, _LONG_NAME)]
    size = float(np.clip(0.72 * 72 * width / len(names), 5.0, 8.5))
    flat = len(names) * max(map(len, short)) * _LETTER * size / 72 < _FLAT_SHARE * width
    crowded = len(names) * 1.9 * size / 72 > width
    rotation = 0 if flat else 90 if crowded else 30
    align = "center" if flat or crowded else "right"
    lowest.set_xlabel("")
    lowest.set_xticks(list(places), short, rotation=rotation, ha=cast("Any", align), fontsize=size)
    if not flat:
        for label in lowest.get_xticklabels():
            label.set_rotation_mode("default" if crowded else "anchor")
        _make_room_below(lowest)


def _make_room_below(ax: Axes) -> None:
    """Move the lower end of all pictures of a grid up, so that the names below them fit the figure."""
    figure = cast("Figure", ax.get_figure(root=True))
    place = ax.get_subplotspec()
    outer = ax.get_tightbbox()
    if place is None or outer is None:
        return
    grid: Any = place.get_topmost_subplotspec().get_gridspec()
    needed = (ax.get_window_extent().y0 - outer.y0) / figure.bbox.height + 0.06 / figure.get_size_inches()[1]
    present = grid.get_subplot_params(figure).bottom
    if needed > present:
        _move_grid(figure, grid, bottom=min(needed, 0.5))


def _move_grid(figure: Figure, grid: Any, **ends: float) -> None:
    """Change an end of all pictures of a grid."""
    grid.update(**ends)
    # That moves the axes of figures of pyplot only.
    for other in figure.axes:
        spec = other.get_subplotspec()
        if spec is not None and spec.get_topmost_subplotspec().get_gridspec() is grid:
            other.set_position(spec.get_position(figure))


def _too_wide(drawn: StackArtists) -> bool:
    """Return whether a legend reaches over the sides of its picture."""
    return bool(drawn.legend.get_window_extent().width > 0.94 * drawn.axes.get_window_extent().width)


def _share_legend(pair: Sequence[StackArtists], titles: Sequence[str], style: str) -> None:
    """Draw one legend above pictures that are too narrow for one each."""
    figure = cast("Figure", pair[0].axes.get_figure(root=True))
    chosen = style_named(style)
    size = 0.88 * chosen.legend_size * chosen.scale(figure)
    first = pair[0].legend
    handles, labels = first.legend_handles, [text.get_text() for text in first.get_texts()]
    for drawn, title in zip(pair, titles, strict=True):
        drawn.legend.remove()
        data = drawn.data
        highest = float(np.max(step_data(drawn.total)[0], initial=0.0))
        if data is not None:
            highest = max(highest, float(np.nanmax(data.ends[1], initial=0.0)))
        ax = drawn.axes
        low = ax.get_ylim()[0]
        ax.set_ylim(low, 3.0 * highest if ax.get_yscale() == "log" else low + 1.12 * (highest - low))
        ax.set_title(title, loc="right", fontsize=size, family=list(chosen.family), pad=3)
    family = FontProperties(family=list(chosen.family), size=size)
    columns = len(labels)
    while True:
        legend = figure.legend(
            cast("Any", handles), labels, loc="upper center", ncols=columns, frameon=False, prop=family,
            handlelength=1.4, columnspacing=1.0, labelspacing=0.25, borderaxespad=0.2, borderpad=0.1,
        )  # fmt: skip
        box = legend.get_window_extent()
        if columns == 1 or box.width < 0.98 * figure.bbox.width:
            break
        legend.remove()
        columns = -(-columns // 2) if columns > 4 else columns - 1
    place = pair[0].axes.get_subplotspec()
    if place is None:
        return
    room = (box.height + 2.2 * size * figure.dpi / 72) / figure.bbox.height
    _move_grid(figure, place.get_topmost_subplotspec().get_gridspec(), top=max(1 - room, 0.55))


@drawing
def draw_prefit_postfit(
    prefit: YieldResults,
    postfit: YieldResults,
    axes: Sequence[Axes],
    *,
    channel: str = "",
    ratio_axes: Sequence[Axes] | None = None,
    log_y: bool = False,
    style: str = "hepnb",
) -> tuple[StackArtists, StackArtists]:
    """Draw a channel before and after a fit side by side, with the same y axis.

    Parameters
    ----------
    prefit, postfit : YieldResults
        The results of :func:`hepnb.yields` without and with a fit of the same model.
    axes : sequence of Axes, shape (2,)
        For the two stacks.
    channel : str
        Which one; all side by side where it is left out.
    ratio_axes : sequence of Axes, shape (2,), optional
        For data over prediction.
    log_y : bool
        Logarithmic y axes.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    tuple of StackArtists
        Of both.

    Raises
    ------
    HepnbError
        There are not two axes, or the two are not of the same channels and samples.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> before = hepnb.yields(None, model)
    >>> after = hepnb.yields(None, model, result=hepnb.fit(None, model))
    >>> figure = Figure(figsize=(9, 4))
    >>> [[left, below], [right, beside]] = hepnb.figures.lay_out(figure, ratio=True, columns=2, ratios=2)
    >>> drawn = draw_prefit_postfit(before, after, (left, right), ratio_axes=(below, beside))
    >>> left.get_ylim() == right.get_ylim()
    True
    """
    if len(axes) != 2 or (ratio_axes is not None and len(ratio_axes) != 2):
        raise HepnbError(
            "draw_prefit_postfit needs two axes, one for each picture, and two or no ratio axes."
        )
    wanted = "two YieldResults of hepnb.yields"
    for one in (prefit, postfit):
        check_result(one, ("channels", "samples", "label"), "draw_prefit_postfit", wanted)
    if (prefit.channels, prefit.samples) != (postfit.channels, postfit.samples):
        raise HepnbError("the yields before and after the fit are of different channels or samples.")
    pair = [
        draw_prediction(
            one, ax, channel=channel, ratio_ax=None if ratio_axes is None else ratio_axes[place], log_y=log_y,
            style=style,
        )
        for place, (one, ax) in enumerate(zip((prefit, postfit), axes, strict=True))
    ]  # fmt: skip
    if any(_too_wide(drawn) for drawn in pair):
        _share_legend(pair, [one.label for one in (prefit, postfit)], style)
    for group in (axes, ratio_axes or ()):
        if group:
            ends = np.array([ax.get_ylim() for ax in group])
            for ax in group:
                ax.set_ylim(ends[:, 0].min(), ends[:, 1].max())
    return pair[0], pair[1]
