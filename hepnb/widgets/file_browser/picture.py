"""Previews of histograms and graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from hepnb.figures import draw_histogram, draw_mesh, lay_out

__all__ = ["draw_graph", "draw_preview"]


def draw_preview(histogram: Any, figure: Figure) -> None:
    """Draw a histogram; of one with three axes its first."""
    [[axes]] = lay_out(figure)
    if len(histogram.axes) == 2:
        draw_mesh(histogram, axes)
    elif len(histogram.axes) == 1:
        draw_histogram(histogram, axes)
    else:
        draw_histogram(histogram.project(0), axes, note="projection")


def draw_graph(graph: Mapping[str, Any], figure: Figure) -> None:
    """Draw a graph or an efficiency with its errors."""
    axes = figure.add_subplot()
    if "efficiency" in graph:
        low, high = graph["x_low"], graph["x_high"]
        errors = {"xerr": (high - low) / 2}
        if "error_low" in graph:
            errors["yerr"] = (graph["error_low"], graph["error_high"])
        axes.errorbar((low + high) / 2, graph["efficiency"], fmt="o", markersize=3, linewidth=1, **errors)
        axes.set(xlabel="x", ylabel="efficiency", ylim=(0, 1.05))
        return
    errors = {
        f"{axis}err": graph[f"{axis}_error"]
        if f"{axis}_error" in graph
        else (graph[f"{axis}_error_low"], graph[f"{axis}_error_high"])
        for axis in ("x", "y")
        if f"{axis}_error" in graph or f"{axis}_error_low" in graph
    }
    axes.errorbar(graph["x"], graph["y"], fmt="o", markersize=3, linewidth=1, **errors)
    axes.set(xlabel="x", ylabel="y")
