"""The lower panel: data over prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.figures.comparison import Below
from hepnb.figures.content import Content
from hepnb.figures.layout import set_x_axis
from hepnb.figures.points import Points, draw_points, poisson_interval
from hepnb.figures.steps import add_step, move_step
from hepnb.figures.style import DATA_COLOR, dress
from hepnb.figures.tlatex import readable

__all__ = ["BAND", "RatioArtists", "data_points", "draw_ratio", "over"]

FloatArray = NDArray[np.float64]
_TITLES = {"ratio": "Data / MC", "pull": "Pull"}
BAND: dict[str, Any] = {"facecolor": "none", "edgecolor": "#555555", "hatch": "////", "linewidth": 0.0}
"""The hatched area of an uncertainty."""


@dataclass(frozen=True)
class RatioArtists:
    """The lower panel: data over prediction, or pulls, with the prediction's uncertainty.

    Parameters
    ----------
    axes : Axes
        Where.
    band : StepPatch
        The relative uncertainty around 1; of pulls from -1 to 1.
    points : Points, optional
        Data over prediction, or pulls.
    below : {"ratio", "pull"}
        What is shown.
    """

    axes: Axes
    band: StepPatch
    points: Points | None
    below: Below = "ratio"

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that a move changes, in the order to draw them."""
        return (self.band, *(self.points.moving if self.points else ()))

    def update(
        self,
        edges: FloatArray,
        total: FloatArray,
        spread: FloatArray,
        observed: Content | None,
        per_width: bool = False,
    ) -> None:
        """Show other numbers.

        Parameters
        ----------
        edges : ndarray, shape (n_bins + 1,)
            Bin edges.
        total, spread : ndarray, shape (n_bins,)
            The prediction and its uncertainty, as they are drawn above.
        observed : Content, optional
            The data.
        per_width : bool
            Whether the prediction is divided by the bin widths.
        """
        low, high = _band(total, spread, self.below)
        move_step(self.band, high, edges, low)
        if self.points is not None and observed is not None:
            centers = (edges[1:] + edges[:-1]) / 2
            self.points.update(centers, *_lower_points(observed, total, spread, self.below, per_width))


def _band(total: FloatArray, spread: FloatArray, below: Below) -> tuple[FloatArray, FloatArray]:
    if below == "pull":
        return -np.ones(total.size), np.ones(total.size)
    relative = over(spread, total)
    return 1 - relative, 1 + relative


def _lower_points(
    observed: Content, total: FloatArray, spread: FloatArray, below: Below, per_width: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points of the lower panel, and the ends of their bars."""
    if below == "ratio":
        value, low, high = (over(part, total, np.nan) for part in data_points(observed, per_width))
        return value, low, high
    # A bin without entries has a pull too.
    values, low, high = data_points(observed, per_width, empty=True)
    values = np.where((values == 0) & (total == 0), np.nan, values)
    # The bar towards the prediction counts.
    error = np.where(values > total, values - low, high - values)
    both = np.hypot(error, spread)
    pull = np.where(both > 0, (values - total) / np.where(both > 0, both, 1.0), np.nan)
    return pull, pull - 1, pull + 1


def draw_ratio(
    ax: Axes,
    first: Content,
    total: FloatArray,
    spread: FloatArray,
    observed: Content | None,
    *,
    x_title: str,
    y_title: str | None,
    style: str,
    below: Below = "ratio",
    per_width: bool = False,
) -> RatioArtists:
    """Draw the lower panel.

    Parameters
    ----------
    ax : Axes
        Where.
    first : Content
        Its edges and categories are those of the x axis.
    total, spread : ndarray, shape (n_bins,)
        The prediction and its uncertainty, as they are drawn above.
    observed : Content, optional
        The data.
    x_title, y_title, style : str
        As of :func:`hepnb.figures.draw_stack`.
    below : {"ratio", "pull"}
        What is drawn.
    per_width : bool
        Whether the prediction is divided by the bin widths.

    Returns
    -------
    RatioArtists
        What was drawn.
    """
    if below not in _TITLES:
        raise BinningError(f"below={below!r}: give 'ratio' or 'pull'.")
    y_title = _TITLES[below] if y_title is None else y_title
    dressed = dress(ax, style, x_title=x_title, y_title=y_title)
    ax.set_ylabel(readable(y_title), loc="center")
    scale = dressed.scale(cast("Figure", ax.get_figure(root=True)))
    ax.yaxis.label.set_fontsize(0.88 * dressed.label_size * scale)
    low, high = _band(total, spread, below)
    look: dict[str, Any] = BAND if below == "ratio" else {"facecolor": "#dddddd", "edgecolor": "none"}
    # Behind the points, and of ratios above the line as the band above is.
    band = add_step(ax, high, first.edges, baseline=low, zorder=1.7 if below == "ratio" else 1.0, **look)
    middle = 1.0 if below == "ratio" else 0.0
    ax.axhline(middle, color="#777777", linewidth=0.9, zorder=1.1)
    points = None
    away = [np.abs(high - middle)]
    if observed is not None:
        places = _lower_points(observed, total, spread, below, per_width)
        points = draw_points(ax, first.centers, *places, color=DATA_COLOR, zorder=3)
        away += [np.abs(part - middle) for part in places]
    reach = float(np.nanmax(np.concatenate(away), initial=0.05))
    # Beyond twice the prediction, or twelve sigma, a wider axis would flatten everything else.
    reach = min(max(1.15 * reach, 0.1), 0.98) if below == "ratio" else min(max(1.1 * reach, 3.2), 12.0)
    ax.set_ylim(middle - reach, middle + reach)
    set_x_axis(ax, first)
    return RatioArtists(ax, band, points, below)


def data_points(
    observed: Content, per_width: bool = False, *, empty: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return where data are drawn.

    Parameters
    ----------
    observed : Content
        Counts, or sums of weights.
    per_width : bool
        Divide by the bin widths.
    empty : bool
        Whether a bin without entries has a point.

    Returns
    -------
    values, low, high : ndarray, shape (n_bins,)
        The points and the ends of their bars; NaN hides a point.
    """
    counts = observed.values if empty else np.where(observed.values == 0, np.nan, observed.values)
    widths = np.diff(observed.edges) if per_width else np.ones(counts.size)
    if np.any(observed.variances) and not np.allclose(observed.variances, observed.values):
        low, high = counts - observed.errors, counts + observed.errors
    else:
        low, high = poisson_interval(observed.values)
    hidden = np.isnan(counts)
    return (
        counts / widths,
        np.where(hidden, np.nan, low) / widths,
        np.where(hidden, np.nan, high) / widths,
    )


def over(
    numerator: NDArray[np.float64], total: NDArray[np.float64], otherwise: float = 0.0
) -> NDArray[np.float64]:
    """Divide by a prediction where it is positive.

    Parameters
    ----------
    numerator, total : ndarray, shape (n_bins,)
        What is divided.
    otherwise : float
        The value of the other bins.

    Returns
    -------
    ndarray, shape (n_bins,)
        The ratio.

    Examples
    --------
    >>> over(np.array([3.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [1.5, 0.0]
    """
    good = total > 0
    return np.where(good, numerator / np.where(good, total, 1.0), otherwise)
