"""Python for what the histogram builder shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import hist
import numpy as np

from hepnb.errors import HepnbError
from hepnb.python_code import Code, Script, call, identifier, literal
from hepnb.workspace import Channel, Sample, Systematic

__all__ = ["Names", "analysis_code", "in_stack", "script"]

# What the programs themselves bind.
_TAKEN = (
    "ax", "best", "channels", "expected", "figure", "found", "hepnb", "hist", "histogram", "histograms",
    "limit", "model", "mu", "np", "ratio_ax", "samples", "scan", "stack", "values", "workspace",
)  # fmt: skip


class Names:
    """A variable for each source of events, and the lines that bind them.

    Attributes
    ----------
    lines : list of str
        What binds the variables.
    imports : dict of str to None
        What the lines, and the code of bins, need.

    Examples
    --------
    >>> Names().lines
    []
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.imports: dict[str, None] = {}
        self._known: list[tuple[Any, Code]] = []

    def of(self, source: Any, wanted: str = "") -> Code:
        """Return an expression for a source; bind a variable at its first use.

        Parameters
        ----------
        source : Tree, histogram, mapping or None
            What events or numbers come from.
        wanted : str
            What the variable would like to be called.

        Returns
        -------
        Code
            The variable, or for a mapping a dict of such.

        Raises
        ------
        HepnbError
            The source is neither a tree nor a histogram.
        """
        if source is None:
            return literal(None)
        if isinstance(source, Mapping):
            return literal({key: self.of(value, f"{wanted}_{key}") for key, value in source.items()})
        is_tree = isinstance(getattr(source, "code", None), str)
        for known, name in self._known:
            if known is source or (is_tree and type(known) is type(source) and known == source):
                return name
        if is_tree:
            name = self._free(wanted or str(source.path))
            self.lines.append(f"{name} = {source.code}")
        elif hasattr(source, "axes") and hasattr(source, "values"):
            name = self._free(wanted or "histogram")
            self.lines += self._ready(name, source)
        else:
            raise HepnbError(
                f"a source of type {type(source).__name__} cannot be written as Python code. "
                "Give a tree of a file, or a histogram."
            )
        self._known.append((source, name))
        return name

    def bins(self, bins: Any) -> Code:
        """Write bins; of several variables one binning each."""
        if hasattr(bins, "edges"):
            return self._axis(bins, named=False)
        if isinstance(bins, tuple | list) and any(not np.isscalar(one) for one in bins):
            return literal(tuple(self.bins(one) for one in bins))
        return literal(bins)

    def _free(self, wanted: str) -> Code:
        taken = {*_TAKEN, *(name for _, name in self._known)}
        return identifier(wanted, taken, otherwise="tree")

    def _ready(self, name: str, histogram: Any) -> list[str]:
        """Write a ready histogram, which has no other place than the code itself."""
        if "MEAN" in str(getattr(histogram, "kind", "")):
            raise HepnbError("a histogram of means is not a sample. Give one of counts or sums of weights.")
        self.imports |= {"import hist": None, "import numpy as np": None}
        axes = [self._axis(axis, named=len(histogram.axes) > 1) for axis in histogram.axes]
        values = np.asarray(histogram.values(), dtype=float)
        variances = histogram.variances()
        if variances is None:
            # A weighted fill is what leaves the variances unknown.
            places = np.meshgrid(*map(_places, histogram.axes), indexing="ij")
            filled = call("fill", *(place.ravel() for place in places), weight=values.ravel())
            return [f"{name} = {call('hist.Hist', *axes)}.{filled}"]
        pairs = np.stack([values, np.asarray(variances, dtype=float)], axis=-1)
        return [
            f"{name} = {call('hist.Hist', *axes, storage=Code('hist.storage.Weight()'))}",
            f"{name}.view()[...] = {call('np.array', pairs)}",
        ]

    def _axis(self, axis: Any, named: bool) -> Code:
        """Write an axis; where there are several, categories are picked by its name."""
        self.imports["import hist"] = None
        name = {"name": axis.name} if named and getattr(axis, "name", None) else {}
        if isinstance(axis, hist.axis.StrCategory | hist.axis.IntCategory):
            kind = type(axis).__name__
            flow = {} if axis.traits.overflow else {"overflow": False}
            return call(f"hist.axis.{kind}", [axis.bin(i) for i in range(len(axis))], **flow, **name)
        if isinstance(axis, hist.axis.Boolean):
            return call("hist.axis.Boolean", **name)
        if isinstance(axis, hist.axis.Integer):
            return call("hist.axis.Integer", int(axis.edges[0]), int(axis.edges[-1]), **_flow(axis), **name)
        if isinstance(axis, hist.axis.Regular) and axis.transform is None:
            ends = (len(axis), float(axis.edges[0]), float(axis.edges[-1]))
            return call("hist.axis.Regular", *ends, **_flow(axis), **name)
        return call("hist.axis.Variable", _edges(axis), **_flow(axis), **name)


