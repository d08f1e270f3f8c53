"""Templates: the histogram of a sample in one row of bins, and what a systematic makes of it.

A source is anything with ``.hist(expression, bins, cut=, weight=)``, such as a tree, or a ready histogram.
Nothing here knows files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import hist
import numpy as np

from hepnb.errors import BinningError
from hepnb.histograms._fill import empty
from hepnb.histograms._unroll import bin_name, is_category, pick, unroll
from hepnb.histograms.binning import Bins, axis
from hepnb.histograms.uncertainties import known_variances
from hepnb.histograms.weighted import WeightedHist
from hepnb.progress import Progress

__all__ = [
    "FillableTogether",
    "as_counts",
    "bin_names",
    "both_cuts",
    "from_ready",
    "in_a_row",
    "take",
    "take_together",
    "template",
    "zeros",
]


@runtime_checkable
class Fillable(Protocol):
    """Source of templates: a tree, or anything that fills a histogram of an expression."""

    def hist(
        self, expression: str | tuple[str, ...], bins: Bins, cut: str | None = None, weight: str | None = None
    ) -> Any:
        """Fill a histogram.

        Parameters
        ----------
        expression : str or tuple of str
            The variable, or one per axis.
        bins : Bins
            See :func:`hepnb.histograms.axis`.
        cut, weight : str, optional
            Which entries, and their weights.

        Returns
        -------
        hist.Hist
            With sums of squared weights.
        """
        ...


@runtime_checkable
class FillableTogether(Fillable, Protocol):
    """Source of templates that fills any number of them in one pass; equal sources give equal templates."""

    def __hash__(self) -> int: ...

    def fill(self, histograms: Mapping[str, Any], *, progress: Progress | None = None) -> Any:
        """Fill histograms.

        Parameters
        ----------
        histograms : mapping of name to (expression, bins, cut, weight)
            What to fill.
        progress : callable, optional
            Called with (done, total).

        Returns
        -------
        object
            With the mapping ``histograms`` of name to hist.Hist.
        """
        ...


def take_together(
    source: FillableTogether, what: Sequence[tuple[Any, ...]], progress: Progress | None = None
) -> list[hist.Hist[Any]]:
    """Fill the histograms of several samples in one pass.

    Parameters
    ----------
    source : FillableTogether
        A tree.
    what : sequence of (variable, bins, cut, weight)
        As for :func:`take`, one for each histogram.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    list of hist.Hist
        Each as :func:`take` gives it.
    """
    filled = source.fill({str(number): one for number, one in enumerate(what)}, progress=progress).histograms
    return [_weighted(filled[str(number)]) for number in range(len(what))]


def take(
    source: Any,
    variable: str | tuple[str, ...],
    bins: Bins | None,
    cut: str | None = None,
    weight: str | None = None,
    select: Mapping[str, str] | None = None,
) -> hist.Hist[Any]:
    """Fill the histogram of a sample, or take the ready one.

    Parameters
    ----------
    source : Fillable or histogram
        A tree, or a histogram (hist, boost-histogram, anything UHI-like). Of a ready histogram the variable,
        cut and weight are what they are; `bins` must agree with it.
    variable : str or tuple of str
        The expression to histogram; several for as many axes.
    bins : Bins or None
        See :func:`hepnb.histograms.axis`; one per axis where there are several. None takes a ready
        histogram's own.
    cut, weight : str, optional
        Which entries, and their weights.
    select : mapping of str to str, optional
        Which category of which axis of a ready histogram.

    Returns
    -------
    hist.Hist
        Weight storage, flow bins left out.

    Raises
    ------
    BinningError
        Where a ready histogram has other bins, or not that category.

    Examples
    --------
    >>> two = hist.Hist(hist.axis.StrCategory(["a", "b"], name="process"), hist.axis.Regular(2, 0, 1))
    >>> take(two.fill(["a", "b", "b"], [0.1, 0.2, 0.7]), "", (2, 0, 1), select={"process": "b"}).values()
    array([1., 1.])
    """
    if isinstance(source, Fillable):
        # Without bins the fill raises.
        return _weighted(source.hist(variable, cast("Bins", bins), cut=cut, weight=weight))
    checked(source)
    picked = _weighted(pick(source, select or {}))
    if bins is not None:
        asked = bins if len(picked.axes) > 1 else (bins,)
        if not isinstance(asked, (tuple, list)) or len(asked) != len(picked.axes):
            raise BinningError(
                f"the histogram has {len(picked.axes)} axes, bins={bins!r:.60} do not say one for each. "
                "Give one binning per axis, or pick categories with select=."
            )
        for own, wanted in zip(picked.axes, asked, strict=True):
            _agree(own, axis(wanted))
    return picked


def template(
    source: Any,
    variable: str | tuple[str, ...],
    bins: Bins,
    cut: str | None = None,
    weight: str | None = None,
    scale: float = 1.0,
    select: Mapping[str, str] | None = None,
) -> hist.Hist[Any]:
    """Fill or take the histogram of a sample, and put its bins into one row.

    Parameters
    ----------
    source, variable, bins, cut, weight, select
        As for :func:`take`.
    scale : float
        A factor on the yields.

    Returns
    -------
    hist.Hist
        One axis, weight storage; of several axes unrolled, with names of the bins.

    Raises
    ------
    BinningError
        As for :func:`take`.

    Examples
    --------
    >>> ready = hist.Hist(hist.axis.Regular(2, 0, 1), storage=hist.storage.Weight())
    >>> template(ready.fill([0.1, 0.2, 0.7]), "", (2, 0, 1), scale=2.0).view()
    WeightedSumView(
          [(4., 8.), (2., 4.)],
          dtype=[('value', '<f8'), ('variance', '<f8')])
    """
    flat = in_a_row(take(source, variable, bins, cut, weight, select))
    return flat if scale == 1.0 else flat * scale


def as_counts(source: Any) -> Any:
    """Take the contents of a histogram of observed events for their variances, where it has none of its own.

    Parameters
    ----------
    source : Fillable or histogram
        Of data: ``fill(centers, weight=counts)`` is how published numbers are often put into a histogram.

    Returns
    -------
    Fillable or histogram
        Itself, unless it is a histogram whose variances are not known.

    Examples
    --------
    >>> published = hist.Hist(hist.axis.Regular(2, 0, 2)).fill([0.5, 1.5], weight=[12, 7])
    >>> published.variances() is None, as_counts(published).variances()
    (True, array([12.,  7.]))
    """
    if not hasattr(source, "storage_type") or source.variances() is not None:
        return source
    made: hist.Hist[Any] = WeightedHist(*source.axes, storage=hist.storage.Weight(), name=source.name)
    view: Any = made.view(flow=True)
    view["value"] = view["variance"] = source.values(flow=True)
    return made


def in_a_row(histogram: hist.Hist[Any]) -> hist.Hist[Any]:
    """Unroll a histogram of several axes; one of one axis is itself.

    Parameters
    ----------
    histogram : hist.Hist
        Of :func:`take`.

    Returns
    -------
    hist.Hist
        One axis.

    Examples
    --------
    >>> in_a_row(hist.Hist(hist.axis.Regular(2, 0, 1), hist.axis.Regular(3, 0, 1))).axes[0].size
    6
    """
    return histogram if len(histogram.axes) == 1 else unroll(histogram)


def bin_names(histogram: hist.Hist[Any]) -> tuple[str, ...]:
    """Names of the bins of a template, where they are categories; empty where they are ranges of numbers.

    Parameters
    ----------
    histogram : hist.Hist
        One axis.

    Returns
    -------
    tuple of str
        One per bin.

    Examples
    --------
    >>> bin_names(hist.Hist(hist.axis.StrCategory(["ee", "mm"])))
    ('ee', 'mm')
    """
    own = histogram.axes[0]
    return tuple(map(str, own)) if isinstance(own, hist.axis.StrCategory) else ()


def from_ready(histogram: Any, bins: Bins | None = None) -> hist.Hist[Any]:
    """Bring a histogram of any make to a hist.Hist with weight storage, flow bins left out.

    Parameters
    ----------
    histogram : UHI histogram
        With ``axes``, ``values()`` and, perhaps, ``variances()``; counts where it has no variances.
    bins : Bins, optional
        The bins that it must have.

    Returns
    -------
    hist.Hist
        A copy.

    Raises
    ------
    BinningError
        When it is no histogram, has more than one axis or other bins, or its variances are not known.

    Examples
    --------
    >>> counts = hist.Hist(hist.axis.Regular(2, 0, 1)).fill([0.1, 0.2, 0.7])
    >>> from_ready(counts).variances()
    array([2., 1.])
    >>> from_ready(counts, (3, 0, 1))
    Traceback (most recent call last):
    ...
    hepnb.errors.BinningError: the histogram has 2 bins from 0 to 1, 3 bins from 0 to 1 are asked for...
    """
    checked(histogram)
    if len(histogram.axes) != 1:
        raise BinningError(
            f"the histogram has {len(histogram.axes)} axes, one is needed here. Project it first."
        )
    result = _weighted(histogram)
    if bins is not None:
        _agree(result.axes[0], axis(bins))
    return result


def checked(histogram: Any) -> None:
    """Insist on a histogram of counts or sums of weights.

    Raises
    ------
    BinningError
        Where it is none.
    """
    if not (hasattr(histogram, "axes") and hasattr(histogram, "values")):
        raise BinningError(
            f"neither a tree nor a histogram, but {type(histogram).__name__}. "
            "Give a Tree (hepnb.open(...)['tree']) or a hist.Hist."
        )
    if str(getattr(histogram, "kind", "COUNT")).upper().endswith("MEAN"):
        raise BinningError(
            "the histogram holds means, not counts (a profile): its values are no yields. "
            "Give a histogram of counts or of sums of weights."
        )


def _weighted(histogram: Any) -> hist.Hist[Any]:
    """Copy the bins of any make of histogram, without the flow bins."""
    axes = [_plain(own, number) for number, own in enumerate(histogram.axes)]
    result: hist.Hist[Any] = WeightedHist(*axes, storage=hist.storage.Weight())
    result.metadata = empty(axes[0]).metadata
    values = np.asarray(histogram.values(), dtype=np.float64)
    variances = known_variances(histogram)
    view: Any = result.view()
    view["value"] = values
    view["variance"] = variances
    return result


def _plain(own: Any, number: int) -> Any:
    name = getattr(own, "name", "") or "xyzuvw"[number]
    label = getattr(own, "label", "") or name
    if is_category(own):
        return hist.axis.StrCategory(
            [bin_name(own, index) for index in range(len(own))], name=name, label=label, overflow=False
        )
    return hist.axis.Variable(np.asarray(own.edges, dtype=np.float64), name=name, label=label)


def zeros(like: hist.Hist[Any]) -> hist.Hist[Any]:
    """Make an empty template with the bins of another.

    Parameters
    ----------
    like : hist.Hist
        One axis.

    Returns
    -------
    hist.Hist
        Weight storage, no entries.

    Examples
    --------
    >>> zeros(hist.Hist(hist.axis.Regular(2, 0, 1))).values()
    array([0., 0.])
    """
    return empty(like.axes[0])


def both_cuts(*cuts: str | None) -> str | None:
    """Join cuts so that an entry must pass all of them.

    Parameters
    ----------
    *cuts : str or None
        Selections; None and blank ones pass everything.

    Returns
    -------
    str or None
        One selection.

    Examples
    --------
    >>> both_cuts("pt > 20", None, "eta < 2 or charge > 0")
    '(pt > 20) & (eta < 2 or charge > 0)'
    >>> both_cuts(None, "pt > 20")
    'pt > 20'
    """
    given = [cut for cut in cuts if cut and cut.strip()]
    if len(given) <= 1:
        return given[0] if given else None
    return " & ".join(f"({cut})" for cut in given)


def _agree(own: Any, asked: Any) -> None:
    if is_category(own) or is_category(asked):
        names = [[bin_name(one, index) for index in range(len(one))] for one in (own, asked)]
        if names[0] != names[1]:
            raise BinningError(
                f"the histogram has the bins {', '.join(names[0][:4])}, {', '.join(names[1][:4])} are asked "
                "for. Fill all samples with the same categories in the same order."
            )
        return
    edges, wanted = (np.asarray(one.edges, dtype=np.float64) for one in (own, asked))
    tolerance = 1e-9 * max(1e-300, float(np.abs(wanted).max()))
    if edges.shape != wanted.shape or float(np.abs(edges - wanted).max()) > tolerance:
        raise BinningError(
            f"the histogram has {edges.size - 1} bins from {edges[0]:g} to {edges[-1]:g}, "
            f"{wanted.size - 1} bins from {wanted[0]:g} to {wanted[-1]:g} are asked for. "
            "Rebin it, or give the channel its edges."
        )
