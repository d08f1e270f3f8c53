"""What a picture needs of a histogram: numbers and titles, read through UHI."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.histograms.uncertainties import known_variances

__all__ = ["Content", "HistogramLike", "Plottable", "heights_of", "read_content", "value_title_of"]


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
    means : bool
        Whether the values are means, as of a profile; NaN where a bin has no entries.
    value_title : str
        Title of the values, where the histogram has one.
    """

    edges: NDArray[np.float64]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    title: str = ""
    categories: tuple[str, ...] = ()
    under: float = 0.0
    over: float = 0.0
    means: bool = False
    value_title: str = ""

    @property
    def centers(self) -> NDArray[np.float64]:
        """Bin centres, shape (n_bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def errors(self) -> NDArray[np.float64]:
        """Square roots of the variances, shape (n_bins,)."""
        return np.sqrt(np.maximum(self.variances, 0.0))

    def scaled(self, *, per_width: bool = False, normalized: bool = False) -> Content:
        """Return the heights that are drawn; means stay as they are.

        Parameters
        ----------
        per_width : bool
            Divide by the bin widths.
        normalized : bool
            Divide by the sum of the values inside the axis.

        Returns
        -------
        Content
            With the same bins.

        Raises
        ------
        BinningError
            Where a sum that is not positive cannot be normalised.

        Examples
        --------
        >>> content = Content(np.array([0.0, 1.0, 3.0]), np.array([2.0, 6.0]), np.array([2.0, 6.0]))
        >>> content.scaled(normalized=True).values.tolist(), content.scaled(per_width=True).values.tolist()
        ([0.25, 0.75], [2.0, 3.0])
        """
        if self.means or not (per_width or normalized):
            return self
        factor = 1 / np.diff(self.edges) if per_width else np.ones(self.values.size)
        if normalized and np.any(self.values):
            total = float(self.values.sum())
            if not total > 0:
                raise BinningError(
                    f"a histogram whose sum is {total:.4g} cannot be normalised. Draw it as it is."
                )
            factor = factor / total
        return replace(self, values=self.values * factor, variances=self.variances * factor**2)

    def merged(self, at_most: int | None) -> Content:
        """Merge neighbours until there are few enough bins; means and categories stay as they are.

        Parameters
        ----------
        at_most : int or None
            Number of bins; None merges nothing.

        Returns
        -------
        Content
            The last bin may be of fewer bins than the others.

        Examples
        --------
        >>> content = Content(np.arange(6.0), np.ones(5), np.ones(5)).merged(3)
        >>> content.edges.tolist(), content.values.tolist()
        ([0.0, 2.0, 4.0, 5.0], [2.0, 2.0, 1.0])
        """
        if at_most is None or self.values.size <= at_most or self.means or self.categories:
            return self
        starts = np.arange(0, self.values.size, -(-self.values.size // max(at_most, 1)))
        edges = np.append(self.edges[starts], self.edges[-1])
        values, variances = (np.add.reduceat(part, starts) for part in (self.values, self.variances))
        return replace(self, edges=edges, values=values, variances=variances)


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
    means = "MEAN" in str(getattr(histogram, "kind", ""))
    if means:
        filled = np.asarray(cast("Any", histogram).counts(), dtype=np.float64) > 0
        values, variances = np.where(filled, values, np.nan), np.where(filled, variances, np.nan)
    under, over = (0.0, 0.0) if means else _outside(histogram, axis, values.size)
    return Content(
        edges=edges,
        values=values,
        variances=variances,
        title=_title(axis),
        categories=categories,
        under=under,
        over=over,
        means=means,
        value_title=value_title_of(histogram),
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


# ROOT calls every axis so; it is a name, and no title.
_NO_TITLES = ("xaxis", "yaxis", "zaxis")


def _title(axis: Any) -> str:
    for key in ("label", "title", "name"):
        text = getattr(axis, key, "")
        if isinstance(text, str) and text and text not in _NO_TITLES:
            return text
    return ""


def value_title_of(histogram: Any) -> str:
    """Return the title of a histogram's values, which :mod:`hepnb.events` reads from a file.

    Parameters
    ----------
    histogram : UHI histogram
        With or without ``metadata``.

    Returns
    -------
    str
        Empty where it has none.
    """
    # hist warns of a histogram without the attribute.
    metadata = getattr(histogram, "__dict__", {}).get("metadata")
    return str(metadata.get("value_title", "")) if isinstance(metadata, dict) else ""


def heights_of(
    histogram: HistogramLike, per_width: bool, normalized: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], Content]:
    """Read a histogram and, if asked, divide it by its bin widths or its sum.

    Parameters
    ----------
    histogram : PlottableHistogram or Content
        Of one dimension.
    per_width, normalized : bool
        As of :meth:`Content.scaled`.

    Returns
    -------
    heights, errors : ndarray, shape (n_bins,)
        What is drawn.
    content : Content
        The histogram itself.
    """
    content = read_content(histogram)
    shown = content.scaled(per_width=per_width, normalized=normalized)
    return shown.values, shown.errors, content