def _flow(axis: Any) -> dict[str, bool]:
    """Return the flow options of an axis that differ from the default."""
    traits = getattr(axis, "traits", None)
    if traits is None:
        return {}
    flow = {name: False for name in ("underflow", "overflow") if not getattr(traits, name)}
    return {"circular": True} if traits.circular else flow


def _edges(axis: Any) -> list[float]:
    edges = axis.edges() if callable(axis.edges) else axis.edges
    return [float(edge) for edge in edges]


def _places(axis: Any) -> list[Any]:
    """A value in each bin."""
    if isinstance(axis, hist.axis.StrCategory | hist.axis.IntCategory | hist.axis.Boolean):
        return [axis.bin(i) for i in range(len(axis))]
    edges = _edges(axis)
    return [(low + high) / 2 for low, high in pairwise(edges)]


def _given(**keywords: Any) -> dict[str, Any]:
    """The keywords that have a value."""
    return {name: value for name, value in keywords.items() if value is not None}


def script(names: Names, *blocks: Sequence[str]) -> Script:
    """Put imports and sources before blocks of code.

    Parameters
    ----------
    names : Names
        Whose lines open the files.
    *blocks : sequence of str
        Lines; a blank line comes between two blocks.

    Returns
    -------
    Script
        A program.
    """
    program = Script("import hepnb", *names.imports)
    for block in (names.lines, *blocks):
        if block:
            program.add(*block, block=True)
    if any(line.startswith("figure = Figure(") for block in blocks for line in block):
        program.need("from matplotlib.figure import Figure")
    return program


def in_stack(samples: Sequence[Any]) -> list[Any]:
    """Order what is stacked: backgrounds as they come, signals on top.

    Parameters
    ----------
    samples : sequence of Sample
        The data are left out.

    Returns
    -------
    list of Sample
        From the bottom to the top.
    """
    return [sample for role in ("background", "signal") for sample in samples if sample.role == role]


def analysis_code(
    names: Names,
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    poi: str,
    observed: str = "data",
) -> list[list[str]]:
    """Lines that build the workspace.

    Parameters
    ----------
    names : Names
        Variables of the sources.
    channels : sequence of Channel
        The selections.
    samples : sequence of Sample
        The samples.
    systematics : sequence of Systematic
        The uncertainties.
    poi : str
        The parameter of interest; "" for the first signal's.
    observed : str
        As :func:`hepnb.build` takes it.

    Returns
    -------
    list of list of str
        A block that binds ``workspace``.
    """
    lines = ["workspace = hepnb.build(", "    channels=["]
    lines += [f"        {_channel(channel, names)}," for channel in channels]
    lines += ["    ],", "    samples=["]
    lines += [f"        {_sample(sample, names)}," for sample in samples]
    lines += ["    ],"]
    if systematics:
        lines += ["    systematics=["]
        lines += [f"        {_systematic(systematic, names)}," for systematic in systematics]
        lines += ["    ],"]
    lines += [f"    poi={literal(poi)},"] if poi else []
    lines += [f"    observed={literal(observed)},"] if observed != "data" else []
    return [[*lines, ")"]]


def _channel(channel: Channel, names: Names) -> Code:
    return call(
        "hepnb.Channel", channel.name, channel.variable,
        **_given(
            bins=None if channel.bins is None else names.bins(channel.bins), cut=channel.cut or None,
            label=channel.label or None, select=dict(channel.select) or None,
        ),
    )  # fmt: skip


def _sample(sample: Sample, names: Names) -> Code:
    bounds = tuple(float(bound) for bound in sample.normfactor_bounds)
    return call(
        "hepnb.Sample", sample.name, sample.role, names.of(sample.source, sample.name),
        **_given(
            cut=sample.cut or None, weight=sample.weight or None,
            scale=None if sample.scale == 1 else sample.scale, color=sample.color or None,
            staterror=None if sample.staterror else False, normfactor=sample.normfactor or None,
            normfactor_bounds=None if bounds == (0.0, 10.0) else bounds,
            select=dict(sample.select) or None,
        ),
    )  # fmt: skip


def _systematic(systematic: Systematic, names: Names) -> Code:
    def side(value: Any, which: str) -> Code:
        if isinstance(value, Mapping):
            return literal({key: side(one, which) for key, one in value.items()})
        if value is None or isinstance(value, str | int | float | tuple | np.number):
            return literal(value)
        return names.of(value, f"{systematic.name}_{which}")

    mirrored = isinstance(systematic.down, str) and systematic.down == "symmetrise"
    return call(
        "hepnb.Systematic", systematic.name, systematic.kind, up=side(systematic.up, "up"),
        **_given(
            down=None if mirrored else side(systematic.down, "down"), samples=_list(systematic.samples),
            channels=_list(systematic.channels),
            effect=None if systematic.effect == "norm+shape" else systematic.effect,
            symmetric=systematic.symmetric or None, smooth=True if systematic.smooth else None,
            axis=None if systematic.axis == "variation" else systematic.axis,
        ),
    )  # fmt: skip


def _list(names: str | Iterable[str] | None) -> Any:
    return names if names is None or isinstance(names, str) else list(names)
