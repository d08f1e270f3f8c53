"""Templates: the histogram of a sample, and what a systematic makes of it.

A source is anything with ``.hist(expression, bins, cut=, weight=)``, such as a tree, or a ready histogram.
Nothing here knows files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError
from hepnb.histograms.binning import Bins, axis
from hepnb.histograms.fill import empty, normalise, symmetrise

__all__ = ["NormShape", "both_cuts", "from_ready", "split", "template", "zeros"]


@runtime_checkable
class Fillable(Protocol):
    """What templates are filled from: a tree, or anything that fills a histogram of an expression."""

    def hist(self, expression: str, bins: Bins, cut: str | None = None, weight: str | None = None) -> Any:
        """Fill a histogram.

        Parameters
        ----------
        expression : str
            The variable.
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


@dataclass(frozen=True)
class NormShape:
    """A variation, split into what it does to the normalisation and to the shape.

    Parameters
    ----------
    norm_up, norm_down : float
        The factors on the yield: a normsys's "hi" and "lo".
    shape_up, shape_down : numpy.ndarray, shape (n_bins,)
        The varied yields brought back to the nominal's sum: a histosys's "hi_data" and "lo_data".
    """

    norm_up: float
    norm_down: float
    shape_up: NDArray[np.float64]
    shape_down: NDArray[np.float64]


def template(
    source: Any,
    variable: str,
    bins: Bins,
    cut: str | None = None,
    weight: str | None = None,
    scale: float = 1.0,
) -> hist.Hist[Any]:
    """Fill the template of a sample, or take the ready one.

    Parameters
    ----------
    source : Fillable or histogram
        A tree, or a one-dimensional histogram (hist, boost-histogram, anything UHI-like). Of a ready
        histogram the variable, cut and weight are what they are; `bins` must agree with it.
    variable : str
        The expression to histogram.
    bins : Bins or None
        See :func:`hepnb.histograms.axis`. None takes a ready histogram's own.
    cut, weight : str, optional
        Which entries, and their weights.
    scale : float
        A factor on the yields.

    Returns
    -------
    hist.Hist
        One axis, weight storage.

    Raises
    ------
    BinningError
        When a ready histogram has other bins, or more than one axis.

    Examples
    --------
    >>> ready = hist.Hist(hist.axis.Regular(2, 0, 1), storage=hist.storage.Weight())
    >>> template(ready.fill([0.1, 0.2, 0.7]), "", (2, 0, 1), scale=2.0).view()
    WeightedSumView(
          [(4., 8.), (2., 4.)],
          dtype=[('value', '<f8'), ('variance', '<f8')])
    """
    filled = source.hist(variable, bins, cut=cut, weight=weight) if isinstance(source, Fillable) else source
    ready = from_ready(filled, None if bins is None or filled is not source else bins)
    return ready if scale == 1.0 else ready * scale


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
        When it is no histogram, has more than one axis, or other bins.

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
    if len(histogram.axes) != 1:
        raise BinningError(
            f"the histogram has {len(histogram.axes)} axes, a template has one. Project it first."
        )
    own = histogram.axes[0]
    edges = np.asarray(own.edges, dtype=np.float64)
    if bins is not None:
        _agree(edges, np.asarray(axis(bins).edges, dtype=np.float64))
    name, label = getattr(own, "name", "") or "x", getattr(own, "label", "") or ""
    result = empty(hist.axis.Variable(edges, name=name, label=label or name))
    values = np.asarray(histogram.values(), dtype=np.float64)
    variances = histogram.variances() if hasattr(histogram, "variances") else None
    view: Any = result.view()
    view["value"] = values
    view["variance"] = values if variances is None else np.asarray(variances, dtype=np.float64)
    return result


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
    >>> both_cuts("pt > 20", None, "eta < 2 | charge > 0")
    '(pt > 20) & (eta < 2 | charge > 0)'
    >>> both_cuts(None, "pt > 20")
    'pt > 20'
    """
    given = [cut for cut in cuts if cut and cut.strip()]
    if len(given) <= 1:
        return given[0] if given else None
    return " & ".join(f"({cut})" for cut in given)


def split(
    nominal: NDArray[np.float64], up: NDArray[np.float64], down: NDArray[np.float64] | None = None
) -> NormShape | None:
    """Split a variation into normalisation and shape.

    Parameters
    ----------
    nominal, up : array_like, shape (n_bins,)
        Yields.
    down : array_like, shape (n_bins,), optional
        Where left out, the up variation is mirrored: first split, then mirrored, so that the factors
        are 1 +- x and the shapes lie symmetrically about the nominal.

    Returns
    -------
    NormShape or None
        None where there is no splitting: a sum is not positive.

    Raises
    ------
    BinningError
        When the numbers of bins differ.

    Notes
    -----
    The convention of cabinetry's NormPlusShape, and of TRExFitter before it.

    Examples
    --------
    >>> split([10.0, 10.0], [12.0, 10.0], [6.0, 10.0])
    NormShape(norm_up=1.1, norm_down=0.8,
      shape_up=array([10.90909091,  9.09090909]), shape_down=array([ 7.5, 12.5]))
    """
    first, second = np.asarray(nominal, dtype=np.float64), np.asarray(up, dtype=np.float64)
    third = None if down is None else np.asarray(down, dtype=np.float64)
    norm_up, shape_up = normalise(first, second)
    sums = [first.sum(), second.sum()]
    if third is None:
        norm_down, shape_down = 2 - norm_up, symmetrise(first, shape_up)
        sums.append(norm_down)
    else:
        norm_down, shape_down = normalise(first, third)
        sums.append(third.sum())
    if min(sums) <= 0:
        return None
    return NormShape(norm_up, norm_down, shape_up, shape_down)


def _agree(own: NDArray[np.float64], asked: NDArray[np.float64]) -> None:
    tolerance = 1e-9 * max(1e-300, float(np.abs(asked).max()))
    if own.shape != asked.shape or float(np.abs(own - asked).max()) > tolerance:
        raise BinningError(
            f"the histogram has {own.size - 1} bins from {own[0]:g} to {own[-1]:g}, "
            f"{asked.size - 1} bins from {asked[0]:g} to {asked[-1]:g} are asked for. "
            "Rebin it, or give the channel its edges."
        )
