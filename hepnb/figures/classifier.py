"""Pictures of a classifier: what it separates, and whether it learnt its training events by heart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from hepnb.errors import BinningError, nearest
from hepnb.figures.inputs import check_axes, drawing
from hepnb.figures.layout import draw_legend
from hepnb.figures.points import Points, draw_points
from hepnb.figures.steps import add_step
from hepnb.figures.style import colors_for, dress
from hepnb.histograms.classifier import (
    KSResult,
    RocCurve,
    compare_outputs,
    roc_curve,
    weighted_outputs,
)
from hepnb.typing import FloatArray

__all__ = ["OutputArtists", "RocArtists", "draw_outputs", "draw_roc"]


@dataclass(frozen=True)
class RocArtists:
    """Artists of :func:`draw_roc`.

    Parameters
    ----------
    axes : Axes
        Where.
    lines : dict of str to Line2D
        A curve each.
    curves : dict of str to RocCurve
        The numbers.
    diagonal : Line2D
        A guess.
    legend : Legend
        With the areas.
    """

    axes: Axes
    lines: dict[str, Line2D]
    curves: dict[str, RocCurve]
    diagonal: Line2D
    legend: Legend


@dataclass(frozen=True)
class OutputArtists:
    """Artists of :func:`draw_outputs`.

    Parameters
    ----------
    axes : Axes
        Where.
    steps : dict of str to StepPatch
        The test events of each class.
    points : dict of str to Points
        The training events of each class.
    tests : dict of str to KSResult
        How well they agree.
    legend : Legend
        With the distances.
    """

    axes: Axes
    steps: dict[str, StepPatch]
    points: dict[str, Points]
    tests: dict[str, KSResult]
    legend: Legend


@drawing
def draw_roc(curves: Mapping[str, Any], ax: Axes, *, style: str = "hepnb") -> RocArtists:
    """Draw the background that is rejected against the signal that is kept.

    Parameters
    ----------
    curves : mapping of name to (output, label) or (output, label, weight)
        Arrays of one length: output of the classifier, larger for the signal; 1 for signal and 0 for
        background; weights, where there are any. Or what :func:`hepnb.histograms.roc_curve` gave.
    ax : Axes
        Where to draw.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    RocArtists
        The artists; the legend has the area under each curve.

    Raises
    ------
    BinningError
        As :func:`hepnb.histograms.roc_curve`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> drawn = draw_roc({"network": ([0.9, 0.8, 0.4, 0.1], [1, 0, 1, 0])}, Figure().add_subplot())
    >>> drawn.legend.get_texts()[0].get_text()
    'network (area 0.750)'
    """
    check_axes(ax)
    if not curves:
        raise BinningError("draw_roc takes a dict of name to (output, label) or (output, label, weight).")
    found = {name: one if isinstance(one, RocCurve) else roc_curve(*one) for name, one in curves.items()}
    dressed = dress(ax, style, x_title="Signal efficiency", y_title="Background rejection")
    colors = colors_for(list(found))
    lines = {}
    for name, curve in found.items():
        (lines[name],) = ax.plot(
            curve.signal, 1 - curve.background, color=colors[name], linewidth=1.7, zorder=2.2
        )
    (diagonal,) = ax.plot([0, 1], [1, 0], color="0.6", linewidth=1.0, linestyle="--", zorder=1.5)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    labels = [f"{name} (area {found[name].area:.3f})" for name in lines]
    legend = draw_legend(ax, dressed, handles=list(lines.values()), labels=labels)
    legend.set_loc("lower left")
    return RocArtists(ax, lines, found, diagonal, legend)


@drawing
def draw_outputs(
    train: Mapping[str, Any],
    test: Mapping[str, Any],
    ax: Axes,
    *,
    bins: int | tuple[int, float, float] = 30,
    x_title: str = "Output",
    style: str = "hepnb",
) -> OutputArtists:
    """Draw the outputs of training and test events, class by class, each with unit area.

    Parameters
    ----------
    train, test : mapping of class to outputs, or to (outputs, weights)
        Of the same classes. Test events are drawn as steps, training events as points with errors.
    ax : Axes
        Where to draw.
    bins : int or (int, float, float)
        Number of bins from the smallest to the largest output, or with the ends.
    x_title : str
        Title of the axis.
    style : str
        One of :data:`hepnb.figures.style.STYLES`.

    Returns
    -------
    OutputArtists
        The artists; the legend has the Kolmogorov-Smirnov distance of each class.

    Raises
    ------
    BinningError
        Where the classes differ, are empty, or hold what is not finite.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> random = np.random.default_rng(1)
    >>> train, test = ({"signal": random.beta(3, 2, 500)} for _ in range(2))
    >>> drawn = draw_outputs(train, test, Figure().add_subplot(), bins=(20, 0, 1))
    >>> drawn.tests["signal"].distance < 0.1
    True
    """
    check_axes(ax)
    for name in (*train, *test):
        if name not in train or name not in test:
            given = test if name in train else train
            raise BinningError(f"class {name!r} is in one of train and test only. {nearest(name, given)}")
    samples = {
        name: tuple(weighted_outputs(one[name], f"{which} {name!r}") for which, one in _both(train, test))
        for name in train
    }
    edges = _edges(bins, samples)
    dressed = dress(ax, style, x_title=x_title, y_title="Density")
    colors, steps, points, tests, highest = colors_for(list(samples)), {}, {}, {}, 0.0
    for name, (trained, tested) in samples.items():
        heights, _ = _density(*tested, edges)
        steps[name] = add_step(
            ax,
            heights,
            edges,
            facecolor=colors[name],
            edgecolor=colors[name],
            alpha=0.45,
            fill=True,
            zorder=2,
        )
        found, errors = _density(*trained, edges)
        middles = (edges[1:] + edges[:-1]) / 2
        points[name] = draw_points(ax, middles, found, found - errors, found + errors, color=colors[name])
        tests[name] = compare_outputs(trained, tested)
        highest = max(highest, float(heights.max()), float((found + errors).max()))
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.1 * highest + 0.12 * highest * len(samples))
    labels = [f"{name} (KS distance {tests[name].distance:.3f})" for name in samples]
    note = "steps: test, points: training"
    legend = draw_legend(ax, dressed, handles=list(steps.values()), labels=labels, note=note)
    return OutputArtists(ax, steps, points, tests, legend)


def _both(train: Mapping[str, Any], test: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("training", train), ("test", test)]


def _edges(bins: Any, samples: Mapping[str, Any]) -> FloatArray:
    if isinstance(bins, tuple):
        n, low, high = bins
    else:
        every = np.concatenate([values for pair in samples.values() for values, _ in pair])
        n, low, high = bins, float(every.min()), float(every.max())
        high = high if high > low else low + 1.0
    if n < 1 or not low < high:
        raise BinningError(f"bins={bins!r}: give a number of bins, or (n, low, high) with low below high.")
    return np.linspace(low, high, int(n) + 1)


def _density(values: FloatArray, by: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Heights of a histogram of unit area, what lies outside included, and their errors."""
    scale = 1 / (by.sum() * np.diff(edges))
    heights = np.histogram(values, edges, weights=by)[0] * scale
    return heights, np.sqrt(np.histogram(values, edges, weights=by**2)[0]) * scale
