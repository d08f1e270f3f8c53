"""Several likelihoods that were published together: backgrounds, and the signals that belong to each."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, final

from hepnb.errors import WorkspaceError, nearest, printable
from hepnb.python_code import Code, call
from hepnb.workspace.documents import parse_json
from hepnb.workspace.foreign import about_document, is_hs3
from hepnb.workspace.hs3 import load_hs3
from hepnb.workspace.leftovers import warn_of_leftovers
from hepnb.workspace.origin import Origin
from hepnb.workspace.workspace import Workspace

__all__ = ["Likelihoods", "PublishedLikelihood", "digest", "likelihoods_of"]

# Rows of the table that names many signals.
_FEW = 4


def digest(document: Any) -> str:
    """Return the sha256 by which a patch set names its background, as pyhf computes it.

    Parameters
    ----------
    document : object
        A workspace as JSON has it.

    Returns
    -------
    str
        Hexadecimal digits.

    Examples
    --------
    >>> digest({"a": 1})[:8]
    'f9d86028'
    """
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Chosen:
    """Where one of several likelihoods came from: the code of all of them, and the choice."""

    whole: Origin
    options: Mapping[str, Any]

    @property
    def holds(self) -> bool:
        """Return whether the code still gives the same."""
        return self.whole.holds

    @property
    def code(self) -> Code:
        """Python that gives the likelihood.

        Examples
        --------
        >>> from hepnb.workspace.origin import Loaded
        >>> print(Chosen(Loaded("all.tar.gz"), {"signal": "m300"}).code)
        hepnb.load('all.tar.gz').workspace(signal='m300')
        """
        return call(f"{self.whole.code}.workspace", **self.options)


@final
@dataclass(frozen=True, eq=False)
class PublishedLikelihood:
    """A likelihood, and the signals that were published with it.

    Attributes
    ----------
    region : str
        What it is called: its folder in the archive, or its file.
    file : str
        Its file.
    signals : dict of str to tuple of float
        Where each signal lies; an empty tuple where that is not said.
    labels : tuple of str
        What the coordinates of the signals are called.
    """

    region: str
    file: str
    document: Mapping[str, Any] = field(repr=False)
    signals: dict[str, tuple[float, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    patches: dict[str, list[Any]] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """The sha256 of the background, as patch sets name it."""
        return digest(self.document)

    def workspace(self, signal: str | None = None) -> Workspace:
        """Return the workspace of a signal.

        Parameters
        ----------
        signal : str, optional
            The name of a signal; the background alone by default.

        Returns
        -------
        Workspace
            Validated.

        Raises
        ------
        WorkspaceError
            There is no such signal; it is not a workspace.
        """
        if signal is not None and signal not in self.patches:
            raise WorkspaceError(
                f"{self.region!r} has no signal {printable(str(signal))!r}. "
                f"{nearest(str(signal), self.patches)}"
            )
        try:
            made = load_hs3(self.document) if is_hs3(self.document) else Workspace(self.document)
        except WorkspaceError as error:
            raise WorkspaceError(f"{self.file}: {error}") from None
        warn_of_leftovers(made, f"{self.file}: ")
        return made if signal is None else made.patch(self.patches[signal])


@final
class Likelihoods(Mapping[str, PublishedLikelihood]):
    """Several likelihoods, by their region.

    Parameters
    ----------
    members : sequence of PublishedLikelihood
        At least one.
    origin : Origin, optional
        Where they came from.

    Examples
    --------
    >>> from hepnb.workspace import uncorrelated_background
    >>> spec = uncorrelated_background([5.0], [50.0], [7.0]).spec
    >>> found = Likelihoods([PublishedLikelihood(name, f"{name}.json", spec) for name in ("SRA", "SRB")])
    >>> found
    region  channels  bins  parameter of interest  signals
    SRA            1     1  mu                     none
    SRB            1     1  mu                     none
    >>> found.workspace(region="SRB").poi
    'mu'
    """

    def __init__(self, members: Sequence[PublishedLikelihood], origin: Origin | None = None) -> None:
        self._members = {member.region: member for member in members}
        self._origin = origin

    def __getitem__(self, region: str) -> PublishedLikelihood:
        if region not in self._members:
            raise WorkspaceError(
                f"there is no region {printable(str(region))!r}. {nearest(str(region), self._members)}"
            )
        return self._members[region]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, region: object) -> bool:
        return region in self._members

    @property
    def regions(self) -> tuple[str, ...]:
        """The names of the regions."""
        return tuple(self._members)

    def workspace(self, signal: str | None = None, region: str | None = None) -> Workspace:
        """Return one workspace.

        Parameters
        ----------
        signal : str, optional
            A signal; the background alone by default.
        region : str, optional
            A region; not needed where there is one, or where one has the signal.

        Returns
        -------
        Workspace
            Validated.

        Raises
        ------
        WorkspaceError
            There is no such region or signal, or there are several to choose from.
        """
        member = self._member(signal, region)
        made = member.workspace(signal)
        if self._origin is not None:
            options = {"signal": signal, "region": region}
            given = {name: value for name, value in options.items() if value is not None}
            made._origin = self._origin if self._alone else Chosen(self._origin, given)
        return made

    def chosen(self, signal: str | None = None, region: str | None = None) -> Workspace | Likelihoods:
        """Return the workspace that was chosen, or the only one; all where there is a choice to make.

        Parameters
        ----------
        signal, region : str, optional
            As for :meth:`workspace`.

        Returns
        -------
        Workspace or Likelihoods
            This object where neither is given and there are several, or signals.
        """
        return self.workspace(signal, region) if self._alone or signal or region else self

    @property
    def _alone(self) -> bool:
        """Return whether there is nothing to choose."""
        return len(self) == 1 and not next(iter(self._members.values())).signals

    def _member(self, signal: str | None, region: str | None) -> PublishedLikelihood:
        if region is not None:
            return self[region]
        having = [m for m in self._members.values() if signal is None or signal in m.patches]
        if len(having) == 1:
            return having[0]
        if not having:
            known = [name for member in self._members.values() for name in member.patches]
            raise WorkspaceError(
                f"there is no signal {printable(str(signal))!r}. {nearest(str(signal), known)}"
            )
        raise WorkspaceError(
            f"{len(having)} regions have it: {', '.join(repr(m.region) for m in having)}. Choose one with "
            "region=."
        )

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        rows = [("region", "channels", "bins", "parameter of interest", "signals")]
        for member in self._members.values():
            channels, bins, poi = _summary(member.document)
            names = list(member.signals)
            shown = ", ".join(names[:_FEW]) + (f"... ({len(names)})" if len(names) > _FEW else "")
            rows.append(
                (printable(member.region), channels, bins, printable(poi), printable(shown) or "none")
            )
        return rows

    def __repr__(self) -> str:
        rows = self._rows()
        wide = [max(len(row[i]) for row in rows) for i in range(4)]
        return "\n".join(
            f"{a:<{wide[0]}}  {b:>{wide[1]}}  {c:>{wide[2]}}  {d:<{wide[3]}}  {e}" for a, b, c, d, e in rows
        )

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        cells = "".join(f"<th>{html.escape(text)}</th>" for text in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
        )
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _summary(document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the numbers of channels and bins, and the POI, of a document that may not be valid."""
    if is_hs3(document):
        return "HS3", "", ""
    try:
        channels = document["channels"]
        bins = sum(len(channel["samples"][0]["data"]) for channel in channels)
        poi = document["measurements"][0]["config"]["poi"]
        names = {m["name"] for c in channels for s in c["samples"] for m in s["modifiers"]}
    except (KeyError, IndexError, TypeError):
        return "?", "?", "?"
    return str(len(channels)), str(bins), str(poi) if poi in names else f"{poi} (of the signal)"


