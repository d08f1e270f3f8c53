"""Python for what the histogram builder shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hepnb.histograms.templates import both_cuts
from hepnb.histograms.unroll import bin_name, is_category
from hepnb.workspace import Channel, Sample, Systematic

__all__ = ["Names", "analysis_code", "histogram_code", "in_stack", "script", "stack_code"]


class Names:
    """A variable for each source of events, and the lines that bind them.

    Examples
    --------
    >>> Names().lines
    []
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: list[tuple[Any, str]] = []

    def of(self, source: Any, wanted: str = "") -> str:
        """Give an expression for a source, binding a variable at its first use.

        Parameters
        ----------
        source : Tree, histogram, mapping or None
            What events or numbers come from.
        wanted : str
            What the variable would like to be called.

        Returns
        -------
        str
            The variable, or for a mapping a dict of such.
        """
        if source is None:
            return "None"
        if isinstance(source, Mapping):
            entries = (f"{key!r}: {self.of(value, f'{wanted}_{key}')}" for key, value in source.items())
            return "{" + ", ".join(entries) + "}"
        for known, name in self._known:
            if known is source or (hasattr(source, "file") and known == source):
                return name
        if hasattr(source, "file"):
            name = self._free(wanted or str(source.path))
            self.lines.append(f"{name} = {source.code}")
        else:
            name = self._free(wanted or "histogram")
            self.lines += _ready_lines(name, source)
        self._known.append((source, name))
        return name

    def _free(self, wanted: str) -> str:
        name = re.sub(r"\W+", "_", wanted).strip("_").lower() or "tree"
        name = f"tree_{name}" if name[0].isdigit() or name in _TAKEN else name
        taken = {known for _, known in self._known}
        return (
            name if name not in taken else next(n for i in range(2, 999) if (n := f"{name}_{i}") not in taken)
        )


_TAKEN = {
    "stack",
    "hepnb",
    "np",
    "hist",
    "histogram",
    "histograms",
    "workspace",
    "figure",
    "channels",
    "samples",
    "data_",
    "ax",
}


def _ready_lines(name: str, histogram: Any) -> list[str]:
    """A ready histogram has no other place than the code itself."""
    values = np.asarray(histogram.values(), dtype=float)
    variances = histogram.variances()
    pairs = np.stack([values, values if variances is None else np.asarray(variances, dtype=float)], axis=-1)
    axes = ", ".join(_axis(axis, len(histogram.axes) > 1) for axis in histogram.axes)
    return [
        f"{name} = hist.Hist({axes}, storage=hist.storage.Weight())",
        f"{name}.view()[...] = np.array({pairs.tolist()})",
    ]


def _axis(axis: Any, named: bool) -> str:
    """An axis; where there are several, categories are picked by its name."""
    name = f", name={axis.name!r}" if named and getattr(axis, "name", None) else ""
    if is_category(axis):
        return f"hist.axis.StrCategory({[bin_name(axis, i) for i in range(len(axis))]}, overflow=False{name})"
    return f"hist.axis.Variable({[float(edge) for edge in axis.edges]}{name})"


def _call(name: str, positional: Iterable[str], **keywords: Any) -> str:
    given = [f"{key}={value}" for key, value in keywords.items() if value is not None]
    return f"{name}({', '.join([*positional, *given])})"


def _text(value: str | None) -> str | None:
    return repr(value) if value else None


def _bins(bins: Any) -> str:
    if hasattr(bins, "edges"):
        return repr([float(edge) for edge in bins.edges])
    if isinstance(bins, tuple | list) and any(not np.isscalar(one) for one in bins):
        # One binning per variable.
        return f"({', '.join(map(_bins, bins))})"
    if isinstance(bins, np.ndarray | list):
        return repr([float(edge) if not isinstance(edge, int) else edge for edge in bins])
    return repr(bins)


def script(names: Names, *blocks: Sequence[str]) -> str:
    """Put imports and sources before blocks of code.

    Parameters
    ----------
    names : Names
        Whose lines open the files.
    *blocks : sequence of str
        Lines; a blank line comes between two blocks.

    Returns
    -------
    str
        A program.
    """
    body = "\n\n".join("\n".join(block) for block in (names.lines, *blocks) if block)
    first = ["import hist"] if "hist.Hist(" in body else []
    first += ["import numpy as np"] if "np.array(" in body else []
    first += ["from matplotlib.figure import Figure"] if "Figure()" in body else []
    return "\n".join([*first, "import hepnb", "", body])


def histogram_code(
    names: Names, tree: Any, expression: str, bins: Any, cut: str | None, weight: str | None, log_y: bool
) -> list[list[str]]:
    """Lines that fill and draw one histogram.

    Parameters
    ----------
    names : Names
        Variables of the sources.
    tree : Tree
        Where events come from.
    expression, cut, weight : str, optional
        What is filled.
    bins : Bins
        See :func:`hepnb.histograms.axis`.
    log_y : bool
        Logarithmic y axis.

    Returns
    -------
    list of list of str
        Blocks that bind ``histogram`` and ``figure``.
    """
    filled = _call(
        f"{names.of(tree, 'tree')}.hist", [repr(expression)], bins=_bins(bins), cut=_text(cut),
        weight=_text(weight),
    )  # fmt: skip
    drawn = _call("hepnb.figures.draw_histogram", ["histogram", "figure.add_subplot()"], log_y=log_y or None)
    return [[f"histogram = {filled}"], ["figure = Figure()", drawn]]


