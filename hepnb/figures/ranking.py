"""The ranking: which parameters matter most for the parameter of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, MultipleLocator, NullLocator
from numpy.typing import NDArray

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend
from hepnb.figures.names import plain, shorten_all
from hepnb.figures.results import Ranked
from hepnb.figures.style import SIGMA_SAFE, Style, dress

__all__ = ["BreakdownArtists", "RankingArtists", "draw_breakdown", "draw_ranking"]

FloatArray = NDArray[np.float64]

_UP, _DOWN = "#3f90da", "#e76300"
_LONGEST = 40  # letters of a name
_PULL_SHARE = 0.34  # of the width, where the pulls are drawn too


@dataclass(frozen=True)
class RankingArtists:
    """Artists of :func:`draw_ranking`.

    Parameters
    ----------
    axes : Axes
        Of the impacts.
    labels : tuple of str
        The parameters drawn, from the top.
    prefit, postfit : tuple of BarContainer
        Bars up and down.
    pulls : Line2D, optional
        The pulls, where there are axes for them.
    legend : Legend
        Above the impacts.
    """

    axes: Axes
    labels: tuple[str, ...]
    prefit: tuple[BarContainer, BarContainer]
    postfit: tuple[BarContainer, BarContainer]
    pulls: Line2D | None
    legend: Legend


@drawing
def draw_ranking(
    result: Ranked,
    ax: Axes,
    *,
    pull_ax: Axes | None = None,
    at_most: int = 20,
    style: str = "hepnb",
) -> RankingArtists:
    """Draw the impact of each nuisance parameter on the parameter of interest, the largest on top.

    Filled bars are the changes of the parameter of interest when a nuisance parameter is held one post-fit
    standard deviation up or down, empty bars the same with the width of its auxiliary measurement.

    Parameters
    ----------
    result : RankingResults
        The results of :func:`hepnb.ranking`.
    ax : Axes
        For the impacts, in units of the parameter of interest.
    pull_ax : Axes, optional
        For the pulls, (best fit - centre) / width of the auxiliary measurement. Both axes are placed side by
        side in the room that they have together.
    at_most : int
        Draw so many parameters.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    RankingArtists
        What was drawn.

    Raises
    ------
    HepnbError
        There is no parameter, or no impact is known.

    References
    ----------
    Impacts as in ``cabinetry.visualize.ranking`` and in the ranking plots of ATLAS and CMS.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> draw_ranking(hepnb.ranking(None, model), Figure().add_subplot()).labels
    ('uncorr_bkguncrt[1]', 'uncorr_bkguncrt[0]')
    """
    attributes = ("labels", "poi", "prefit_up", "prefit_down", "postfit_up", "postfit_down")
    wanted = "the RankingResults of hepnb.ranking"
    check_result(result, attributes, "draw_ranking", wanted)
    check_axes(ax)
    impacts = np.array(
        [result.prefit_up, result.prefit_down, result.postfit_up, result.postfit_down], dtype=float
    )
    if not np.isfinite(impacts).any():
        reasons = ", ".join(dict.fromkeys(getattr(result, "reasons", {}).values()))
        raise HepnbError(
            "no impact is known, so there is no ranking to draw: "
            f"{reasons or 'every fit failed or was stopped'}."
        )
    size = np.nan_to_num(np.abs(impacts[2:])).max(axis=0)
    keep = np.argsort(-size, kind="stable")[: max(int(at_most), 1)]
    shown, rows = impacts[:, keep], np.arange(keep.size, dtype=float)
    dressed = dress(ax, style, x_title=f"Change of {plain(result.poi)}")
    bars = [
        _bars(ax, rows, values, color, filled=filled)
        for values, color, filled in zip(shown, (_UP, _DOWN) * 2, (False, False, True, True), strict=True)
    ]
    ax.axvline(0, color="#333333", linewidth=0.9, zorder=2.2)
    reach = 1.08 * float(np.nanmax(np.abs(shown), initial=0.0)) or 1.0
    ax.set_xlim(-reach, reach)
    points = None
    if pull_ax is not None:
        check_axes(pull_ax)
        check_result(result, ("centers", "widths", "bestfit", "uncertainty"), "draw_ranking", wanted)
        points = _draw_pulls(pull_ax, result, keep, style)
    names = [str(result.labels[index]) for index in keep]
    first = ax if pull_ax is None else pull_ax
    if pull_ax is not None:
        ax.tick_params(axis="y", labelleft=False)
    _name_rows(first, shorten_all(names, _LONGEST), dressed)
    for axes in {id(ax): ax, id(first): first}.values():
        axes.set_ylim(keep.size - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", length=0)
        axes.yaxis.set_minor_locator(NullLocator())
    unknown = int(np.count_nonzero(np.isnan(shown[2:]).any(axis=0)))
    left = len(result.labels) - keep.size
    notes = [f"{left} smaller ones not shown" if left else "", f"{unknown} unknown" if unknown else ""]
    legend = _draw_ranking_legend(ax, dressed, ", ".join(filter(None, notes)))
    _place(ax, pull_ax)
    return RankingArtists(ax, tuple(names), (bars[0], bars[1]), (bars[2], bars[3]), points, legend)


def _bars(ax: Axes, rows: FloatArray, values: FloatArray, color: str, *, filled: bool) -> BarContainer:
    how: dict[str, Any] = (
        {"color": color, "height": 0.62, "zorder": 1.5}
        if filled
        else {"facecolor": "none", "edgecolor": color, "linewidth": 1.1, "height": 0.8, "zorder": 2.0}
    )
    return ax.barh(rows, np.nan_to_num(values), **how)


def _draw_pulls(ax: Axes, result: Ranked, keep: NDArray[np.intp], style: str) -> Line2D:
    centers, widths, best, spread = (
        np.asarray(getattr(result, name), dtype=float)[keep]
        for name in ("centers", "widths", "bestfit", "uncertainty")
    )
    dress(ax, style, x_title=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$")
    known = np.isfinite(widths) & (widths > 0)
    scale = np.where(known, widths, np.nan)
    pulls, errors = (best - centers) / scale, spread / scale
    rows = np.arange(keep.size, dtype=float)
    ax.axvspan(-1, 1, facecolor=SIGMA_SAFE[0], alpha=0.25, linewidth=0, zorder=0.2)
    ax.axvline(0, color="#333333", linewidth=0.9, linestyle=":", zorder=0.3)
    sides = np.nan_to_num(errors)
    ends: Any = np.stack([np.array([pulls - sides, rows]).T, np.array([pulls + sides, rows]).T], axis=1)
    bars = LineCollection(ends[known], colors="black", linewidths=1.2, zorder=2)
    ax.add_collection(bars, autolim=False)
    points = Line2D(pulls, rows, color="black", marker="o", markersize=3.8, linestyle="none", zorder=2.1)
    ax.add_line(points)
    reach = max(1.6, 1.1 * float(np.nanmax(np.abs(pulls) + np.nan_to_num(errors), initial=0.0)))
    ax.set_xlim(-reach, reach)
    # A label every unit fits; the axes are narrow.
    ax.xaxis.set_major_locator(
        MultipleLocator(1) if reach < 3 else MaxNLocator(3, integer=True, symmetric=True)
    )
    return points


def _name_rows(ax: Axes, names: list[str], style: Style) -> None:
    figure = cast("Figure", ax.get_figure(root=True))
    room = float(ax.get_window_extent().height) / len(names) * 72 / figure.dpi
    size = float(np.clip(0.8 * room, 3.0, style.tick_size * style.scale(figure)))
    ax.set_yticks(range(len(names)), labels=[plain(name) for name in names], fontsize=size)


def _draw_ranking_legend(ax: Axes, style: Style, note: str) -> Legend:
    handles = [
        Patch(facecolor=_UP), Patch(facecolor=_DOWN),
        Patch(facecolor="none", edgecolor="#555555", linewidth=1.1),
    ]  # fmt: skip
    labels = ["+1σ", "−1σ", "before the fit"]
    if note:
        handles.append(Patch(facecolor="none", edgecolor="none"))
        labels.append(note)
    legend = draw_legend(ax, style, handles=handles, labels=labels, ncols=len(labels), columnspacing=0.9)
    legend.set_loc("lower right")
    legend.set_bbox_to_anchor((1.0, 1.0))
    legend.borderaxespad = 0.25
    return legend


def _place(ax: Axes, pull_ax: Axes | None) -> None:
    """Place the axes so that the names fit the figure, with the pulls left of the impacts."""
    figure = cast("Figure", ax.get_figure(root=True))
    width, height = figure.get_size_inches()
    first = ax if pull_ax is None else pull_ax
    outer, inner = first.get_tightbbox(), first.get_window_extent()
    below = max(_below(axes) for axes in filter(None, (ax, pull_ax))) / figure.dpi + 0.08
    left = 0.1 if outer is None else (inner.x0 - outer.x0) / figure.dpi + 0.08
    left, below = min(left, 0.55 * width), min(below, 0.5 * height)
    x, y = left / width, below / height
    free, top = 1 - x - 0.18 / width, 1 - y - 0.36 / height
    if pull_ax is None:
        ax.set_position((x, y, free, top))
        return
    gap = 0.16 / width
    share = _PULL_SHARE * free
    pull_ax.set_position((x, y, share - gap, top))
    ax.set_position((x + share, y, free - share, top))


def _below(ax: Axes) -> float:
    outer = ax.get_tightbbox()
    return 0.0 if outer is None else float(ax.get_window_extent().y0 - outer.y0)


@dataclass(frozen=True)
class BreakdownArtists:
    """Artists of :func:`draw_breakdown`.

    Parameters
    ----------
    axes : Axes
        Where.
    labels : tuple of str
        Groups, then the statistical and systematic parts and the total, from the top.
    bars : BarContainer
        Their sizes.
    """

    axes: Axes
    labels: tuple[str, ...]
    bars: BarContainer


@drawing
def draw_breakdown(result: Any, ax: Axes, *, style: str = "hepnb") -> BreakdownArtists:
    """Draw what groups of parameters contribute to the uncertainty of the parameter of interest.

    Parameters
    ----------
    result : RankingResults
        The results of :func:`hepnb.ranking`, with ``groups=`` for the impact of groups.
    ax : Axes
        Where to draw, in units of the parameter of interest.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    BreakdownArtists
        What was drawn.

    Raises
    ------
    HepnbError
        The uncertainty of the parameter of interest is not known, for instance as it is at a bound.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> ranking = hepnb.ranking(None, model, groups={"background": "uncorr_*"})
    >>> draw_breakdown(ranking, Figure().add_subplot()).labels
    ('background', 'all systematic', 'statistical', 'total')
    """
    wanted = "the RankingResults of hepnb.ranking"
    check_result(result, ("groups", "total", "statistical", "systematic", "poi"), "draw_breakdown", wanted)
    check_axes(ax)
    if not np.isfinite(result.total):
        raise HepnbError(
            f"the uncertainty of {result.poi!r} is not known, so there is nothing to divide. "
            "Look whether it is at a bound, or fixed."
        )
    groups = sorted(result.groups, key=lambda group: -np.nan_to_num(group.impact))
    labels = [*(group.name for group in groups), "all systematic", "statistical", "total"]
    sizes = [*(group.impact for group in groups), result.systematic, result.statistical, result.total]
    colors = [_UP] * len(groups) + ["#832db6", "#94a4a2", "#555555"]
    rows = np.arange(len(labels), dtype=float)
    dressed = dress(ax, style, x_title=f"Uncertainty of {plain(result.poi)}")
    bars = ax.barh(rows, np.nan_to_num(np.array(sizes, dtype=float)), color=colors, height=0.62, zorder=1.5)
    figure = cast("Figure", ax.get_figure(root=True))
    size = dressed.tick_size * dressed.scale(figure)
    for row, value in zip(rows, sizes, strict=True):
        words = (
            f" {value:.3g} ({100 * (value / result.total) ** 2:.0f} %)"
            if np.isfinite(value)
            else " not known"
        )
        ax.text(
            float(np.nan_to_num(value)), row, words, va="center", size=0.9 * size, family=list(dressed.family)
        )
    ax.set_xlim(0, 1.35 * float(np.nanmax(sizes)))
    ax.set_ylim(rows.size - 0.4, -0.6)
    _name_rows(ax, shorten_all(labels, _LONGEST), dressed)
    ax.tick_params(axis="y", which="both", length=0)
    ax.yaxis.set_minor_locator(NullLocator())
    _place(ax, None)
    return BreakdownArtists(ax, tuple(labels), bars)
