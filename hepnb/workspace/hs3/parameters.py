"""The parameters that the modifiers of an HS3 document share, and what they are called here.

ROOT's ``alpha_S`` is the systematic S, ``gamma_G_bin_0`` the first bin of G, ``gamma_stat_C_bin_0`` that of
the statistical uncertainties of the channel C, and ``Lumi`` the luminosity. Other names stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hepnb.typing import BoolArray, FloatArray
from hepnb.workspace.faults import Fault
from hepnb.workspace.hs3.document import Point
from hepnb.workspace.hs3.terms import Term
from hepnb.workspace.laws import Law

__all__ = ["Group", "Groups"]

Kind = Literal["factor", "systematic", "bins", "free"]

# Counts stay above 0, where their law ends.
_SMALLEST = 1e-10
# A side of a range that the document leaves open.
_FAR = 1e6
# What ROOT takes where a document says nothing of a parameter.
_RANGES: dict[Kind, tuple[float, float]] = {
    "factor": (-3.0, 5.0), "systematic": (-5.0, 5.0), "bins": (0.0, 10.0), "free": (0.0, 1000.0),
}  # fmt: skip


@dataclass
class Group:
    """The parameters of one modifier.

    Attributes
    ----------
    kind : {"factor", "systematic", "bins", "free"}
        A factor; a systematic; constrained or free factors, one per bin.
    roots : tuple of str
        Their names in the document.
    name : str
        What they are called here.
    law : str
        The law of bins, "gaussian" or "poisson".
    width : ndarray, shape (bins,)
        Relative uncertainties of bins.
    terms : dict of str to Term
        Auxiliary measurements that the document describes, by parameter.
    """

    kind: Kind
    roots: tuple[str, ...]
    name: str = ""
    law: str = "gaussian"
    width: FloatArray = field(default_factory=lambda: np.empty(0))
    terms: dict[str, Term] = field(default_factory=dict)

    @property
    def scalar(self) -> bool:
        """Return whether it is one parameter rather than one per bin."""
        return self.kind in ("factor", "systematic")

    @property
    def is_lumi(self) -> bool:
        """Return whether it is the luminosity with its uncertainty."""
        return self.kind == "factor" and bool(self.terms) and self.roots[0].lower() == "lumi"

    @property
    def type(self) -> str:
        """The type of a factor in pyhf's vocabulary."""
        return "lumi" if self.is_lumi else "normfactor"

    def law_of_model(self) -> Law | None:
        """Return the law that is not pyhf's own, None for pyhf's."""
        if self.kind == "factor" and self.terms and not self.is_lumi:
            term = self.terms[self.roots[0]]
            return ("normal", 1.0 if term.observed is None else term.observed, term.width)
        return None

    def held(self, points: Mapping[str, Point]) -> BoolArray:
        """Return which parameters are constant, shape (parameters,)."""
        return np.array([bool(points.get(root, Point()).constant) for root in self.roots], dtype=bool)

    def inits(self, points: Mapping[str, Point]) -> FloatArray:
        """Return where the parameters start, shape (parameters,)."""
        default = 0.0 if self.kind == "systematic" else 1.0
        values = [points.get(root, Point()).value for root in self.roots]
        return np.array([default if value is None else value for value in values])

    def setting(self, points: Mapping[str, Point]) -> dict[str, Any]:
        """Return the measurement's entry for the parameters.

        Raises
        ------
        Fault
            A parameter starts outside of its range.
        """
        inits, held = self.inits(points), self.held(points)
        entry: dict[str, Any] = {"name": self.name, "bounds": self._bounds(points, inits)}
        if self.is_lumi or (inits != (0.0 if self.kind == "systematic" else 1.0)).any():
            entry["inits"] = inits.tolist()
        if self.kind == "bins":
            held &= self.width > 0
        if held.any():
            entry["fixed"] = True if held.all() else held.tolist()
        self._auxiliary(entry, points)
        return entry

    def _observed(self, root: str, points: Mapping[str, Point]) -> float | None:
        """Return what the auxiliary measurement of a parameter observed, None where it is not said."""
        term = self.terms.get(root)
        if term is not None and term.observed is not None:
            return term.observed
        return points.get(f"nom_{root}", Point()).value

    def _auxiliary(self, entry: dict[str, Any], points: Mapping[str, Point]) -> None:
        first = self.roots[0]
        if self.is_lumi:
            observed = self.terms[first].observed
            entry["auxdata"] = [1.0 if observed is None else observed]
            entry["sigmas"] = [self.terms[first].width]
        elif self.kind == "systematic":
            observed = self._observed(first, points)
            if observed:
                entry["auxdata"] = [observed]
            if self.terms[first].width != 1:
                entry["sigmas"] = [self.terms[first].width]
        elif self.kind == "bins":
            tau = 1 / np.where(self.width > 0, self.width, 1.0) ** 2
            default = tau if self.law == "poisson" else np.ones(len(self.roots))
            values = [self._observed(root, points) for root in self.roots]
            data = [
                float(own) if value is None or width == 0 else value
                for own, value, width in zip(default, values, self.width, strict=True)
            ]
            if not np.allclose(data, default, rtol=1e-9, atol=0):
                entry["auxdata"] = data

    def _bounds(self, points: Mapping[str, Point], inits: FloatArray) -> list[list[float]]:
        bounds = []
        for i, (root, init) in enumerate(zip(self.roots, inits, strict=True)):
            point = points.get(root)
            low, high = _RANGES[self.kind]
            if point is not None and (point.low is not None or point.high is not None):
                low = -_FAR if point.low is None else point.low
                high = _FAR if point.high is None else point.high
            elif self.kind == "bins" and i < self.width.size and self.width[i] > 0:
                high = 1 + 5 * float(self.width[i])
            elif point is not None and point.constant:
                low, high = min(low, init), max(high, init)
            if self.kind == "bins":
                low = max(low, _SMALLEST)
            if not low <= init <= high:
                raise Fault(
                    f"the parameter {root!r} starts at {init:g}, outside of its range from {low:g} to "
                    f"{high:g}. "
                    "Mend parameter_points or domains."
                )
            bounds.append([float(low), float(high)])
        return bounds


