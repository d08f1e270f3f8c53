"""Pulls: where a fit moved each constrained parameter, and how far it narrowed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike, NDArray

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import make_side_room
from hepnb.figures.results import Pulled
from hepnb.figures.style import SIGMA_CLASSIC, SIGMA_SAFE, dress

__all__ = ["PullArtists", "draw_pulls"]


@dataclass(frozen=True)
class PullArtists:
    """Artists of :func:`draw_pulls`.

    Parameters
    ----------
    axes : Axes
        Where.
    points : Line2D
        The pulls.
    bars : LineCollection
        Their uncertainties.
    labels : tuple of str
        The parameters drawn, from the top.
    select : callable
        Takes a FitResults, gives the pulls and the uncertainties of these parameters.
    """

    axes: Axes
    points: Line2D
    bars: LineCollection
    labels: tuple[str, ...]
    select: Callable[[Pulled], tuple[NDArray[np.float64], NDArray[np.float64]]]

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes, in the order to draw them."""
        return (self.bars, self.points)

    def update(self, result: Pulled) -> None:
        """Show another fit of the same parameters; neither text nor limits change.

        Parameters
        ----------
        result : FitResults
            With ``bestfit`` (n,) and ``uncertainty`` (n,).
        """
        pulls, widths = self.select(result)
        rows = np.arange(pulls.size, dtype=float)
        self.points.set_data(pulls, rows)
        self.bars.set_segments(_segments(pulls, widths, rows))


@drawing
def draw_pulls(
    result: Pulled,
    ax: Axes,
    *,
    centers: ArrayLike | None = None,
    widths: ArrayLike | None = None,
    exclude: tuple[str, ...] = (),
    classic: bool = False,
    style: str = "hepnb",
) -> PullArtists:
    """Draw (best fit - prior centre) / prior width of the constrained parameters.

    Parameters
    ----------
    result : FitResults
        With ``bestfit`` (n,), ``uncertainty`` (n,), ``labels`` and ``types`` ("free", "gaussian", "poisson",
        "gamma").
    ax : Axes
        Where to draw: one row per parameter, the first on top.
    centers, widths : array_like, shape (n,), optional
        Centre and width of each prior. Where not given, 0 and 1 are taken and only the Gaussian-constrained
        parameters of that prior, the ones not centred on 1, are drawn.
    exclude : tuple of str
        Labels to leave out.
    classic : bool
        Green and yellow bands.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    PullArtists
        Whose ``update(result)`` follows a fit.

    Raises
    ------
    HepnbError
        If no parameter is constrained.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> fit = SimpleNamespace(bestfit=np.array([1.6, -0.2]), uncertainty=np.array([0.9, 0.8]),
    ...                       labels=["mu", "JES"], types=["free", "gaussian"])
    >>> draw_pulls(fit, Figure().add_subplot()).labels
    ('JES',)
    """
    drawn = ("bestfit", "uncertainty", "labels", "types")
    check_result(result, drawn, "draw_pulls", "the FitResults of hepnb.fit")
    check_axes(ax)
    names = [str(label) for label in result.labels]
    middle = np.zeros(len(names)) if centers is None else np.asarray(centers, dtype=float)
    scale = np.ones(len(names)) if widths is None else np.asarray(widths, dtype=float)
    if widths is None:
        constrained = np.array(
            [kind in ("gaussian", "gamma") and not _is_centered_on_one(name) for kind, name in _kinds(result)]
        )
    else:
        constrained = np.isfinite(scale) & (scale > 0)
    keep = np.flatnonzero(constrained & ~np.isin(names, exclude))
    if not keep.size:
        raise HepnbError("no parameter of this fit is constrained, so there is no pull to draw.")

    def select(fit: Pulled) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        best, spread = np.asarray(fit.bestfit, dtype=float), np.asarray(fit.uncertainty, dtype=float)
        return ((best - middle) / scale)[keep], (spread / scale)[keep]

    pulls, spreads = select(result)
    rows = np.arange(keep.size, dtype=float)
    dressed = dress(ax, style, x_title=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$")
    inner, outer = SIGMA_CLASSIC if classic else SIGMA_SAFE
    ax.axvspan(-2, 2, facecolor=outer, alpha=0.4, linewidth=0, zorder=0.1)
    ax.axvspan(-1, 1, facecolor=inner, alpha=0.4, linewidth=0, zorder=0.2)
    ax.axvline(0, color="#333333", linewidth=0.9, linestyle=":", zorder=0.3)
    bars = LineCollection(_segments(pulls, spreads, rows), colors="black", linewidths=1.3, zorder=2)
    ax.add_collection(bars, autolim=False)
    points = Line2D(pulls, rows, color="black", marker="o", markersize=4.2, linestyle="none", zorder=2.1)
    ax.add_line(points)
    reach = max(2.4, float(np.nanmax(np.abs(pulls) + spreads, initial=0.0)) * 1.1)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(keep.size - 0.4, -0.6)
    room = float(ax.get_window_extent().height) / keep.size * 72 / _figure(ax).dpi
    points.set_markersize(float(np.clip(0.5 * room, 1.5, 4.2)))
    size = float(np.clip(0.8 * room, 3.0, dressed.tick_size * dressed.scale(_figure(ax))))
    ax.set_yticks(rows, labels=[names[index] for index in keep], fontsize=size)
    ax.tick_params(axis="y", which="both", length=0)
    make_side_room(ax)
    ax.yaxis.set_minor_locator(NullLocator())
    return PullArtists(ax, points, bars, tuple(names[index] for index in keep), select)


def _kinds(result: Pulled) -> list[tuple[str, str]]:
    return [(str(kind), str(name)) for kind, name in zip(result.types, result.labels, strict=True)]


def _is_centered_on_one(name: str) -> bool:
    return name == "lumi" or name.startswith(("staterror", "gamma")) or name.endswith("]")


def _figure(ax: Axes) -> Any:
    return ax.get_figure(root=True)


def _segments(
    pulls: NDArray[np.float64], widths: NDArray[np.float64], rows: NDArray[np.float64]
) -> list[Any]:
    return [((x - w, y), (x + w, y)) for x, w, y in zip(pulls, widths, rows, strict=True)]
