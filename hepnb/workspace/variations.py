"""What a systematic becomes for a sample in a channel: a normsys, a histosys, or both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import WorkspaceError
from hepnb.histograms._smooth import smooth_variation
from hepnb.histograms.templates import bin_names, zeros
from hepnb.histograms.variations import split, symmetric
from hepnb.workspace.filler import Filler, Request, source_of, values_of
from hepnb.workspace.ingredients import SYMMETRISE, Channel, Sample, Systematic, Variable, choose

__all__: list[str] = []


def modifiers_of(
    channel: Channel,
    sample: Sample,
    systematic: Systematic,
    nominal: hist.Hist[Any],
    filler: Filler,
) -> list[dict[str, Any]]:
    """Return the modifiers that a systematic becomes for a sample in a channel; none without an effect."""
    owner = f"Systematic {systematic.name!r}"
    mirrored = isinstance(systematic.down, str) and systematic.down == SYMMETRISE
    if systematic.kind == "normalization":
        up = choose(systematic.up, sample.name, channel.name, owner)
        down = None if mirrored else choose(systematic.down, sample.name, channel.name, owner)
        shifts = [float(up), float(-up if down is None else down)]
        if systematic.symmetric is not None:
            shifts = [float(side) for side in symmetric(0.0, shifts[0], shifts[1], systematic.symmetric)]
        return [modifier(systematic.name, "normsys", {"hi": 1 + shifts[0], "lo": 1 + shifts[1]})]
    _check_smoothing(systematic, channel, nominal)
    yields = values_of(nominal)
    values: list[NDArray[np.float64]] = []
    for request in variations_of(channel, sample, systematic):
        filled = filler.fill(request)
        found = values_of(zeros(nominal) if filled is None else filled)
        values.append(smooth_variation(yields, found) if systematic.smooth else found)
    if systematic.symmetric is not None and not mirrored:
        values = list(symmetric(yields, values[0], values[1], systematic.symmetric))
    return _norm_and_shape(systematic, yields, values[0], None if mirrored else values[1])


def variations_of(channel: Channel, sample: Sample, systematic: Systematic) -> Iterator[Request]:
    """Yield what to fill for a systematic that has templates: up and, unless it is mirrored, down.

    Raises
    ------
    WorkspaceError
        When the sample has no such variation, or its source cannot give it.
    """
    owner = f"Systematic {systematic.name!r}"
    sides = [("up", choose(systematic.up, sample.name, channel.name, owner))]
    if not (isinstance(systematic.down, str) and systematic.down == SYMMETRISE):
        sides.append(("down", choose(systematic.down, sample.name, channel.name, owner)))
    for side, variation in sides:
        source, variable, weight, select = _varied(channel, sample, systematic, variation)
        which = f", systematic {systematic.name!r} {side}"
        yield Request(channel, sample, source, variable, weight, which, select)


def modifier(name: str, kind: str, data: Any) -> dict[str, Any]:
    """An entry of a sample's modifiers."""
    return {"name": name, "type": kind, "data": data}


def _check_smoothing(systematic: Systematic, channel: Channel, nominal: hist.Hist[Any]) -> None:
    if systematic.smooth and bin_names(nominal):
        raise WorkspaceError(
            f"systematic {systematic.name!r}, channel {channel.name!r}: the bins are categories or several "
            "axes unrolled, whose neighbours have nothing to do with each other. Leave smooth out there."
        )


def _varied(
    channel: Channel, sample: Sample, systematic: Systematic, variation: Any
) -> tuple[Any, Variable, str | None, Mapping[str, str]]:
    """Source, variable, weight and category of a variation: the nominal ones but for what varies."""
    source = source_of(sample, channel)
    if systematic.kind in ("weight", "branch") and not hasattr(source, "hist"):
        raise WorkspaceError(
            f"systematic {systematic.name!r} varies the {systematic.kind} of sample {sample.name!r}, "
            f"which is a ready histogram in channel {channel.name!r}. Give the varied histograms with "
            "kind='histogram', or restrict samples=."
        )
    if systematic.kind == "category" and hasattr(source, "hist"):
        raise WorkspaceError(
            f"systematic {systematic.name!r} picks a category of axis {systematic.axis!r} of sample "
            f"{sample.name!r}, which is a tree in channel {channel.name!r}. Give kind='tree', 'weight' or "
            "'branch', or restrict samples=."
        )
    if systematic.kind == "weight":
        return source, channel.variable, variation, {}
    if systematic.kind == "branch":
        return source, variation, sample.weight, {}
    if systematic.kind == "category":
        return source, channel.variable, sample.weight, {systematic.axis: variation}
    return variation, channel.variable, sample.weight, {}


def _norm_and_shape(
    systematic: Systematic,
    nominal: NDArray[np.float64],
    up: NDArray[np.float64],
    down: NDArray[np.float64] | None,
) -> list[dict[str, Any]]:
    """Split a variation, as cabinetry's NormPlusShape does, into a normsys and a histosys."""
    parts = split(nominal, up, down)
    if parts is None:
        if systematic.effect == "norm":
            return []
        data = {"hi_data": up.tolist(), "lo_data": (2 * nominal - up if down is None else down).tolist()}
        return [modifier(systematic.name, "histosys", data)]
    norm = modifier(systematic.name, "normsys", {"hi": parts.norm_up, "lo": parts.norm_down})
    shape = modifier(
        systematic.name,
        "histosys",
        {"hi_data": parts.shape_up.tolist(), "lo_data": parts.shape_down.tolist()},
    )
    wanted = {"norm+shape": [norm, shape], "norm": [norm], "shape": [shape]}[systematic.effect]
    return wanted if len(nominal) > 1 else [modifier for modifier in wanted if modifier is norm]
