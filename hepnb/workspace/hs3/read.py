"""Put a workspace together from an HS3 document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hepnb.errors import WorkspaceError, check_choice
from hepnb.workspace._validate import VERSION
from hepnb.workspace.faults import Fault, check_number
from hepnb.workspace.hs3.channels import Channel, read_channel, read_data
from hepnb.workspace.hs3.document import Analysis, Document, inside, named
from hepnb.workspace.hs3.modifiers import DIALECTS, BinPlace, Reader
from hepnb.workspace.hs3.parameters import Group
from hepnb.workspace.hs3.terms import Terms
from hepnb.workspace.laws import Law
from hepnb.workspace.plain import plain
from hepnb.workspace.workspace import Workspace

__all__ = ["load_hs3"]


def load_hs3(
    document: Mapping[str, Any], analysis: str | None = None, dialect: str | None = None
) -> Workspace:
    """Make a workspace of an HS3 document whose channels are HistFactory's.

    Parameters
    ----------
    document : mapping
        As JSON has it.
    analysis : str, optional
        Which of its analyses. By default those of the observed data, each of which is a measurement.
    dialect : {"root-6.30", "root-6.40", "absolute"}, optional
        What ``vals`` of a shapesys are: tau, as ROOT wrote until about 6.32; relative uncertainties, as it
        writes since; absolute ones, as other programs write. By default as the document's version says.

    Returns
    -------
    Workspace
        Validated. A systematic ``alpha_S`` is called S, the parameters ``gamma_G_bin_0``... G[0]...,
        ``gamma_stat_C_bin_0``... staterror_C[0]..., and ``Lumi`` with its constraint lumi.

    Raises
    ------
    WorkspaceError
        The document has something that HistFactory has not, or that is not supported. The message names it.

    References
    ----------
    HS3, version 0.2; RooJSONFactoryWSTool of ROOT 6.28 to 6.40.
    """
    if dialect is not None:
        check_choice(dialect, DIALECTS, "dialect")
    try:
        return _load(plain(document), analysis, dialect)
    except Fault as fault:
        raise WorkspaceError(f"HS3: {fault}") from None


def _load(content: Mapping[str, Any], analysis: str | None, dialect: str | None) -> Workspace:
    document = Document(content)
    analyses = document.analyses(analysis)
    first = analyses[0]
    functions = named(content, "functions")
    points = dict(first.points)
    for root in _constants(content):
        if root in points and points[root].constant is None:
            points[root] = _held(points[root])
    reader = Reader(document, Terms(document, functions, points), points, dialect)
    channels, observed = _channels(document, first, reader)
    _extra_terms(first, reader)
    reader.name_all()
    laws = _finish_bins(reader)
    codes = _codes(reader)
    for modifier, group in reader.named:
        modifier["name"] = group.name
        if group.kind == "factor":
            modifier["type"] = group.type
    for group in reader.groups:
        law = group.law_of_model()
        if law is not None:
            laws[group.name] = law
    spec = {
        "channels": [
            {
                "name": channel.name,
                "samples": [
                    {"name": s.name, "data": s.contents.tolist(), "modifiers": s.modifiers}
                    for s in channel.samples
                ],
            }
            for channel in channels
        ],
        "observations": [
            {"name": channel.name, "data": data} for channel, data in zip(channels, observed, strict=True)
        ],
        "measurements": [_measurement(one, reader) for one in analyses],
        "version": VERSION,
    }
    flat = {c.name: c.axes for c in channels if len(c.axes.edges) == 1}
    return Workspace(
        spec,
        constraints=laws,
        edges={name: axes.edges[0].tolist() for name, axes in flat.items()},
        labels={name: axes.names[0] for name, axes in flat.items() if not axes.names[0].startswith("obs_x_")},
        interpolation=codes,
    )


def _constants(content: Mapping[str, Any]) -> list[str]:
    """Return the names that ROOT has marked as constant beside the parameter points."""
    found: Any = content
    for key in ("misc", "ROOT_internal", "attributes"):
        found = found.get(key)
        if not isinstance(found, Mapping):
            return []
    tags = {name: entry.get("tags") for name, entry in found.items() if isinstance(entry, Mapping)}
    return [name for name, given in tags.items() if isinstance(given, list) and "Constant" in given]


def _held(point: Any) -> Any:
    return type(point)(point.value, True, point.low, point.high)


def _channels(
    document: Document, analysis: Analysis, reader: Reader
) -> tuple[list[Channel], list[list[float]]]:
    channels: list[Channel] = []
    observed = []
    for distribution, data in analysis.pairs:
        with inside(f"distributions {distribution!r}"):
            channel = read_channel(document.distributions[distribution])
            if channel.name in [other.name for other in channels]:
                raise Fault("the channel stands twice in the likelihood.")
            reader.read(channel)
        with inside(f"data {data!r}"):
            observed.append(read_data(document.data[data], channel))
        channels.append(channel)
    return channels, observed


def _extra_terms(analysis: Analysis, reader: Reader) -> None:
    """Add the terms that stand beside the channels; refuse those that would be lost."""
    terms, groups = reader.terms, reader.groups
    for name in analysis.aux:
        if name in terms.used or terms.measured(name, groups) is None:
            continue
        term = terms.read(name, groups)
        group = groups.owner(term.parameter)
        with inside(f"distributions {name!r}"):
            if group.kind != "factor" or term.law != "gaussian" or term.parameter in group.terms:
                raise Fault(f"a further constraint of the parameter {term.parameter!r} is not supported.")
            group.terms[term.parameter] = term
    for name in terms.others():
        root = terms.measured(name, groups)
        if root is None:
            continue
        term = terms.read(name, (root,))
        group = groups.owner(root)
        if group.terms.get(root) not in (term, type(term)(term.law, root, None, term.width)):
            raise Fault(
                f"distributions {name!r}: the document does not say whether this constraint of the "
                f"parameter {root!r} "
                "belongs to the likelihood. Name it in the modifier, or in aux_distributions of the "
                "likelihood."
            )


def _finish_bins(reader: Reader) -> dict[str, Law]:
    """Write the data of bin by bin uncertainties; return the laws that are not their modifier's own."""
    laws: dict[str, Law] = {}
    for roots, places in reader.bins.items():
        group = next(group for group in reader.groups if group.roots == roots)
        with inside(places[0].where):
            law = _finish(group, places, reader)
        if law is not None:
            laws[group.name] = law
    return laws


