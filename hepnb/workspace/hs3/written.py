"""What a workspace is in HS3, and what of it HS3 as ROOT reads it cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepnb.errors import WorkspaceError
from hepnb.workspace.laws import Law

if TYPE_CHECKING:
    from hepnb.typing import FloatArray
    from hepnb.workspace.contents import Contents

__all__ = ["Value", "Written", "refuse"]

_TYPES = {"gaussian": "Gauss", "poisson": "Poisson"}
_SCALARS = {"normfactor", "normsys", "histosys", "lumi"}
_BINS = {"staterror", "shapesys"}
_DEFAULT_BOUNDS = {
    "normfactor": (0.0, 10.0), "normsys": (-5.0, 5.0), "histosys": (-5.0, 5.0), "shapefactor": (0.0, 10.0),
    "staterror": (1e-10, 10.0), "shapesys": (1e-10, 10.0),
}  # fmt: skip


def refuse(what: str, remedy: str = "") -> WorkspaceError:
    """Return an error about something that HS3 cannot hold."""
    return WorkspaceError(f"HS3 cannot hold {what}. {remedy or 'Save the workspace as JSON.'}")


@dataclass(frozen=True)
class Value:
    """A parameter of the document, or what its auxiliary measurement observed.

    What was observed has a range where ROOT's own would be too narrow.
    """

    root: str
    value: float
    constant: bool
    low: float | None = None
    high: float | None = None
    observed: bool = False

    @property
    def axis(self) -> dict[str, Any]:
        """Return name and range, as a domain has them."""
        edges = {"min": self.low, "max": self.high}
        return {"name": self.root, **{key: edge for key, edge in edges.items() if edge is not None}}


class Written:
    """A workspace as HS3 names its parts.

    Parameters
    ----------
    workspace : Workspace
        What is to be written.

    Raises
    ------
    WorkspaceError
        It has something that HS3 cannot hold.
    """

    def __init__(self, workspace: Contents) -> None:
        self.workspace = workspace
        self.kinds = {name: set(types) for name, types in workspace.modifiers.items()}
        self.places: dict[str, list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {}
        for channel in workspace.spec["channels"]:
            for sample in channel["samples"]:
                for modifier in sample["modifiers"]:
                    self.places.setdefault(modifier["name"], []).append((channel, sample, modifier))
        self._check()
        self.stats = self._stats()
        self.roots = self._roots()

    def _check(self) -> None:
        for name, kinds in self.kinds.items():
            if len({channel["name"] for channel, _, _ in self.places[name]}) > 1 and kinds & _BINS:
                raise refuse(
                    f"{name!r}, whose constrained bins are in several channels", "Give each its own."
                )
            for measurement in self.workspace.measurements:
                law = self.law(name, measurement)
                if law is None or law in ("gaussian", "poisson") or law[0] == "normal":
                    continue
                raise refuse(f"the constraint {law!r} of {name!r}")
        for measurement in self.workspace.measurements[1:]:
            if self.workspace.constraints_of(measurement) != self.workspace.constraints:
                raise refuse(
                    "constraints that differ between measurements", "Save one measurement at a time."
                )

    def _stats(self) -> dict[str, str]:
        """Return the staterror of each channel that stands in the channel's place for it: the first."""
        found: dict[str, str] = {}
        for name, kinds in self.kinds.items():
            if kinds == {"staterror"}:
                found.setdefault(self.places[name][0][0]["name"], name)
        return found

    def _roots(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, kinds in self.kinds.items():
            if "lumi" in kinds:
                found[name] = ["Lumi"]
            elif "normfactor" in kinds:
                found[name] = [name]
            elif kinds & _SCALARS:
                found[name] = [f"alpha_{name}"]
            else:
                channel = self.places[name][0][0]["name"]
                conventional = name == f"staterror_{channel}" and self.is_stat(name, channel)
                stem = f"gamma_stat_{channel}" if conventional else f"gamma_{name}"
                found[name] = [f"{stem}_bin_{i}" for i in range(self.size(name))]
        owner: dict[str, str] = {}
        for name, roots in found.items():
            for root in roots:
                if owner.setdefault(root, name) != name:
                    raise refuse(f"the name {name!r}: in HS3 it is that of {owner[root]!r}", "Rename it.")
        return found

    def size(self, name: str) -> int:
        """Return how many parameters a modifier has."""
        if self.kinds[name] & _SCALARS:
            return 1
        return max(len(sample["data"]) for _, sample, _ in self.places[name])

    def roots_in(self, name: str, bins: int) -> list[str]:
        """Return the parameters of a modifier in a channel."""
        return self.roots[name][:bins]

    def is_stat(self, name: str, channel: str) -> bool:
        """Return whether a modifier is what the document calls the staterror of a channel."""
        return self.stats.get(channel) == name

    def law(self, name: str, measurement: str | None = None) -> Law | None:
        """Return the law of a modifier, None for its own."""
        return self.workspace.constraints_of(measurement).get(name)

    def bin_law(self, name: str, default: str) -> str:
        """Return the law of a staterror or shapesys in ROOT's words."""
        return _TYPES[str(self.law(name) or default)]

    def stat_law(self, channel: str) -> str:
        """Return the law of the staterror of a channel in ROOT's words; "" where it has none."""
        name = self.stats.get(channel)
        return "" if name is None else self.bin_law(name, "gaussian")

    def setting(self, name: str, measurement: str | None) -> dict[str, Any]:
        """Return the settings of a parameter in a measurement."""
        config = self.workspace.measurement(measurement)["config"]
        return next((entry for entry in config["parameters"] if entry["name"] == name), {})

    def pois(self, measurement: str) -> list[str]:
        """Return the parameters of interest by their names in the document."""
        poi = self.workspace.measurement(measurement)["config"]["poi"]
        names = [poi] if poi in self.kinds else poi.split()
        return [self.roots[name][0] if name in self.roots else name for name in names]

    # --- constraints ------------------------------------------------------------------------------------

    def _gaussian(self, name: str, measurement: str | None = None) -> tuple[float, float] | None:
        """Return what was measured of a single parameter, and its uncertainty; None where it is free."""
        kinds, setting = self.kinds[name], self.setting(name, measurement)
        law = self.law(name)
        if "lumi" in kinds:
            return float(setting["auxdata"][0]), float(setting["sigmas"][0])
        if kinds & {"normsys", "histosys"}:
            return float(setting.get("auxdata", [0.0])[0]), float(setting.get("sigmas", [1.0])[0])
        if law is not None and law[0] == "normal":
            return float(law[1]), float(law[2])  # type: ignore[misc]  # a law of three parts
        return None

    def constraint(self, name: str) -> dict[str, str]:
        """Return the entries of a modifier that name its constraint: for ROOT 6.40, and for later ones."""
        if self._gaussian(name) is None:
            return {}
        term = _term_name(self.roots[name][0])
        return {"constraint_name": term, "constraint": term}

    def terms(self) -> list[dict[str, Any]]:
        """Return the distributions of the auxiliary measurements of single parameters."""
        found = []
        for name, (root, *_) in self.roots.items():
            measured = self._gaussian(name) if self.kinds[name] & _SCALARS else None
            if measured is None:
                continue
            widths = {self._width_of(name, measurement) for measurement in self.workspace.measurements}
            if len(widths) > 1:
                raise refuse(f"the sigmas of {name!r}, which differ between measurements")
            if not measured[1] > 0:
                raise refuse(
                    f"the parameter {name!r} with an uncertainty of {measured[1]:g}", "Hold it fixed."
                )
            found.append(
                {
                    "name": _term_name(root),
                    "type": "gaussian_dist",
                    "x": root,
                    "mean": _observed_name(root),
                    "sigma": measured[1],
                }
            )
        return found

    def _width_of(self, name: str, measurement: str) -> float:
        measured = self._gaussian(name, measurement)
        return 0.0 if measured is None else measured[1]

    def width(self, modifier: dict[str, Any], channel: dict[str, Any], sample: dict[str, Any]) -> FloatArray:
        """Return the relative uncertainties of a shapesys, or of a staterror over all of its samples."""
        if modifier["type"] == "shapesys":
            total, data = np.asarray(sample["data"], float), np.asarray(modifier["data"], float)
        else:
            members = [(s, m) for c, s, m in self.places[modifier["name"]] if c is channel]
            total = np.sum([s["data"] for s, _ in members], axis=0, dtype=float)
            data = np.sqrt(np.sum([np.square(m["data"]) for _, m in members], axis=0, dtype=float))
        usable = (total > 0) & (data > 0)
        return np.asarray(np.divide(data, total, out=np.zeros_like(total), where=usable))

    def errors(self, modifier: dict[str, Any], channel: dict[str, Any]) -> FloatArray:
        """Return the errors of a sample with a staterror, as absolute ones.

        ROOT takes an error of 0 for one that is missing. Where a sample has none in a bin that others have
        one in, the error of the bin is shared out: all samples have the same relative error, as in what ROOT
        writes. Only the quadratic sum has a meaning.
        """
        members = [(s, m) for c, s, m in self.places[modifier["name"]] if c is channel]
        own = np.asarray(modifier["data"], dtype=float)
        every = np.array([m["data"] for _, m in members], dtype=float)
        yields = np.abs(np.array([s["data"] for s, _ in members], dtype=float))
        which = next(i for i, (_, m) in enumerate(members) if m is modifier)
        size = np.sqrt((every**2).sum(axis=0))
        norm = np.sqrt((yields**2).sum(axis=0))
        share = np.divide(yields[which], norm, out=np.zeros_like(norm), where=norm > 0)
        uneven = ((every == 0) & (yields > 0)).any(axis=0) & (size > 0) & (norm > 0)
        return np.where(uneven, size * share, own)

    # --- values -----------------------------------------------------------------------------------------

    def values(self, measurement: str) -> Iterator[Value]:
        """Yield value and range of every parameter, and what auxiliary measurements observed."""
        for name, roots in self.roots.items():
            kinds, setting = self.kinds[name], self.setting(name, measurement)
            kind = next(iter(kinds))
            inits = setting.get("inits", [0.0 if kinds & {"normsys", "histosys"} else 1.0] * len(roots))
            default = _DEFAULT_BOUNDS.get(kind, (0.0, 10.0))
            bounds = setting.get("bounds", [default] * len(roots))
            fixed = setting.get("fixed", False)
            held = np.array([fixed] * len(roots) if isinstance(fixed, bool) else fixed)
            if kinds & _BINS:
                channel, sample, modifier = self.places[name][0]
                widths = self.width(modifier, channel, sample)
                held |= widths == 0
                self._check_bins(name, setting, widths)
                yield from self._bins_observed(name, setting, widths)
            for root, value, (low, high), constant in zip(roots, inits, bounds, held, strict=True):
                low = 0.0 if kinds & _BINS and low <= 1e-10 else float(low)  # noqa: PLW2901  # ROOT's bound
                yield Value(root, float(value), bool(constant), low, float(high))
            measured = self._gaussian(name, measurement) if kinds & _SCALARS else None
            if measured is not None:
                yield Value(_observed_name(roots[0]), measured[0], True, observed=True)

    def _check_bins(self, name: str, setting: dict[str, Any], widths: FloatArray) -> None:
        """Refuse widths of the auxiliary measurements that are not those of the histograms."""
        safe = np.where(widths > 0, widths, 1.0)
        for key, values in (("sigmas", safe), ("factors", safe**-2)):
            if key in setting and not np.allclose(setting[key], values, rtol=1e-12, atol=0):
                raise refuse(f"the {key} of {name!r}")

    def _bins_observed(self, name: str, setting: dict[str, Any], widths: FloatArray) -> Iterator[Value]:
        """Yield what was measured of each bin: 1, or the number of events that its width stands for."""
        default = "poisson" if "shapesys" in self.kinds[name] else "gaussian"
        counted = str(self.law(name) or default) == "poisson"
        given = setting.get("auxdata", [None] * len(widths))
        for root, observed, width in zip(self.roots[name], given, widths, strict=True):
            if not width > 0:
                continue
            if counted:
                count = width**-2.0 if observed is None else observed
                yield Value(_observed_name(root), float(count), True, observed=True)
                continue
            # ROOT's own range begins at 0, and its Gaussian is normalised to 1 within the range.
            reach = 20.0 * max(1.0, float(width))
            value = 1.0 if observed is None else float(observed)
            yield Value(_observed_name(root), value, True, -reach, reach, observed=True)


def _term_name(root: str) -> str:
    return "lumiConstraint" if root == "Lumi" else f"{root}Constraint"


def _observed_name(root: str) -> str:
    return "nominalLumi" if root == "Lumi" else f"nom_{root}"
