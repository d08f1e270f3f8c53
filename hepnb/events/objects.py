"""What the objects of a file are, and how each becomes something to work with."""

from __future__ import annotations

import re
from typing import Any, Literal

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError
from hepnb.events.integrity import check_key
from hepnb.events.tables import GRAPHS, graph_table

__all__ = ["EntryKind", "kind_of", "read_object", "why_not"]

EntryKind = Literal["directory", "tree", "rntuple", "histogram", "graph", "other"]

_TREES = ("TTree", "TNtuple", "TNtupleD", "TChain")
_HISTOGRAM = re.compile(r"TH[123]([CSIFDLK]|Poly)$|TProfile([23]D)?$|THn|THStack$")
_READABLE_HISTOGRAM = re.compile(r"TH[123][CSIFDL]$|TProfile([23]D)?$")
_OTHER_GRAPHS = ("TGraphMultiErrors", "TGraph2DAsymmErrors", "TMultiGraph", "TGraphPolar")
_SMALL = re.compile(r"TParameter<|(TNamed|TObjString|string|TVectorT<\w+>|TMatrixT<\w+>)$")


def kind_of(classname: str) -> EntryKind:
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


def why_not(kind: EntryKind, classname: str) -> str:
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


def read_object(key: Any, kind: EntryKind, classname: str) -> Any:
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
        from hepnb.events.efficiencies import efficiency_table  # noqa: PLC0415  # scipy.stats is slow to import

        return efficiency_table(key, classname)
    found = key.get()
    if kind == "graph":
        return graph_table(found, classname)
    if kind == "histogram":
        return _profile(found) if classname.startswith("TProfile") else found.to_hist()
    return _small(found, classname)


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
    weights were used, w^2 (fBinSumw2).
    """
    axes = [_axis(axis) for axis in profile.axes]
    shape = tuple(axis.extent for axis in reversed(axes))
    sums = {name: _cells(profile.member(name), shape) for name in ("fBinEntries", "fSumw2", "fBinSumw2")}
    weights, content = sums["fBinEntries"], _cells(profile.bases[0].bases[-1], shape)
    if weights is None or content is None:
        raise FileError("its bins and their contents do not fit together")
    means = np.divide(content, weights, out=np.zeros(content.shape), where=weights != 0)
    squares = sums["fSumw2"]
    spread = np.zeros(content.shape) if squares is None else np.maximum(squares - weights * means**2, 0)
    weighted = sums["fBinSumw2"]
    storage: Any = hist.storage.Mean() if weighted is None else hist.storage.WeightedMean()
    made: hist.Hist[Any] = hist.Hist(*axes, storage=storage, name=str(profile.name), label=str(profile.title))
    view: Any = made.view(flow=True)
    view["value"] = means
    if weighted is None:
        view["count"], view["_sum_of_deltas_squared"] = weights, spread
    else:
        view["sum_of_weights"], view["sum_of_weights_squared"] = weights, weighted
        view["_sum_of_weighted_deltas_squared"] = spread
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
