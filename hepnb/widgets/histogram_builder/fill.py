"""What the histogram builder fills: by the headless call, or merged from fine bins while a slider moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import empty_is_expected
from hepnb.figures.content import Content
from hepnb.histograms import needs_values
from hepnb.histograms.rounding import nice_range
from hepnb.histograms.templates import both_cuts, from_ready
from hepnb.widgets.histogram_builder.prebinned import MOST_BINS, Prebinned

__all__ = ["FineBins", "Part", "Request", "fill", "resolve"]


@dataclass(frozen=True)
class Part:
    """One histogram of the picture.

    Parameters
    ----------
    name : str
        The sample's; "" for the histogram of a tree.
    role : {"tree", "data", "signal", "background"}
        How it is drawn.
    source : Tree or histogram
        Where events or numbers come from.
    cut, weight : str, optional
        Its own.
    scale : float
        A factor on the yields.
    """

    name: str
    role: str
    source: Any
    cut: str | None = None
    weight: str | None = None
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Request:
    """Description of a fill.

    Parameters
    ----------
    parts : tuple of Part
        The first with events chooses a range that is not given.
    expression : str
        What is histogrammed.
    n_bins : int
        Number of bins.
    bins : Bins, optional
        Instead of ``n_bins`` and ``limits``.
    limits : (float, float), optional
        Range of the axis.
    cut : str, optional
        For all parts.
    variable, side : str
        The cut on the slider: ``variable >= value``.
    value : float, optional
        No cut where it is None.
    places : (n, low, high), optional
        Where that cut can stand while it is dragged.
    """

    parts: tuple[Part, ...]
    expression: str
    n_bins: int
    bins: Any = None
    limits: tuple[float, float] | None = None
    cut: str | None = None
    variable: str = ""
    side: str = ">="
    value: float | None = None
    places: tuple[int, float, float] | None = None

    @property
    def binning(self) -> Any:
        """The bins, as :meth:`Tree.hist` takes them."""
        if self.bins is not None:
            return self.bins
        return self.n_bins if self.limits is None else (self.n_bins, *self.limits)

    @property
    def full_cut(self) -> str | None:
        """The cut, the slider's included."""
        if not self.variable or self.value is None:
            return self.cut
        variable = self.variable if self.variable.isidentifier() else f"({self.variable})"
        return both_cuts(self.cut, f"{variable} {self.side} {float(self.value)!r}")

    @property
    def events(self) -> Any:
        """The first source that can be filled from, or None."""
        return next((part.source for part in self.parts if hasattr(part.source, "hist")), None)


Resolved = tuple[Any, "tuple[float, float] | None", "tuple[int, float, float] | None"]


def resolve(request: Request) -> Resolved:
    """Choose what is not given: the range from the values, and where the slider's cut can stand.

    Parameters
    ----------
    request : Request
        Its slider's cut does not count: it moves.

    Returns
    -------
    bins : Bins or None
        Edges, where the bins were to be chosen from the values.
    limits : (float, float) or None
        Range of the axis.
    places : (n, low, high) or None
        Steps of the slider.
    """
    bins, limits, places = request.bins, request.limits, None
    source = request.events
    if source is not None and needs_values(request.binning):
        edges = _edges(source, request.expression, request.binning, request.cut)
        limits = (float(edges[0]), float(edges[-1]))
        bins = None if bins is None else edges.tolist()
    if source is not None and request.variable:
        edges = _edges(source, request.variable, 100, request.cut)
        places = nice_range(float(edges[0]), float(edges[-1]))
    return bins, limits, places


def _edges(source: Any, expression: str, bins: Any, cut: str | None) -> NDArray[np.float64]:
    with empty_is_expected():
        histogram = source.hist(expression, bins, cut=cut)
        # Where nothing passes the cut, the range is that of all values.
        if cut is not None and not histogram.sum(flow=True).value:
            histogram = source.hist(expression, bins)
    return np.asarray(histogram.axes[0].edges, dtype=np.float64)


def fill(request: Request, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Fill every part.

    Parameters
    ----------
    request : Request
        What.
    progress : callable, optional
        Called with (entries done, entries in all) for the histogram of a tree.

    Returns
    -------
    dict of name to hist.Hist
        A sample of which nothing passes is empty.
    """
    first = request.parts[0]
    if first.role == "tree":
        with empty_is_expected():
            histogram = first.source.hist(
                request.expression,
                request.binning,
                cut=request.full_cut,
                weight=first.weight,
                progress=progress,
            )
        return {first.name: histogram}
    with empty_is_expected():
        return {
            part.name: _fill_part(part, request, both_cuts(request.full_cut, part.cut))
            for part in request.parts
        }


def _fill_part(part: Part, request: Request, cut: str | None) -> Any:
    if hasattr(part.source, "hist"):
        filled = part.source.hist(request.expression, request.binning, cut=cut, weight=part.weight)
    else:
        filled = from_ready(part.source)
    return filled if part.scale == 1 else filled * part.scale


@dataclass
class FineBins:
    """The passes over the events that were made so far.

    Parameters
    ----------
    most : int
        How many are kept.
    """

    most: int = 24
    _made: dict[Any, Prebinned] = field(default_factory=dict)

    def merged(self, request: Request) -> dict[str, Content] | None:
        """Return the histograms at the positions of the sliders.

        Parameters
        ----------
        request : Request
            What is to be filled.

        Returns
        -------
        dict of name to Content, or None
            None where the fine bins cannot give them.
        """
        if request.bins is not None or request.limits is None or request.n_bins > MOST_BINS:
            return None
        if not all(hasattr(part.source, "cube") for part in request.parts):
            return None
        fine = {part.name: self._of(request, part) for part in request.parts}
        return {name: one.content(request.n_bins, request.value, request.side) for name, one in fine.items()}

    def _of(self, request: Request, part: Part) -> Prebinned:
        limits = request.limits
        assert limits is not None  # noqa: S101  # merged() looked
        cut = both_cuts(request.cut, part.cut)
        key = (
            part.source, request.expression, limits, cut, part.weight, request.variable, request.places,
            part.scale,
        )  # fmt: skip
        if key not in self._made:
            if len(self._made) >= self.most:
                self._made.clear()
            with empty_is_expected():
                self._made[key] = Prebinned(
                    part.source, request.expression, limits, cut=cut, weight=part.weight,
                    variable=request.variable, places=request.places, scale=part.scale,
                )  # fmt: skip
        return self._made[key]
