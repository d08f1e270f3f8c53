"""Do the channels, samples and systematics of a workspace go together? Asked before anything is filled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.ingredients import Channel, Sample, Systematic, names_of

__all__: list[str] = []

Observed: TypeAlias = Literal["data", "asimov", "asimov+signal"]
_Thing = TypeVar("_Thing", Channel, Sample, Systematic)


def as_ingredients(
    channels: Iterable[Channel], samples: Iterable[Sample], systematics: Iterable[Systematic]
) -> tuple[tuple[Channel, ...], tuple[Sample, ...], tuple[Systematic, ...]]:
    """The ingredients as tuples: what is given may be a generator, which can be walked only once."""
    return (
        _all("channels", channels, Channel),
        _all("samples", samples, Sample),
        _all("systematics", systematics, Systematic),
    )


def _all(what: str, given: Iterable[_Thing], kind: type[_Thing]) -> tuple[_Thing, ...]:
    if isinstance(given, str | kind) or not isinstance(given, Iterable):
        raise WorkspaceError(f"{what}={given!r:.60} is no list. Give a list of {kind.__name__}(...).")
    things = tuple(given)
    for index, thing in enumerate(things):
        if not isinstance(thing, kind):
            raise WorkspaceError(f"{what}[{index}] is {thing!r:.60}. Give a {kind.__name__}(...).")
    return things


def check_ingredients(
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    observed: Observed,
) -> None:
    if observed not in get_args(Observed):
        raise WorkspaceError(
            f"observed={observed!r} does not exist. {nearest(str(observed), get_args(Observed))}"
        )
    if not channels:
        raise WorkspaceError("there is no channel. Give Channel(name, variable, bins).")
    _distinct("channels", [channel.name for channel in channels])
    _distinct("samples", [sample.name for sample in samples])
    data = [sample.name for sample in samples if sample.role == "data"]
    if observed == "data" and not data:
        raise WorkspaceError(
            "there is no data sample. Give one, Sample(name, role='data', source=...), "
            "or build(..., observed='asimov') for the expected sensitivity."
        )
    if len(data) > 1:
        raise WorkspaceError(
            f"there are {len(data)} data samples: {', '.join(map(repr, data))}. Merge them into one."
        )
    modelled = [sample.name for sample in samples if sample.role != "data"]
    if not modelled:
        raise WorkspaceError("there is no signal and no background. Give at least one Sample with that role.")
    for sample in samples:
        if sample.source is None:
            raise WorkspaceError(f"sample {sample.name!r} has no source. Give it a tree or a histogram.")
        _in_some_channel(sample, [channel.name for channel in channels])
    for systematic in systematics:
        for name in names_of(systematic.samples):
            if name not in modelled:
                raise WorkspaceError(
                    f"systematic {systematic.name!r}: there is no sample {name!r} it could act on. "
                    f"{nearest(name, modelled)}"
                )
        for name in names_of(systematic.channels):
            known = [channel.name for channel in channels]
            if name not in known:
                raise WorkspaceError(
                    f"systematic {systematic.name!r}: there is no channel {name!r}. {nearest(name, known)}"
                )


def _in_some_channel(sample: Sample, channels: list[str]) -> None:
    """A sample may be left out of a channel, but not by a slip of the pen."""
    if not isinstance(sample.source, Mapping):
        return
    known = [str(name) for name in sample.source]
    for channel in channels:
        near = difflib.get_close_matches(channel, [name for name in known if name not in channels], 1, 0.6)
        if channel not in known and near:
            raise WorkspaceError(
                f"sample {sample.name!r} has a source for {near[0]!r}, which is no channel, and none for "
                f"{channel!r}. Rename one of them."
            )
    if not set(known) & set(channels):
        raise WorkspaceError(
            f"sample {sample.name!r} has sources for {', '.join(map(repr, known)) or 'nothing'}, "
            f"and none of these is a channel. {nearest(''.join(known[:1]), channels)}"
        )


def _distinct(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise WorkspaceError(f"two {what} are named {name!r}. Rename or merge one of them.")


def normfactor_settings(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The settings of the free factors, one per name."""
    settings: dict[str, dict[str, Any]] = {}
    for sample in samples:
        if sample.normfactor is None:
            continue
        bounds = [float(bound) for bound in sample.normfactor_bounds]
        setting = {"name": sample.normfactor, "inits": [1.0], "bounds": [bounds]}
        if settings.setdefault(sample.normfactor, setting) != setting:
            raise WorkspaceError(
                f"sample {sample.name!r}: normfactor {sample.normfactor!r} has other bounds elsewhere. "
                "Give all its samples the same normfactor_bounds."
            )
    return list(settings.values())


def choose_poi(poi: str | None, samples: Sequence[Sample], parameters: list[dict[str, Any]]) -> str:
    known = [str(parameter["name"]) for parameter in parameters]
    if poi is None:
        signals = [sample.normfactor for sample in samples if sample.role == "signal" and sample.normfactor]
        return signals[0] if signals else ""
    if poi and poi not in known:
        raise WorkspaceError(
            f"the POI {poi!r} is not the normfactor of any sample. {nearest(poi, known)} "
            f"Give it to the signal: Sample(..., role='signal', normfactor={poi!r})."
        )
    return poi