def stack_code(
    names: Names,
    samples: Sequence[Sample],
    channel: str,
    expression: str,
    bins: Any,
    cut: str | None,
    log_y: bool,
) -> list[list[str]]:
    """Lines that fill and draw samples on top of each other.

    Parameters
    ----------
    names : Names
        Variables of the sources.
    samples : sequence of Sample
        What is drawn.
    channel : str
        Whose sources are taken where they differ between channels.
    expression, cut : str, optional
        What is filled.
    bins : Bins
        See :func:`hepnb.histograms.axis`.
    log_y : bool
        Logarithmic y axis.

    Returns
    -------
    list of list of str
        Blocks that bind ``histograms``, ``histogram`` and ``figure``.
    """
    lines = ["histograms = {"]
    shown = []
    for sample in samples:
        source = sample.source.get(channel) if isinstance(sample.source, Mapping) else sample.source
        if source is None:
            continue
        filled = name = names.of(source, sample.name)
        if hasattr(source, "hist"):
            wanted = {"cut": _text(both_cuts(cut, sample.cut)), "weight": _text(sample.weight)}
            filled = _call(f"{name}.hist", [repr(expression)], bins=_bins(bins), **wanted)
        scale = f" * {sample.scale!r}" if sample.scale != 1 else ""
        lines.append(f"    {sample.name!r}: {filled}{scale},")
        shown.append(sample)
    data = next((sample.name for sample in shown if sample.role == "data"), None)
    chosen = shown[0].name if data is None else data
    lines += ["}", f"histogram = histograms[{chosen!r}]"]
    stacked = [sample.name for sample in in_stack(shown)]
    if not stacked:
        return [
            lines,
            ["figure = Figure()", "hepnb.figures.draw_histogram(histograms, figure.add_subplot())"],
        ]
    drawn = _call(
        "hepnb.figures.draw_stack", ["stack", "ax"], data=None if data is None else "histogram",
        ratio_ax=None if data is None else "ratio_ax", log_y=log_y or None,
    )  # fmt: skip
    axes = "[[ax, ratio_ax]] = hepnb.figures.lay_out(figure, ratio=True)"
    return [
        lines,
        [
            f"stack = {{name: histograms[name] for name in {stacked!r}}}",
            "figure = Figure()",
            "[[ax]] = hepnb.figures.lay_out(figure)" if data is None else axes,
            drawn,
        ],
    ]


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
    lines += [f"        {_channel(channel)}," for channel in channels]
    lines += ["    ],", "    samples=["]
    lines += [f"        {_sample(sample, names)}," for sample in samples]
    lines += ["    ],"]
    if systematics:
        lines += ["    systematics=["]
        lines += [f"        {_systematic(systematic, names)}," for systematic in systematics]
        lines += ["    ],"]
    lines += [f"    poi={poi!r},"] if poi else []
    lines += [f"    observed={observed!r},"] if observed != "data" else []
    return [[*lines, ")"]]


def _channel(channel: Channel) -> str:
    return _call(
        "hepnb.Channel", [repr(channel.name), repr(channel.variable)],
        bins=None if channel.bins is None else _bins(channel.bins), cut=_text(channel.cut),
        label=_text(channel.label), select=repr(dict(channel.select)) if channel.select else None,
    )  # fmt: skip


def _sample(sample: Sample, names: Names) -> str:
    bounds = [float(bound) for bound in sample.normfactor_bounds]
    return _call(
        "hepnb.Sample", [repr(sample.name), repr(sample.role), names.of(sample.source, sample.name)],
        cut=_text(sample.cut), weight=_text(sample.weight),
        scale=None if sample.scale == 1 else repr(sample.scale), color=_text(sample.color),
        staterror=None if sample.staterror else "False", normfactor=_text(sample.normfactor),
        normfactor_bounds=None if bounds == [0.0, 10.0] else repr(tuple(bounds)),
        select=repr(dict(sample.select)) if sample.select else None,
    )  # fmt: skip


def _systematic(systematic: Systematic, names: Names) -> str:
    def side(value: Any, which: str) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key!r}: {side(one, which)}" for key, one in value.items()) + "}"
        if isinstance(value, str | int | float | tuple):
            return repr(value)
        return names.of(value, f"{systematic.name}_{which}")

    mirrored = isinstance(systematic.down, str) and systematic.down == "symmetrise"
    return _call(
        "hepnb.Systematic", [repr(systematic.name), repr(systematic.kind)], up=side(systematic.up, "up"),
        down=None if mirrored else side(systematic.down, "down"), samples=_list(systematic.samples),
        channels=_list(systematic.channels),
        effect=None if systematic.effect == "norm+shape" else repr(systematic.effect),
        symmetric=_text(systematic.symmetric), smooth="True" if systematic.smooth else None,
        axis=None if systematic.axis == "variation" else repr(systematic.axis),
    )  # fmt: skip


def _list(names: Any) -> str | None:
    if names is None:
        return None
    return repr(names) if isinstance(names, str) else repr(list(names))
