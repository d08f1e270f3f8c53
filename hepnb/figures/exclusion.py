"""Exclusion contours in a plane of signals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from numpy.typing import NDArray

from hepnb.figures.inputs import CurvesShown, check_axes, check_result, curves_shown, drawing
from hepnb.figures.layout import draw_legend, make_room
from hepnb.figures.style import SIGMA_CLASSIC, SIGMA_SAFE, dress

if TYPE_CHECKING:
    from hepnb.limits import ExclusionResults, GridResults

__all__ = ["ExclusionArtists", "draw_exclusion"]

FloatArray = NDArray[np.float64]

_OBSERVED_COLOR = "#bd1f01"
_SIGNAL_COLOR = "#717581"
_NUMBER_COLOR = "#3b3d44"
# How far the axes reach beyond the signals, in parts of their range.
_MARGIN = 0.04
_MEDIAN = 3  # the row of the expected values


@dataclass(frozen=True)
class ExclusionArtists:
    """Artists of :func:`draw_exclusion`.

    Parameters
    ----------
    axes : Axes
        Where.
    bands : tuple of PolyCollection
        The expected bands, the widest first.
    expected, observed : LineCollection
        The contours.
    excluded, allowed : Line2D
        A mark for each signal.
    hull : Line2D
        The edge of the region that the signals span.
    numbers : tuple of Text
        What is written at the signals.
    legend : Legend
        With the words for curves that have no contour.
    """

    axes: Axes
    bands: tuple[PolyCollection, ...]
    expected: LineCollection
    observed: LineCollection
    excluded: Line2D
    allowed: Line2D
    hull: Line2D
    numbers: tuple[Text, ...]
    legend: Legend


@drawing
def draw_exclusion(
    result: ExclusionResults | GridResults,
    ax: Axes,
    *,
    sigmas: tuple[Literal[1, 2], ...] = (1,),
    signals: bool = True,
    numbers: bool = False,
    classic: bool = False,
    curves: CurvesShown = "both",
    x_title: str = "",
    y_title: str = "",
    style: str = "hepnb",
) -> ExclusionArtists:
    """Draw the observed and the expected exclusion contour with its band.

    Parameters
    ----------
    result : ExclusionResults or GridResults
        From :func:`hepnb.limits.exclusion`; of a grid, the contours in its first two coordinates.
    ax : Axes
        Where to draw. Axes that the contours were interpolated on logarithmically become logarithmic.
    sigmas : tuple of int
        Which expected bands to fill: 1, 2, both or none.
    signals : bool
        Mark the signals, full where they are excluded, so that it is seen which side of a contour is; in a
        blind picture, where they are expected to be.
    numbers : bool
        Write the observed upper limit (or CLs, if the contours are of CLs) beside each signal.
    classic : bool
        Green and yellow bands.
    curves : {"both", "expected", "observed"}
        What is drawn; of "expected" alone the picture shows nothing of the data.
    x_title, y_title : str
        Axis titles; the coordinates' labels where not given.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    ExclusionArtists
        The artists.

    Raises
    ------
    HepnbError
        The result is something else, or a grid that has no plane of signals.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from hepnb.limits import exclusion, limit_grid
    >>> from hepnb.workspace import uncorrelated_background
    >>> workspace = uncorrelated_background([12.0], [50.0], [3.0], observed=[51])
    >>> signals = {
    ...     f"s_{a}_{b}": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yields]}]
    ...     for a, b, yields in [(1, 1, 40.0), (2, 1, 20.0), (1, 2, 20.0), (2, 2, 8.0)]
    ... }
    >>> grid = limit_grid(workspace, signals, labels=["m1", "m2"], limits=False)
    >>> drawn = draw_exclusion(exclusion(grid), Figure().add_subplot())
    >>> [text.get_text() for text in drawn.legend.get_texts()]
    ['Observed limit (95 % CL)', 'Expected limit ± 1σ', 'Signal, excluded', 'Signal, not excluded']
    """
    shown = cast("ExclusionResults", result)
    if hasattr(result, "coordinates"):  # a grid
        from hepnb.limits import exclusion  # noqa: PLC0415  # half of the library, for grids only

        shown = exclusion(cast("GridResults", result))
    wanted = "the ExclusionResults of hepnb.limits.exclusion, or the GridResults of hepnb.limit_grid"
    check_result(shown, ("hull", "observed", "expected", "band", "points"), "draw_exclusion", wanted)
    check_axes(ax)
    with_observed, with_expected = curves_shown(curves)
    sigmas = sigmas if with_expected else ()
    ax.set_xscale("log" if shown.log[0] else "linear")
    ax.set_yscale("log" if shown.log[1] else "linear")
    dressed = dress(ax, style, x_title=x_title or shown.labels[0], y_title=y_title or shown.labels[1])
    colors = SIGMA_CLASSIC if classic else SIGMA_SAFE
    if 2 not in sigmas:
        colors = (colors[1], colors[1])  # the light one: the dashed line must be seen on it
    bands = []
    for sigma in sorted(sigmas, reverse=True):
        # Neighbouring pieces are outlined in their own colour, or the gaps between them would show.
        band = PolyCollection(
            list(shown.band(sigma)), facecolor=colors[sigma - 1], edgecolor=colors[sigma - 1],
            linewidth=0.6, zorder=1.2 - 0.1 * sigma,
        )  # fmt: skip
        bands.append(band)
        ax.add_collection(band, autolim=False)
    (hull,) = ax.plot(
        *np.vstack([shown.hull, shown.hull[:1]]).T,
        color=_SIGNAL_COLOR,
        linewidth=0.8,
        linestyle=":",
        zorder=1.3,
    )
    expected = LineCollection(
        list(shown.expected), colors="black", linestyles="--", linewidths=1.6, zorder=2.2
    )
    observed = LineCollection(list(shown.observed), colors=_OBSERVED_COLOR, linewidths=2.0, zorder=2.3)
    ax.add_collection(expected, autolim=False)
    ax.add_collection(observed, autolim=False)
    expected.set_visible(with_expected)
    observed.set_visible(with_observed)
    row = 0 if with_observed else _MEDIAN
    below = shown.values[row] < 0
    full, hollow = (
        Line2D(
            *shown.points[chosen].T, color=_SIGNAL_COLOR, marker="o", markersize=3.6, linestyle="none",
            markerfacecolor=face, markeredgewidth=0.9, zorder=2.1, visible=signals,
        )
        for chosen, face in ((below, _SIGNAL_COLOR), (~below, "white"))
    )  # fmt: skip
    ax.add_line(full)
    ax.add_line(hollow)
    written = _write_numbers(ax, shown, row, dressed.tick_size * 0.75) if numbers else ()
    legend = draw_legend(
        ax,
        dressed,
        note=_note(shown, curves),
        **_entries(shown, sigmas, colors, (full, hollow) if signals else (), curves),
    )
    _set_limits(ax, legend, shown, 2 * _MARGIN if numbers else _MARGIN)
    return ExclusionArtists(ax, tuple(bands), expected, observed, full, hollow, hull, written, legend)


def _entries(
    result: ExclusionResults,
    sigmas: tuple[Literal[1, 2], ...],
    colors: tuple[str, str],
    marks: tuple[Line2D, ...],
    curves: CurvesShown,
) -> dict[str, Any]:
    """Return the handles and the labels of the legend."""
    cl = 100 * result.cl
    dashed: Any = Line2D([], [], color="black", linestyle="--", linewidth=1.6)
    label = "Expected limit"
    if 1 in sigmas:
        dashed, label = (Patch(color=colors[0]), dashed), "Expected limit ± 1σ"
    handles = [Line2D([], [], color=_OBSERVED_COLOR, linewidth=2.0), dashed]
    labels = [f"Observed limit ({cl:g} % CL)", label]
    with_observed, with_expected = curves_shown(curves)
    handles = handles[not with_observed : 1 + with_expected]
    labels = labels[not with_observed : 1 + with_expected]
    if not with_observed:
        labels = [f"{label} ({cl:g} % CL)" for label in labels]
    if 2 in sigmas:
        handles.append(Patch(color=colors[1]))
        labels.append("± 2σ")
    texts = ("Signal, excluded", "Signal, not excluded")
    if not with_observed:
        texts = ("Signal, exclusion expected", "Signal, no exclusion expected")
    for mark, text in zip(marks, texts, strict=False):
        if len(cast("FloatArray", mark.get_xdata())):
            handles.append(mark)
            labels.append(text)
    return {"handles": handles, "labels": labels}


def _note(result: ExclusionResults, curves: CurvesShown) -> str:
    """Return the note that explains a missing contour and signals that are left out."""
    lines = [
        f"{name.capitalize()}: {words}"
        for name, words in result.words.items()
        if name in {"observed", "expected"} and curves in ("both", name)
    ]
    if len(lines) == 2 and len(set(result.words.values())) == 1:
        lines = [f"{result.words['observed'].capitalize()}, observed and expected"]
    if result.left_out:
        lines.append(f"{len(result.left_out)} of {len(result.left_out) + len(result.names)} signals left out")
    return "\n".join(lines)


def _write_numbers(ax: Axes, result: ExclusionResults, row: int, size: float) -> tuple[Text, ...]:
    small = 1e-3 if result.by == "CLs" else 0.0
    numbers = np.exp(result.values[row]) * (1 - result.cl if result.by == "CLs" else 1.0)
    texts = [f"{number:.2g}" if number >= small else f"<{small:g}" for number in numbers]
    scale = float(np.clip(cast("Figure", ax.get_figure(root=True)).get_size_inches()[0] / 6.4, 0.5, 2.0))
    return tuple(
        ax.annotate(
            text, place, xytext=(0, 3.5), textcoords="offset points", ha="center", va="bottom",
            fontsize=size * scale, color=_NUMBER_COLOR, zorder=2.1, annotation_clip=True,
        )
        for text, place in zip(texts, result.points, strict=True)
    )  # fmt: skip


def _set_limits(ax: Axes, legend: Legend, result: ExclusionResults, margin: float) -> None:
    """Show all signals, and leave the legend room above them."""
    (left, right), (low, high) = (
        _widened(result.points[:, axis], log, margin) for axis, log in zip((0, 1), result.log, strict=True)
    )
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    spacing = np.geomspace if result.log[0] else np.linspace
    edges = np.asarray(spacing(left, right, 41))
    # The hull is what is drawn at the highest; its upper side, sampled, is what the legend must clear.
    outline = np.vstack([result.hull, result.hull[:1]])
    middles = (edges[1:] + edges[:-1]) / 2
    tops = np.full(middles.size, low)
    for (x0, y0), (x1, y1) in pairwise(outline):
        inside = (middles >= min(x0, x1)) & (middles <= max(x0, x1)) & (x0 != x1)
        share = (middles[inside] - x0) / (x1 - x0 if x0 != x1 else 1.0)
        tops[inside] = np.maximum(tops[inside], y0 + share * (y1 - y0))
    make_room(ax, legend, edges, tops, floor=low)


def _widened(values: FloatArray, log: bool, part: float) -> tuple[float, float]:
    ends = np.array([values.min(), values.max()])
    ends = np.log(ends) if log else ends
    margin = part * (ends[1] - ends[0])
    ends = ends + np.array([-margin, margin])
    low, high = np.exp(ends) if log else ends
    return float(low), float(high)
