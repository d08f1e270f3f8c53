"""The parts of an HS3 document: named lists, analyses, and values and ranges of parameters."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hepnb.errors import WorkspaceError, WorkspaceWarning, nearest
from hepnb.workspace.faults import Fault, check_number, segment, shown

__all__ = ["Analysis", "Document", "Point", "inside"]

_TOP = (
    "distributions", "functions", "data", "likelihoods", "domains", "parameter_points", "analyses",
    "metadata", "misc",
)  # fmt: skip
# Where ROOT keeps the values that a file has after it was read.
_DEFAULT_VALUES, _DEFAULT_DOMAIN = "default_values", "default_domain"


class inside:
    """Add a place to the path of a fault that is raised in the block."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Fault):
            error.inside(self.place)


@dataclass(frozen=True)
class Point:
    """Value and range of a parameter of a file; None for what the file does not say.

    Attributes
    ----------
    value : float or None
        Where it starts.
    constant : bool or None
        Whether it is held there.
    low, high : float or None
        Its range.
    """

    value: float | None = None
    constant: bool | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Analysis:
    """One analysis of a document.

    Attributes
    ----------
    name : str
        Its name.
    pairs : tuple of (str, str)
        Names of the distribution and the data of each channel.
    aux : tuple of str
        Further distributions of the likelihood.
    pois : tuple of str
        The parameters of interest.
    points : mapping of str to Point
        What the document says about each parameter, for this analysis.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    aux: tuple[str, ...]
    pois: tuple[str, ...]
    points: Mapping[str, Point]

    @property
    def asimov(self) -> bool:
        """Return whether its data are called Asimov data."""
        return "asimov" in " ".join([self.name, *(data for _, data in self.pairs)]).lower()


class Document:
    """An HS3 document.

    Parameters
    ----------
    document : mapping
        As JSON has it.

    Raises
    ------
    Fault
        It has an entry that HS3 has not, or no likelihood.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        for key in document:
            if key not in _TOP:
                raise Fault(f"an HS3 document has no entry {key!r}. {nearest(str(key), _TOP)}")
        self.distributions = named(document, "distributions")
        self.data = named(document, "data")
        self.likelihoods = named(document, "likelihoods")
        self.domains = named(document, "domains")
        self.parameter_points = named(document, "parameter_points")
        self._analyses = named(document, "analyses")
        self.root_version = _version(document, "ROOT")
        self.own = _version(document, "hepnb") is not None
        if not self.likelihoods:
            raise Fault(
                "the document has no likelihood. ROOT writes such a file where a workspace was evaluated "
                "before "
                "it was exported: export it again in a new session, before anything else is done with it."
            )

    def analyses(self, chosen: str | None) -> list[Analysis]:
        """Return the analyses that make one workspace: those of the same channels and data.

        Parameters
        ----------
        chosen : str, optional
            The name of one. By default all of the observed data; of Asimov data where there are no others.

        Raises
        ------
        WorkspaceError
            There is no such analysis, or there are several with different channels or data.

        Warns
        -----
        WorkspaceWarning
            There are Asimov data only.
        """
        found = self._found()
        names = [analysis.name for analysis in found]
        if chosen is not None:
            if chosen not in names:
                raise WorkspaceError(f"analysis {chosen!r} does not exist. {nearest(chosen, names)}")
            return [found[names.index(chosen)]]
        observed = [analysis for analysis in found if not analysis.asimov]
        if not observed:
            warnings.warn(
                f"the document has no observed data. Those of {found[0].name!r} are Asimov data.",
                WorkspaceWarning,
                stacklevel=2,
            )
            observed = found
        first = observed[0]
        others = [
            analysis.name
            for analysis in observed
            if (analysis.pairs, analysis.aux) != (first.pairs, first.aux)
        ]
        if others:
            raise WorkspaceError(
                "the document has several analyses, whose channels or data differ: "
                f"{', '.join(map(repr, names))}. "
                f"Choose one: hepnb.load(..., analysis={first.name!r})."
            )
        return observed

    def _found(self) -> list[Analysis]:
        if not self._analyses:
            return [self._analysis(name, {"name": name, "likelihood": name}) for name in self.likelihoods]
        return [self._analysis(name, entry) for name, entry in self._analyses.items()]

    def _analysis(self, name: str, entry: Mapping[str, Any]) -> Analysis:
        with inside(f"analyses {name!r}"):
            likelihood = self._get(self.likelihoods, "likelihoods", entry.get("likelihood"))
            pairs, aux = self._pairs(likelihood)
            points = self._points(entry)
            pois = texts(
                entry.get("parameters_of_interest", self._pois_of_domain(name)), "parameters_of_interest"
            )
        return Analysis(name, pairs, aux, pois, points)

    def _get(self, where: Mapping[str, Any], kind: str, name: Any) -> Any:
        if not isinstance(name, str) or name not in where:
            raise Fault(f"{kind} {name!r} does not exist in the document. {nearest(str(name), where)}")
        return where[name]

    def _pairs(self, likelihood: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        with inside(f"likelihoods {likelihood['name']!r}"):
            for key in likelihood:
                if key not in ("name", "distributions", "data", "aux_distributions"):
                    raise Fault(f"a likelihood has no entry {key!r}.")
            distributions = texts(likelihood.get("distributions", ()), "distributions")
            data = texts(likelihood.get("data", ()), "data")
            if len(distributions) != len(data) or not data:
                raise Fault(
                    f"{len(distributions)} distributions and {len(data)} data belong together one by one. "
                    "Write one of each for every channel."
                )
            for name in distributions:
                self._get(self.distributions, "distributions", name)
            for name in data:
                self._get(self.data, "data", name)
            aux = texts(likelihood.get("aux_distributions", ()), "aux_distributions")
            for name in aux:
                self._get(self.distributions, "distributions", name)
        return tuple(zip(distributions, data, strict=True)), aux

    def _pois_of_domain(self, analysis: str) -> list[str]:
        """Return the axes of the domain that ROOT names for the parameters of interest."""
        domain = self.domains.get(f"{analysis}_parameters_of_interest", {})
        return [axis["name"] for axis in each(domain, "axes", may_be_missing=True)]

    def _points(self, entry: Mapping[str, Any]) -> dict[str, Point]:
        names = [_DEFAULT_VALUES] if _DEFAULT_VALUES in self.parameter_points else []
        if entry.get("init") is not None:
            self._get(self.parameter_points, "parameter_points", entry["init"])
            names.append(entry["init"])
        domains = [_DEFAULT_DOMAIN] if _DEFAULT_DOMAIN in self.domains else []
        for name in texts(entry.get("domains", ()), "domains"):
            self._get(self.domains, "domains", name)
            domains.append(name)
        found: dict[str, dict[str, Any]] = {}
        for name in names:
            with inside(f"parameter_points {name!r}"):
                for item in each(self.parameter_points[name], "parameters"):
                    known = found.setdefault(item["name"], {})
                    known.update(_numbers(item, {"value": "value", "min": "low", "max": "high"}))
                    if "const" in item:
                        known["constant"] = bool(item["const"])
        for name in domains:
            with inside(f"domains {name!r}"):
                for axis in each(self.domains[name], "axes"):
                    found.setdefault(axis["name"], {}).update(_numbers(axis, {"min": "low", "max": "high"}))
        return {name: Point(**known) for name, known in found.items()}


def named(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the objects of a list by their names."""
    items: dict[str, Any] = {}
    for index, item in enumerate(each(document, key, may_be_missing=True)):
        if item["name"] in items:
            raise Fault(f"the name {item['name']!r} stands twice. Rename one.").inside(
                segment(key, index, item)
            )
        items[item["name"]] = item
    return items


def each(owner: Mapping[str, Any], key: str, *, may_be_missing: bool = False) -> list[Any]:
    """Return a list of objects that have names."""
    items = owner.get(key, [] if may_be_missing else None)
    if not isinstance(items, list):
        raise Fault(f"{key} must be a list of objects, this is {shown(items)}.")
    for index, item in enumerate(items):
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            raise Fault(f"{key}[{index}] must be an object with a name, this is {shown(item)}.")
    return items


def texts(value: Any, name: str) -> tuple[str, ...]:
    """Return a list of texts."""
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not all(isinstance(v, str) for v in value)
    ):
        raise Fault(f"{name} must be a list of names, this is {shown(value)}.")
    return tuple(value)


def _numbers(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for key, ours in names.items():
        if item.get(key) is not None:  # ROOT writes null, or nothing, for a side without an end
            check_number(item[key], f"{item['name']!r}: {key}")
            found[ours] = float(item[key])
    return found


def _version(document: Mapping[str, Any], package: str) -> tuple[int, ...] | None:
    metadata = document.get("metadata", {})
    packages = metadata.get("packages", []) if isinstance(metadata, Mapping) else []
    for item in packages if isinstance(packages, list) else []:
        if isinstance(item, Mapping) and item.get("name") == package:
            digits = str(item.get("version", "")).replace("/", ".").split(".")
            return tuple(int(part) for part in digits if part.isdigit())
    return None
