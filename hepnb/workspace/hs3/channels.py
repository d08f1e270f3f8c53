"""The channels of an HS3 document: distributions of type ``histfactory_dist``, and their data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.typing import FloatArray
from hepnb.workspace.faults import Fault, check_entries, check_numbers, shown
from hepnb.workspace.hs3.document import each, inside

__all__ = ["Axes", "Channel", "Sample", "read_channel", "read_data"]


@dataclass(frozen=True)
class Axes:
    """The bins of a channel.

    Attributes
    ----------
    names : tuple of str
        The observables.
    edges : tuple of ndarray
        Bin edges of each.
    """

    names: tuple[str, ...]
    edges: tuple[FloatArray, ...]

    @property
    def size(self) -> int:
        """Number of bins."""
        return math.prod(edges.size - 1 for edges in self.edges)

    def same(self, other: Axes) -> bool:
        """Return whether another has the same bins."""
        return len(self.edges) == len(other.edges) and all(
            one.size == two.size and np.allclose(one, two, rtol=1e-6, atol=1e-6 * np.ptp(one))
            for one, two in zip(self.edges, other.edges, strict=True)
        )


@dataclass
class Sample:
    """A sample: name, yields, their uncertainties where the document has them, and its modifiers."""

    name: str
    contents: FloatArray
    errors: FloatArray | None
    entries: list[dict[str, Any]]
    modifiers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Channel:
    """A channel: name, bins, samples, and the document's settings of statistical uncertainties."""

    name: str
    axes: Axes
    samples: list[Sample]
    staterror: Mapping[str, Any]


def read_channel(entry: Mapping[str, Any]) -> Channel:
    """Read a ``histfactory_dist``, but for its modifiers.

    Raises
    ------
    Fault
        It is another distribution, or something in it is not HistFactory's.
    """
    if entry.get("type") != "histfactory_dist":
        raise Fault(
            f"a channel of type {entry.get('type')!r} is not supported: hepnb reads channels of type "
            "'histfactory_dist'."
        )
    optional = ("staterror", "default_interpolation", "title")
    check_entries(dict(entry), ("name", "type", "axes", "samples"), optional, what="a histfactory_dist")
    default = entry.get("default_interpolation")
    if default is not None and default != {"in": "poly6", "out": "poly1", "type": "add"}:
        raise Fault(f"the default_interpolation {default!r} is not supported.")
    axes = _axes(entry)
    samples, seen = [], set()
    for item in each(entry, "samples"):
        with inside(f"samples {item['name']!r}"):
            if item["name"] in seen:
                raise Fault("the name stands twice in the channel. Rename one.")
            seen.add(item["name"])
            samples.append(_sample(item, axes.size))
    if not samples:
        raise Fault("there are no samples.")
    staterror = entry.get("staterror", {})
    if not isinstance(staterror, Mapping):
        raise Fault(f"staterror must be an object, this is {shown(staterror)}.")
    return Channel(str(entry["name"]).removeprefix("model_"), axes, samples, staterror)


def _sample(item: Mapping[str, Any], size: int) -> Sample:
    check_entries(dict(item), ("name", "data"), ("modifiers", "title"), what="a sample")
    data = item["data"]
    check_entries(data, ("contents",), ("errors",), what="the data of a sample")
    contents = numbers(data["contents"], "contents", size)
    errors = None if data.get("errors") is None else numbers(data["errors"], "errors", size)
    return Sample(item["name"], contents, errors, each(item, "modifiers", may_be_missing=True))


def numbers(values: Any, name: str, size: int) -> FloatArray:
    """Return a list of numbers, one for each bin."""
    check_numbers(values, name, n=size, owner="the channel", remedy="Give one for each bin.")
    return np.asarray(values, dtype=float)


def _axes(entry: Mapping[str, Any]) -> Axes:
    names, edges = [], []
    for axis in each(entry, "axes"):
        with inside(f"axes {axis['name']!r}"):
            check_entries(axis, ("name",), ("nbins", "min", "max", "edges", "bounds"), what="an axis")
            names.append(axis["name"])
            edges.append(_edges(axis))
    if not names:
        raise Fault("there are no axes.")
    return Axes(tuple(names), tuple(edges))


def _edges(axis: Mapping[str, Any]) -> FloatArray:
    given = axis.get("edges", axis.get("bounds"))
    if given is not None:
        check_numbers(given, "edges")
        edges = np.asarray(given, dtype=float)
        if edges.size < 2 or (np.diff(edges) <= 0).any():
            raise Fault("the edges must rise.")
        return edges
    check_entries(axis, ("name", "nbins", "min", "max"), what="an axis without edges")
    count = axis["nbins"]
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= 10**7:
        raise Fault(f"nbins is {shown(count)}: it must be a whole number above 0.")
    check_numbers([axis["min"], axis["max"]], "min and max")
    if not axis["min"] < axis["max"]:
        raise Fault("min must be below max.")
    return np.linspace(axis["min"], axis["max"], count + 1)


def read_data(entry: Mapping[str, Any], channel: Channel) -> list[float]:
    """Read the observed counts of a channel.

    Raises
    ------
    Fault
        They have other bins than the channel, or are of a kind that is not supported.
    """
    kind = entry.get("type")
    if kind == "unbinned":
        return _filled(entry, channel)
    if kind != "binned":
        raise Fault(f"data of type {kind!r} are not supported for a channel of histograms.")
    check_entries(
        dict(entry), ("name", "type", "axes", "contents"), ("uncertainty", "title"), what="binned data"
    )
    axes = _axes(entry)
    if not axes.same(channel.axes):
        raise Fault(f"the data have other bins than the channel {channel.name!r}.")
    values = numbers(entry["contents"], "contents", axes.size)
    if (values < 0).any():
        raise Fault("a count is negative.")
    return [float(value) for value in values]


def _filled(entry: Mapping[str, Any], channel: Channel) -> list[float]:
    """Fill the entries of unbinned data into the bins of the channel; ROOT writes one for each bin."""
    optional = ("weights", "entries_uncertainties", "title")
    check_entries(dict(entry), ("name", "type", "axes", "entries"), optional, what="unbinned data")
    rows = entry["entries"]
    wide = len(channel.axes.names)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == wide for row in rows):
        raise Fault(f"entries must be a list of lists of {wide} numbers.")
    if tuple(axis["name"] for axis in each(entry, "axes")) != channel.axes.names:
        raise Fault(f"the data have other observables than the channel {channel.name!r}.")
    for index, row in enumerate(rows):
        check_numbers(row, f"entries[{index}]")
    points = np.array(rows, dtype=float).reshape(len(rows), wide)
    weights = entry.get("weights")
    if weights is not None:
        check_numbers(weights, "weights", n=len(rows), owner="the list of entries")
    counts, _ = np.histogramdd(points, bins=list(channel.axes.edges), weights=weights)
    total = len(rows) if weights is None else float(np.sum(weights))
    if not math.isclose(float(counts.sum()), total, rel_tol=1e-9, abs_tol=1e-9):
        raise Fault(f"{total - counts.sum():g} of {total:g} entries lie outside of the channel's bins.")
    return [float(count) for count in counts.ravel()]
