"""Read the file of a channel: its data, samples and modifiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.workspace.histfactory.elements import Element
from hepnb.workspace.histfactory.histograms import Histogram, Histograms, Place

__all__ = ["Channel", "Sample", "bounded_gammas", "read_channel"]

_LAWS = {"gaussian": "gaussian", "gauss": "gaussian", "poisson": "poisson", "pois": "poisson"}
_TAGS = ("NormFactor", "OverallSys", "HistoSys", "ShapeSys", "ShapeFactor", "StatError")
# Where no StatErrorConfig says otherwise.
_THRESHOLD = 0.05

# Bin by bin parameters that multiply a Poisson rate stay above 0, where the law of a count ends.
_SMALLEST = 1e-10


@dataclass
class Sample:
    """A sample: its yields, and its modifiers with the element of each.

    ``modifiers`` are as in pyhf's vocabulary. The data of a ShapeSys are relative. ROOT multiplies every
    sample by the luminosity; a function may take it away.
    """

    element: Element
    name: str
    histogram: Histogram
    by_theory: bool
    modifiers: list[tuple[Element, dict[str, Any]]] = field(default_factory=list)
    stat_errors: np.ndarray[Any, np.dtype[np.float64]] | None = None
    with_lumi: bool = True


@dataclass
class Channel:
    """A channel.

    Parameters
    ----------
    element : Element
        Its element.
    name : str
        Its name.
    samples : list of Sample
        In the order of the file.
    data : Histogram, optional
        None where the data are to be the expected ones.
    laws : dict of str to str
        The law of the auxiliary measurements of each ShapeSys and of the staterror.
    settings : dict of str to dict
        Start and bounds by parameter, in pyhf's vocabulary.
    fixed, fixed_factors : set of str
        ShapeFactors and NormFactors that are constant in every measurement.
    """

    element: Element
    name: str
    samples: list[Sample] = field(default_factory=list)
    data: Histogram | None = None
    laws: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    fixed_factors: set[str] = field(default_factory=set)

    @property
    def stat_name(self) -> str:
        """The name of the statistical uncertainties."""
        return f"staterror_{self.name}"


def read_channel(element: Element, histograms: Histograms) -> Channel:
    """Read a channel.

    Parameters
    ----------
    element : Element
        ``<Channel>``.
    histograms : Histograms
        Where histograms are read.

    Returns
    -------
    Channel
        With every histogram read.

    Raises
    ------
    FileError, WorkspaceError
        A file or a histogram is missing; something is not HistFactory's.
    """
    if element.tag != "Channel":
        raise element.fault("is not a <Channel>, which an <Input> of a <Combination> must be.")
    element.check(("Name", "InputFile", "HistoPath", "HistoName"), ("Data", "StatErrorConfig", "Sample"))
    channel = Channel(element, element.required("Name"))
    place = Place().inside(element)
    for sample in element.children("Sample"):
        channel.samples.append(_sample(sample, channel, place, histograms))
    if not channel.samples:
        raise element.fault("has no <Sample>.")
    channel.data = _data(element, place, histograms)
    _check_bins(channel)
    _stat_errors(element, channel)
    return channel


def _data(element: Element, place: Place, histograms: Histograms) -> Histogram | None:
    found = element.children("Data")
    for data in found:
        data.check(("Name", "InputFile", "HistoPath", "HistoName"))
    if len(found) > 1 or (found and found[0].get("Name")):
        raise found[-1].fault(
            "is one of several data sets, which are not supported. Leave one <Data> without Name."
        )
    if not found:
        return None
    data, here = found[0], place.inside(found[0])
    # An element without a file or a name is how programs write that there are no data.
    if not data.get("HistoName").strip():
        return None
    return histograms.read(data, here, data.get("HistoName").strip())


def _sample(element: Element, channel: Channel, place: Place, histograms: Histograms) -> Sample:
    element.check(("Name", "InputFile", "HistoPath", "HistoName", "NormalizeByTheory"), _TAGS)
    here = place.inside(element)
    histogram = histograms.read(element, here, element.get("HistoName").strip())
    # ROOT's own default is True.
    by_theory = element.flag("NormalizeByTheory", True)
    sample = Sample(element, element.required("Name"), histogram, by_theory)
    readers = {
        "NormFactor": _norm_factor,
        "OverallSys": _overall_sys,
        "HistoSys": _histo_sys,
        "ShapeSys": _shape_sys,
        "ShapeFactor": _shape_factor,
        "StatError": _stat_error,
    }
    for tag in _TAGS:
        seen = set()
        for child in element.children(tag):
            name = child.get("Name")
            if name in seen:
                raise child.fault("stands twice on the same sample. Keep one.")
            seen.add(name)
            readers[tag](child, sample, channel, here, histograms)
    return sample


def _add(sample: Sample, element: Element, kind: str, data: Any) -> None:
    sample.modifiers.append((element, {"name": element.required("Name"), "type": kind, "data": data}))


def _norm_factor(element: Element, sample: Sample, channel: Channel, *_: Any) -> None:
    element.check(("Name", "Val", "Low", "High", "Const"))
    value, low, high = element.number("Val", 1.0), element.number("Low"), element.number("High")
    if not low < high:
        raise element.fault(f"has Low={low:g}, High={high:g}. Low must be below High.")
    if not low <= value <= high:
        raise element.fault(f"has Val={value:g}, which is not between Low={low:g} and High={high:g}.")
    # ROOT ignores Const, since long.
    element.flag("Const", False)
    name = element.required("Name")
    channel.settings.setdefault(name, {"name": name, "bounds": [[low, high]], "inits": [value]})
    _add(sample, element, "normfactor", None)


def _overall_sys(element: Element, sample: Sample, *_: Any) -> None:
    element.check(("Name", "Low", "High"))
    low, high = element.number("Low"), element.number("High")
    if not (low > 0 and high > 0):
        raise element.fault(f"has Low={low:g}, High={high:g}. Both must be positive factors.")
    _add(sample, element, "normsys", {"lo": low, "hi": high})


def _histo_sys(element: Element, sample: Sample, _: Channel, place: Place, histograms: Histograms) -> None:
    sides = [f"{what}{side}" for what in ("HistoFile", "InputFile", "HistoPath", "HistoName")
             for side in ("Low", "High")]  # fmt: skip
    element.check(("Name", "InputFile", "HistoPath", *sides))
    here, found = place.inside(element), {}
    for side, key in (("Low", "lo_data"), ("High", "hi_data")):
        file = element.get(f"HistoFile{side}", element.get(f"InputFile{side}", here.file))
        there = Place(file, element.get(f"HistoPath{side}", here.path))
        name = f"HistoName{side}"
        variation = histograms.read(element, there, element.get(name).strip(), name)
        _same_bins(element, variation, sample.histogram)
        found[key] = variation.values.tolist()
    _add(sample, element, "histosys", found)


def _shape_sys(
    element: Element, sample: Sample, channel: Channel, place: Place, histograms: Histograms
) -> None:
    element.check(("Name", "InputFile", "HistoPath", "HistoName", "ConstraintType"))
    relative = histograms.read(element, place.inside(element), element.get("HistoName").strip())
    _same_bins(element, relative, sample.histogram)
    # The first element of a name rules, as in ROOT; without a type the law is Gaussian.
    channel.laws.setdefault(element.required("Name"), _law(element, "gaussian"))
    _add(sample, element, "shapesys", relative.values)


def _shape_factor(
    element: Element, sample: Sample, channel: Channel, place: Place, histograms: Histograms
) -> None:
    known = ("Name", "Const", "InputFile", "HistoPath", "HistoName", "Val", "Low", "High")
    element.check(known)
    name, size = element.required("Name"), sample.histogram.values.size
    low, high = element.number("Low", 0.0), element.number("High", 1000.0)
    inits = [element.number("Val", 1.0)] * size
    if element.get("HistoName").strip():
        shape = histograms.read(element, place.inside(element), element.get("HistoName").strip())
        _same_bins(element, shape, sample.histogram)
        inits = shape.values.tolist()
    if not low < high or not all(low <= value <= high for value in inits):
        raise element.fault(f"must start between Low={low:g} and High={high:g}, and Low be below High.")
    if element.flag("Const", False):
        channel.fixed.add(name)
    channel.settings.setdefault(name, {"name": name, "bounds": [[low, high]] * size, "inits": inits})
    _add(sample, element, "shapefactor", None)


def _stat_error(element: Element, sample: Sample, _: Channel, place: Place, histograms: Histograms) -> None:
    element.check(("Activate", "InputFile", "HistoPath", "HistoName"))
    if not element.flag("Activate", False):
        return
    sample.stat_errors = sample.histogram.errors
    if element.get("HistoName").strip():
        # Here, unlike elsewhere, an empty path is no path of its own.
        there = Place(element.get("InputFile") or place.file, element.get("HistoPath") or place.path)
        relative = histograms.read(element, there, element.get("HistoName").strip())
        _same_bins(element, relative, sample.histogram)
        sample.stat_errors = np.abs(relative.values * sample.histogram.values)


def _stat_errors(element: Element, channel: Channel) -> None:
    """Hold the statistical uncertainties of bins where they are relatively small, and bound the others."""
    threshold, law = _THRESHOLD, "poisson"
    for config in element.children("StatErrorConfig"):
        config.check(("RelErrorThreshold", "ConstraintType"))
        threshold, law = config.number("RelErrorThreshold", _THRESHOLD), _law(config, "poisson")
    active = [(sample, sample.stat_errors) for sample in channel.samples if sample.stat_errors is not None]
    if not active:
        return
    total = np.sum([sample.histogram.values for sample, _ in active], axis=0)
    squares = np.sum([np.square(errors) for _, errors in active], axis=0)
    width = np.divide(np.sqrt(squares), total, out=np.zeros_like(total), where=total > 0)
    held = (width < threshold) | (width <= 0)
    for sample, errors in active:
        data = np.where(held, 0.0, errors).tolist()
        sample.modifiers.append((element, {"name": channel.stat_name, "type": "staterror", "data": data}))
    channel.laws[channel.stat_name] = law
    channel.settings[channel.stat_name] = bounded_gammas(channel.stat_name, np.where(held, 0.0, width))


def bounded_gammas(name: str, width: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Return the setting that bounds gammas as ROOT does, at 1 + 5 sigma; those of no width as pyhf does."""
    highest = np.where(width > 0, 1 + 5 * width, 10.0)
    return {"name": name, "bounds": [[_SMALLEST, float(high)] for high in highest]}


