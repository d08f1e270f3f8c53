"""The modifiers of an HS3 document in pyhf's vocabulary, with the meaning that ROOT gives them.

ROOT has written three dialects. ``vals`` of a shapesys with a Poisson constraint are tau = 1 / relative
uncertainty^2 up to about 6.32, and relative uncertainties after that. Other programs write absolute ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepnb.errors import nearest
from hepnb.typing import FloatArray
from hepnb.workspace.faults import Fault, check_entries, check_number, shown
from hepnb.workspace.hs3.channels import Channel, Sample, numbers
from hepnb.workspace.hs3.document import Document, Point, inside, texts
from hepnb.workspace.hs3.parameters import Group, Groups
from hepnb.workspace.hs3.terms import TYPES, Term, Terms

__all__ = ["DIALECTS", "Reader"]

DIALECTS = ("root-6.30", "root-6.40", "absolute")
"""What ``vals`` of a shapesys mean: tau, relative or absolute uncertainties."""

_SHAPE_CODES = {0: "code0", 4: "code4p"}
_NORM_CODES = {1: "code1", 4: "code4", 5: "code4"}
# Up to this version ROOT wrote tau.
_LAST_OF_OLD = (6, 34)


@dataclass
class BinPlace:
    """A shapesys or staterror on a sample."""

    channel: Channel
    sample: Sample
    modifier: dict[str, Any]
    width: FloatArray
    law: str
    where: str


@dataclass
class Reader:
    """Reads the modifiers of all channels.

    Attributes
    ----------
    document, terms : Document, Terms
        The document and its constraint terms.
    points : dict of str to Point
        What the document says of parameters.
    dialect : str or None
        What was asked for; one of :data:`DIALECTS`.
    groups : Groups
        The parameters that were met.
    codes : dict of str to set of str
        The interpolation codes of normsys and histosys that were met.
    """

    document: Document
    terms: Terms
    points: dict[str, Point]
    dialect: str | None
    groups: Groups = field(default_factory=Groups)
    codes: dict[str, set[str]] = field(default_factory=lambda: {"normsys": set(), "histosys": set()})
    stats: dict[tuple[str, ...], str] = field(default_factory=dict)
    modifier_names: dict[tuple[str, ...], str] = field(default_factory=dict)
    bins: dict[tuple[str, ...], list[BinPlace]] = field(default_factory=dict)
    named: list[tuple[dict[str, Any], Group]] = field(default_factory=list)

    def read(self, channel: Channel) -> None:
        """Read the modifiers of a channel."""
        readers = {
            "normfactor": self._normfactor, "normsys": self._normsys, "histosys": self._histosys,
            "shapesys": self._shapesys, "shapefactor": self._shapefactor, "staterror": self._staterror,
        }  # fmt: skip
        for sample in channel.samples:
            with inside(f"samples {sample.name!r}"):
                for entry in sample.entries:
                    kind = entry.get("type")
                    with inside(f"modifiers {entry['name']!r}"):
                        if not isinstance(kind, str) or kind not in readers:
                            raise Fault(
                                f"a modifier of type {kind!r} is not supported. {nearest(str(kind), readers)}"
                            )
                        readers[kind](entry, channel, sample)

    def name_all(self) -> None:
        """Give the parameters their names."""
        self.groups.name_all(self.stats, self.modifier_names)

    # --- factors and systematics ------------------------------------------------------------------------

    def _normfactor(self, entry: dict[str, Any], _: Channel, sample: Sample) -> None:
        _check(entry, "parameter", "constraint", "constraint_name", "constraint_type")
        root = _text(entry, "parameter", entry["name"])
        group = self.groups.get("factor", [root])
        self._attach(group, entry, root, default=None)
        self._put(sample, group, {"type": "normfactor", "data": None})

    def _normsys(self, entry: dict[str, Any], _: Channel, sample: Sample) -> None:
        _check(
            entry, "parameter", "data", "constraint", "constraint_name", "constraint_type", "interpolation"
        )
        data: Any = entry.get("data")
        check_entries(data, ("hi", "lo"), what="the data of a normsys")
        for key in ("hi", "lo"):
            check_number(data[key], key)
        self._code("normsys", entry, _NORM_CODES, 4)
        if not (data["hi"] > 0 and data["lo"] > 0):
            raise Fault(f"hi={data['hi']:g}, lo={data['lo']:g}: both must be positive factors.")
        group = self._systematic(entry)
        self._put(
            sample, group, {"type": "normsys", "data": {"hi": float(data["hi"]), "lo": float(data["lo"])}}
        )

    def _histosys(self, entry: dict[str, Any], _: Channel, sample: Sample) -> None:
        _check(
            entry, "parameter", "data", "constraint", "constraint_name", "constraint_type", "interpolation"
        )
        data: Any = entry.get("data")
        found: dict[str, Any] = {}
        check_entries(data, ("hi", "lo"), what="the data of a histosys")
        for key in ("hi", "lo"):
            check_entries(data[key], ("contents",), ("errors",), what=f"{key} of a histosys")
            values = numbers(data[key]["contents"], f"{key}: contents", sample.contents.size)
            if (values < 0).any() and (sample.contents >= 0).all() and not self._by_root:
                raise Fault(
                    f"{key} has negative contents. They may be differences from the nominal yields, which "
                    "the "
                    "specification shows, or templates, which ROOT writes. Say which with "
                    "dialect='root-6.40' for "
                    "templates; differences are not read."
                )
            found[f"{key}_data"] = values.tolist()
        self._code("histosys", entry, _SHAPE_CODES, 4)
        self._put(sample, self._systematic(entry), {"type": "histosys", "data": found})

    @property
    def _by_root(self) -> bool:
        return self.document.own or self.document.root_version is not None or self.dialect is not None

    def _systematic(self, entry: dict[str, Any]) -> Group:
        root = _text(entry, "parameter", f"alpha_{entry['name']}")
        group = self.groups.get("systematic", [root])
        self._attach(group, entry, root, default=Term("gaussian", root, None, 1.0))
        return group

    def _code(self, kind: str, entry: Mapping[str, Any], codes: Mapping[int, str], default: int) -> None:
        number = entry.get("interpolation", default)
        if isinstance(number, bool) or not isinstance(number, int | float) or number not in codes:
            known = ", ".join(map(str, codes))
            raise Fault(
                f"the interpolation {shown(number)} of a {kind} is not supported. Supported are {known}."
            )
        self.codes[kind].add(codes[int(number)])

    def _attach(self, group: Group, entry: Mapping[str, Any], root: str, default: Term | None) -> None:
        """Give a parameter the constraint that its modifier names."""
        term = default
        name = entry.get("constraint_name", entry.get("constraint"))
        if isinstance(name, str) and name in self.terms:
            term = self.terms.read(name, (root,))
        elif "constraint_name" in entry and name is not None:
            raise Fault(f"the constraint {name!r} does not exist in the document.")
        elif name is not None or entry.get("constraint_type") is not None:
            law = _law(entry.get("constraint_type", name))
            if law == "none":
                term = None
            elif law != "gaussian" or default is None:
                raise Fault(
                    f"the constraint {name or entry.get('constraint_type')!r} does not exist in the document."
                )
        if term is None and default is not None:
            raise Fault("a systematic without a constraint is not supported.")
        if term is None:
            return
        if term.law != "gaussian":
            raise Fault(f"a {term.law} constraint of a {group.kind} is not supported.")
        known = group.terms.setdefault(root, term)
        if known != term:
            raise Fault(f"the parameter {root!r} has another constraint elsewhere.")

    def _put(self, sample: Sample, group: Group, modifier: dict[str, Any]) -> None:
        sample.modifiers.append(modifier)
        self.named.append((modifier, group))

    # --- bin by bin -------------------------------------------------------------------------------------

    def _shapefactor(self, entry: dict[str, Any], channel: Channel, sample: Sample) -> None:
        _check(entry, "parameters", "parameter", "data", "constraint", "constraint_type", "constraints")
        roots = self._roots(entry, channel, f"gamma_{entry['name']}_bin_")
        group = self.groups.get("free", roots)
        self.modifier_names.setdefault(group.roots, entry["name"])
        self._put(sample, group, {"type": "shapefactor", "data": None})

    def _shapesys(self, entry: dict[str, Any], channel: Channel, sample: Sample) -> None:
        _check(entry, "parameters", "parameter", "data", "constraint", "constraint_type", "constraints")
        roots = self._roots(entry, channel, f"gamma_{entry['name']}_bin_")
        vals = None
        if entry.get("data") is not None:
            check_entries(entry["data"], ("vals",), what="the data of a shapesys")
            vals = numbers(entry["data"]["vals"], "vals", len(roots))
            if (vals < 0).any():
                raise Fault("vals has a negative number.")
        terms = self._bin_terms(entry, roots)
        if self._is_free(entry, roots, vals, terms):
            group = self.groups.get("free", roots)
            self.modifier_names.setdefault(group.roots, entry["name"])
            self._put(sample, group, {"type": "shapefactor", "data": None})
            return
        group = self.groups.get("bins", roots)
        self.modifier_names.setdefault(group.roots, entry["name"])
        law = self._law_of_bins(entry, terms, "Poisson")
        width = self._widths(entry, vals, law, sample) if vals is not None else _of_terms(terms, roots)
        _agree(width, terms, roots)
        self._keep(group, channel, sample, entry, width, law, terms)

    def _staterror(self, entry: dict[str, Any], channel: Channel, sample: Sample) -> None:
        _check(entry, "parameters", "parameter", "data", "constraint", "constraint_type", "constraints")
        roots = self._roots(entry, channel, f"gamma_stat_{channel.name}_bin_")
        if sample.errors is None:
            raise Fault("the data of the sample have no errors, from which a staterror has its size.")
        group = self.groups.get("bins", roots)
        if self.stats.setdefault(group.roots, channel.name) != channel.name:
            raise Fault("the parameters belong to another channel.")
        terms = self._bin_terms(entry, roots) or self._terms_by_name(roots)
        settings = channel.staterror
        default = settings.get("constraint_type", settings.get("constraint", "Poisson"))
        law = self._law_of_bins(entry, terms, default)
        self._keep(group, channel, sample, entry, np.abs(sample.errors), law, terms)

    def _keep(
        self,
        group: Group,
        channel: Channel,
        sample: Sample,
        entry: dict[str, Any],
        width: FloatArray,
        law: str,
        terms: dict[str, Term],
    ) -> None:
        modifier: dict[str, Any] = {}
        where = f"channel {channel.name!r} / samples {sample.name!r} / modifiers {entry['name']!r}"
        self._put(sample, group, modifier)
        group.terms.update(terms)
        place = BinPlace(channel, sample, modifier, width, law, where)
        self.bins.setdefault(group.roots, []).append(place)

    def _roots(self, entry: Mapping[str, Any], channel: Channel, implied: str) -> list[str]:
        size = channel.axes.size
        if entry.get("parameters") is None:
            return [f"{implied}{i}" for i in range(size)]
        roots = list(texts(entry["parameters"], "parameters"))
        if len(roots) != size or len(set(roots)) != size:
            raise Fault(
                f"there are {len(set(roots))} different parameters for {size} bins. Give one for each bin."
            )
        return roots

    def _bin_terms(self, entry: Mapping[str, Any], roots: list[str]) -> dict[str, Term]:
        given = entry.get("constraints")
        if given is None:
            return {}
        if not isinstance(given, list) or len(given) != len(roots):
            raise Fault("constraints must be a list with one name, or null, for each bin.")
        return {
            root: self.terms.read(str(name), (root,))
            for root, name in zip(roots, given, strict=True) if name is not None
        }  # fmt: skip

    def _terms_by_name(self, roots: list[str]) -> dict[str, Term]:
        """Return constraints that the document has under ROOT's names, though no modifier names them."""
        found = {}
        for root in roots:
            name = next((n for n in (f"{root}_constraint", f"{root}Constraint") if n in self.terms), None)
            if name is not None:
                found[root] = self.terms.read(name, (root,))
        return found

    def _is_free(
        self, entry: Mapping[str, Any], roots: list[str], vals: FloatArray | None, terms: Mapping[str, Term]
    ) -> bool:
        """Return whether a shapesys is what ROOT makes of a ShapeFactor: no constraints, and not constant."""
        if terms or (vals is not None and vals.any()):
            return False
        said = [self.points.get(root) for root in roots]
        free = [point is not None and not point.constant for point in said]
        law = _law(entry.get("constraint_type", entry.get("constraint", "Const")))
        if any(free) and law == "poisson":
            raise Fault("vals are 0 with a Poisson constraint, and the parameters are not constant.")
        return any(free)

    def _law_of_bins(self, entry: Mapping[str, Any], terms: Mapping[str, Term], default: Any) -> str:
        laws = {term.law for term in terms.values()}
        if len(laws) > 1:
            raise Fault("the bins have constraints of different laws, which is not supported.")
        if laws:
            return laws.pop()
        law = _law(entry.get("constraint_type", entry.get("constraint", default)))
        return "gaussian" if law == "none" else law

    def _widths(self, entry: Mapping[str, Any], vals: FloatArray, law: str, sample: Sample) -> FloatArray:
        dialect = self.dialect or self._dialect_of(entry, vals)
        if dialect == "absolute":
            if ((sample.contents <= 0) & (vals > 0)).any():
                raise Fault("vals are absolute, and a bin with an uncertainty has no positive yield.")
            return np.divide(vals, sample.contents, out=np.zeros_like(vals), where=vals > 0)
        if dialect == "root-6.30" and law == "poisson":
            return np.divide(1.0, np.sqrt(vals), out=np.zeros_like(vals), where=vals > 0)
        return vals

    def _dialect_of(self, entry: Mapping[str, Any], vals: FloatArray) -> str:
        if self.document.own or "constraint_type" in entry or entry.get("constraints") is not None:
            return "root-6.40"
        version = self.document.root_version
        if version is not None and entry.get("parameters") is None and "constraint" in entry:
            if version <= _LAST_OF_OLD:
                return "root-6.30"
        elif version is not None and version > _LAST_OF_OLD:
            return "root-6.40"
        if (vals > 1).any():
            raise Fault(
                f"vals has the number {vals.max():g}, and it is not known which program wrote the file: it "
                "may be "
                "tau = 1 / uncertainty^2 (dialect='root-6.30'), a relative uncertainty "
                "(dialect='root-6.40') or an "
                "absolute one (dialect='absolute'). Say which: hepnb.load(..., dialect=...)."
            )
        return "root-6.40"


def _check(entry: dict[str, Any], *optional: str) -> None:
    check_entries(entry, ("name", "type"), optional, what="the modifier")


def _text(entry: Mapping[str, Any], key: str, default: str) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str) or not value:
        raise Fault(f"{key} must be the name of a parameter, this is {shown(value)}.")
    return value


def _law(given: Any) -> str:
    law = TYPES.get(str(given).lower())
    if law is None:
        raise Fault(
            f"the constraint {shown(given)} is not known. "
            f"{nearest(str(given), ('Gauss', 'Poisson', 'Const'))}"
        )
    return law


def _of_terms(terms: Mapping[str, Term], roots: list[str]) -> FloatArray:
    return np.array([_width_of(terms[root]) if root in terms else 0.0 for root in roots])


def _width_of(term: Term) -> float:
    return float(term.width if term.law == "gaussian" else term.width**-0.5)


def _agree(width: FloatArray, terms: Mapping[str, Term], roots: list[str]) -> None:
    for root, own in zip(roots, width, strict=True):
        if root in terms and not np.isclose(own, _width_of(terms[root]), rtol=1e-5):
            raise Fault(
                f"vals give {root!r} a relative uncertainty of {own:g}, its constraint one of "
                f"{_width_of(terms[root]):g}."
            )
