"""Write a measurement: its luminosity, parameters and constraint terms."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np

from hepnb.workspace.histfactory.written import Written, refuse

__all__ = ["write_measurement"]

_TYPES = {"uniform": "Uniform", "lognormal": "LogNormal", "gamma-root": "Gamma"}


def write_measurement(written: Written, measurement: dict[str, Any]) -> ET.Element:
    """Return the element of a measurement.

    Parameters
    ----------
    written : Written
        The workspace.
    measurement : dict
        In pyhf's vocabulary.

    Returns
    -------
    xml.etree.ElementTree.Element
        ``<Measurement>``.

    Raises
    ------
    WorkspaceError
        It has something that XML cannot hold.
    """
    config = measurement["config"]
    settings = {
        setting["name"]: setting for setting in config["parameters"] if setting["name"] in written.kinds
    }
    lumi, error = 1.0, 0.0
    if written.has_lumi:
        lumi, error = (float(settings["lumi"][key][0]) for key in ("auxdata", "sigmas"))
    if lumi <= 0:
        raise refuse(f"a luminosity of {lumi:g}")
    relative = error / lumi
    element = ET.Element(
        "Measurement", Name=measurement["name"], Lumi=repr(lumi), LumiRelErr=repr(relative), ExportOnly="True"
    )
    if config["poi"]:
        ET.SubElement(element, "POI").text = _poi(written, config["poi"])
    constant: list[str] = []
    for name, setting in settings.items():
        _check(written, name, setting)
        roots = written.roots[name]
        fixed = setting.get("fixed", False)
        each = [fixed] * len(roots) if isinstance(fixed, bool) else fixed
        constant += [root for root, held in zip(roots, each, strict=True) if held]
        _values(written, element, name, setting, lumi)
    if constant:
        ET.SubElement(element, "ParamSetting", Const="True").text = " ".join(map(_word, constant))
    _terms(written, element, measurement["name"])
    return element


def _word(name: str) -> str:
    if re.search(r"[\s\\]", name):
        raise refuse(
            f"the name {name!r} in a list of names, which spaces and backslashes divide", "Rename it."
        )
    return name


def _poi(written: Written, poi: str) -> str:
    names = [poi] if poi in written.kinds else poi.split()
    roots = [written.roots.get(name, [name]) for name in names]
    return " ".join(_word(root) for (root, *_) in roots)


def _start(written: Written, name: str, lumi: float) -> float:
    """Return where a parameter starts that XML says nothing about."""
    kinds = written.kinds[name]
    if "normfactor" in kinds:
        return written.factor(name)[0]
    if "lumi" in kinds:
        return lumi
    return 0.0 if kinds & {"normsys", "histosys"} else 1.0


def _values(written: Written, element: ET.Element, name: str, setting: dict[str, Any], lumi: float) -> None:
    start = _start(written, name, lumi)
    law = written.law(name, element.attrib["Name"])
    beta = isinstance(law, tuple) and law[0] == "gamma-root"
    inits = setting.get("inits")
    if inits is None:
        default = 1.0 if "normfactor" in written.kinds[name] else start
        inits = [default] * len(written.roots[name])
    for root, value in zip(written.roots[name], inits, strict=True):
        if value != start:
            label, number = _word(root), float(value)
            if beta and isinstance(law, tuple):
                label, number = f"beta_{name}", 1 + law[1] * number
            ET.SubElement(element, "ParamSetting", Val=repr(number)).text = label


def _check(written: Written, name: str, setting: dict[str, Any]) -> None:
    """Refuse auxiliary measurements that are not those of the histograms."""
    kinds = written.kinds[name]
    if kinds & {"lumi", "normfactor", "shapefactor"}:
        return
    own: dict[str, Any] = {"auxdata": [0.0]}
    if not kinds & {"normsys", "histosys"}:
        channel, sample, modifier = written.places[name][0]
        widths = written.relative(modifier, channel, sample)
        safe = np.where(widths > 0, widths, 1.0)
        own = {"auxdata": np.ones(widths.size), "sigmas": safe}
        if "shapesys" in kinds:
            own = {"auxdata": safe**-2, "factors": safe**-2}
    for key, values in own.items():
        if key in setting and not np.allclose(setting[key], values, rtol=1e-12, atol=0):
            raise refuse(f"the {key} of {name!r}")


def _terms(written: Written, element: ET.Element, measurement: str) -> None:
    for name, law in written.workspace.constraints_of(measurement).items():
        kinds = written.kinds[name]
        if "normfactor" in kinds:
            raise refuse(f"the constraint {law!r} of the factor {name!r}")
        if not kinds & {"normsys", "histosys"} or law == "gaussian":
            continue
        kind, relative = (law, 1.0) if isinstance(law, str) else law[:2]
        if kind == "lognormal" and "normsys" not in kinds:
            continue  # it has no effect
        if kind not in _TYPES or (kind == "gamma-root" and kinds != {"normsys"}):
            remedy = "ROOT's own law is 'gamma-root'." if kind == "gamma" else ""
            raise refuse(f"the constraint {law!r} of {name!r}", remedy)
        term = ET.SubElement(
            element, "ConstraintTerm", Type=_TYPES[kind], RelativeUncertainty=repr(float(relative))
        )
        term.text = _word(name)