def _law(element: Element, default: str) -> str:
    if not element.has("ConstraintType"):
        return default
    law = _LAWS.get(element.get("ConstraintType").strip().lower())
    if law is None:
        raise element.fault(
            f"has ConstraintType={element.get('ConstraintType')!r}. Write 'Gaussian' or 'Poisson'."
        )
    return law


def _check_bins(channel: Channel) -> None:
    first = channel.samples[0]
    for sample in channel.samples[1:]:
        _same_bins(sample.element, sample.histogram, first.histogram)
    if channel.data is not None:
        _same_bins(channel.element.children("Data")[0], channel.data, first.histogram)


def _same_bins(element: Element, one: Histogram, other: Histogram) -> None:
    if one.values.size != other.values.size:
        raise WorkspaceError(
            f"{element} has a histogram of {one.values.size} bins where others of the channel have "
            f"{other.values.size}. Rebuild it with the channel's binning."
        )
    if one.edges and other.edges:
        span = other.edges[-1] - other.edges[0]
        if not np.allclose(one.edges, other.edges, rtol=1e-6, atol=1e-6 * span):
            raise WorkspaceError(
                f"{element} has a histogram with other bin edges than the channel: {_ends(one)}, not "
                f"{_ends(other)}. Rebuild it with the channel's binning."
            )


def _ends(histogram: Histogram) -> str:
    return f"{histogram.edges[0]:g} to {histogram.edges[-1]:g}"
