"""Build a workspace from trees or histograms: fill the templates, write them in pyhf's vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np

from hepnb.errors import SelectionError, WorkspaceError
from hepnb.histograms.templates import bin_names, both_cuts, zeros
from hepnb.workspace._validate import VERSION
from hepnb.workspace.consistency import (
    Observed,
    as_ingredients,
    check_ingredients,
    choose_poi,
    normfactor_settings,
)
from hepnb.workspace.filler import Filler, Progress, Request, source_of, values_of, variances_of
from hepnb.workspace.ingredients import SYMMETRISE, Channel, Sample, Systematic
from hepnb.workspace.pruning import Pruned, Pruning, prune_channel
from hepnb.workspace.together import fill_together
from hepnb.workspace.variations import modifier, modifiers_of
from hepnb.workspace.workspace import Workspace

__all__ = ["build"]


def build(
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic] = (),
    poi: str | None = None,
    measurement: str = "measurement",
    *,
    observed: Observed = "data",
    prune: Pruning | float | None = None,
    progress: Progress | None = None,
) -> Workspace:
    """Build a workspace from histograms or trees.

    Parameters
    ----------
    channels : sequence of Channel
        Selections and variables.
    samples : sequence of Sample
        The data, signals and backgrounds.
    systematics : sequence of Systematic
        Uncertainties.
    poi : str, optional
        The parameter of interest; the first signal's normfactor by default.
    measurement : str
        The name of the measurement.
    observed : {"data", "asimov", "asimov+signal"}
        What is observed: the data, or the sum of the backgrounds, or of the backgrounds and signals.
    prune : Pruning or float, optional
        Leave out what is too small to matter; a number is the threshold of all normalisations and shapes.
        What was left out is in the workspace's ``pruned``, systematics without any effect too.
    progress : callable, optional
        Called with (templates filled, templates in all).

    Returns
    -------
    Workspace
        Validated, with the channels' bin edges and labels and the samples' colours.

    Raises
    ------
    WorkspaceError
        When something is missing or doubled, a yield is not finite, or a POI belongs to no sample.
    BinningError
        When ready histograms do not have the channel's bins.
    SelectionError
        When a channel's selection leaves no event of any sample.

    Notes
    -----
    Statistical uncertainties are one staterror per channel, "staterror_<channel>". A variation of kind tree,
    weight, branch or histogram becomes a normsys with its change of yield and a histosys with what is left,
    as in cabinetry's NormPlusShape; a channel of one bin has no histosys. Where a yield is not positive
    there is no such splitting, and the whole variation is a histosys. A sample whose selection leaves nothing
    in a channel has zero yields there. A histogram of several axes, categories among them, is unrolled, the
    last axis running fastest; the workspace's ``bin_labels`` say which bin is which.

    Examples
    --------
    >>> import hist
    >>> from hepnb.workspace import Channel, Sample, build
    >>> axis = hist.axis.Regular(2, 0, 2)
    >>> def ready(*values):
    ...     return hist.Hist(axis, storage=hist.storage.Weight()).fill([0.5, 1.5], weight=values)
    >>> build(
    ...     [Channel("SR", label="m [GeV]")],
    ...     [
    ...         Sample("data", "data", ready(51, 48)),
    ...         Sample("signal", "signal", ready(12, 11), normfactor="mu", staterror=False),
    ...         Sample("background", "background", ready(50, 52)),
    ...     ],
    ... )
    <Workspace: 1 channel, 2 bins, 2 samples, 2 modifiers, POI 'mu'>
    """
    channels, samples, systematics = as_ingredients(channels, samples, systematics)
    check_ingredients(channels, samples, systematics, observed)
    parameters = normfactor_settings(samples)
    poi = choose_poi(poi, samples, parameters)
    filler = Filler(progress, _n_templates(channels, samples, systematics, observed))
    fill_together(channels, samples, systematics, observed, filler)
    built = [_channel(channel, samples, systematics, observed, filler) for channel in channels]
    pruned = [one for each in built for one in each.without] + _nowhere(systematics, built)
    if prune is not None:
        thresholds = prune if isinstance(prune, Pruning) else Pruning(norm=prune, shape=prune)
        signals = {sample.name for sample in samples if sample.role == "signal" or sample.normfactor}
        pruned += [
            one for each in built for one in prune_channel(each.name, each.samples, thresholds, signals)
        ]
    spec = {
        "channels": [{"name": one.name, "samples": one.samples} for one in built],
        "measurements": [{"name": measurement, "config": {"parameters": parameters, "poi": poi}}],
        "observations": [{"name": one.name, "data": one.observed} for one in built],
        "version": VERSION,
    }
    workspace = Workspace(
        spec,
        edges={one.name: one.edges for one in built},
        labels={channel.name: channel.title for channel in channels},
        colors={sample.name: sample.color for sample in samples if sample.color},
        bin_labels={one.name: one.bin_labels for one in built if one.bin_labels},
        pruned=pruned,
    )
    workspace.require_poi()
    return workspace


@dataclass(frozen=True)
class _Built:
    name: str
    samples: list[dict[str, Any]]
    observed: list[float]
    edges: tuple[float, ...]
    bin_labels: tuple[str, ...]
    without: tuple[Pruned, ...]


def _channel(
    channel: Channel,
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    observed: Observed,
    filler: Filler,
) -> _Built:
    """Fill all templates of a channel."""
    present = [sample for sample in samples if _is_in(sample, channel)]
    if observed != "data":
        present = [sample for sample in present if sample.role != "data"]
    if all(sample.role == "data" for sample in present):
        raise WorkspaceError(
            f"channel {channel.name!r}: no signal and no background has a source for it. Add one."
        )
    nominal = {
        sample.name: filler.fill(
            Request(channel, sample, source_of(sample, channel), channel.variable, sample.weight)
        )
        for sample in present
    }
    first = next((filled for filled in nominal.values() if filled is not None), None)
    if first is None:
        cuts = {both_cuts(channel.cut, sample.cut) for sample in present}
        raise SelectionError(
            f"channel {channel.name!r}: no event of any sample passes "
            f"{' or '.join(sorted(map(repr, cuts)))}. Loosen the cut, or widen the bins."
        )
    templates = {name: zeros(first) if filled is None else filled for name, filled in nominal.items()}
    without: list[Pruned] = []
    entries = [
        _sample(channel, sample, templates[sample.name], systematics, filler, without)
        for sample in present
        if sample.role != "data"
    ]
    edges = tuple(float(edge) for edge in first.axes[0].edges)
    return _Built(
        channel.name, entries, _observed(channel, present, templates, observed), edges, bin_names(first),
        tuple(without),
    )  # fmt: skip


def _sample(
    channel: Channel,
    sample: Sample,
    nominal: hist.Hist[Any],
    systematics: Sequence[Systematic],
    filler: Filler,
    without: list[Pruned],
) -> dict[str, Any]:
    """A sample's entry: yields and modifiers, in cabinetry's order; what is left out is added to a list."""
    modifiers: list[dict[str, Any]] = []
    if sample.staterror:
        name = "staterror_" + channel.name.replace(" ", "-")
        modifiers.append(modifier(name, "staterror", np.sqrt(variances_of(nominal)).tolist()))
    if sample.normfactor is not None:
        modifiers.append(modifier(sample.normfactor, "normfactor", None))
    for systematic in systematics:
        if systematic.acts_on(sample, channel):
            made = modifiers_of(channel, sample, systematic, nominal, filler)
            modifiers += made
            if not made:
                why = _why_nothing(systematic, nominal)
                without.append(Pruned(channel.name, sample.name, systematic.name, "systematic", reason=why))
    return {"name": sample.name, "data": values_of(nominal).tolist(), "modifiers": modifiers}


def _why_nothing(systematic: Systematic, nominal: hist.Hist[Any]) -> str:
    yields = values_of(nominal)
    if systematic.effect == "shape" and len(yields) == 1:
        return "effect='shape' changes nothing in a channel of one bin"
    if not yields.any():
        return f"the sample has no yield there, of which effect={systematic.effect!r} could take a part"
    return f"a yield that is not positive has no effect={systematic.effect!r}"


def _nowhere(systematics: Sequence[Systematic], built: Sequence[_Built]) -> list[Pruned]:
    """List the systematics that act on no sample of any channel."""
    there = {entry["name"] for one in built for sample in one.samples for entry in sample["modifiers"]}
    there |= {pruned.modifier for one in built for pruned in one.without}
    return [
        Pruned("", "", one.name, "systematic", reason="none of its samples is in any of its channels")
        for one in systematics
        if one.name not in there
    ]


def _observed(
    channel: Channel, present: Sequence[Sample], templates: dict[str, hist.Hist[Any]], observed: Observed
) -> list[float]:
    if observed == "data":
        data = next((sample for sample in present if sample.role == "data"), None)
        if data is None:
            raise WorkspaceError(
                f"channel {channel.name!r}: the data have no source for it. "
                "Add one, or build(..., observed='asimov')."
            )
        return [float(value) for value in templates[data.name].values()]
    roles = {"background"} if observed == "asimov" else {"background", "signal"}
    total = np.zeros(len(next(iter(templates.values())).values()))
    for sample in present:
        if sample.role in roles:
            total += values_of(templates[sample.name])
    return [float(value) for value in total]


def _is_in(sample: Sample, channel: Channel) -> bool:
    return not isinstance(sample.source, dict) or channel.name in sample.source


def _n_templates(
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    observed: Observed,
) -> int:
    total = 0
    for channel in channels:
        for sample in samples:
            if not _is_in(sample, channel) or (sample.role == "data" and observed != "data"):
                continue
            total += 1
            for systematic in systematics:
                if systematic.kind != "normalization" and systematic.acts_on(sample, channel):
                    total += 1 if isinstance(systematic.down, str) and systematic.down == SYMMETRISE else 2
    return total
