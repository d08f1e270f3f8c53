"""Write a workspace as HistFactory XML with one ROOT file."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from hepnb.errors import FileError, WorkspaceError
from hepnb.workspace.histfactory.save_measurement import write_measurement
from hepnb.workspace.histfactory.written import Written, refuse, slug

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepnb.workspace.contents import Contents

__all__ = ["save_xml"]

_ROOT_FILE = "data.root"
_TOP = "workspace.xml"
_CHANNELS = "channels"
# What XML cannot hold in an attribute.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def save_xml(workspace: Contents, folder: str | os.PathLike[str]) -> Path:
    """Write a workspace as HistFactory XML; see :meth:`hepnb.Workspace.save_xml`."""
    if workspace.beyond_histfactory:
        raise refuse(workspace.beyond_histfactory)
    written = Written(workspace)
    histograms: dict[str, Any] = {}
    channels: dict[str, ET.Element] = {}
    for channel in workspace.spec["channels"]:
        name = _unique(slug(channel["name"]), channels)
        channels[name] = _channel(written, channel, name, histograms)
    top = ET.Element("Combination", OutputFilePrefix="./results/workspace")
    if written.without_lumi:
        lumi = float(written.settings("lumi")[0]["auxdata"][0])
        dependents = f"Lumi[{lumi!r},0,{10 * lumi!r}]"
        ET.SubElement(top, "Function", Name=written.without_lumi, Expression="1/Lumi", Dependents=dependents)
    for name in channels:
        ET.SubElement(top, "Input").text = f"./{_CHANNELS}/{name}.xml"
    for measurement in workspace.spec["measurements"]:
        top.append(write_measurement(written, measurement))
    return _put(Path(folder), top, channels, histograms)


def _put(folder: Path, top: ET.Element, channels: dict[str, ET.Element], histograms: dict[str, Any]) -> Path:
    from hepnb.events import write  # noqa: PLC0415  # needed for XML only

    texts = {folder / _TOP: _text(top)}
    texts |= {folder / _CHANNELS / f"{name}.xml": _text(element) for name, element in channels.items()}
    try:
        (folder / _CHANNELS).mkdir(parents=True, exist_ok=True)
        write(folder / _ROOT_FILE, histograms, overwrite=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"{folder}: the workspace cannot be written ({error.strerror}). "
            "Choose a folder that may be written to."
        ) from error
    return folder / _TOP


def _text(element: ET.Element) -> str:
    """Return a document. It declares its own elements, since ROOT's parser wants a document type."""
    ET.indent(element)
    attributes: dict[str, set[str]] = {}
    for node in element.iter():
        attributes.setdefault(node.tag, set()).update(node.attrib)
        for value in (*node.attrib.values(), node.text or ""):
            if _CONTROL.search(value):
                raise WorkspaceError(f"the name {value!r} has a character that XML cannot hold. Rename it.")
    declared = []
    for tag, names in attributes.items():
        declared.append(f"  <!ELEMENT {tag} ANY>")
        declared += [f"  <!ATTLIST {tag} {name} CDATA #IMPLIED>" for name in sorted(names)]
    lines = "\n".join(declared)
    return f"<!DOCTYPE {element.tag} [\n{lines}\n]>\n{ET.tostring(element, encoding='unicode')}\n"


def _unique(name: str, taken: Any) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


class _Folder:
    """The histograms of a channel, in a folder of the ROOT file."""

    def __init__(self, name: str, edges: NDArray[np.float64], histograms: dict[str, Any]) -> None:
        self.name, self.edges, self.histograms = name, edges, histograms

    def put(self, name: str, values: Any, errors: NDArray[np.float64] | None = None) -> str:
        """Keep a histogram; return its name in the folder."""
        storage = hist.storage.Double() if errors is None else hist.storage.Weight()
        made: Any = hist.Hist(hist.axis.Variable(self.edges), storage=storage)
        if errors is None:
            made.view()[:] = values
        else:
            made.view()["value"], made.view()["variance"] = values, np.square(errors)
        key = _unique(f"{self.name}/{slug(name)}", self.histograms)
        self.histograms[key] = made
        return key.rpartition("/")[2]


def _channel(written: Written, channel: dict[str, Any], name: str, histograms: dict[str, Any]) -> ET.Element:
    workspace = written.workspace
    n = len(channel["samples"][0]["data"])
    edges = np.asarray(workspace.edges.get(channel["name"], np.arange(n + 1.0)), dtype=float)
    folder = _Folder(name, edges, histograms)
    element = ET.Element("Channel", Name=channel["name"], InputFile=f"./{_ROOT_FILE}", HistoPath=name)
    ET.SubElement(element, "Data", HistoName=folder.put("data", workspace.observed[channel["name"]]))
    law = written.bin_law(written.stat_name(channel["name"]), "gaussian")
    ET.SubElement(element, "StatErrorConfig", RelErrorThreshold="0", ConstraintType=law.capitalize())
    for sample in channel["samples"]:
        element.append(_sample(written, channel, sample, folder))
    return element


def _sample(written: Written, channel: dict[str, Any], sample: dict[str, Any], folder: _Folder) -> ET.Element:
    modifiers = sample["modifiers"]
    stat = written.stat_name(channel["name"])
    errors = next((np.asarray(m["data"]) for m in modifiers if m["name"] == stat), None)
    element = ET.Element(
        "Sample",
        Name=sample["name"],
        HistoName=folder.put(sample["name"], sample["data"], errors),
        NormalizeByTheory=str(any(m["type"] == "lumi" for m in modifiers)),
    )
    if errors is not None:
        ET.SubElement(element, "StatError", Activate="True")
    if written.has_no_lumi(sample):
        ET.SubElement(element, "NormFactor", Name=written.without_lumi, Val="1", Low="0", High="10")
    for modifier in modifiers:
        name, kind, data = modifier["name"], modifier["type"], modifier["data"]
        put = f"{sample['name']}_{name}"
        if kind == "normsys":
            ET.SubElement(
                element, "OverallSys", Name=name, Low=repr(float(data["lo"])), High=repr(float(data["hi"]))
            )
        elif kind == "histosys":
            low, high = folder.put(f"{put}_low", data["lo_data"]), folder.put(f"{put}_high", data["hi_data"])
            ET.SubElement(element, "HistoSys", Name=name, HistoNameLow=low, HistoNameHigh=high)
        elif kind == "normfactor":
            start, lowest, highest = map(repr, written.factor(name))
            ET.SubElement(element, "NormFactor", Name=name, Val=start, Low=lowest, High=highest)
        elif kind == "shapefactor":
            ET.SubElement(element, "ShapeFactor", {"Name": name, **written.shape_factor(name)})
        elif kind == "shapesys" or (kind == "staterror" and name != stat):
            relative = folder.put(f"{put}_relative", written.relative(modifier, channel, sample))
            law = written.bin_law(name, "poisson" if kind == "shapesys" else "gaussian")
            ET.SubElement(element, "ShapeSys", Name=name, HistoName=relative, ConstraintType=law.capitalize())
    return element
