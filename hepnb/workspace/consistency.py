"""Do the channels, samples and systematics of a workspace go together? Asked before anything is filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from hepnb.errors import WorkspaceError, nearest
from hepnb.workspace.ingredients import Channel, Sample, Systematic, names_of

__all__: list[str] = []

Observed: TypeAlias = Literal["data", "asimov", "asimov+signal"]


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
