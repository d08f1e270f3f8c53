"""Upper limits against a coordinate of the signals, such as their mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import ModelError
from hepnb.figures.inputs import CurvesShown, check_axes, check_result, curves_shown, drawing
from hepnb.figures.layout import draw_legend, make_room
from hepnb.figures.style import SIGMA_CLASSIC, SIGMA_SAFE, dress
from hepnb.model import as_numbers

if TYPE_CHECKING:
    from hepnb.limits import GridResults

__all__ = ["MassLimitArtists", "coordinate", "draw_limits_vs_mass"]

FloatArray = NDArray[np.float64]

_THEORY_COLOR = "#bd1f01"


@dataclass(frozen=True)
class MassLimitArtists:
    """Artists of :func:`draw_limits_vs_mass`.

    Parameters
    ----------
    axes : Axes
        Where.
    two_sigma, one_sigma : FillBetweenPolyCollection
        The expected bands.
    expected, observed : Line2D
        The limits.
    theory : Line2D
        The signal strength 1, or the cross-section.
    beyond : Line2D
        A mark at the top for each signal without an observed limit.
    failed : Line2D
        A cross at the bottom for each signal that could not be tested.
    legend : Legend
        With the level.
    """

    axes: Axes
    two_sigma: FillBetweenPolyCollection
    one_sigma: FillBetweenPolyCollection
    expected: Line2D
    observed: Line2D
    theory: Line2D
    beyond: Line2D
    failed: Line2D
    legend: Legend


@drawing
def draw_limits_vs_mass(
    result: GridResults,
    ax: Axes,
    x: str | int | ArrayLike = 0,
    *,
    cross_section: ArrayLike | None = None,
    classic: bool = False,
    log_y: bool = True,
    curves: CurvesShown = "both",
    x_title: str = "",
    y_title: str = "",
    style: str = "hepnb",
) -> MassLimitArtists:
    """Draw the observed and expected upper limits of a grid against one of its coordinates.

    Parameters
    ----------
    result : GridResults
        From :func:`hepnb.limit_grid`, with limits.
    ax : Axes
        Where to draw.
    x : str, int or array_like, shape (n,)
        A coordinate by label or position, or values of one's own.
    cross_section : array_like, shape (n,), optional
        Of each signal at nominal strength, in the order of the grid: limits are then cross-sections too.
    classic : bool
        Green and yellow bands.
    log_y : bool
        Logarithmic y axis.
    curves : {"both", "expected", "observed"}
        What is drawn; of "expected" alone the picture shows nothing of the data.
    x_title, y_title : str
        Axis titles; the coordinate's label, and the signal strength, where not given.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    MassLimitArtists
        The artists.

    Raises
    ------
    ModelError
        No such coordinate, two signals at one place, or no limits in the grid.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from hepnb.limits import limit_grid
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0], [50.0], [3.0], observed=[51])
    >>> signals = {
    ...     f"m{mass}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields]}]
    ...     for mass, yields in [(300, 40.0), (400, 20.0), (500, 8.0)]
    ... }
    >>> grid = limit_grid(workspace, signals, labels=["m [GeV]"])
    >>> draw_limits_vs_mass(grid, Figure().add_subplot()).axes.get_xlabel()
    'm [GeV]'
    """
    drawn = ("observed", "expected", "coordinates", "status")
    check_result(result, drawn, "draw_limits_vs_mass", "the GridResults of hepnb.limit_grid")
    check_axes(ax)
    with_observed, with_expected = curves_shown(curves)
    title, where = coordinate(result, x)
    order = np.argsort(where, kind="stable")
    scale = _scale(cross_section, len(where))
    mass, observed = where[order], (result.observed * scale)[order]
    expected = (result.expected * scale[:, None])[order]
    if not np.isfinite(expected).any() and not np.isfinite(observed).any():
        raise ModelError(
            "no signal of the grid has an upper limit. Look at its messages; limits=True finds them."
        )
    ax.set_yscale("log" if log_y else "linear")
    strength = (
        "Upper limit on the signal strength" if cross_section is None else "Upper limit on the cross-section"
    )
    dressed = dress(ax, style, x_title=x_title or title, y_title=y_title or strength)
    inner, outer = SIGMA_CLASSIC if classic else SIGMA_SAFE
    two, one = (
        ax.fill_between(
            mass, expected[:, low], expected[:, high], where=list(np.isfinite(expected[:, high])),
            color=color, linewidth=0, zorder=zorder,
        )
        for low, high, color, zorder in ((0, 4, outer, 1.1), (1, 3, inner, 1.2))
    )  # fmt: skip
    (theory,) = ax.plot(mass, scale[order], color=_THEORY_COLOR, linewidth=1.3, zorder=2.0)
    (middle,) = ax.plot(mass, expected[:, 2], "k--", linewidth=1.5, zorder=2.2)
    (line,) = ax.plot(mass, observed, "k-", marker="o", markersize=3.6, linewidth=1.7, zorder=2.3)
    status = result.status[order]
    marks = []
    for chosen, marker, height in (
        ((status == "no limit") & with_observed, "^", 0.985),
        (np.isnan(result.CLs_obs[order]), "x", 0.015),
    ):
        (mark,) = ax.plot(
            mass[chosen], np.full(chosen.sum(), height), color=_THEORY_COLOR, marker=marker, linestyle="none",
            markersize=6, zorder=2.4, transform=ax.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
        marks.append(mark)
    middle_text = "Expected" if with_observed else f"Expected ({100 * result.cl:g} % CL)"
    entries = {
        line: f"Observed ({100 * result.cl:g} % CL)", middle: middle_text, one: "Expected ± 1σ",
        two: "Expected ± 2σ", theory: "Signal strength 1" if cross_section is None else "Theory",
    }  # fmt: skip
    entries |= {
        mark: text
        for mark, text in zip(marks, ("No observed limit in range", "No result"), strict=True)
        if np.size(mark.get_xdata())
    }
    line.set_visible(with_observed)
    for artist in (two, one, middle):
        artist.set_visible(with_expected)
    entries = {artist: text for artist, text in entries.items() if artist.get_visible()}
    legend = draw_legend(ax, dressed, handles=list(entries), labels=list(entries.values()))
    parts = [[observed] * with_observed, [expected] * with_expected, [scale[order]]]
    _set_limits(ax, legend, mass, np.column_stack([one for part in parts for one in part]), log_y)
    return MassLimitArtists(ax, two, one, middle, line, theory, marks[0], marks[1], legend)


def coordinate(result: GridResults, x: str | int | ArrayLike) -> tuple[str, FloatArray]:
    """Return the title and the values of a coordinate in which every signal lies at another place."""
    if isinstance(x, str | int):
        place = result.axis(x)
        title, where = result.labels[place], result.coordinates[:, place]
    else:
        title, where = "", as_numbers(x, "x")
    if where.shape != (len(result),):
        raise ModelError(
            f"x has shape {where.shape}, the grid {len(result)} signals. Give one value for each."
        )
    values, counts = np.unique(where, return_counts=True)
    if (counts > 1).any():
        at = values[np.argmax(counts)]
        raise ModelError(
            f"{counts.max()} signals lie at {title or 'x'} = {at:g}. Keep one of them: "
            'grid.select({"label": value}), or draw their contours.'
        )
    return title, where


def _scale(cross_section: ArrayLike | None, count: int) -> FloatArray:
    if cross_section is None:
        return np.ones(count)
    scale = as_numbers(cross_section, "cross_section")
    if scale.shape != (count,) or not (scale > 0).all():
        raise ModelError(
            f"cross_section has shape {scale.shape}. Give {count} positive numbers, one per signal."
        )
    return scale


def _set_limits(ax: Axes, legend: Legend, mass: FloatArray, values: FloatArray, log_y: bool) -> None:
    margin = 0.03 * float(np.ptp(mass)) or 0.5
    low, high = float(mass[0]), float(mass[-1])
    ax.set_xlim(*((low - margin, high + margin) if len(mass) == 1 else (low, high)))
    tops = np.nanmax(values, axis=1)
    lowest = float(np.nanmin(values))
    edges = mass if len(mass) > 1 else np.array([low - margin, high + margin])
    make_room(
        ax, legend, edges, np.maximum(tops[1:], tops[:-1]) if len(mass) > 1 else tops,
        floor=lowest / 2 if log_y else 0.0,
    )  # fmt: skip
