"""What a picture needs of a histogram: numbers and titles, read through UHI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.histograms.uncertainties import known_variances

__all__ = ["Content", "HistogramLike", "Plottable", "heights_of", "read_content"]


class Plottable(Protocol):
    """The part of a UHI histogram that is drawn: hist, boost-histogram and uproot have it."""

    @property
    def axes(self) -> Any:
        """The axes."""

    def values(self) -> Any:
        """Return the contents of the bins."""

    def variances(self) -> Any:
        """Return the variances of the bins."""


@dataclass(frozen=True, eq=False)
class Content:
    """A one-dimensional histogram as arrays.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Bin edges.
    values, variances : ndarray, shape (n_bins,)
        Contents and their variances.
    title : str
        Title of the axis.
    categories : tuple of str
        Labels of the bins of a category axis, () otherwise.
    under, over : float
        What lies outside the axis.
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    title: str = ""
    categories: tuple[str, ...] = ()
    under: float = 0.0
    over: float = 0.0

    @property
    def centers(self) -> NDArray[np.float64]:
        """Bin centres, shape (n_bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def errors(self) -> NDArray[np.float64]:
        """Square roots of the variances, shape (n_bins,)."""
        return np.sqrt(np.maximum(self.variances, 0.0))


HistogramLike: TypeAlias = Plottable | Content
"""A histogram that can be drawn."""


def read_content(histogram: HistogramLike) -> Content:
    """Read any one-dimensional UHI histogram (hist, boost-histogram, uproot).

    Parameters
    ----------
    histogram : PlottableHistogram or Content
        With ``axes``, ``values()`` and ``variances()``.

    Returns
    -------
    Content
        The numbers and the titles.

    Raises
    ------
    BinningError
        If it has more than one dimension, or its variances are not known.

    Examples
    --------
    >>> import hist
    >>> h = hist.Hist.new.Reg(2, 0, 10, label="mass [GeV]").Weight().fill([1, 7, 8, 12])
    >>> content = read_content(h)
    >>> content.values.tolist(), content.over, content.title
    ([1.0, 2.0], 1.0, 'mass [GeV]')
    """
    if isinstance(histogram, Content):
        return histogram
    if len(histogram.axes) != 1:
        raise BinningError(
            f"a histogram of {len(histogram.axes)} dimensions cannot be drawn as a line. Project it first: "
            "histogram.project(0)."
        )
    axis = histogram.axes[0]
    values = np.asarray(histogram.values(), dtype=np.float64)
    variances = known_variances(histogram)
    edges, categories = _read_axis(axis)
    under, over = _outside(histogram, axis, values.size)
    return Content(
        edges=edges,
        values=values,
        variances=variances,
        title=_title(axis),
        categories=categories,
        under=under,
        over=over,
    )


def _read_axis(axis: Any) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    places = list(axis)
    if places and isinstance(places[0], str):
        return np.arange(-0.5, len(places)), tuple(str(place) for place in places)
    if hasattr(axis, "edges"):
        edges = axis.edges() if callable(axis.edges) else axis.edges
        return np.asarray(edges, dtype=np.float64), ()
    if places and np.ndim(places[0]) == 0:
        return np.arange(-0.5, len(places)), tuple(str(place) for place in places)
    return np.asarray([places[0][0], *[place[1] for place in places]], dtype=np.float64), ()


def _outside(histogram: Any, axis: Any, n_bins: int) -> tuple[float, float]:
    traits = getattr(axis, "traits", None)
    try:
        flow = np.asarray(histogram.values(flow=True), dtype=np.float64)
    except (TypeError, ValueError):  # UHI does not promise the flow argument
        return 0.0, 0.0
    if flow.size == n_bins:
        return 0.0, 0.0
    under = float(flow[0]) if getattr(traits, "underflow", True) else 0.0
    over = float(flow[-1]) if getattr(traits, "overflow", True) else 0.0
    return under, over


def _title(axis: Any) -> str:
    for key in ("label", "title", "name"):
        text = getattr(axis, key, "")
        if isinstance(text, str) and text:
            return text
    return ""


def heights_of(
    histogram: HistogramLike, per_width: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], Content]:
    """Read a histogram and, if asked, divide it by its bin widths.

    Parameters
    ----------
    histogram : PlottableHistogram or Content
        Of one dimension.
    per_width : bool
        Whether to divide.

    Returns
    -------
    heights, errors : ndarray, shape (n_bins,)
        What is drawn.
    content : Content
        The histogram itself.
    """
    content = read_content(histogram)
    widths = np.diff(content.edges) if per_width else 1.0
    return content.values / widths, content.errors / widths, content
