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

from hepnb.figures.content import Content
from hepnb.figures.layout import set_x_axis
from hepnb.figures.points import Points, draw_points, poisson_interval
from hepnb.figures.steps import add_step
from hepnb.figures.style import DATA_COLOR, dress

__all__ = ["BAND", "RatioArtists", "data_points", "draw_ratio", "over"]

BAND: dict[str, Any] = {"facecolor": "none", "edgecolor": "#555555", "hatch": "////", "linewidth": 0.0}
"""The hatched area of an uncertainty."""


@dataclass(frozen=True)
class RatioArtists:
    """The lower panel: data over prediction, with the prediction's relative uncertainty.

    Parameters
    ----------
    axes : Axes
        Where.
    band : StepPatch
        The relative uncertainty around 1.
    points : Points, optional
        Data over prediction.
    """

    axes: Axes
    band: StepPatch
    points: Points | None

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that a move changes, in the order to draw them."""
        return (self.band, *(self.points.moving if self.points else ()))


def draw_ratio(
    ax: Axes,
    first: Content,
    total: NDArray[np.float64],
    spread: NDArray[np.float64],
    observed: Content | None,
    x_title: str,
    y_title: str,
    style: str,
) -> RatioArtists:
    """Draw the lower panel.

    Parameters
    ----------
    ax : Axes
        Where.
    first : Content
        Its edges and categories are those of the x axis.
    total, spread : ndarray, shape (n_bins,)
        The prediction and its uncertainty.
    observed : Content, optional
        The data.
    x_title, y_title, style : str
        As of :func:`hepnb.figures.draw_stack`.

    Returns
    -------
    RatioArtists
        What was drawn.
    """
    dressed = dress(ax, style, x_title=x_title, y_title=y_title)
    ax.set_ylabel(y_title, loc="center")
    ax.yaxis.label.set_fontsize(
        0.88 * dressed.label_size * dressed.scale(cast("Figure", ax.get_figure(root=True)))
    )
    relative = over(spread, total)
    band = add_step(ax, 1 + relative, first.edges, baseline=1 - relative, zorder=1.7, **BAND)
    ax.axhline(1.0, color="#777777", linewidth=0.9, zorder=1.1)
    points = None
    reach = float(np.max(relative, initial=0.05))
    if observed is not None:
        ratios = [over(part, total, np.nan) for part in data_points(observed)]
        points = draw_points(ax, first.centers, ratios[0], ratios[1], ratios[2], color=DATA_COLOR, zorder=3)
        away = np.abs(np.concatenate([part - 1 for part in ratios]))
        reach = max(reach, float(np.nanmax(away, initial=0.05)))
    # Beyond twice the prediction a wider axis would flatten everything else.
    reach = min(max(1.15 * reach, 0.1), 0.98)
    ax.set_ylim(1 - reach, 1 + reach)
    set_x_axis(ax, first)
    return RatioArtists(ax, band, points)


def data_points(
    observed: Content,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return where data are drawn: a bin without entries has no point.

    Parameters
    ----------
    observed : Content
        Counts, or sums of weights.

    Returns
    -------
    values, low, high : ndarray, shape (n_bins,)
        The points and the ends of their bars; NaN hides a point.
    """
    counts = np.where(observed.values == 0, np.nan, observed.values)
    if np.any(observed.variances) and not np.allclose(observed.variances, observed.values):
        return counts, counts - observed.errors, counts + observed.errors
    low, high = poisson_interval(observed.values)
    hidden = np.isnan(counts)
    return counts, np.where(hidden, np.nan, low), np.where(hidden, np.nan, high)


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
