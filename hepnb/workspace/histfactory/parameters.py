"""What the parameters of the channels are called, here and in ROOT.

In ROOT a systematic S has the parameter ``alpha_S``, a factor N is ``N``, and the bins of a ShapeSys or a
ShapeFactor G are ``gamma_G_bin_0`` and so on, so that all three may have one name. pyhf's vocabulary has one
name for each: where two meet, the systematic or the bins keep ROOT's prefix.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.workspace.histfactory.channels import Channel, Sample
from hepnb.workspace.histfactory.elements import Element

__all__ = ["LUMI", "Names", "RootName", "ShapeSysPlaces", "modifiers_of", "names_of", "settings_of"]

LUMI = "lumi"
_PREFIX = {"norm": "norm_", "alpha": "alpha_", "gamma": "gamma_"}
_FAMILY = {
    "normfactor": "norm",
    "normsys": "alpha",
    "histosys": "alpha",
    "shapesys": "gamma",
    "shapefactor": "gamma",
}


@dataclass(frozen=True)
class RootName:
    """The parameter behind one of ROOT's names: a whole, or one bin of several."""

    name: str
    index: int | None = None


@dataclass
class Names:
    """Names of parameters.

    Parameters
    ----------
    public : dict of (family, name in XML) to str
        Names in the workspace.
    roots : dict of str to RootName
        What each of ROOT's names is in the workspace; the luminosity is ``Lumi``.
    sizes : dict of str to int
        How many parameters a name in the workspace has.
    overall, shapes : set of str
        Systematics, as named in XML, that are an OverallSys or a HistoSys somewhere.
    apart : set of str
        Systematics, as named in XML, whose OverallSys has a parameter of its own beside the HistoSys.
    """

    public: dict[tuple[str, str], str] = field(default_factory=dict)
    roots: dict[str, RootName] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    overall: set[str] = field(default_factory=set)
    shapes: set[str] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)

    @property
    def systematics(self) -> set[str]:
        """The names in the workspace of the parameters that start at 0."""
        return {self.public["alpha", name] for name in self.overall | self.shapes} | {
            self.overall_name(name) for name in self.apart
        }

    def overall_name(self, name: str) -> str:
        """Return the workspace's name of an OverallSys."""
        return f"beta_{name}" if name in self.apart else self.public["alpha", name]

    def of(self, kind: str, name: str) -> str:
        """Return the workspace's name of a modifier of XML."""
        if kind == "staterror":
            return name
        return self.overall_name(name) if kind == "normsys" else self.public[_FAMILY[kind], name]


def names_of(channels: Iterable[Channel], *, with_lumi: bool) -> Names:
    """Collect the names of all parameters.

    Parameters
    ----------
    channels : iterable of Channel
        As they were read.
    with_lumi : bool
        Whether samples have a luminosity, whose name is then taken.

    Returns
    -------
    Names
        Each unique.

    Raises
    ------
    WorkspaceError
        A ShapeSys and a ShapeFactor share a name, which are one parameter in ROOT.
    """
    names = Names()
    found: dict[str, dict[str, int]] = {"norm": {}, "alpha": {}, "gamma": {}}
    gammas: dict[str, tuple[str, Element]] = {}
    taken = {LUMI} if with_lumi else set()
    for channel in channels:
        stat = channel.stat_name
        taken.add(stat)
        size = channel.samples[0].histogram.values.size
        for i in range(size if stat in channel.settings else 0):
            names.roots[f"gamma_stat_{channel.name}_bin_{i}"] = RootName(stat, i)
        names.sizes[stat] = size
        for _, element, modifier in modifiers_of(channel):
            kind, name = modifier["type"], modifier["name"]
            family = _FAMILY[kind]
            if family == "gamma" and gammas.setdefault(name, (kind, element))[0] != kind:
                raise element.fault(f"has the name of {gammas[name][1]}, whose parameters it would share.")
            names.overall |= {name} if kind == "normsys" else set()
            names.shapes |= {name} if kind == "histosys" else set()
            found[family][name] = max(size if family == "gamma" else 1, found[family].get(name, 0))
    for family, members in found.items():
        for name, size in members.items():
            public = name
            while public in taken:
                public = _PREFIX[family] + public
            taken.add(public)
            names.public[family, name], names.sizes[public] = public, size
            for root, index in _root_names(family, name, size):
                names.roots[root] = RootName(public, index)
    if with_lumi:
        names.roots["Lumi"], names.sizes[LUMI] = RootName(LUMI), 1
    return names