class Groups:
    """All parameters of the model, by their names in the document."""

    def __init__(self) -> None:
        self._by_roots: dict[tuple[str, ...], Group] = {}
        self._owner: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(self._by_roots.values())

    def get(self, kind: Kind, roots: Sequence[str]) -> Group:
        """Return the group of some parameters, which is made where it is new.

        Raises
        ------
        Fault
            One of the parameters belongs to another group.
        """
        key = tuple(roots)
        if key not in self._by_roots:
            for root in key:
                if root in self._owner:
                    raise Fault(
                        f"the parameter {root!r} is shared by modifiers whose parameters are not the same: "
                        f"{', '.join(key)} and {', '.join(self._owner[root].roots)}."
                    )
            group = Group(kind, key)
            self._by_roots[key] = group
            self._owner.update(dict.fromkeys(key, group))
        group = self._by_roots[key]
        if group.kind != kind:
            raise Fault(
                f"the parameter {key[0]!r} is a {group.kind} elsewhere and a {kind} here. Rename one."
            )
        return group

    def owner(self, root: str) -> Group:
        """Return the group of a parameter that is in one."""
        return self._owner[root]

    def __contains__(self, root: object) -> bool:
        return root in self._owner

    def name_all(self, stats: dict[tuple[str, ...], str], modifiers: dict[tuple[str, ...], str]) -> None:
        """Give every group a name of its own.

        Parameters
        ----------
        stats : dict of parameters to str
            The channels whose statistical uncertainties they are.
        modifiers : dict of parameters to str
            The names of modifiers, for parameters whose names do not follow ROOT's pattern.
        """
        taken: set[str] = set()
        for group in self:
            first = group.roots[0]
            if group.roots in stats and _stem(group.roots) in ("", f"stat_{stats[group.roots]}"):
                name = f"staterror_{stats[group.roots]}"
            elif group.is_lumi:
                name = "lumi"
            elif group.kind == "systematic":
                name = first.removeprefix("alpha_") or first
            elif group.scalar:
                name = first
            else:
                name = _stem(group.roots) or modifiers[group.roots]
            if name in taken:
                name = first if group.scalar else f"gamma_{name}"
            while name in taken:
                name += "_"
            taken.add(name)
            group.name = name


def _stem(roots: tuple[str, ...]) -> str:
    """Return G of gamma_G_bin_0, gamma_G_bin_1...; "" where the names are others."""
    found = [re.fullmatch(r"gamma_(.+)_bin_(\d+)", root) for root in roots]
    stems = {match[1] for match in found if match}
    right = all(match and int(match[2]) == i for i, match in enumerate(found))
    return stems.pop() if right and len(stems) == 1 else ""
