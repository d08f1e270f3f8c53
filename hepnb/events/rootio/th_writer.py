"""Histograms as ROOT keeps them: what can be in a TH1D, TH2D or TH3D, and what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hist
import numpy as np
import uproot

from hepnb.errors import BinningError
from hepnb.histograms.uncertainties import known_variances

__all__ = ["as_root", "with_statistics"]

_MOST_AXES = 3


def as_root(name: str, histogram: Any) -> Any:
    """Bring a histogram of any make to one that uproot writes with all that ROOT can keep.

    Parameters
    ----------
    name : str
        What it will be called, for messages.
    histogram : UHI histogram
        One to three axes of numbers or categories; counts or sums of weights.

    Returns
    -------
    hist.Hist or uproot histogram
        With both flow bins on every axis, zero where there were none, and with sums of squared weights where
        there are variances; as uproot's own where an axis has categories, which become labels of bins.

    Raises
    ------
    BinningError
        Where it has more axes, holds means, an axis goes round, or its variances are not known.

    Examples
    --------
    >>> counts = hist.Hist(hist.axis.Integer(0, 2, flow=False), storage=hist.storage.Int64()).fill([0, 1, 1])
    >>> as_root("h", counts).values(flow=True)
    array([0., 1., 2., 0.])
    """
    if not (hasattr(histogram, "axes") and hasattr(histogram, "values")):
        raise BinningError(
            f"{name!r} is neither a histogram nor a mapping of columns, but {type(histogram).__name__}. "
            "Give a hist.Hist, or {'branch': array}."
        )
    if not 1 <= len(histogram.axes) <= _MOST_AXES:
        raise BinningError(
            f"{name!r} has {len(histogram.axes)} axes, ROOT's histograms have one to three. Project it first."
        )
    if str(getattr(histogram, "kind", "COUNT")).upper().endswith("MEAN"):
        raise BinningError(
            f"{name!r} holds means (a profile), not counts. Write the histograms it was made of."
        )
    # uproot takes any make of histogram; what is no boost-histogram has no flow bins to be filled up.
    if not hasattr(histogram, "storage_type"):
        return histogram
    axes = [_axis(name, own) for own in histogram.axes]
    variances = known_variances(histogram, flow=True)
    # Counts without weights are their own variances: ROOT needs no second array for them.
    plain = histogram.storage_type in (hist.storage.Int64, hist.storage.AtomicInt64)
    storage = hist.storage.Double() if plain else hist.storage.Weight()
    label = getattr(histogram, "label", None) or getattr(histogram, "name", None) or ""
    made: hist.Hist[Any] = hist.Hist(*axes, storage=storage, name=label, label=label)
    inside = tuple(_place(own) for own in histogram.axes)
    view: Any = made.view(flow=True)
    if plain:
        view[inside] = histogram.values(flow=True)
    else:
        view["value"][inside] = histogram.values(flow=True)
        view["variance"][inside] = variances
    return _with_labels(made, histogram.axes)


def _with_labels(made: hist.Hist[Any], axes: Any) -> Any:
    """Name the bins of categories: uproot would leave out all flow bins where an axis has categories."""
    if not any(map(_has_labels, axes)):
        return made
    identify = uproot.writing.identify
    root = identify.to_writable(made)
    for letter, own in zip("XYZ", axes, strict=False):
        if not _has_labels(own):
            continue
        labels = []
        for number in range(own.size):
            label = identify.to_TObjString(str(own.bin(number)))
            # ROOT finds the bin of a label by this number.
            label._bases[0]._members["@fUniqueID"] = number + 1
            labels.append(label)
        root.member(f"f{letter}axis")._members["fLabels"] = identify.to_THashList(labels)
    return root


def _has_labels(own: Any) -> bool:
    return isinstance(own, (hist.axis.StrCategory, hist.axis.IntCategory))


def with_statistics(histogram: hist.Hist[Any]) -> Any:
    """Make the object that uproot writes, with ROOT's sums over weights and its number of entries.

    uproot takes sums of weights for sums of squared weights, and for the number of entries. ROOT calculates
    the effective entries of them, and takes these for the entries where it does not know those.

    Parameters
    ----------
    histogram : hist.Hist
        Of :func:`as_root`.

    Returns
    -------
    uproot model
        A TH1D, TH2D or TH3D.

    References
    ----------
    ROOT, TH1::ResetStats and TH1::GetEffectiveEntries.

    Examples
    --------
    >>> weighted = hist.Hist(hist.axis.Regular(1, 0, 1), storage=hist.storage.Weight())
    >>> made = with_statistics(as_root("h", weighted.fill([0.5] * 4, weight=0.5)))
    >>> [float(made.member(name)) for name in ("fEntries", "fTsumw", "fTsumw2")]
    [4.0, 2.0, 1.0]
    """
    from uproot.writing.identify import to_writable  # noqa: PLC0415  # with it

    made = to_writable(histogram)
    if getattr(histogram, "storage_type", None) is not hist.storage.Weight:
        return made
    inside: Any = histogram.view()
    everything: Any = histogram.view(flow=True)
    sumw, sumw2 = (float(np.sum(everything[name])) for name in ("value", "variance"))
    base = next(part for part in _parts(made) if "fTsumw2" in part._members)
    base._members["fTsumw2"] = float(np.sum(inside["variance"]))
    base._members["fEntries"] = sumw**2 / sumw2 if sumw2 > 0 else 0.0
    return made


def _parts(model: Any) -> Iterator[Any]:
    yield model
    for part in getattr(model, "_bases", ()):
        yield from _parts(part)


def _axis(name: str, own: Any) -> Any:
    label = getattr(own, "label", "") or getattr(own, "name", "") or ""
    options: dict[str, Any] = {"name": getattr(own, "name", "") or "", "label": label}
    if own.traits.circular:
        raise BinningError(
            f"{name!r}: ROOT has no axis that goes round, as {label!r} does. Use one with ends."
        )
    if _has_labels(own):
        return hist.axis.Regular(max(own.size, 1), 0, max(own.size, 1), **options)
    if isinstance(own, hist.axis.Regular) and own.transform is None:
        return hist.axis.Regular(own.size, own.edges[0], own.edges[-1], **options)
    return hist.axis.Variable(np.asarray(own.edges, dtype=np.float64), **options)


def _place(own: Any) -> slice:
    """Where the bins of an axis lie on one with both flow bins."""
    start = 0 if own.traits.underflow else 1
    return slice(start, start + own.extent)
