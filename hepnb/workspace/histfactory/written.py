"""What a workspace is in HistFactory XML, and what of it XML cannot hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.workspace.laws import Law

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepnb.workspace.contents import Contents

__all__ = ["Written", "refuse", "slug"]

_SCALARS = ("normfactor", "normsys", "histosys", "lumi")
_FACTOR = (1.0, 0.0, 10.0)
# Where XML says nothing, ROOT has these bounds.
_SHAPE = (0.0, 1000.0)


def refuse(what: str, remedy: str = "") -> WorkspaceError:
    """Return an error about something that XML cannot hold."""
    return WorkspaceError(f"HistFactory XML cannot hold {what}. {remedy or 'Save the workspace as JSON.'}")


def slug(name: str) -> str:
    """Return a name with which files and histograms can be named.

    Examples
    --------
    >>> slug("signal region (2l, b-tag)/µ")
    'signal_region_2l_b_tag'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"


class Written:
    """A workspace, looked at with HistFactory's eyes.

    Parameters
    ----------
    workspace : Workspace
        What is to be written.

    Raises
    ------
    WorkspaceError
        It has something that XML cannot hold.
    """

    def __init__(self, workspace: Contents) -> None:
        self.workspace = workspace
        self.kinds: dict[str, set[str]] = {name: set(types) for name, types in workspace.modifiers.items()}
        self.places: dict[str, list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {}
        for channel in workspace.spec["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    self.places.setdefault(modifier["name"], []).append((channel, sample, modifier))
        self.has_lumi = "lumi" in self.kinds.get("lumi", set())
        self.without_lumi = self._without_lumi()
        self._check()
        self.roots = self._roots()

    def has_no_lumi(self, sample: dict[str, Any]) -> bool:
        """Return whether a sample has no luminosity where others have one."""
        return self.has_lumi and not any(m["type"] == "lumi" for m in sample["modifiers"])

    def _without_lumi(self) -> str:
        """Return the name of a factor 1 / Lumi, which takes the luminosity away; "" if none is needed."""
        samples = [sample for channel in self.workspace.spec["channels"] for sample in channel["samples"]]
        if not any(self.has_no_lumi(sample) for sample in samples):
            return ""
        if len({float(setting["auxdata"][0]) for setting in self.settings("lumi")}) > 1:
            raise refuse("samples without luminosity where measurements have different ones")
        name = "without_luminosity"
        while name in self.kinds:
            name += "_"
        return name

    def _check(self) -> None:
        if self.workspace.interpolation:
            raise refuse(f"the interpolation codes {self.workspace.interpolation}")
        for name, kinds in self.kinds.items():
            channels = {id(channel) for channel, _, _ in self.places[name]}
            if "staterror" in kinds and len(channels) > 1:
                raise refuse(f"the staterror {name!r} of several channels", "Give each channel its own.")

    def stat_name(self, channel: str) -> str:
        """Return the name that the statistical uncertainties of a channel have in XML."""
        return f"staterror_{channel}"

    def size(self, name: str) -> int:
        """Return how many parameters a modifier has."""
        if self.kinds[name] & set(_SCALARS):
            return 1
        return max(len(sample["data"]) for _, sample, _ in self.places[name])

    def _roots(self) -> dict[str, list[str]]:
        """Return ROOT's names of the parameters of each modifier; they must be unique."""
        found: dict[str, list[str]] = {}
        for name, kinds in self.kinds.items():
            stat = any(name == self.stat_name(channel["name"]) for channel, _, _ in self.places[name])
            if "lumi" in kinds:
                found[name] = ["Lumi"]
            elif "normfactor" in kinds:
                found[name] = [name]
            elif kinds & {"normsys", "histosys"}:
                found[name] = [f"alpha_{name}"]
            else:
                stem = (
                    f"gamma_stat_{self.places[name][0][0]['name']}"
                    if stat and "staterror" in kinds
                    else f"gamma_{name}"
                )
                found[name] = [f"{stem}_bin_{i}" for i in range(self.size(name))]
        owner: dict[str, str] = {} if self.has_lumi else {"Lumi": "the luminosity"}
        for name, roots in found.items():
            for root in roots:
                if owner.setdefault(root, name) != name:
                    raise refuse(f"the name {name!r}: in ROOT it is that of {owner[root]!r}", "Rename it.")
        return found

    def law(self, name: str, measurement: str) -> Law | None:
        """Return the law of a modifier in a measurement, None for its own."""
        return self.workspace.constraints_of(measurement).get(name)

    def bin_law(self, name: str, default: str) -> str:
        """Return the law of a staterror or shapesys, which is the same in all measurements."""
        laws = {self.law(name, measurement) or default for measurement in self.workspace.measurements}
        if len(laws) > 1 or not laws <= {"gaussian", "poisson"}:
            said = ", ".join(sorted(map(repr, laws)))
            raise refuse(f"the constraints {said} of {name!r}")
        return str(laws.pop())

    def settings(self, name: str) -> list[dict[str, Any]]:
        """Return the settings of a parameter in each measurement."""
        found = []
        for measurement in self.workspace.spec["measurements"]:
            known = {setting["name"]: setting for setting in measurement["config"]["parameters"]}
            found.append(known.get(name, {}))
        return found

    def factor(self, name: str) -> tuple[float, float, float]:
        """Return start and bounds of a normfactor; a measurement may start it elsewhere."""
        settings = self.settings(name)
        bounds = [tuple(map(float, s.get("bounds", [_FACTOR[1:]])[0])) for s in settings]
        if any(other != bounds[0] for other in bounds):
            raise refuse(f"the bounds of {name!r}, which differ between measurements")
        low, high = bounds[0]
        if not low < high:
            raise refuse(f"the bounds [{low:g}, {high:g}] of {name!r}")
        start = float(settings[0].get("inits", [_FACTOR[0]])[0])
        return min(max(start, low), high), low, high

    def shape_factor(self, name: str) -> dict[str, str]:
        """Return the attributes of a ShapeFactor beside its name: bounds that are not ROOT's own."""
        settings = self.settings(name)
        bounds = {tuple(map(float, pair)) for s in settings for pair in s.get("bounds", [_SHAPE])}
        if len(bounds) > 1:
            raise refuse(f"the bounds of {name!r}, which differ between bins or measurements")
        low, high = bounds.pop()
        return {} if (low, high) == _SHAPE else {"Low": repr(low), "High": repr(high)}

    def relative(
        self, modifier: dict[str, Any], channel: dict[str, Any], sample: dict[str, Any]
    ) -> NDArray[np.float64]:
        """Return the relative uncertainties of a shapesys, or of a staterror over all of its samples."""
        if modifier["type"] == "shapesys":
            total, data = np.asarray(sample["data"], float), np.asarray(modifier["data"], float)
        else:
            members = [(s, m) for c, s, m in self.places[modifier["name"]] if c is channel]
            total = np.sum([s["data"] for s, _ in members], axis=0, dtype=float)
            data = np.sqrt(np.sum([np.square(m["data"]) for _, m in members], axis=0, dtype=float))
            alone = np.asarray(members[0][0]["data"], float)
            moved = any(m["type"] == "histosys" for m in members[0][0]["modifiers"])
            if len(members) == 1 and ((alone < 0) | ((alone == 0) & moved)).any():
                total = np.where(alone > 0, total, 0.0)
        usable = (total > 0) & (data > 0)
        return np.asarray(np.divide(data, total, out=np.zeros_like(total), where=usable))
