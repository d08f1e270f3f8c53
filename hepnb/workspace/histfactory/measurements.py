"""Read a measurement: parameters of interest, luminosity, constant parameters, constraint terms."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field
from typing import Any

from hepnb.errors import nearest
from hepnb.workspace.histfactory.elements import Element, words
from hepnb.workspace.histfactory.parameters import LUMI, Names, RootName
from hepnb.workspace.laws import Law

__all__ = ["Measurement", "read_measurement", "terms_to_laws"]

_ROOT_LAWS = {"Gamma": "gamma-root", "LogNormal": "lognormal"}
_TERMS = ("Gamma", "Uniform", "LogNormal", "NoConstraint")


@dataclass
class Measurement:
    """A measurement.

    Parameters
    ----------
    element : Element
        Its element.
    name : str
        Its name.
    pois : list of str
        As named in XML.
    lumi, lumi_error : float
        The luminosity and its absolute uncertainty.
    values : dict of str to float
        Values set, by ROOT's names.
    constants : list of str
        Constant parameters, by ROOT's names.
    terms : dict of str to (Element, str, float)
        Constraint terms: the element, its type, its relative uncertainty; by systematic as named in XML.
    """

    element: Element
    name: str
    pois: list[str]
    lumi: float
    lumi_error: float
    values: dict[str, float] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)
    terms: dict[str, tuple[Element, str, float]] = field(default_factory=dict)

    @property
    def floats_lumi(self) -> bool:
        """True where the luminosity is uncertain."""
        return self.lumi_error > 0 and "Lumi" not in self.constants

    @property
    def needs_lumi(self) -> bool:
        """True where the luminosity changes an expectation."""
        return self.lumi != 1 or self.lumi_error > 0 or "Lumi" in self.values

    def find(self, root: str, names: Names) -> RootName | None:
        """Return what a name of ROOT stands for in this measurement.

        The OverallSys of a gamma law has a parameter beta instead of alpha; one without constraint has none.
        """
        prefix, _, name = root.partition("_")
        kind = self.terms[name][1] if name in self.terms and name in names.overall else ""
        if prefix == "beta" and kind == "Gamma":
            return RootName(names.overall_name(name))
        if prefix == "alpha" and kind in ("Gamma", "NoConstraint") and name not in names.shapes:
            return None
        return names.roots.get(root)

    def config(
        self,
        names: Names,
        common: dict[str, dict[str, Any]],
        fixed: set[str],
        absent: dict[str, set[str]],
        with_lumi: bool,
    ) -> dict[str, Any]:
        """Return its ``config`` in pyhf's vocabulary.

        Parameters
        ----------
        names : Names
            What the parameters are called.
        common : dict of str to dict
            Settings of parameters that all measurements have.
        fixed : set of str
            Parameters that are constant in all measurements, by name in the workspace.
        absent : dict of str to set of str
            Systematics without effect, by measurement.
        with_lumi : bool
            Whether samples have a luminosity.

        Returns
        -------
        dict
            "poi" and "parameters".
        """
        settings = copy.deepcopy(common)
        lumi: dict[str, Any] = {}
        if with_lumi:
            lumi[LUMI] = {
                "name": LUMI, "auxdata": [self.lumi], "bounds": [[0.0, 10 * self.lumi]], "inits": [self.lumi],
                "sigmas": [self.lumi_error],
            }  # fmt: skip
            if self.lumi_error == 0:
                lumi[LUMI]["fixed"] = True
        settings = {**lumi, **settings}
        for name in sorted(fixed | absent[self.name]):
            settings.setdefault(name, {"name": name})["fixed"] = True
        self._values(settings, names)
        self._constants(settings, names)
        pois = [self._public(poi, names, "parameter of interest") or poi for poi in self.pois]
        return {"poi": " ".join(pois), "parameters": list(settings.values())}

    def _values(self, settings: dict[str, dict[str, Any]], names: Names) -> None:
        for root, given in self.values.items():
            known, value, start = self.find(root, names), given, 1.0
            if known is None:
                self._unknown(root, names)
                continue
            if known.name in names.systematics:
                start = 0.0
                if root not in names.roots:  # beta = 1 + r alpha
                    value = (given - 1) / self.terms[root.removeprefix("beta_")][2]
            setting = settings.setdefault(known.name, {"name": known.name})
            inits = setting.setdefault("inits", [start] * names.sizes[known.name])
            inits[known.index or 0] = value
            if known.name == LUMI and self.lumi_error == 0:
                setting["auxdata"] = [value]
            self._check_bounds(setting, known.index or 0, value)

    def _check_bounds(self, setting: dict[str, Any], index: int, value: float) -> None:
        bounds = setting.get("bounds")
        if bounds is not None and not bounds[index][0] <= value <= bounds[index][1]:
            raise self.element.fault(
                f"sets {setting['name']!r} to {value:g}, outside its bounds {bounds[index]}. "
                "Give a value between them."
            )

    def _constants(self, settings: dict[str, dict[str, Any]], names: Names) -> None:
        for root in self.constants:
            known = self.find(root, names)
            if known is None:
                if root != "Lumi":  # without it the luminosity changes nothing
                    self._unknown(root, names)
                continue
            setting = settings.setdefault(known.name, {"name": known.name})
            if known.index is None:
                setting["fixed"] = True
            elif setting.get("fixed") is not True:
                each = setting.setdefault("fixed", [False] * names.sizes[known.name])
                each[known.index] = True
                if all(each):
                    setting["fixed"] = True

    def _public(self, root: str, names: Names, what: str) -> str | None:
        known = self.find(root, names)
        if known is not None and known.index is not None:
            raise self.element.fault(
                f"has the {what} {root!r}, which is one bin of several. Name another one."
            )
        return None if known is None else known.name

    def _unknown(self, root: str, names: Names) -> None:
        """Warn of a parameter that does not exist: ROOT passes over it, too."""
        _warn(
            f"{self.element}: <ParamSetting> names {root!r}, which is no parameter. "
            f"{nearest(root, list(names.roots))} It is passed over, as in ROOT."
        )


def read_measurement(element: Element) -> Measurement:
    """Read a measurement.

    Parameters
    ----------
    element : Element
        ``<Measurement>``. BinLow, BinHigh and Mode have no effect, as in ROOT.

    Returns
    -------
    Measurement
        With names as they stand in the file.

    Raises
    ------
    WorkspaceError
        Something is not HistFactory's.
    """
    element.check(
        ("Name", "Lumi", "LumiRelErr", "BinLow", "BinHigh", "Mode", "ExportOnly"),
        ("POI", "ParamSetting", "ConstraintTerm"),
    )
    element.flag("ExportOnly", False)
    lumi, relative = element.number("Lumi", 1.0), element.number("LumiRelErr", 0.1)
    if lumi <= 0 or relative < 0:
        raise element.fault(f"has Lumi={lumi:g}, LumiRelErr={relative:g}. Give a positive luminosity.")
    pois = [poi for child in element.children("POI") for poi in words(child.text)]
    found = Measurement(element, element.required("Name"), pois, lumi, lumi * relative)
    for child in element.children("ParamSetting"):
        child.check(("Val", "Const"))
        if child.has("Val"):
            value = child.number("Val")
            found.values.update(dict.fromkeys(words(child.text), value))
        if child.flag("Const", False):
            found.constants += [name for name in words(child.text) if name not in found.constants]
    for child in element.children("ConstraintTerm"):
        _term(child, found)
    return found


def _term(element: Element, found: Measurement) -> None:
    element.check(("Type", "RelativeUncertainty"))
    kind, relative = element.required("Type").strip(), element.number("RelativeUncertainty", 0.0)
    if kind not in _TERMS:
        raise element.fault(f"has Type={kind!r}. {nearest(kind, _TERMS)}")
    if kind != "NoConstraint" and relative <= 0:
        raise element.fault(f"of Type={kind!r} needs a positive RelativeUncertainty.")
    for name in words(element.text):
        if name in found.terms:
            raise element.fault(f"gives {name!r} a second constraint. Keep one.")
        found.terms[name] = element, kind, relative


def terms_to_laws(found: Measurement, names: Names) -> tuple[dict[str, Law], set[str]]:
    """Return the laws that the constraint terms ask for, and the systematics without effect.

    Parameters
    ----------
    found : Measurement
        The measurement.
    names : Names
        What the parameters are called.

    Returns
    -------
    laws : dict of str to law
        By name in the workspace.
    dropped : set of str
        OverallSys, as named in XML, that ROOT leaves out.
    """
    laws: dict[str, Law] = {}
    dropped: set[str] = set()
    for name, (element, kind, relative) in found.terms.items():
        if name not in names.overall | names.shapes:
            known = sorted(names.overall | names.shapes)
            _warn(
                f"{element} names {name!r}, which is no systematic. {nearest(name, known)} It has no effect."
            )
            continue
        if kind == "Uniform":
            laws[names.public["alpha", name]] = "uniform"
        elif name not in names.overall:
            _warn(
                f"{element} of Type {kind!r} has no effect on {name!r}, which is a HistoSys only: "
                "ROOT keeps the Gaussian constraint, and so does hepnb."
            )
        elif kind == "NoConstraint":
            if relative:
                _warn(f"{element} has a RelativeUncertainty: ROOT then keeps the constraint of {name!r}.")
                continue
            dropped.add(name)
            _warn(f"{element}: ROOT leaves the OverallSys {name!r} out, and so does hepnb.")
        else:
            laws[names.overall_name(name)] = _ROOT_LAWS[kind], relative
    return laws, dropped


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=2)
