"""Profile likelihoods: along one parameter, and over two."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hepnb.errors import HepnbError
from hepnb.figures.inputs import check_axes, check_result, drawing
from hepnb.figures.layout import draw_legend, make_side_room
from hepnb.figures.names import plain
from hepnb.figures.results import Contoured, Profiled
from hepnb.figures.style import SIGMA_SAFE, dress

__all__ = ["ContourArtists", "ProfileArtists", "draw_contour", "draw_profile"]

FloatArray = NDArray[np.float64]

_LEVELS = (1.0, 4.0)  # of -2 log L: one and two standard deviations of one parameter
_CONTOURS = ((2.30, "68.3 %"), (6.18, "95.4 %"))
_FAILED = "#bd1f01"
_TITLE = r"$-2\,\Delta\,\ln L$"


@dataclass(frozen=True)
class ProfileArtists:
    """Artists of :func:`draw_profile`.

    Parameters
    ----------
    axes : Axes
        Where.
    curve : Line2D
        The profile.
    parabola : Line2D, optional
        What the symmetric uncertainty says.
    failed : Line2D
        A cross for each point whose fit failed or was not done.
    legend : Legend
        With the best value.
    """

    axes: Axes
    curve: Line2D
    parabola: Line2D | None
    failed: Line2D
    legend: Legend


@drawing
def draw_profile(
    result: Profiled,
    ax: Axes,
    *,
    minos: tuple[float, float] | None = None,
    highest: float = 10.0,
    style: str = "hepnb",
) -> ProfileArtists:
    """Draw the profile likelihood along one parameter, with the parabola of its symmetric uncertainty.

    Parameters
    ----------
    result : ProfileResults
        The results of :func:`hepnb.profile`.
    ax : Axes
        Where to draw -2 log L above its minimum against the parameter.
    minos : tuple of float, optional
        Distances, negative and positive, to where the profile has risen by 1, as :func:`hepnb.minos` finds
        them; nan for none. They are marked and written.
    highest : float
        The y axis ends here where the profile rises higher.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    ProfileArtists
        What was drawn.

    Raises
    ------
    HepnbError
        No point is known.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> scanned = hepnb.profile("mu", None, model, [0.0, 0.5, 1.0])
    >>> draw_profile(scanned, Figure().add_subplot()).curve.get_ydata().round(3)
    array([1.135, 0.019, 0.571])
    """
    wanted = "the ProfileResults of hepnb.profile"
    check_result(result, ("name", "bestfit", "uncertainty", "values", "delta"), "draw_profile", wanted)
    check_axes(ax)
    values, delta = np.asarray(result.values, dtype=float), np.asarray(result.delta, dtype=float)
    order = np.argsort(values, kind="stable")
    values, delta = values[order], delta[order]
    known = np.isfinite(delta)
    if not known.any():
        raise HepnbError(f"the profile of {result.name!r} has no point: every fit failed or was stopped.")
    name = plain(result.name)
    dressed = dress(ax, style, x_title=name, y_title=_TITLE)
    top = float(np.clip(1.15 * delta[known].max(), 1.6, highest))
    for level in _LEVELS:
        if level < top:
            ax.axhline(level, color="#777777", linewidth=0.9, linestyle=":", zorder=1.1)
            ax.annotate(
                f"{np.sqrt(level):g}σ", (1.0, level), (-4, 2), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="bottom", color="#555555",
                size=0.9 * dressed.tick_size * dressed.scale(cast("Figure", ax.get_figure(root=True))),
                family=list(dressed.family),
            )  # fmt: skip
    marker: dict[str, Any] = {"marker": "o", "markersize": 3.2} if values.size <= 60 else {}
    (curve,) = ax.plot(values[known], delta[known], "k-", linewidth=1.6, zorder=2.3, **marker)
    low, high = _range(values)
    parabola, best, sigma = None, float(result.bestfit), float(result.uncertainty)
    handles: list[tuple[Any, str]] = [(curve, "Profile")]
    if sigma > 0:
        grid = np.linspace(low, high, 121)
        (parabola,) = ax.plot(
            grid, ((grid - best) / sigma) ** 2, color="#3f90da", linestyle="--", linewidth=1.2, zorder=2.1
        )
        handles.append((parabola, f"{best:.4g} ± {sigma:.3g}"))
    ax.axvline(best, color="#333333", linewidth=0.8, linestyle=":", zorder=1.2)
    if minos is not None:
        handles += _draw_minos(ax, best, minos)
    gone = values[~known]
    (failed,) = ax.plot(
        gone, np.full(gone.size, 0.03), color=_FAILED, marker="x", linestyle="none", markersize=6, zorder=2.4,
        transform=ax.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip
    if gone.size:
        handles.append((failed, f"{gone.size} of {values.size} not known"))
    ax.set_xlim(low, high)
    ax.set_ylim(0, top)
    drawn, texts = zip(*handles, strict=True)
    legend = draw_legend(ax, dressed, handles=drawn, labels=texts)
    legend.set_loc("upper center")
    return ProfileArtists(ax, curve, parabola, failed, legend)


def _range(values: FloatArray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _draw_minos(ax: Axes, best: float, minos: tuple[float, float]) -> list[tuple[Any, str]]:
    texts = []
    for distance in minos:
        if np.isfinite(distance):
            ax.plot([best + distance] * 2, [0, 1], color="#832db6", linewidth=1.2, zorder=2.0)
            texts.append(f"{distance:+.3g}".replace("-", "−"))
    handle = Line2D([], [], color="#832db6", linewidth=1.2)
    return [(handle, f"MINOS {' '.join(reversed(texts))}")] if texts else []


@dataclass(frozen=True)
class ContourArtists:
    """Artists of :func:`draw_contour`.

    Parameters
    ----------
    axes : Axes
        Where.
    filled, lines : ContourSet
        The regions, and their borders.
    bestfit : Line2D
        The free minimum.
    failed : Line2D
        A cross for each point whose fit failed or was not done.
    legend : Legend
        With the probabilities.
    """

    axes: Axes
    filled: ContourSet
    lines: ContourSet
    bestfit: Line2D
    failed: Line2D
    legend: Legend


@drawing
def draw_contour(result: Contoured, ax: Axes, *, style: str = "hepnb") -> ContourArtists:
    """Draw the regions of two parameters that hold 68.3 % and 95.4 % of probability.

    Parameters
    ----------
    result : ContourResults
        The results of :func:`hepnb.contour`. A border runs where -2 log L is 2.30 or 6.18 above its
        minimum, and is open where a bound or the end of the grid cuts it.
    ax : Axes
        Where to draw.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    ContourArtists
        What was drawn.

    Raises
    ------
    HepnbError
        The grid has fewer than two by two points, or none is known.

    References
    ----------
    Particle Data Group, Review of Particle Physics, table 40.2: 2.30 and 6.18 for two parameters.

    Examples
    --------
    >>> import hepnb
    >>> from matplotlib.figure import Figure
    >>> model = hepnb.Model(
    ...     hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], observed=[56, 60])
    ... )
    >>> scanned = hepnb.contour("mu", "uncorr_bkguncrt[0]", None, model, size=9)
    >>> draw_contour(scanned, Figure().add_subplot()).axes.get_ylabel()
    'uncorr_bkguncrt[0]'
    """
    wanted = "the ContourResults of hepnb.contour"
    check_result(result, ("names", "x", "y", "delta", "bestfit"), "draw_contour", wanted)
    check_axes(ax)
    x, y, delta = (np.asarray(part, dtype=float) for part in (result.x, result.y, result.delta))
    if min(x.size, y.size) < 2:
        raise HepnbError(f"a contour needs 2 by 2 points, there are {x.size} by {y.size}. Scan more.")
    if not np.isfinite(delta).any():
        raise HepnbError(f"the contour of {result.names} has no point: every fit failed or was stopped.")
    dressed = dress(ax, style, x_title=plain(result.names[0]), y_title=plain(result.names[1]))
    shown = np.ma.masked_invalid(np.where(np.isposinf(delta), 1e9, delta))
    levels = [level for level, _ in _CONTOURS]
    colors = (SIGMA_SAFE[0], SIGMA_SAFE[1])
    filled = ax.contourf(x, y, shown, levels=[-1.0, *levels], colors=colors, alpha=0.55, zorder=1.1)
    styles: tuple[Literal["solid", "dashed"], ...] = ("solid", "dashed")
    lines = _quiet_contour(ax, x, y, shown, levels, styles)
    (best,) = ax.plot(
        *result.bestfit, marker="P", color="black", markersize=7, linestyle="none", zorder=2.4, clip_on=False
    )
    rows, columns = np.nonzero(np.isnan(delta))
    (failed,) = ax.plot(
        x[columns], y[rows], color=_FAILED, marker="x", linestyle="none", markersize=4, zorder=2.3
    )
    handles: list[tuple[Any, str]] = [(best, "Best fit")]
    handles += [
        (Line2D([], [], color="black", linestyle=line), words)
        for line, (_, words) in zip(styles, _CONTOURS, strict=True)
    ]
    if rows.size:
        handles.append((failed, f"{rows.size} of {delta.size} not known"))
    drawn, texts = zip(*handles, strict=True)
    legend = draw_legend(ax, dressed, handles=drawn, labels=texts, ncols=len(texts), columnspacing=0.9)
    legend.set_loc("lower right")
    legend.set_bbox_to_anchor((1.0, 1.0))
    legend.borderaxespad = 0.25
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())
    make_side_room(ax)
    return ContourArtists(ax, filled, lines, best, failed, legend)


def _quiet_contour(
    ax: Axes, x: FloatArray, y: FloatArray, shown: Any, levels: list[float], styles: tuple[str, ...]
) -> ContourSet:
    with warnings.catch_warnings():
        # A grid that ends before a level is reached has no such border; the legend says which there are.
        warnings.filterwarnings("ignore", message="No contour levels were found")
        return ax.contour(
            x, y, shown, levels=levels, colors="black", linestyles=styles, linewidths=1.3, zorder=2.0
        )
