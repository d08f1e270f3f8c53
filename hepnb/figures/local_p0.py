"""Local p-values of the background alone against a coordinate of the signals, such as their mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from hepnb.errors import ModelError
from hepnb.figures.inputs import CurvesShown, check_axes, check_result, curves_shown, drawing
from hepnb.figures.layout import draw_legend
from hepnb.figures.mass_limits import coordinate
from hepnb.figures.style import dress
from hepnb.typing import FloatArray

if TYPE_CHECKING:
    from hepnb.limits import GridResults

__all__ = ["LocalP0Artists", "draw_p0_vs_mass"]

_LEVEL_COLOR = "#bd1f01"
_FEWEST = 3  # standard deviations that are always in the picture
_CROWDED = 7  # beyond which the first of them lie too close for titles
_MOST_EXPECTED = 6  # beyond which an expected p-value may leave it


@dataclass(frozen=True)
class LocalP0Artists:
    """Artists of :func:`draw_p0_vs_mass`.

    Parameters
    ----------
    axes : Axes
        Where.
    expected, observed : Line2D
        The p-values.
    levels : tuple of Line2D
        Horizontal lines at 0, 1, 2, ... standard deviations.
    titles : tuple of Annotation
        What is written at these lines.
    failed : Line2D
        A cross for each signal without a p-value.
    legend : Legend
        Of the curves.
    """

    axes: Axes
    expected: Line2D
    observed: Line2D
    levels: tuple[Line2D, ...]
    titles: tuple[Annotation, ...]
    failed: Line2D
    legend: Legend


@drawing
def draw_p0_vs_mass(
    result: GridResults,
    ax: Axes,
    x: str | int | ArrayLike = 0,
    *,
    curves: CurvesShown = "both",
    x_title: str = "",
    style: str = "hepnb",
) -> LocalP0Artists:
    """Draw the local p-value of the background alone against one of the coordinates of a grid.

    Parameters
    ----------
    result : GridResults
        From ``hepnb.limit_grid(..., discovery=True)``.
    ax : Axes
        Where to draw; its y axis becomes logarithmic.
    x : str, int or array_like, shape (n,)
        A coordinate by label or position, or values of one's own.
    curves : {"both", "expected", "observed"}
        What is drawn; of "expected" alone the picture shows nothing of the data.
    x_title : str
        Axis title; the coordinate's label where not given.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    LocalP0Artists
        The artists.

    Raises
    ------
    ModelError
        No such coordinate, two signals at one place, or no p-values in the grid.

    References
    ----------
    Eqs. (12), (52) and (53) of arXiv:1007.1727.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from hepnb.limits import limit_grid
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0], [50.0], [3.0], observed=[71])
    >>> signals = {
    ...     f"m{mass}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields]}]
    ...     for mass, yields in [(300, 40.0), (400, 20.0), (500, 8.0)]
    ... }
    >>> grid = limit_grid(workspace, signals, labels=["m [GeV]"], limits=False, discovery=True)
    >>> [text.get_text() for text in draw_p0_vs_mass(grid, Figure().add_subplot()).titles]
    ['0σ', '1σ', '2σ', '3σ', '4σ', '5σ']
    """
    check_result(result, ("p0", "p0_exp", "coordinates"), "draw_p0_vs_mass", "the GridResults of limit_grid")
    check_axes(ax)
    with_observed, with_expected = curves_shown(curves)
    title, where = coordinate(result, x)
    order = np.argsort(where, kind="stable")
    place, observed, expected = where[order], result.p0[order], result.p0_exp[order]
    if not np.isfinite(observed).any():
        raise ModelError(
            "no signal of the grid has a p-value. Find them with limit_grid(..., discovery=True)."
        )
    ax.set_yscale("log")
    dressed = dress(ax, style, x_title=x_title or title, y_title="Local p-value")
    highest = max(_FEWEST, min(_most_sigmas(expected), _MOST_EXPECTED))
    if with_observed:
        highest = max(highest, _most_sigmas(observed))
    shown = range(highest + 1)
    levels = tuple(
        ax.axhline(float(ndtr(-sigma)), color=_LEVEL_COLOR, linewidth=0.9, linestyle=":", zorder=1.2)
        for sigma in shown
    )
    every = max(1, -(-highest // 12))  # no more titles than there is room for
    titled = [sigma for sigma in shown[::every] if highest <= _CROWDED or not 0 < sigma < _FEWEST]
    titles = tuple(
        ax.annotate(
            f"{sigma}σ", (1, float(ndtr(-sigma))), xycoords=("axes fraction", "data"), xytext=(-3, 2),
            textcoords="offset points", annotation_clip=True, ha="right", va="bottom", color=_LEVEL_COLOR,
            fontsize=0.75 * dressed.tick_size,
        )
        for sigma in titled
    )  # fmt: skip
    (middle,) = ax.plot(place, expected, "k--", linewidth=1.5, zorder=2.2)
    (line,) = ax.plot(place, observed, "k-", marker="o", markersize=3.6, linewidth=1.7, zorder=2.3)
    missing = place[np.isnan(observed)]
    (failed,) = ax.plot(
        missing, np.full(missing.size, 0.015), color=_LEVEL_COLOR, marker="x", linestyle="none", markersize=6,
        zorder=2.4, transform=ax.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip
    entries = {line: "Observed", middle: "Expected, signal strength 1"}
    if missing.size:
        entries[failed] = "No result"
    line.set_visible(with_observed)
    middle.set_visible(with_expected)
    entries = {artist: text for artist, text in entries.items() if artist.get_visible()}
    legend = draw_legend(ax, dressed, handles=list(entries), labels=list(entries.values()))
    margin = 0.03 * float(np.ptp(place)) or 0.5
    ax.set_xlim(float(place[0]) - margin, float(place[-1]) + margin)
    _make_room(ax, legend, float(ndtr(-(highest + 0.3))))
    return LocalP0Artists(ax, middle, line, levels, titles, failed, legend)


def _make_room(ax: Axes, legend: Legend, lowest: float) -> None:
    """Show p-values down to the lowest, however many decades that are, and the legend above the largest."""
    box = legend.get_window_extent().transformed(ax.transAxes.inverted())
    part = min(1.05 - box.y0, 0.6)  # of the height, for the legend
    bottom, middle = np.log10([lowest, 1.0])
    ax.set_ylim(lowest, 10 ** float((middle - part * bottom) / (1 - part)))


def _most_sigmas(p_values: FloatArray) -> int:
    """Return the largest significance, rounded up."""
    known = p_values[np.isfinite(p_values)]
    # Beyond 38 standard deviations a p-value is 0.
    return int(np.ceil((-ndtri(np.maximum(known, 1e-300))).max(initial=0.0)))
