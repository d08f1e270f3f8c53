"""What the objects of a file are, and how each becomes something to work with."""

from __future__ import annotations

import re
from typing import Any, Literal

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError
from hepnb.events.rootio.checks import check_key
from hepnb.events.rootio.graphs import GRAPHS, graph_table
from hepnb.histograms.uncertainties import ErrorOption, fill_means

__all__ = ["KeyKind", "kind_of", "read_object", "why_not"]

KeyKind = Literal["directory", "tree", "rntuple", "histogram", "graph", "other"]

_TREES = ("TTree", "TNtuple", "TNtupleD", "TChain")
_HISTOGRAM = re.compile(r"TH[123]([CSIFDLK]|Poly)$|TProfile([23]D)?$|THn|THStack$")
_READABLE_HISTOGRAM = re.compile(r"TH[123][CSIFDL]$|TProfile([23]D)?$")
_OTHER_GRAPHS = ("TGraphMultiErrors", "TGraph2DAsymmErrors", "TMultiGraph", "TGraphPolar")
_ERROR_OPTIONS: dict[int, ErrorOption] = {0: "", 1: "s", 2: "i", 3: "g"}
_SMALL = re.compile(r"TParameter<|(TNamed|TObjString|string|TVectorT<\w+>|TMatrixT<\w+>)$")


def kind_of(classname: str) -> KeyKind:
    """Tell what an object is.

    Examples
    --------
    >>> kind_of("TH2F"), kind_of("TNtuple"), kind_of("TEfficiency"), kind_of("RooWorkspace")
    ('histogram', 'tree', 'graph', 'other')
    """
    if classname.startswith("TDirectory"):
        return "directory"
    if classname in _TREES:
        return "tree"
    if classname.endswith("RNTuple"):
        return "rntuple"
    if _HISTOGRAM.match(classname):
        return "histogram"
    return "graph" if classname in (*GRAPHS, *_OTHER_GRAPHS, "TEfficiency") else "other"


def why_not(kind: KeyKind, classname: str) -> str:
    """Say why an object of that class cannot be read; nothing where it can.

    Examples
    --------
    >>> why_not("histogram", "TProfile2D"), why_not("other", "TCanvas")
    ('', 'there is no reader for the class TCanvas')
    """
    if kind == "histogram" and not _READABLE_HISTOGRAM.match(classname):
        return f"the class {classname} cannot be turned into a histogram of hist"
    if kind == "graph" and classname in _OTHER_GRAPHS:
        return f"the class {classname} cannot be turned into a table"
    return (
        f"there is no reader for the class {classname}"
        if kind == "other" and not _SMALL.match(classname)
        else ""
    )


def read_object(key: Any, kind: KeyKind, classname: str) -> Any:
    """Read an object that is neither tree nor folder.

    Parameters
    ----------
    key : uproot ReadOnlyKey
        Of the object.
    kind, classname : str
        What it is.

    Returns
    -------
    hist.Hist, Table, numpy.ndarray, float, int or str
        A histogram; a graph or an efficiency as a table; the value of a parameter; the title of a TNamed.

    Raises
    ------
    FileError
        Where its parts do not fit together.
    """
    check_key(key)
    if classname == "TEfficiency":
        from hepnb.events.rootio.efficiency import efficiency_table  # noqa: PLC0415  # scipy.stats is slow to import

        return efficiency_table(key, classname)
    found = key.get()
    if kind == "graph":
        return graph_table(found, classname)
    if kind == "histogram":
        made = _profile(found) if classname.startswith("TProfile") else _histogram(found)
        return _titled(made, found)
    return _small(found, classname)


def _titled(histogram: hist.Hist[Any], found: Any) -> hist.Hist[Any]:
    """Keep the title of the values, which ROOT has on the axis behind the last one of the bins."""
    place = len(histogram.axes)
    title = "" if place > 2 else str(found.member(("fYaxis", "fZaxis")[place - 1]).member("fTitle"))
    if title:
        histogram.metadata = {**(histogram.__dict__.get("metadata") or {}), "value_title": title}
    return histogram


