"""Minor ticks as four lines of marks: an object with five artists for each costs half of a full redraw."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT, TICKRIGHT, TICKUP
from matplotlib.ticker import AutoMinorLocator, Locator, NullLocator

__all__ = ["add_minor_ticks"]


class _Batched(NullLocator):
    """Gives the axis no minor ticks and keeps where they would be.

    Whoever sets another minor locator later (``minorticks_off``, a change of scale) has taken over.
    """

    def __init__(self, inner: Locator) -> None:
        self.inner = inner


def add_minor_ticks(ax: Axes, *, length: float, width: float, direction: str, mirrored: bool) -> Artist:
    """Take over the minor ticks of the linear axes.

    Parameters
    ----------
    ax : Axes
        Where.
    length, width : float
        Of a mark [pt].
    direction : {"in", "out", "inout"}
        Where the marks point.
    mirrored : bool
        Whether there are marks on the top and on the right too.

    Returns
    -------
    Artist
        All minor ticks.
    """
    return _MinorTicks(ax, length=length, width=width, direction=direction, mirrored=mirrored)


class _MinorTicks(Artist):
    """The minor ticks of both axes."""

    def __init__(self, ax: Axes, *, length: float, width: float, direction: str, mirrored: bool) -> None:
        super().__init__()
        self.set_zorder(2.5)
        self._marks: list[tuple[Axis, _Batched, list[Line2D]]] = []
        markers: dict[str, tuple[Any, Any]] = {
            "x": (TICKUP, TICKDOWN),
            "y": (TICKRIGHT, TICKLEFT),
        }
        for axis in (ax.xaxis, ax.yaxis):
            # A logarithmic axis labels its minor ticks where it spans less than a decade: those stay.
            if axis.get_scale() != "linear":
                continue
            present = axis.get_minor_locator()
            # Axes that share an axis share its locators.
            batched = present if isinstance(present, _Batched) else _Batched(AutoMinorLocator())
            batched.inner.set_axis(axis)
            axis.set_minor_locator(batched)
            ends = markers["x" if axis is ax.xaxis else "y"]
            marks = [
                Line2D(
                    [], [], linestyle="none", marker=marker, markersize=length, markeredgewidth=width,
                    color="black",
                )
                for marker in (ends if direction != "out" else ends[::-1])[: 2 if mirrored else 1]
            ]  # fmt: skip
            for mark in marks:
                mark.set_figure(cast("Any", ax.figure))
            self._marks.append((axis, batched, marks))
        ax.add_artist(self)
        self.set_clip_on(False)

    def draw(self, renderer: Any) -> None:
        """Draw the marks where minor ticks are now."""
        ax = self.axes
        if ax is None or not self.get_visible():
            return
        for axis, batched, marks in self._marks:
            if axis.get_minor_locator() is not batched:
                continue
            low, high = sorted(axis.get_view_interval())
            places = np.asarray(batched.inner(), dtype=float)
            places = places[(places >= low) & (places <= high)]
            across = axis is ax.xaxis
            for end, mark in enumerate(marks):
                ends = np.full(places.shape, float(end))
                mark.set_data(*((places, ends) if across else (ends, places)))
                mark.set_transform(ax.get_xaxis_transform() if across else ax.get_yaxis_transform())
                mark.draw(renderer)
        self.stale = False

    def get_tightbbox(self, renderer: Any = None) -> None:
        """Take no room beside the axes."""
