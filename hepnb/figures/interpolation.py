"""How a systematic moves a histogram: its templates, and the yield against the nuisance parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import BinningError
from hepnb.figures.content import Content
from hepnb.figures.inputs import drawing
from hepnb.figures.layout import draw_legend, make_room, set_x_axis, settle_y
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import PALETTE, dress
from hepnb.figures.titles import events_title, unit_of

__all__ = ["InterpolationArtists", "YieldArtists", "draw_interpolation", "draw_yields"]

_DOWN, _UP, _BETWEEN = PALETTE[0], PALETTE[2], PALETTE[1]
_CODE_LINES: Mapping[str, tuple[str, Any]] = {
    "code0": (PALETTE[0], "-"),
    "code1": (PALETTE[1], (0, (6, 2))),
    "code2": (PALETTE[2], (0, (1.5, 1.5))),
    "code4": (PALETTE[4], (0, (6, 2, 1.5, 2))),
    "code4p": (PALETTE[8], (0, (3, 1.5))),
}


@dataclass(frozen=True)
class InterpolationArtists:
    """Artists of :func:`draw_interpolation`.

    Parameters
    ----------
    axes : Axes
        Where.
    between : StepPatch
        The interpolated histogram.
    ratio : StepPatch, optional
        Its ratio to the nominal.
    nominal : ndarray, shape (n_bins,)
        The nominal yields.
    legend : Legend
        Of the upper panel.
    """

    axes: Axes
    between: StepPatch
    ratio: StepPatch | None
    nominal: NDArray[np.float64]
    legend: Legend

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        return (self.between, *([self.ratio] if self.ratio else []))

    def update(self, interpolated: ArrayLike) -> None:
        """Show another interpolated histogram; neither text nor limits change.

        Parameters
        ----------
        interpolated : array_like, shape (n_bins,)
            Yields.
        """
        values = np.asarray(interpolated, dtype=float)
        move_step(self.between, values)
        if self.ratio is not None:
            move_step(self.ratio, _relative(values, self.nominal))


@drawing
def draw_interpolation(
    down: ArrayLike,
    nominal: ArrayLike,
    up: ArrayLike,
    interpolated: ArrayLike,
    ax: Axes,
    *,
    ratio_ax: Axes | None = None,
    edges: Sequence[float] | NDArray[np.float64] | None = None,
    reach: tuple[ArrayLike, ArrayLike] | None = None,
    alpha_title: str = "Interpolated",
    x_title: str = "Bin",
    note: str = "",
    style: str = "hepnb",
) -> InterpolationArtists:
    """Draw the down, nominal and up templates and what is interpolated between them.

    Parameters
    ----------
    down, nominal, up, interpolated : array_like, shape (n_bins,)
        Yields.
    ax : Axes
        For the yields.
    ratio_ax : Axes, optional
        For the ratios to the nominal.
    edges : sequence of float, optional
        Bin edges; bins of width 1 where not given.
    reach : pair of array_like, shape (n_bins,), optional
        Lowest and highest yields that a moving parameter will give, so that the limits need not change.
    alpha_title : str
        Legend entry of the interpolated histogram.
    x_title : str
        Title of the x axis.
    note : str
        One line above the legend.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    InterpolationArtists
        Whose ``update(interpolated)`` follows a slider.

    Raises
    ------
    BinningError
        If the histograms differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> drawn = draw_interpolation([8, 9], [10, 10], [15, 12], [12.5, 11], Figure().add_subplot())
    >>> drawn.update([10.0, 10.0])
    """
    templates = [np.asarray(part, dtype=np.float64) for part in (down, nominal, up, interpolated)]
    sizes = {part.size for part in templates}
    if len(sizes) != 1:
        raise BinningError(
            "down, nominal, up and interpolated have "
            f"{', '.join(str(part.size) for part in templates)} bins. Give them the same number."
        )
    places = np.arange(0.5, sizes.pop() + 1) if edges is None else np.asarray(edges, dtype=np.float64)
    dressed = dress(
        ax, style, x_title="" if ratio_ax else x_title, y_title=_y_title(places, x_title, edges is None),
        tick_labels=ratio_ax is None,
    )  # fmt: skip
    lower, middle, upper, current = templates
    _step(ax, lower, places, _DOWN, "--", "Down, α = −1", 1.5)
    _step(ax, upper, places, _UP, "-.", "Up, α = +1", 1.5)
    _step(ax, middle, places, "black", "-", "Nominal", 1.6)
    between = _step(ax, current, places, _BETWEEN, "-", alpha_title, 1.9, fill=True)
    content = Content(places, middle, np.zeros_like(middle))
    set_x_axis(ax, content)
    legend = draw_legend(ax, dressed, note=note)
    lowest, highest = [np.asarray(part, dtype=np.float64) for part in reach] if reach else (current, current)
    outer = [np.nanmin([*templates[:3], lowest], axis=0), np.nanmax([*templates[:3], highest], axis=0)]
    settle_y(ax, legend, [Content(places, part, np.zeros_like(part)) for part in outer])
    if edges is None:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.xaxis.set_minor_locator(NullLocator())
    ratio = None
    if ratio_ax is not None:
        ratio = _draw_ratio(ratio_ax, templates, outer, places, x_title, style)
    return InterpolationArtists(ax, between, ratio, middle, legend)


def _draw_ratio(
    ax: Axes,
    templates: list[NDArray[np.float64]],
    outer: list[NDArray[np.float64]],
    edges: NDArray[np.float64],
    x_title: str,
    style: str,
) -> StepPatch:
    dressed = dress(ax, style, x_title=x_title)
    ax.set_ylabel("Ratio to nominal", loc="center")
    figure: Any = ax.get_figure(root=True)
    ax.yaxis.label.set_fontsize(0.85 * dressed.label_size * dressed.scale(figure))
    lower, middle, upper, current = templates
    ax.axhline(1.0, color="black", linewidth=1.0, zorder=1.1)
    _step(ax, _relative(lower, middle), edges, _DOWN, "--", None, 1.4)
    _step(ax, _relative(upper, middle), edges, _UP, "-.", None, 1.4)
    ratio = _step(ax, _relative(current, middle), edges, _BETWEEN, "-", None, 1.8)
    away = np.abs(np.concatenate([_relative(part, middle) for part in outer]) - 1)
    reach = min(max(1.1 * float(np.nanmax(away, initial=0.0)), 0.02), 2.0)
    ax.set_ylim(1 - reach, 1 + reach)
    ax.set_xlim(float(edges[0]), float(edges[-1]))
    return ratio


@dataclass(frozen=True)
class YieldArtists:
    """Artists of :func:`draw_yields`.

    Parameters
    ----------
    axes : Axes
        Where.
    cursor, marker : Line2D
        The vertical line at alpha, and the point on the curve.
    legend : Legend
        Of the codes.
    """

    axes: Axes
    cursor: Line2D
    marker: Line2D
    legend: Legend

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        return (self.cursor, self.marker)

    def update(self, alpha: float, value: float) -> None:
        """Move the cursor; neither text nor limits change.

        Parameters
        ----------
        alpha : float
            The nuisance parameter.
        value : float
            The yield there.
        """
        self.cursor.set_xdata([alpha, alpha])
        self.marker.set_data([alpha], [value])


@drawing
def draw_yields(
    alphas: ArrayLike,
    yields: Mapping[str, ArrayLike],
    ax: Axes,
    *,
    code: str,
    alpha: float,
    value: float,
    anchors: tuple[float, float, float] | None = None,
    kinks: Sequence[float] = (),
    y_title: str = "Yield [events]",
    style: str = "hepnb",
) -> YieldArtists:
    """Draw the yield against the nuisance parameter for several interpolation codes.

    Parameters
    ----------
    alphas : array_like, shape (k,)
        Values of the nuisance parameter, in standard deviations.
    yields : mapping of code to array_like, shape (k,)
        One curve each.
    ax : Axes
        Where to draw.
    code : str
        The code in use; its curve is drawn bold.
    alpha, value : float
        Where the cursor is.
    anchors : tuple of float, optional
        The yields of the down, nominal and up templates.
    kinks : sequence of float
        Where the code in use is not smooth; marked on its curve.
    y_title : str
        Title of the y axis.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    YieldArtists
        Whose ``update(alpha, value)`` follows a slider.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> curves = {"code0": [8, 10, 15]}
    >>> drawn = draw_yields([-1, 0, 1], curves, Figure().add_subplot(), code="code0", alpha=0, value=10)
    >>> drawn.update(0.5, 12.5)
    """
    across = np.asarray(alphas, dtype=float)
    dressed = dress(ax, style, x_title="α", y_title=y_title)
    curves = {name: np.asarray(curve, dtype=float) for name, curve in yields.items()}
    for order, (name, curve) in enumerate(curves.items()):
        color, line = _CODE_LINES.get(name, (PALETTE[order % len(PALETTE)], "-"))
        bold = name == code
        ax.plot(
            across, curve, color=color, linestyle=line, linewidth=2.6 if bold else 1.3, label=name,
            zorder=2.0 if bold else 1.5, alpha=1.0 if bold else 0.9,
        )  # fmt: skip
    if code in curves and len(kinks):
        heights = np.interp(kinks, across, curves[code])
        ax.plot(
            kinks, heights, linestyle="none", marker="D", markersize=6, markerfacecolor="white",
            markeredgecolor=_CODE_LINES.get(code, ("black", "-"))[0], markeredgewidth=1.5, zorder=2.3,
            label=f"kinks of {code}",
        )  # fmt: skip
    if anchors is not None:
        ax.plot(
            [-1, 0, 1], anchors, linestyle="none", marker="o", color="black", markersize=4.5, zorder=2.4,
            label="templates",
        )  # fmt: skip
    (cursor,) = ax.plot(
        [alpha, alpha], [0, 1], color="#555555", linewidth=1.0, transform=ax.get_xaxis_transform()
    )
    (marker,) = ax.plot(
        [alpha], [value], marker="o", markersize=9, color=_BETWEEN, markeredgecolor="black", zorder=3
    )
    ax.set_xlim(float(across[0]), float(across[-1]))
    legend = draw_legend(ax, dressed)
    seen = np.concatenate([*curves.values(), [value]])
    seen = seen[np.isfinite(seen)]
    bottom, top = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    _settle_curves(ax, legend, across, curves, bottom, top)
    if bottom < 0:
        ax.axhspan(ax.get_ylim()[0], 0, facecolor="#94a4a2", alpha=0.25, linewidth=0, zorder=0.1)
        ax.axhline(0, color="#555555", linewidth=0.8, zorder=0.2)
    return YieldArtists(ax, cursor, marker, legend)


def _settle_curves(
    ax: Axes,
    legend: Legend,
    across: NDArray[np.float64],
    curves: Mapping[str, Any],
    bottom: float,
    top: float,
) -> None:

    margin = 0.06 * ((top - bottom) or 1.0)
    highest = np.nanmax([*curves.values()], axis=0)
    make_room(ax, legend, across, np.maximum(highest[1:], highest[:-1]), floor=bottom - margin)


def _step(
    ax: Axes,
    values: NDArray[np.float64],
    edges: NDArray[np.float64],
    color: str,
    line: str,
    label: str | None,
    width: float,
    *,
    fill: bool = False,
) -> StepPatch:
    shade: Any = (color, 0.25) if fill else "none"
    return add_step(
        ax, values, edges, baseline=0.0 if fill else None, edgecolor=color, facecolor=shade, fill=fill,
        linestyle=line, linewidth=width, label=label, zorder=1.9 if fill else 1.6,
    )  # fmt: skip


def _relative(values: NDArray[np.float64], nominal: NDArray[np.float64]) -> NDArray[np.float64]:
    good = nominal != 0
    return np.where(good, values / np.where(good, nominal, 1.0), np.nan)


def _y_title(edges: NDArray[np.float64], x_title: str, counted: bool) -> str:
    return "Events" if counted else events_title(edges, unit_of(x_title))
