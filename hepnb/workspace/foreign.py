"""Recognise by their content the files and names that are no workspace, and say what to do with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hepnb.errors import HepnbError

__all__: list[str] = []

HEAD = 65536  # bytes of a file that are looked at

_OPEN = "hepnb.load reads the likelihoods in it."
_UNPACK = "Unpack it, and load the .json or .xml file in it."
_UTF8 = "Save it again as UTF-8."
# Bytes that a kind of file starts with, its name, and what to do.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"BZh", "compressed with bzip2, which is read for archives only", "Unpack it with bunzip2 first."),
    (b"\xfd7zXZ\0", "compressed with xz, which is not read yet", "Unpack it with unxz first."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, which is not read yet", "Unpack it with unzstd first."),
    (b"PK\x03\x04", "a zip archive, not one document", _OPEN),
    (b"PK\x05\x06", "an empty zip archive, not a workspace", "Get it again."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not read yet", _UNPACK),
    (b"Rar!", "a rar archive, which is not read yet", _UNPACK),
    (
        b"\x89HDF",
        "an HDF5 file, not a workspace",
        "Fill histograms from its columns, and give them to hepnb.build.",
    ),
    (
        b"PAR1",
        "a Parquet file, not a workspace",
        "Open it with hepnb.open, and give histograms to hepnb.build.",
    ),
    (b"\x93NUMPY", "a numpy array, not a workspace", "Give histograms to hepnb.build."),
    (b"SQLite format 3\0", "an SQLite data base, not a workspace", "Give histograms to hepnb.build."),
    (
        b"\x80\x04\x95",
        "a pickle, not a workspace",
        "Save the workspace as JSON in the program that pickled it.",
    ),
    (
        b"\x80\x05\x95",
        "a pickle, not a workspace",
        "Save the workspace as JSON in the program that pickled it.",
    ),
    (b"\x89PNG", "a picture (PNG), not a workspace", "Give the workspace that it was drawn from."),
    (b"\xff\xd8\xff", "a picture (JPEG), not a workspace", "Give the workspace that it was drawn from."),
    (b"%PDF", "a PDF document, not a workspace", "Give the workspace that it was made from."),
    (b"\xff\xfe\0\0", "text in UTF-32, which is not read yet", _UTF8),
    (b"\0\0\xfe\xff", "text in UTF-32, which is not read yet", _UTF8),
    (b"\xff\xfe", "text in UTF-16, which is not read yet", _UTF8),
    (b"\xfe\xff", "text in UTF-16, which is not read yet", _UTF8),
)


def about_bytes(path: Path, head: bytes) -> str | None:
    """Return what a file is, where its first bytes show that it is neither JSON nor XML.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    head : bytes
        Its first bytes.

    Returns
    -------
    str or None
        A message; None where it may be text.

    Examples
    --------
    >>> about_bytes(Path("a.json"), b"BZh91AY")
    'a.json is compressed with bzip2, which is read for archives only. Unpack it with bunzip2 first.'
    """
    if head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar":
        return f"{path} is an archive, not one document. {_OPEN}"
    if head[:4] == b"root":
        return _about_root(path)
    for magic, kind, remedy in _MAGIC:
        if head.startswith(magic):
            return f"{path} is {kind}. {remedy}"
    return None


def _about_root(path: Path) -> str:
    from hepnb.events import RootFile  # noqa: PLC0415  # needed for ROOT files only

    try:
        with RootFile(str(path)) as file:
            spaces = [entry.path for entry in file.walk() if entry.classname == "RooWorkspace"]
    except HepnbError:
        spaces = []  # whatever is wrong with it, it is a ROOT file
    if spaces:
        return (
            f"{path} is a ROOT file with the RooWorkspace {spaces[0]!r}, which is not read. Load the "
            "HistFactory XML or the pyhf JSON that it was made from."
        )
    return (
        f"{path} is a ROOT file, not a workspace. Open it with hepnb.open and give histograms to "
        "hepnb.build, or load the HistFactory XML that names its histograms."
    )


# --- text -------------------------------------------------------------------------------------------------

_HTML = re.compile(
    r"\A(?:\s|<!--.*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html|head|body|meta|script)\b", re.I | re.S
)
_CARD = re.compile(r"^\s*[ijk]max\s+(?:\d+|\*)", re.M)
_CARD_ROWS = tuple(re.compile(rf"^\s*{word}\s+\S", re.M) for word in ("bin", "process", "rate"))
_TREX = re.compile(r"^(?:Job|Fit|Region|Sample|NormFactor|Systematic|MultiFit):[ \t]*\S", re.M)
_YAML_LINE = re.compile(r"^(?:- )?[\"']?[\w. -]+[\"']?[ \t]*:(?:[ \t]|$)", re.M)
_POINTER = "version https://git-lfs.github.com"


def is_card(text: str) -> bool:
    r"""Return whether a text is a datacard of Combine.

    Examples
    --------
    >>> is_card("imax 1\njmax 2\nkmax *\n"), is_card("bin = 3")
    (True, False)
    """
    if text.lstrip()[:1] in ("{", "[", "<"):
        return False
    return _CARD.search(text[:HEAD]) is not None or all(row.search(text) for row in _CARD_ROWS)


def about_text(text: str) -> str | None:
    r"""Return what a text is that is neither JSON nor HistFactory XML.

    Parameters
    ----------
    text : str
        The content of a file.

    Returns
    -------
    str or None
        The message without the name of the file, which stands before it: "it is ...". None where nothing is
        known about it.

    Examples
    --------
    >>> about_text("import numpy\n")[:12]
    'is a program'
    """
    head = text[:HEAD]
    if not head.strip():
        return f"is empty ({'white space' if head else '0 bytes'}). Get it or write it again."
    if _HTML.match(head):
        return (
            "is an HTML page, not a workspace: perhaps the page of a login, of an error, or of the download. "
            "Get the file itself."
        )
    if head.lstrip()[:1] in "{[<":
        return None  # JSON or XML with a fault in it, which has a line and a column
    if head.startswith(_POINTER):
        return "is a pointer of Git LFS in place of the file. Get the file itself with 'git lfs pull'."
    for recognise in (_about_config, _about_yaml, _about_source, _about_table):
        message = recognise(head)
        if message:
            return message
    return None


def _about_config(head: str) -> str | None:
    keys = _yaml_keys(head)
    if "General" in keys and keys & {"Regions", "Samples", "NormFactors", "Systematics"}:
        return _CABINETRY
    if keys & {"distributions", "likelihoods", "parameter_points"} and keys & {"domains", "data", "metadata"}:
        return f"is {_HS3.removesuffix(' Read it with hepnb.load.')}, as YAML. Save it as JSON."
    if len(_TREX.findall(head)) > 1 and keys & {"Job", "Fit"}:
        return (
            "is a configuration of TRExFitter, which is not read. Let TRExFitter write its workspace (step "
            "w), and load the top-level XML file in its folder RooStats."
        )
    return None


def _yaml_keys(head: str) -> set[str]:
    found = re.findall(r"^[\"']?([A-Za-z_][\w. -]*?)[\"']?[ \t]*:(?:\s|$)", head, re.M)
    return set(found)


def _about_yaml(head: str) -> str | None:
    keys = _yaml_keys(head)
    if keys & {"independent_variables", "dependent_variables", "additional_resources", "data_file"}:
        return (
            "is a table or a submission of HEPData, not a workspace. Get the likelihood from the record's "
            "resources, and load the .json file in it."
        )
    lines = [line for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and (lines[0].startswith(("---", "%YAML")) or _YAML_LINE.match(lines[0])):
        return (
            "is YAML, which is not read yet. If it holds a workspace of pyhf, load it with a reader of YAML "
            "and give the dict to hepnb.load, or save it as JSON."
        )
    return None


def _about_source(head: str) -> str | None:
    if re.search(r"^\s*#include\s*[<\"]|^\s*void\s+\w+\s*\(", head, re.M):
        return "is a program in C++, not a workspace. Run it, and load the file that it writes."
    if head.startswith("#!") or re.search(r"^(?:import\s+\w|from\s+[\w.]+\s+import\s)", head, re.M):
        return "is a program, not a workspace. Run it, and load the file that it writes."
    return None


def _about_table(head: str) -> str | None:
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith("#")][:5]
    for separator, kind in ((",", "commas"), (";", "semicolons"), ("\t", "tabs")):
        counts = {line.count(separator) for line in lines}
        if lines and len(counts) == 1 and counts != {0}:
            return (
                f"is a table (values between {kind}, CSV), which is not read. Give its histograms to "
                "hepnb.build, or its counts to hepnb.workspace.uncorrelated_background."
            )
    return None


# --- documents of JSON --------------------------------------------------------------------------------------

_HS3 = (
    "an HS3 document (HEP statistics serialization standard: distributions, domains, likelihoods). Read it "
    "with hepnb.load."
)
_CABINETRY = (
    "is a configuration of cabinetry, which is not read yet. Let cabinetry build the workspace "
    "(cabinetry.workspace.build), and load the JSON that it saves; or describe the analysis with hepnb.build."
)
_PATCH = (
    "Load the workspace it belongs to and call .patch on it: "
    "hepnb.load('background.json').patch('this.json'{}); or say hepnb.Model(workspace, patches=[...])."
)


def is_hs3(document: Any) -> bool:
    """Return whether a document is HS3's.

    Examples
    --------
    >>> is_hs3({"metadata": {"hs3_version": "0.2"}}), is_hs3({"channels": [], "measurements": []})
    (True, False)
    """
    if not isinstance(document, Mapping):
        return False
    metadata = document.get("metadata")
    named = {"distributions", "likelihoods", "parameter_points"}
    return (isinstance(metadata, Mapping) and "hs3_version" in metadata) or bool(named & set(document))


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda document: all(name in document for name in names)


_DOCUMENTS: tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...] = (
    (_has("patches"), f"a patch set, not a workspace. {_PATCH.format(', name=...')}"),
    (_has("op", "path"), f"an operation of a JSON patch, not a workspace. {_PATCH.format('')}"),
    (_has("patch", "metadata"), f"a patch out of a patch set, not a workspace. {_PATCH.format('')}"),
    (is_hs3, _HS3),
    (_has("cells", "nbformat"), "a Jupyter notebook, not a workspace. Run it, and load what it saves."),
    (_has("General", "Samples"), _CABINETRY.removeprefix("is ")),
    (
        _has("binning", "bindata"),
        ("a table of counts (binning, bindata), not a workspace. Give the counts to "
        "hepnb.workspace.uncorrelated_background or correlated_background."),
    ),
    (
        _has("POIs", "params"),
        "a result of Combine (impacts), not a workspace. Load the workspace that it was made from.",
    ),
    (
        _has("status", "versions", "workspace"),
        "a result of 'hepnb limit', not a workspace. Its entry 'workspace' names the workspace.",
    ),
    (
        _has("corrections", "schema_version"),
        "a file of correctionlib, not a workspace. Apply it to events, and give histograms to hepnb.build.",
    ),
    (_has("$schema", "$id"), "a JSON schema, not a workspace. Load a document that follows it."),
    (
        _has("record", "data_tables"),
        "a record of HEPData, not a workspace. Get the likelihood from the record's resources.",
    ),
    (
        lambda d: isinstance(d.get("channels"), list) and not {"measurements", "observations"} & set(d),
        ("the specification of a pyhf model: a workspace also has 'observations', 'measurements' and "
        "'version'. Build one with pyhf.Workspace.build(model, data)."),
    ),
)  # fmt: skip


def about_document(document: Any) -> str | None:
    """Return what a document is that is not a workspace.

    Parameters
    ----------
    document : object
        What JSON has.

    Returns
    -------
    str or None
        A message, None where nothing is known about it.

    Examples
    --------
    >>> about_document({"cells": [], "nbformat": 4})
    'this is a Jupyter notebook, not a workspace. Run it, and load what it saves.'
    """
    if isinstance(document, list) and document and isinstance(document[0], Mapping) and "op" in document[0]:
        return f"this is a JSON patch, not a workspace. {_PATCH.format('')}"
    if not isinstance(document, Mapping) or {"channels", "measurements"} <= set(document):
        return None
    message = next((f"this is {message}" for applies, message in _DOCUMENTS if applies(document)), None)
    return message if message is None or "patches" not in document else message + _made_for(document)


def _made_for(document: Mapping[str, Any]) -> str:
    """Name the workspace that a patch set was made for, as far as it says so."""
    metadata = document.get("metadata")
    digests = metadata.get("digests") if isinstance(metadata, Mapping) else None
    if not isinstance(digests, Mapping) or not digests:
        return ""
    name, value = next(iter(digests.items()))
    return f" It was made for the workspace whose {name!s:.20} is {value!s:.80}."


# --- names --------------------------------------------------------------------------------------------------

_ON_HEPDATA = re.compile(
    r"(?:hepdata[:/]?)?(?P<id>ins\d{4,9})|(?:(?:doi:|https?:/+(?:dx\.)?doi\.org/+)?(?P<doi>10\.17182/\S+))"
    r"|https?:/+(?:www\.)?hepdata\.net/+(?:record/+)?(?P<record>\S+)",
    re.I,
)
_DOI = re.compile(r"(?:doi:|https?:/+(?:dx\.)?doi\.org/+)?10\.\d{4,9}/\S+", re.I)


def is_record(name: str) -> bool:
    """Return whether a name is that of a record of HEPData.

    Examples
    --------
    >>> is_record("ins1748602"), is_record("10.17182/hepdata.90607.v3"), is_record("a.json")
    (True, True, False)
    """
    return _ON_HEPDATA.fullmatch(name) is not None


def about_name(name: str) -> str | None:
    """Return what a name is that is no file: an identifier of a record, or an address.

    Parameters
    ----------
    name : str
        What was given in place of a path.

    Returns
    -------
    str or None
        A message, None where it looks like the name of a file.

    Examples
    --------
    >>> about_name("ins1748602")[:34]
    "'ins1748602' is a record of HEPDat"
    """
    found = _ON_HEPDATA.fullmatch(name)
    if found:
        page = f"https://www.hepdata.net/record/{found['id'] or found['record']}"
        if found["doi"]:
            page = f"https://doi.org/{found['doi']}"
        return (
            f"{name!r} is a record of HEPData, and not fetched from there yet. Download the likelihood from "
            f"the resources of {page}, unpack it, and load the .json file in it."
        )
    if _DOI.fullmatch(name):
        return (
            f"{name!r} is a DOI, and not fetched yet. Download the file that it leads to, and give its path."
        )
    if re.match(r"(?:https?|ftp|s3|xroot|xrootd|root):/+", name):
        return f"{name!r} is an address, and not fetched yet. Download the file, and give its path."
    if re.fullmatch(r"(?:arxiv:)\d{4}\.\d{4,5}(?:v\d+)?", name, re.I):
        return (
            f"{name!r} is a paper on arXiv, not a file. Look its record up on https://www.hepdata.net, "
            "download the likelihood, and give its path."
        )
    return None
