"""Points with error bars whose numbers can be changed cheaply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.special import gammaincinv

__all__ = ["Points", "draw_points", "poisson_interval"]


@dataclass(frozen=True)
class Points:
    """Markers and their vertical bars.

    Parameters
    ----------
    markers : Line2D
        The markers.
    bars : Line2D
        All bars in one line with gaps: far cheaper to draw than a line for each.
    """

    markers: Line2D
    bars: Line2D

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists, in the order to draw them."""
        return (self.bars, self.markers)

    @property
    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of the bars, shape (n,) each."""
        y = np.asarray(self.bars.get_ydata(), dtype=np.float64)
        return y[0::3], y[1::3]

    def update(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> None:
        """Move the points.

        Parameters
        ----------
        x, y : ndarray, shape (n,)
            Where the markers are; a NaN hides a point.
        low, high : ndarray, shape (n,)
            Lower and upper end of each bar.
        """
        self.markers.set_data(x, y)
        self.bars.set_data(*_gapped(x, low, high))


def draw_points(
    ax: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    *,
    color: str,
    marker: str = "o",
    size: float = 4.5,
    label: str | None = None,
    zorder: float = 3.0,
) -> Points:
    """Draw points with vertical bars.

    Parameters
    ----------
    ax : Axes
        Where.
    x, y : ndarray, shape (n,)
        Where the markers are; a NaN hides a point.
    low, high : ndarray, shape (n,)
        Lower and upper end of each bar.
    color, marker, label : str
        As matplotlib has them.
    size, zorder : float
        As matplotlib has them.

    Returns
    -------
    Points
        To be moved later.
    """
    bars = Line2D(*_gapped(x, low, high), color=color, linewidth=1.1, zorder=zorder, solid_capstyle="butt")
    ax.add_line(bars)
    markers = Line2D(
        x, y, color=color, marker=marker, markersize=size, linestyle="none", zorder=zorder + 0.01, label=label
    )
    ax.add_line(markers)
    return Points(markers, bars)


def _gapped(
    x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    gap = np.full(np.shape(x), np.nan)
    return np.stack([x, x, gap], axis=-1).ravel(), np.stack([low, high, gap], axis=-1).ravel()


def poisson_interval(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Central 68.27 % interval of a Poisson mean (Garwood) given the count.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        Observed counts.

    Returns
    -------
    low, high : ndarray, shape (n,)
        Ends of the interval.

    References
    ----------
    F. Garwood, Biometrika 28 (1936) 437.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = poisson_interval(np.array([0.0, 1.0, 100.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.173, 90.017], [1.841, 3.3, 111.033])
    """
    tail = 0.15865525393145707
    safe = np.maximum(counts, 0.0)
    low = np.where(safe > 0, gammaincinv(np.maximum(safe, 1e-300), tail), 0.0)
    high = gammaincinv(safe + 1.0, 1.0 - tail)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
