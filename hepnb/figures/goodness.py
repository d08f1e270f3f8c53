"""Goodness of fit: the statistic of the data against what it would be if the model were true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from scipy.stats import chi2

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend, make_room
from hepnb.figures.results import Tested
from hepnb.figures.steps import add_step
from hepnb.figures.style import dress

__all__ = ["GoodnessArtists", "draw_goodness"]

_TOYS, _TAIL, _LAW, _OBSERVED = "#94a4a2", "#e76300", "#3f90da", "#bd1f01"


@dataclass(frozen=True)
class GoodnessArtists:
    """Artists of :func:`draw_goodness`.

    Parameters
    ----------
    axes : Axes
        Where.
    toys, tail : StepPatch, optional
        Histogram of the toys as a density, and its part at or above the data.
    curve : Line2D, optional
        The chi-squared distribution.
    observed : Line2D
        The statistic of the data.
    legend : Legend
        With the p-values.
    """

    axes: Axes
    toys: StepPatch | None
    tail: StepPatch | None
    curve: Line2D | None
    observed: Line2D
    legend: Legend


@drawing
def draw_goodness(result: Tested, ax: Axes, *, bins: int = 40, style: str = "hepnb") -> GoodnessArtists:
    """Draw the statistic of the data, the toys and the chi-squared distribution, with the p-values.

    Parameters
    ----------
    result : GoodnessResults
        The results of :func:`hepnb.goodness_of_fit`, with or without toys.
    ax : Axes
        Where to draw probability densities.
    bins : int
        Bins of the histogram of the toys.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    GoodnessArtists
        What was drawn.

    Raises
    ------
    HepnbError
        There are neither toys nor degrees of freedom.

    References
    ----------
    R. D. Cousins, Generalization of chisquare goodness-of-fit test for binned data using saturated models
    (2013).

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> drawn = draw_goodness(hepnb.goodness_of_fit(None, model), Figure().add_subplot())
    >>> drawn.axes.get_xlabel()
    'Saturated-model statistic'
    """
    wanted = "the GoodnessResults of hepnb.goodness_of_fit"
    check_result(result, ("statistic", "n_dof", "p_value", "toys"), "draw_goodness", wanted)
    check_axes(ax)
    toys = np.asarray(result.toys, dtype=float)
    toys = toys[np.isfinite(toys)]
    if not toys.size and not result.n_dof > 0:
        raise HepnbError(
            f"there are {result.n_dof} degrees of freedom and no toys, so there is nothing to compare the "
            "statistic with. Ask hepnb.goodness_of_fit for toys."
        )
    statistic = float(result.statistic)
    dressed = dress(ax, style, x_title="Saturated-model statistic", y_title="Probability density")
    high = 1.08 * max(statistic, float(toys.max(initial=0.0)), chi2.isf(1e-3, max(result.n_dof, 1)))
    edges = np.linspace(0.0, high, bins + 1)
    tops = np.zeros(bins)
    handles: list[tuple[Any, str]] = []
    histogram = tail = None
    if toys.size:
        heights = np.histogram(toys, edges)[0] / toys.size / np.diff(edges)
        above = np.histogram(toys[toys >= statistic - 1e-8 * (1 + statistic)], edges)[0]
        histogram = add_step(ax, heights, edges, facecolor=_TOYS, edgecolor="none", alpha=0.55, zorder=1.2)
        tail = add_step(
            ax, above / toys.size / np.diff(edges), edges, facecolor=_TAIL, edgecolor="none", zorder=1.3
        )
        tops = np.maximum(tops, heights)
        words = f"{toys.size} toys: p = {result.toy_p_value:.3g} ± {result.toy_uncertainty:.1g}"
        handles.append((tail if above.any() else histogram, words))
    curve = None
    if result.n_dof > 0:
        grid = np.linspace(0.0, high, 8 * bins + 1)[1:]
        density = chi2.pdf(grid, result.n_dof)
        (curve,) = ax.plot(grid, density, color=_LAW, linewidth=1.6, zorder=2.0)
        # With one degree of freedom the density has no upper end at 0.
        seen = np.where(grid > 0.02 * high, density, 0.0) if result.n_dof < 2 else density
        tops = np.maximum(tops, seen.reshape(bins, 8).max(axis=1))
        handles.append((curve, f"χ² with {result.n_dof} degrees of freedom: p = {result.p_value:.3g}"))
    observed = ax.axvline(statistic, color=_OBSERVED, linewidth=1.8, zorder=2.2)
    handles.insert(0, (observed, f"Data: {statistic:.4g}"))
    ax.set_xlim(0, high)
    drawn, texts = zip(*handles, strict=True)
    legend = draw_legend(ax, dressed, handles=drawn, labels=texts)
    make_room(ax, legend, edges, tops)
    return GoodnessArtists(ax, histogram, tail, curve, observed, legend)
