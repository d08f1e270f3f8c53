"""Fetch the likelihoods of a record of HEPData."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hepnb.datasets._download import NotThere, download
from hepnb.datasets._fetch import DATA_DIRECTORY, cache_directory
from hepnb.errors import DatasetError, HepnbError, nearest, printable
from hepnb.python_code import Code, call
from hepnb.workspace import Workspace
from hepnb.workspace._load import read_likelihoods

__all__ = ["Record", "Resource", "hepdata", "hepdata_file", "parse_record"]

ADDRESS = "https://www.hepdata.net"
_FORMATS = ("HistFactory", "HS3")
# How likelihoods are called in records that do not say their type.
_WORDS = re.compile(r"likelihood|workspace|pyhf|histfactory|\bhs3\b", re.I)
_SUFFIXES = (".json", ".json.gz", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")
_ID = re.compile(r"(?:.*?\b)?ins(\d{4,9})\b.*|(?:hepdata[:/]?)?(\d{2,9})", re.I | re.S)
_DOI = re.compile(r".*\b10\.17182/hepdata\.(\d+)(?:\.v(\d+))?(?:[./]r(\d+))?\b.*", re.I | re.S)


@dataclass(frozen=True)
class Resource:
    """A file of a record.

    Attributes
    ----------
    filename : str
        Its name.
    format : str
        "HistFactory" or "HS3"; "" where the record does not say.
    url : str
        Where the file itself is.
    doi : str
        Its DOI; "" where it has none.
    description : str
        What the record says about it.
    """

    filename: str
    format: str
    url: str
    doi: str = ""
    description: str = ""


@dataclass(frozen=True)
class Record:
    """A record of HEPData.

    Attributes
    ----------
    name : str
        Its name, ``"ins1748602"``.
    version : int
        Its version.
    title, doi : str
        Title and DOI.
    resources : tuple of Resource
        The files that may hold likelihoods.
    """

    name: str
    version: int
    title: str
    doi: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True)
class Fetched:
    """Likelihoods that were fetched: the code names record, version and file."""

    name: str
    version: int
    resource: str

    @property
    def holds(self) -> bool:
        """Return whether the code still gives the same: a version of a record does not change."""
        return True

    @property
    def code(self) -> Code:
        """Python that fetches them again."""
        return call("hepnb.datasets.hepdata", self.name, version=self.version, resource=self.resource)


def hepdata(
    record: str,
    *,
    signal: str | None = None,
    region: str | None = None,
    version: int | None = None,
    resource: str | None = None,
    progress: bool = True,
) -> Workspace | Any:
    """Fetch the likelihoods of a record of HEPData, once for each version.

    Parameters
    ----------
    record : str
        The record: ``"ins1748602"``, its address, or its DOI (``"10.17182/hepdata.90607.v3"``).
    signal, region : str, optional
        Which signal and region. Without them all are given, where there are several.
    version : int, optional
        The version of the record; the newest by default.
    resource : str, optional
        The file, where several hold likelihoods.
    progress : bool
        Whether to show a progress bar while downloading.

    Returns
    -------
    Workspace or Likelihoods
        A workspace where one was chosen, or there is one only.

    Raises
    ------
    DatasetError
        There is no such record, version or file; it has no likelihood; there are several files to choose
        from; no network. The message says what to do.
    WorkspaceError
        There is no such signal or region, or what was fetched is no likelihood.

    Notes
    -----
    Files are kept in the cache (see :func:`hepnb.datasets.cache_directory`) by record and version, and are
    also found under ``hepdata/ins.../v.../`` in ``HEPNB_DATA_DIR``, beside the record itself as
    ``record.json``. Nothing of an archive is unpacked to disk.

    References
    ----------
    E. Maguire, L. Heinrich, G. Watt, J. Phys. Conf. Ser. 898 (2017) 102006.

    Examples
    --------
    >>> hepdata("ins17")
    Traceback (most recent call last):
    ...
    hepnb.errors.DatasetError: 'ins17' is no record of HEPData. Give its Inspire number as in 'ins1748602',
    its address, or its DOI.
    """
    found, chosen = _found(record, version, resource)
    path = _file(found, chosen, progress)
    likelihoods = read_likelihoods(path, Fetched(found.name, found.version, chosen.filename))
    return likelihoods.chosen(signal, region)


def hepdata_file(
    record: str, *, version: int | None = None, resource: str | None = None, progress: bool = True
) -> Path:
    """Fetch the file of likelihoods of a record of HEPData, as it was published.

    Parameters
    ----------
    record, version, resource, progress
        As for :func:`hepdata`.

    Returns
    -------
    pathlib.Path
        The file in the cache, or in ``HEPNB_DATA_DIR``.

    Raises
    ------
    DatasetError
        As for :func:`hepdata`.
    """
    return _file(*_found(record, version, resource), progress)


def _found(record: str, version: int | None, resource: str | None) -> tuple[Record, Resource]:
    name, wanted, number = _named(record)
    found = _record(name, version if version is not None else wanted)
    return found, _resource(found, resource, number)


def _named(record: str) -> tuple[str, int | None, str]:
    """Return the name of a record, and the version and the resource in its DOI or address."""
    text = str(record).strip()
    doi = _DOI.fullmatch(text)
    if doi:
        return doi[1], int(doi[2]) if doi[2] else None, doi[3] or ""
    match = _ID.fullmatch(text)
    if match is None:
        raise DatasetError(
            f"{record!r:.80} is no record of HEPData. Give its Inspire number as in 'ins1748602', its "
            "address, or its "
            "DOI."
        )
    version = re.search(r"version=(\d+)", text)
    return f"ins{match[1]}" if match[1] else match[2], int(version[1]) if version else None, ""


def _folders(name: str) -> list[Path]:
    """Return where the files of a record may be: the folder of one's own first."""
    own = os.environ.get(DATA_DIRECTORY)
    first = [Path(own).expanduser() / "hepdata" / name] if own else []
    return [*first, cache_directory() / "hepdata" / name]