def _finish(group: Group, places: list[BinPlace], reader: Reader) -> Law | None:
    if any(place.channel is not places[0].channel for place in places):
        raise Fault(
            "the parameters are shared by several channels, which is not supported for constrained bins."
        )
    if len({place.law for place in places}) > 1:
        raise Fault("the samples have different laws for the same parameters.")
    group.law = places[0].law
    stat = group.roots in reader.stats
    total = np.sum([place.sample.contents for place in places], axis=0)
    held = group.held(reader.points) & (group.inits(reader.points) == 1)
    if stat:
        size = np.sqrt(np.sum([place.width**2 for place in places], axis=0))
        width = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
        threshold = places[0].channel.staterror.get("relThreshold", 0.0)
        check_number(threshold, "relThreshold")
        held |= width < threshold
    else:
        width = places[0].width
        if any(not np.allclose(place.width, width) for place in places):
            raise Fault("the samples have different vals for the same parameters.")
        alone = len(places) == 1
        _refuse_lost(width, places[0].sample.contents if alone else total, places)
    held |= width <= 0
    group.width = np.where(held, 0.0, width)
    kind = "shapesys" if not stat and len(places) == 1 else "staterror"
    for place in places:
        data = np.zeros(total.size)
        if stat:
            data = np.where(held, 0.0, place.width)
        elif place is places[0]:
            data = group.width * (place.sample.contents if kind == "shapesys" else total)
        place.modifier.update(type=kind, data=data.tolist())
    own = "poisson" if kind == "shapesys" else "gaussian"
    return None if group.law == own else group.law


def _refuse_lost(width: Any, nominal: Any, places: Sequence[BinPlace]) -> None:
    """Refuse an uncertainty of a bin whose yield is not positive but could become so: it would be lost."""
    moved = np.zeros(nominal.size, dtype=bool)
    for place in places:
        for modifier in place.sample.modifiers:
            if modifier.get("type") == "histosys":
                sides = [np.asarray(side) for side in modifier["data"].values()]
                moved |= np.any([side != place.sample.contents for side in sides], axis=0)
    lost = (width > 0) & ((nominal < 0) | ((nominal == 0) & moved))
    if lost.any():
        raise Fault(f"the uncertainty is relative to bin {int(lost.argmax())}, whose yield is not positive.")


def _codes(reader: Reader) -> dict[str, str]:
    codes = {}
    for kind, met in reader.codes.items():
        if len(met) > 1:
            raise Fault(f"several interpolations of {kind} in one document are not supported.")
        if met:
            codes[kind] = next(iter(met))
    return codes


def _measurement(analysis: Analysis, reader: Reader) -> dict[str, Any]:
    points = {**analysis.points}
    for root, point in reader.points.items():
        if point.constant and root in points and points[root].constant is None:
            points[root] = _held(points[root])
    with inside(f"analyses {analysis.name!r}"):
        parameters = [group.setting(points) for group in reader.groups]
        poi = analysis.pois[0] if analysis.pois else ""
        if poi:
            if poi not in reader.groups or not reader.groups.owner(poi).scalar:
                raise Fault(f"the parameter of interest {poi!r} is not a single parameter of the channels.")
            poi = reader.groups.owner(poi).name
    return {"name": analysis.name, "config": {"poi": poi, "parameters": parameters}}
