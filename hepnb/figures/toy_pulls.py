"""Pulls of a toy study: how far fits of pseudo-data lie from the truth, in units of their uncertainties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from hepnb.errors import HepnbError, UnknownParameterError, nearest
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend, make_room
from hepnb.figures.steps import add_step
from hepnb.figures.style import dress

__all__ = ["ToyPullArtists", "draw_toy_pulls"]

_TOYS, _NORMAL, _SHAPE = "#94a4a2", "#3f90da", "#bd1f01"
_REACH = 5.0


@dataclass(frozen=True)
class ToyPullArtists:
    """Artists of :func:`draw_toy_pulls`.

    Parameters
    ----------
    axes : Axes
        Where.
    toys : StepPatch
        Histogram of the pulls as a density.
    normal : Line2D
        The standard normal distribution.
    fitted : Line2D
        The normal distribution with the mean and the width of the pulls.
    legend : Legend
        With mean, width and coverage.
    """

    axes: Axes
    toys: StepPatch
    normal: Line2D
    fitted: Line2D
    legend: Legend


@drawing
def draw_toy_pulls(
    result: Any, ax: Axes, *, parameter: str | None = None, bins: int = 40, style: str = "hepnb"
) -> ToyPullArtists:
    """Draw the pulls of one parameter, with their mean, width and coverage.

    Parameters
    ----------
    result : PullResults
        The results of :func:`hepnb.fits.pulls`.
    ax : Axes
        Where to draw probability densities.
    parameter : str, optional
        Which one; the first by default.
    bins : int
        Bins of the histogram, between -5 and 5; pulls beyond are in the outermost bins.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    ToyPullArtists
        What was drawn.

    Raises
    ------
    HepnbError
        The parameter was not fitted, or fewer than two toys have a pull.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> study = hepnb.fits.pulls(None, model, n_toys=100, seed=1)
    >>> draw_toy_pulls(study, Figure().add_subplot(), parameter="mu").axes.get_xlabel()
    'Pull of mu'
    """
    wanted = "the PullResults of hepnb.fits.pulls"
    check_result(result, ("labels", "pulls"), "draw_toy_pulls", wanted)
    check_axes(ax)
    labels = tuple(result.labels)
    name = labels[0] if parameter is None else parameter
    if name not in labels:
        raise UnknownParameterError(f"parameter {name!r} has no pulls. {nearest(str(name), labels)}")
    place = labels.index(name)
    pulls = np.asarray(result.pulls, dtype=float)[:, place]
    pulls = pulls[np.isfinite(pulls)]
    if pulls.size < 2:
        raise HepnbError(f"{pulls.size} toys have a pull of {name!r}, so there is nothing to draw.")
    dressed = dress(ax, style, x_title=f"Pull of {name}", y_title="Probability density")
    edges = np.linspace(-_REACH, _REACH, bins + 1)
    heights = np.histogram(np.clip(pulls, -_REACH, _REACH), edges)[0] / pulls.size / np.diff(edges)
    toys = add_step(ax, heights, edges, facecolor=_TOYS, edgecolor="none", alpha=0.55, zorder=1.2)
    grid = np.linspace(-_REACH, _REACH, 8 * bins + 1)[1:]
    mean, width, coverage = (float(values[place]) for values in (result.mean, result.width, result.coverage))
    (normal,) = ax.plot(grid, _normal(grid, 0.0, 1.0), color=_NORMAL, linewidth=1.6, zorder=2.0)
    (fitted,) = ax.plot(grid, _normal(grid, mean, width), color=_SHAPE, linewidth=1.6, zorder=2.1)
    handles = [toys, fitted, normal]
    texts = [
        f"{pulls.size} toys, {coverage:.1%} within ±1 (68.3%)",
        (
            f"mean {mean:.3f} ± {float(result.mean_error[place]):.3f}, "
            f"width {width:.3f} ± {float(result.width_error[place]):.3f}"
        ),
        "standard normal",
    ]
    ax.set_xlim(-_REACH, _REACH)
    legend = draw_legend(ax, dressed, handles=handles, labels=texts)
    curves = np.maximum(normal.get_ydata(), fitted.get_ydata())
    make_room(ax, legend, edges, np.maximum(heights, curves.reshape(bins, 8).max(axis=1)))
    return ToyPullArtists(ax, toys, normal, fitted, legend)


def _normal(x: Any, mean: float, width: float) -> Any:
    if not width > 0:
        return np.zeros_like(x)
    return np.exp(-0.5 * ((x - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi))