def _histogram(found: Any) -> hist.Hist[Any]:
    """Counts or sums of weights; bins with labels become categories where categories can say the same.

    A label belongs to the bin whose number ROOT keeps as its identifier, wherever it is in the list. An axis
    of categories has neither bins without a label, nor equal labels, nor an underflow: then the axis is one
    of numbers, and has the labels by the number of their bin in its ``metadata``.
    """
    labels = [_labels(axis) for axis in found.axes]
    if not any(labels):
        made: hist.Hist[Any] = found.to_hist()
        return made
    values = np.asarray(found.values(flow=True))
    variances = np.asarray(found.variances(flow=True)) if found.weighted else None
    axes: list[Any] = []
    for place, (axis, names) in enumerate(zip(found.axes, labels, strict=True)):
        below = np.take(values, 0, axis=place)
        spread = 0 if variances is None else np.take(variances, 0, axis=place)
        if list(names) == list(range(int(axis.member("fNbins")))) and not (np.any(below) or np.any(spread)):
            category = _category(axis, list(names.values()))
            if category is not None:
                axes.append(category)
                keep = (slice(None),) * place + (slice(1, None),)
                values, variances = values[keep], None if variances is None else variances[keep]
                continue
        axes.append(_axis(axis))
        if names:
            axes[-1].metadata = {"labels": names}
    whole = values.dtype.kind in "iu"
    storage: Any = hist.storage.Int64() if whole else hist.storage.Double()
    storage = storage if variances is None else hist.storage.Weight()
    made = hist.Hist(*axes, storage=storage, name=str(found.name), label=str(found.title))
    view: Any = made.view(flow=True)
    if variances is None:
        view[...] = values
    else:
        view["value"], view["variance"] = values, variances
    return made


def _labels(axis: Any) -> dict[int, str]:
    """Labels by the number of their bin, from 0."""
    listed = axis.member("fLabels", none_if_missing=True) or ()
    found = {int(label.member("@fUniqueID")) - 1: str(label) for label in listed}
    n_bins = int(axis.member("fNbins"))
    if len(found) != len(listed) or not all(0 <= place < n_bins for place in found):
        # Written by something that does not number them: then they are in the order of the bins.
        found = dict(enumerate(str(label) for label in list(listed)[:n_bins]))
    return dict(sorted(found.items()))


def _category(axis: Any, labels: list[str]) -> Any:
    named: dict[str, Any] = {"name": str(axis.member("fName")), "label": str(axis.member("fTitle"))}
    try:
        if all(str(int(label)) == label for label in labels):
            return hist.axis.IntCategory([int(label) for label in labels], **named)
    except ValueError:
        pass
    # Equal labels cannot be told apart.
    return hist.axis.StrCategory(labels, **named) if len(set(labels)) == len(labels) else None


def _small(found: Any, classname: str) -> Any:
    if classname.startswith("TParameter"):
        return found.value
    if classname == "TNamed":
        return str(found.member("fTitle"))
    if classname.startswith("TVectorT"):
        return np.array(found.member("fElements"))
    if classname.startswith("TMatrixT"):
        shape = int(found.member("fNrows")), int(found.member("fNcols"))
        return np.array(found.member("fElements")).reshape(shape)
    return str(found)


def _profile(profile: Any) -> hist.Hist[Any]:
    """Means of a profile of any dimension.

    ROOT keeps, for each bin, the sums of w y (the contents), w y^2 (fSumw2), w (fBinEntries) and, where
    weights were used, w^2 (fBinSumw2). The variances are the squares of ROOT's errors, for its error option.
    """
    axes = [_axis(axis) for axis in profile.axes]
    shape = tuple(axis.extent for axis in reversed(axes))
    sums = {name: _cells(profile.member(name), shape) for name in ("fBinEntries", "fSumw2", "fBinSumw2")}
    weights, content = sums["fBinEntries"], _cells(profile.bases[0].bases[-1], shape)
    if weights is None or content is None:
        raise FileError("its bins and their contents do not fit together")
    means = np.divide(content, weights, out=np.zeros(content.shape), where=weights != 0)
    squares, weighted = sums["fSumw2"], sums["fBinSumw2"]
    spread = np.zeros(content.shape) if squares is None else np.abs(squares - weights * means**2)
    made: hist.Hist[Any] = hist.Hist(
        *axes, storage=hist.storage.WeightedMean(), name=str(profile.name), label=str(profile.title)
    )
    option = _ERROR_OPTIONS.get(int(profile.member("fErrorMode")), "")
    # Without squared weights ROOT takes the sum of weights for the number of entries.
    found = {"weights": weights, "squares": weights if weighted is None else weighted}
    fill_means(made, {**found, "mean": means, "spread": spread}, option)
    return made


def _axis(axis: Any) -> Any:
    edges = np.asarray(axis.edges(), dtype=np.float64)
    named: dict[str, Any] = {"name": str(axis.member("fName")), "label": str(axis.member("fTitle"))}
    if len(axis.member("fXbins")):
        return hist.axis.Variable(edges, **named)
    return hist.axis.Regular(len(edges) - 1, edges[0], edges[-1], **named)


def _cells(values: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Bins with the first axis first; ROOT counts along the first axis fastest."""
    cells = np.asarray(values, dtype=np.float64).reshape(-1)
    return np.ascontiguousarray(cells.reshape(shape).T) if cells.size == np.prod(shape) else None