def _record(name: str, version: int | None) -> Record:
    """Return a record: of a version that is here, or as the network has it."""
    if version is not None:
        here = _local(name, version)
        if here is not None:
            return here
    elif os.environ.get(DATA_DIRECTORY):
        here = _local(name, max(_versions(_folders(name)[:1]), default=0))
        if here is not None:
            return here
    query = "" if version is None else f"&version={version}"
    url = f"{ADDRESS}/record/{name}?format=json&light=true{query}"
    try:
        content = download(url, None, "application/json", progress=False)
    except NotThere as error:
        what = "record" if version is None else f"version {version} of the record"
        raise DatasetError(f"HEPData has no {what} {name!r} ({error}). See {ADDRESS}/search.") from None
    except DatasetError as error:
        known = max(_versions(_folders(name)), default=None)
        if version is None and known is not None:
            here = _local(name, known)
            if here is not None:
                return here
        raise DatasetError(
            f"the record {name!r} cannot be fetched: {error} Without a network: put {url} as record.json, "
            f"and the file with the likelihoods, under hepdata/{name}/v{version or 1}/ in a folder of yours, "
            f"and set {DATA_DIRECTORY} to that folder."
        ) from None
    document = _json(content, url)
    found = parse_record(name, document)
    folder = _folders(name)[-1] / f"v{found.version}"
    _keep(folder / "record.json", content)
    return found


def _versions(folders: list[Path]) -> list[int]:
    found = [path.name for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return [int(text[1:]) for text in found if re.fullmatch(r"v\d+", text)]


def _local(name: str, version: int) -> Record | None:
    for folder in _folders(name):
        path = folder / f"v{version}" / "record.json"
        if path.is_file():
            return parse_record(name, _json(path.read_bytes(), str(path)))
    return None


def _keep(path: Path, content: bytes) -> None:
    from hepnb.atomic_file import atomic_file  # noqa: PLC0415  # on the way to the cache only

    try:
        with atomic_file(path, make_folder=True) as draft:
            draft.path.write_bytes(content)
    except (HepnbError, OSError) as error:
        raise DatasetError(f"cannot write to the cache: {error}") from None


def _json(content: bytes, where: str) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        kind = "an HTML page" if content.lstrip()[:1] == b"<" else "no JSON"
        raise DatasetError(f"{where} is {kind}, where a record was expected. Try again later.") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("record"), Mapping):
        raise DatasetError(f"{where} is not a record of HEPData: it has no entry 'record'.")
    return document