def likelihoods_of(texts: Mapping[str, str], whole: str, origin: Origin | None = None) -> Likelihoods:
    """Sort the documents of an archive: workspaces, HS3 documents, patch sets and patches.

    A patch set belongs to the workspace whose digest it names; a patch, and a patch set without a digest, to
    the nearest one, in its folder or above.

    Parameters
    ----------
    texts : mapping of str to str
        JSON by name in the archive.
    whole : str
        What messages call the archive.
    origin : Origin, optional
        Where the archive came from.

    Returns
    -------
    Likelihoods
        All of them.

    Raises
    ------
    WorkspaceError
        There is no likelihood, or one of the signals belongs to none.
    """
    documents = {name: parse_json(text, f"{whole}: {name}") for name, text in texts.items()}
    backgrounds = {
        name: document
        for name, document in documents.items()
        if is_hs3(document)
        or (isinstance(document, Mapping) and "channels" in document and "measurements" in document)
    }
    if not backgrounds:
        inside = "; ".join(
            f"{n}: {about_document(d) or 'something else'}" for n, d in list(documents.items())[:3]
        )
        raise WorkspaceError(f"{whole} has no likelihood in it. {inside or 'It has no JSON file.'}")
    digests: dict[str, list[str]] = {}
    for name, document in backgrounds.items():
        digests.setdefault(digest(document), []).append(name)
    members = {
        name: PublishedLikelihood(region, name, backgrounds[name])
        for name, region in _regions(list(backgrounds)).items()
    }
    for name, document in documents.items():
        if isinstance(document, Mapping) and "patches" in document:
            owner = _owner_of_set(name, document, digests, list(backgrounds), whole)
            member = members[owner]
            _add_set(member, document, f"{whole}: {name}")
            members[owner] = replace(member, labels=_labels(document))
        elif (
            isinstance(document, list)
            and document
            and isinstance(document[0], Mapping)
            and "op" in document[0]
        ):
            owner = _nearest_above(name, list(backgrounds), whole)
            _add(members[owner], _signal_name(name), document, (), f"{whole}: {name}")
    return Likelihoods(list(members.values()), origin)


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _labels(document: Mapping[str, Any]) -> tuple[str, ...]:
    labels = _metadata(document).get("labels")
    return tuple(map(str, labels)) if isinstance(labels, list) else ()


