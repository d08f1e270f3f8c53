"""The lower panel below overlaid histograms: each compared with the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.figures.content import Content
from hepnb.figures.layout import set_x_axis
from hepnb.figures.points import Points, draw_points
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import dress

__all__ = ["Below", "ComparisonArtists", "compared", "draw_comparison"]

Below = Literal["ratio", "pull"]
"""What is drawn below: value over reference, or their difference in units of its uncertainty."""
_TITLES: Mapping[str, str] = {"ratio": "Ratio", "pull": "Pull"}
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ComparisonArtists:
    """Artists of :func:`draw_comparison`.

    Parameters
    ----------
    axes : Axes
        Where.
    band : StepPatch
        Of ratios: the relative uncertainty of the first histogram; of pulls: from -1 to 1.
    points : tuple of Points
        One for each histogram after the first.
    below : {"ratio", "pull"}
        What they show.
    """

    axes: Axes
    band: StepPatch
    points: tuple[Points, ...]
    below: Below

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        return (self.band, *(artist for points in self.points for artist in points.moving))

    def update(self, contents: Sequence[Content]) -> None:
        """Show other numbers.

        Parameters
        ----------
        contents : sequence of Content
            The first is what the others are compared with.
        """
        first, *others = contents
        low, high = _band(first, self.below)
        move_step(self.band, high, first.edges, low)
        for points, other in zip(self.points, others, strict=True):
            values, errors = compared(other, first, self.below)
            points.update(first.centers, values, values - errors, values + errors)


def compared(content: Content, reference: Content, below: Below) -> tuple[FloatArray, FloatArray]:
    """Compare a histogram with another one, bin by bin.

    Parameters
    ----------
    content, reference : Content
        With the same bins.
    below : {"ratio", "pull"}
        The ratio has the uncertainty of `content` alone, the pull that of both, as independent ones, and 1.

    Returns
    -------
    values, errors : ndarray, shape (n_bins,)
        NaN where there is nothing to divide by.

    Raises
    ------
    BinningError
        Where the bins differ.

    Examples
    --------
    >>> edges = np.array([0.0, 1.0])
    >>> a, b = (Content(edges, np.array([n]), np.array([n])) for n in (9.0, 16.0))
    >>> [float(number[0]) for number in (*compared(a, b, "ratio"), *compared(a, b, "pull"))]
    [0.5625, 0.1875, -1.4, 1.0]
    """
    if content.values.size != reference.values.size or not np.allclose(content.edges, reference.edges):
        raise BinningError(
            f"histograms of {content.values.size} and {reference.values.size} bins, or of other edges, "
            "cannot be compared. Fill them with the same axis."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        if below == "ratio":
            values, errors = content.values / reference.values, content.errors / np.abs(reference.values)
        else:
            both = np.sqrt(np.maximum(content.variances + reference.variances, 0.0))
            values = (content.values - reference.values) / both
            errors = np.ones(values.size)
    known = np.isfinite(values) & np.isfinite(errors)
    return np.where(known, values, np.nan), np.where(known, errors, np.nan)


def _band(first: Content, below: Below) -> tuple[FloatArray, FloatArray]:
    if below == "pull":
        return -np.ones(first.values.size), np.ones(first.values.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.nan_to_num(first.errors / np.abs(first.values), posinf=0.0)
    return 1 - relative, 1 + relative


def draw_comparison(
    contents: Mapping[str, Content],
    ax: Axes,
    colors: Mapping[str, str],
    below: Below,
    x_title: str,
    style: str,
) -> ComparisonArtists:
    """Draw the comparison of histograms with the first.

    Parameters
    ----------
    contents : mapping of name to Content
        As they are drawn above.
    ax : Axes
        Where.
    colors : mapping of name to colour
        As above.
    below : {"ratio", "pull"}
        What is drawn.
    x_title, style : str
        As of :func:`hepnb.figures.draw_histogram`.

    Returns
    -------
    ComparisonArtists
        Which follow the picture above.
    """
    if below not in _TITLES:
        raise BinningError(f"below={below!r}: give 'ratio' or 'pull'.")
    dressed = dress(ax, style, x_title=x_title, y_title=_TITLES[below])
    ax.set_ylabel(_TITLES[below], loc="center")
    ax.yaxis.label.set_fontsize(
        0.88 * dressed.label_size * dressed.scale(cast("Figure", ax.get_figure(root=True)))
    )
    names = list(contents)
    first = contents[names[0]]
    low, high = _band(first, below)
    band = add_step(ax, high, first.edges, baseline=low, zorder=1.0, facecolor="#dddddd", edgecolor="none")
    middle = 1.0 if below == "ratio" else 0.0
    ax.axhline(middle, color="#777777", linewidth=0.9, zorder=1.1)
    points, away = [], [np.abs(high - middle)]
    for name in names[1:]:
        values, errors = compared(contents[name], first, below)
        ends = values - errors, values + errors
        points.append(draw_points(ax, first.centers, values, *ends, color=colors[name], size=3.0, zorder=3))
        away.append(np.abs(values - middle))
    _set_limits(ax, np.concatenate(away), below, [contents[name] for name in names[1:]], first)
    set_x_axis(ax, first)
    return ComparisonArtists(ax, band, tuple(points), below)


def _set_limits(ax: Axes, away: FloatArray, below: Below, others: Sequence[Content], first: Content) -> None:
    reach = float(np.nanmax(away, initial=0.05))
    if below == "pull":
        reach = min(max(1.2 * reach, 3.2), 12.0)
        ax.set_ylim(-reach, reach)
        return
    ratios = [compared(other, first, below)[0] for other in others]
    top = max((float(np.nanmax(ratio, initial=1.0)) for ratio in ratios), default=1.0)
    low = min((float(np.nanmin(ratio, initial=1.0)) for ratio in ratios), default=1.0)
    if low < 0.5 or top > 1.5:
        # Such as of cuts: parts of the first; beyond three times it everything else would be flat.
        ax.set_ylim(0.0, min(max(1.15 * top, 1.2), 3.0))
        return
    reach = max(1.2 * max(top - 1, 1 - low), 0.1)
    ax.set_ylim(1 - reach, 1 + reach)