def modifiers_of(channel: Channel) -> Iterable[tuple[Sample, Element, dict[str, Any]]]:
    """Yield the modifiers of a channel but its statistical uncertainties."""
    for sample in channel.samples:
        for element, modifier in sample.modifiers:
            if modifier["type"] != "staterror":
                yield sample, element, modifier


def _root_names(family: str, name: str, size: int) -> list[tuple[str, int | None]]:
    if family == "gamma":
        return [(f"gamma_{name}_bin_{i}", i) for i in range(size)]
    return [(name if family == "norm" else f"alpha_{name}", None)]


def settings_of(channels: Iterable[Channel], names: Names) -> dict[str, dict[str, Any]]:
    """Return start and bounds of the parameters that all measurements have, by name in the workspace.

    Where channels disagree about a NormFactor, the first in the alphabet counts, as in ROOT.
    """
    found: dict[str, dict[str, Any]] = {}
    for channel in sorted(channels, key=lambda channel: channel.name):
        kinds = {modifier["name"]: modifier["type"] for _, _, modifier in modifiers_of(channel)}
        for name, setting in channel.settings.items():
            public = name if name == channel.stat_name else names.of(kinds[name], name)
            setting = {**setting, "name": public}  # noqa: PLW2901  # the same under its name here
            known = found.setdefault(public, setting)
            if known != setting and len(known["bounds"]) == len(setting["bounds"]):
                warnings.warn(
                    f"{channel.element}: parameter {name!r} has other values or bounds than in an earlier "
                    "channel, which are kept, as in ROOT.",
                    UserWarning,
                    stacklevel=2,
                )
    return found


@dataclass
class ShapeSysPlaces:
    """The samples that a ShapeSys stands on, and what it becomes.

    On one sample it is a shapesys. Several samples of a channel share its parameters, which is what a
    staterror is; its data are such that the relative uncertainty is that of the first sample, as in ROOT.
    """

    places: list[tuple[Channel, Sample, Element, dict[str, Any]]] = field(default_factory=list)

    def finish(self, law: str) -> tuple[str | None, np.ndarray[Any, np.dtype[np.float64]]]:
        """Write the modifiers; return the law if it is not the modifier's own, and the relative widths."""
        channel, sample, _, first = self.places[0]
        relative = np.maximum(np.asarray(first["data"], dtype=float), 0.0)
        for other, _, element, _ in self.places[1:]:
            if other is not channel:
                raise element.fault(
                    f"shares its parameters with that of channel {channel.name!r}, which is not supported. "
                    "Rename one of them."
                )
        if len(self.places) == 1:
            _refuse_empty(sample, self.places[0][2], relative)
            yields = np.maximum(sample.histogram.values, 0.0)
            first["data"] = (relative * yields).tolist()
            return ("gaussian" if law == "gaussian" else None), np.where(yields > 0, relative, 0.0)
        for _, _, _, modifier in self.places[1:]:
            relative = np.where(np.asarray(modifier["data"]) > 0, relative, 0.0)
        total = np.sum([place[1].histogram.values for place in self.places], axis=0)
        if ((total <= 0) & (relative > 0)).any():
            raise self.places[0][2].fault("is on bins whose yields are not positive. Merge or drop them.")
        for place in self.places:
            place[3]["type"], place[3]["data"] = "staterror", np.zeros(total.size).tolist()
        first["data"] = (relative * total).tolist()
        return ("poisson" if law == "poisson" else None), relative


def _refuse_empty(sample: Sample, element: Element, relative: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Refuse an uncertainty of a bin that has no yield of its own but could get one: it would be lost."""
    nominal = sample.histogram.values
    moved = np.zeros(nominal.size, dtype=bool)
    for _, modifier in sample.modifiers:
        if modifier["type"] == "histosys":
            moved |= np.any([np.asarray(side) != nominal for side in modifier["data"].values()], axis=0)
    lost = (relative > 0) & ((nominal < 0) | ((nominal == 0) & moved))
    if lost.any():
        place = int(np.argmax(lost))
        raise WorkspaceError(
            f"{element} is relative to bin {place}, whose yield is {nominal[place]:g}. "
            "Use a positive yield, or a HistoSys."
        )
