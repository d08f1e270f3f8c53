"""The correlation matrix of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.text import Text
from numpy.typing import NDArray

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import make_side_room
from hepnb.figures.names import plain, shorten_all
from hepnb.figures.results import Correlated
from hepnb.figures.style import dress

__all__ = ["CorrelationArtists", "draw_correlation"]


@dataclass(frozen=True)
class CorrelationArtists:
    """Artists of :func:`draw_correlation`.

    Parameters
    ----------
    axes : Axes
        Where.
    mesh : QuadMesh
        The coloured cells.
    numbers : tuple of Text
        The numbers in them, where there is room.
    labels : tuple of str
        The parameters drawn.
    keep : ndarray of int
        Their positions in the fit.
    """

    axes: Axes
    mesh: QuadMesh
    numbers: tuple[Text, ...]
    labels: tuple[str, ...]
    keep: NDArray[np.intp]

    @property
    def moving(self) -> tuple[Artist, ...]:
        """The artists that :meth:`update` changes; the numbers are text and stay."""
        return (self.mesh,)

    def update(self, result: Correlated) -> None:
        """Show another fit of the same parameters; neither text nor limits change.

        Parameters
        ----------
        result : FitResults
            With ``correlation`` (n, n).
        """
        self.mesh.set_array(np.asarray(result.correlation, dtype=float)[np.ix_(self.keep, self.keep)])


@drawing
def draw_correlation(
    result: Correlated, ax: Axes, *, threshold: float = 0.0, at_most: int = 60, style: str = "hepnb"
) -> CorrelationArtists:
    """Draw the correlations of the parameters as colours, and as numbers where there is room.

    Parameters
    ----------
    result : FitResults
        With ``correlation`` (n, n) and ``labels`` (n,).
    ax : Axes
        Where to draw; a colour bar is taken off its right side.
    threshold : float
        Leave out the parameters whose correlations with all the others are smaller.
    at_most : int
        Keep at most so many parameters, those with the largest correlations.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    CorrelationArtists
        Whose ``update(result)`` follows a fit.

    Raises
    ------
    HepnbError
        If no correlation reaches the threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> matrix = np.array([[1, -0.6, 0], [-0.6, 1, 0.01], [0, 0.01, 1]])
    >>> fit = SimpleNamespace(correlation=matrix, labels=["mu", "JES", "lumi"])
    >>> draw_correlation(fit, Figure().add_subplot(), threshold=0.1).labels
    ('mu', 'JES')
    """
    check_result(result, ("correlation", "labels"), "draw_correlation", "the FitResults of hepnb.fit")
    check_axes(ax)
    matrix = np.asarray(result.correlation, dtype=float)
    others = np.abs(np.nan_to_num(matrix)) * (1 - np.eye(len(matrix)))
    largest = others.max(axis=1, initial=0.0)
    keep = np.flatnonzero(largest >= threshold)
    if not keep.size:
        raise HepnbError(
            f"no correlation reaches {threshold:g}; the largest is {largest.max(initial=0):.2g}. "
            "Lower the threshold."
        )
    if keep.size > at_most:
        keep = np.sort(keep[np.argsort(-largest[keep], kind="stable")[:at_most]])
    shown = matrix[np.ix_(keep, keep)]
    names = [str(result.labels[int(index)]) for index in keep]
    written = [plain(name) for name in shorten_all(names)]
    dressed = dress(ax, style)
    figure: Any = ax.get_figure(root=True)
    scale = dressed.scale(figure)
    places = np.arange(keep.size + 1) - 0.5
    mesh = ax.pcolormesh(
        places, places, shown, cmap="RdBu_r", vmin=-1, vmax=1, zorder=0.5,
        edgecolors="white" if keep.size <= 30 else "none", linewidth=0.6,
    )  # fmt: skip
    ax.set_ylim(keep.size - 0.5, -0.5)
    ax.set_aspect("equal")
    largest_size = dressed.tick_size * scale
    ax.set_xticks(range(keep.size), labels=written, rotation=90 if keep.size > 4 else 0)
    ax.set_yticks(range(keep.size), labels=written)
    ax.tick_params(axis="both", which="both", length=0)
    ax.minorticks_off()
    for spine in ax.spines.values():
        spine.set_visible(False)
    # Labels take room from the cells, and the cells set the size of the labels.
    cell = 0.0
    for _ in range(3):
        ax.tick_params(
            labelsize=float(np.clip(0.65 * cell, 3.0, largest_size)) if cell else 0.6 * largest_size
        )
        make_side_room(ax, right=1.0)
        ax.apply_aspect()
        cell = float(ax.get_window_extent().width) / keep.size * 72 / figure.dpi
    numbers = _write_numbers(ax, shown, dressed, min(0.34 * cell, largest_size))
    bar = figure.colorbar(mesh, cax=ax.inset_axes((1.03, 0.0, 0.045, 1.0)))
    bar.set_label("Correlation", family=list(dressed.family), size=dressed.label_size * scale)
    bar.ax.tick_params(labelsize=dressed.tick_size * scale, labelfontfamily=dressed.family[0])
    bar.outline.set_visible(False)
    return CorrelationArtists(ax, mesh, numbers, tuple(names), keep)


def _write_numbers(ax: Axes, shown: NDArray[np.float64], dressed: Any, size: float) -> tuple[Text, ...]:
    if size < 5.0:
        return ()
    return tuple(
        ax.text(
            column, row, f"{value:.2f}".replace("-", "−"), ha="center", va="center", size=size,
            family=list(dressed.family), color="white" if abs(value) > 0.6 else "black",
        )
        for (row, column), value in np.ndenumerate(shown)
    )  # fmt: skip