def _regions(names: list[str]) -> dict[str, str]:
    """Return the regions of workspaces: their folders where these differ, or else their files."""
    folders = [PurePosixPath(name).parent for name in names]
    if len(names) == 1:
        parent = folders[0].name
        return {names[0]: parent or PurePosixPath(names[0]).stem}
    if len(set(folders)) == len(names):
        short = [folder.name for folder in folders]
        return dict(zip(names, short if len(set(short)) == len(names) else map(str, folders), strict=True))
    short = [PurePosixPath(name).name.removesuffix(".gz").removesuffix(".json") for name in names]
    return dict(zip(names, short if len(set(short)) == len(names) else names, strict=True))


def _owner_of_set(
    name: str,
    document: Mapping[str, Any],
    digests: Mapping[str, list[str]],
    backgrounds: list[str],
    whole: str,
) -> str:
    kinds = _metadata(document).get("digests")
    given = kinds.get("sha256") if isinstance(kinds, Mapping) else None
    if given is None:
        return _nearest_above(name, backgrounds, whole)
    same = digests.get(str(given), [])
    if same:  # The same background may stand in several regions.
        return same[0] if len(same) == 1 else _nearest_above(name, same, whole)
    raise WorkspaceError(
        f"{whole}: the patch set {name} was made for a background with the sha256 {given}, which is not "
        f"there. There are {', '.join(f'{files[0]} ({key[:12]}...)' for key, files in digests.items())}."
    )


def _nearest_above(name: str, backgrounds: list[str], whole: str) -> str:
    folder = PurePosixPath(name).parent
    for above in (folder, *folder.parents):
        here = [other for other in backgrounds if PurePosixPath(other).parent == above]
        if len(here) == 1:
            return here[0]
        if here:
            raise WorkspaceError(
                f"{whole}: {name} may belong to any of {', '.join(here)}. Unpack the archive, and load one "
                "of them "
                "with .patch."
            )
    raise WorkspaceError(f"{whole}: {name} belongs to no workspace in its folder or above.")


def _signal_name(name: str) -> str:
    """Return the name of a signal from that of its file.

    Examples
    --------
    >>> _signal_name("RegionA/patch.sbottom_1300_205_60.json")
    'sbottom_1300_205_60'
    """
    stem = PurePosixPath(name).name.removesuffix(".gz").removesuffix(".json")
    return stem.removeprefix("patch.").removeprefix("patch_") or stem


def _add_set(member: PublishedLikelihood, document: Mapping[str, Any], where: str) -> None:
    entries = document["patches"]
    if not isinstance(entries, list):
        raise WorkspaceError(f"{where}: patches must be a list.")
    for index, entry in enumerate(entries):
        metadata = _metadata(entry) if isinstance(entry, Mapping) else {}
        if not isinstance(metadata.get("name"), str):
            raise WorkspaceError(f"{where}: patches[{index}] has no metadata with a name.")
        values = metadata.get("values", ())
        good = isinstance(values, list) and all(isinstance(v, int | float) for v in values)
        _add(member, metadata["name"], entry.get("patch"), tuple(map(float, values)) if good else (), where)


def _add(
    member: PublishedLikelihood, name: str, operations: Any, values: tuple[float, ...], where: str
) -> None:
    if not isinstance(operations, list):
        raise WorkspaceError(f"{where}: the patch {name!r} is no list of operations.")
    if name in member.patches:
        raise WorkspaceError(f"{where}: there are two signals {name!r} for {member.file}.")
    member.patches[name] = operations
    member.signals[name] = values