def parse_record(name: str, document: Mapping[str, Any]) -> Record:
    """Return what a record says about its likelihoods.

    Files are matched by their names: HEPData lists types and DOIs in two lists of different order.

    Parameters
    ----------
    name : str
        The name by which the record was asked for.
    document : mapping
        Its JSON, as ``?format=json&light=true`` has it.

    Returns
    -------
    Record
        Its likelihoods; in a record without types, files whose name or description says that they may be
        one.

    Examples
    --------
    >>> found = parse_record("ins1", {"version": 2, "record": {"analyses": [
    ...     {"type": "HistFactory", "analysis": "https://www.hepdata.net/record/resource/7?landing_page=true",
    ...      "filename": "a.tar.gz"}]}})
    >>> found.resources[0].url, found.version
    ('https://www.hepdata.net/record/resource/7?view=true', 2)
    """
    record = document["record"]
    listed = document.get("resources_with_doi") or record.get("resources") or []
    others = {item["filename"]: item for item in listed if isinstance(item, Mapping) and item.get("filename")}
    resources = []
    for item in record.get("analyses") or []:
        if not isinstance(item, Mapping) or str(item.get("type", "")).lower() not in map(str.lower, _FORMATS):
            continue
        url = str(item.get("analysis", ""))
        filename = str(item.get("filename") or urlsplit(url).path.rpartition("/")[2])
        other = others.get(filename, {})
        resources.append(
            Resource(
                filename,
                str(item["type"]),
                _view(url),
                str(other.get("doi", "")),
                str(other.get("description", "")),
            )
        )
    if not resources:
        resources = [
            Resource(
                filename, "", _view(str(item.get("url") or item.get("location") or "")) or _of_doi(item),
                str(item.get("doi", "")), str(item.get("description", "")),
            )
            for filename, item in others.items()
            if filename.lower().endswith(_SUFFIXES)
            and _WORDS.search(f"{filename} {item.get('description', '')}")
        ]  # fmt: skip
    title, doi = (str(record.get(key, "")) for key in ("title", "hepdata_doi"))
    return Record(name, int(document.get("version", 1)), title, doi, tuple(resources))


def _view(url: str) -> str:
    """Return the address of the file itself, where that of its page is given."""
    parts = urlsplit(url)
    if not parts.path:
        return ""
    host = f"{parts.scheme}://{parts.netloc}" if "hepdata.net" not in parts.netloc else ADDRESS
    return f"{host}{parts.path}?view=true" if "/resource/" in parts.path else url


def _of_doi(item: Mapping[str, Any]) -> str:
    return f"https://doi.org/{item['doi']}" if item.get("doi") else ""


def _resource(record: Record, name: str | None, number: str) -> Resource:
    names = [item.filename for item in record.resources]
    if not names:
        raise DatasetError(
            f"the record {record.name!r} ({printable(record.title):.80}) has no likelihood. "
            f"See {ADDRESS}/record/{record.name}."
        )
    if name is not None:
        if name not in names:
            raise DatasetError(f"the record {record.name!r} has no file {name!r}. {nearest(name, names)}")
        return record.resources[names.index(name)]
    by_doi = [item for item in record.resources if number and item.doi.endswith(f"/r{number}")]
    if by_doi:
        return by_doi[0]
    if len(names) > 1:
        shown = "; ".join(
            f"{printable(item.filename)!r} ({item.format or printable(item.description):.40})"
            for item in record.resources
        )
        raise DatasetError(
            f"the record {record.name!r} has {len(names)} files with likelihoods: {shown}. Choose one: "
            f"hepnb.datasets.hepdata({record.name!r}, resource={names[0]!r})."
        )
    return record.resources[0]


def _file(record: Record, resource: Resource, progress: bool) -> Path:
    """Return the file of a resource: one that is here, or from the network."""
    safe = re.sub(r"[^\w.+-]", "_", Path(resource.filename).name) or "file"
    folders = [folder / f"v{record.version}" for folder in _folders(record.name)]
    for folder in folders:
        if (folder / safe).is_file():
            return folder / safe
    try:
        download(resource.url, folders[-1] / safe, _accept(safe), progress=progress)
    except NotThere as error:
        raise DatasetError(f"HEPData has no file {resource.filename!r}: {error}.") from None
    except DatasetError as error:
        raise DatasetError(
            f"{resource.filename} of {record.name} cannot be fetched: {error} Without a network: put the "
            "file at "
            f"hepdata/{record.name}/v{record.version}/{safe} in a folder of yours, and set "
            f"{DATA_DIRECTORY} to it."
        ) from None
    return folders[-1] / safe


def _accept(filename: str) -> str:
    kinds: Sequence[tuple[str, str]] = (
        (".zip", "application/zip"), (".json", "application/json"),
        ("", "application/x-tar, application/gzip, */*"),
    )  # fmt: skip
    return next(kind for suffix, kind in kinds if filename.endswith(suffix))
