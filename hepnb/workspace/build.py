"""Build a workspace from trees or histograms: fill the templates, write them in pyhf's vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, HepnbError, SelectionError, WorkspaceError
from hepnb.histograms import edges_of, needs_values
from hepnb.histograms.templates import both_cuts, template, zeros
from hepnb.histograms.variations import split
from hepnb.workspace.consistency import (
    Observed,
    as_ingredients,
    check_ingredients,
    choose_poi,
    normfactor_settings,
)
from hepnb.workspace.ingredients import SYMMETRISE, Channel, Sample, Systematic, choose
from hepnb.workspace.validate import VERSION
from hepnb.workspace.workspace import Workspace

__all__ = ["build"]

Progress = Callable[[int, int], None]


def build(
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic] = (),
    poi: str | None = None,
    measurement: str = "measurement",
    *,
    observed: Observed = "data",
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
    in a channel has zero yields there.

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
    filler = _Filler(progress, _n_templates(channels, samples, systematics, observed))
    built = [_channel(channel, samples, systematics, observed, filler) for channel in channels]
    spec = {
        "channels": [{"name": one.name, "samples": one.samples} for one in built],
        "measurements": [{"name": measurement, "config": {"parameters": parameters, "poi": poi}}],
        "observations": [{"name": one.name, "data": one.observed} for one in built],
        "version": VERSION,
    }
    workspace = Workspace(
        spec,
        edges={one.name: one.edges for one in built},
        labels={channel.name: channel.label or channel.variable for channel in channels},
        colors={sample.name: sample.color for sample in samples if sample.color},
    )
    workspace.require_poi()
    return workspace


@dataclass(frozen=True)
class _Built:
    name: str
    samples: list[dict[str, Any]]
    observed: list[float]
    edges: tuple[float, ...]


@dataclass
class _Filler:
    """Counts what is filled, and says whose template it was when that fails."""

    progress: Progress | None
    total: int
    done: int = 0
    bins: dict[str, Any] = field(default_factory=dict)

    def fill(
        self,
        channel: Channel,
        sample: Sample,
        source: Any,
        variable: str,
        weight: str | None,
        which: str = "",
    ) -> hist.Hist[Any] | None:
        """One template, or None where the selection leaves nothing."""
        where = f"channel {channel.name!r}, sample {sample.name!r}{which}"
        bins = self.bins.get(channel.name, channel.bins)
        cut = both_cuts(channel.cut, sample.cut)
        filled = None
        try:
            filled = template(source, variable, bins, cut, weight, sample.scale)
        except HepnbError as error:
            if not _is_empty(error, source, variable, cut):
                raise _located(error, where, source, variable, bins, cut, weight) from error
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
        if filled is not None:
            _finite(filled, where)
            # What the first sample has, the others must have too.
            self.bins.setdefault(channel.name, [float(edge) for edge in filled.axes[0].edges])
        return filled


def _channel(
    channel: Channel,
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    observed: Observed,
    filler: _Filler,
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
        sample.name: filler.fill(channel, sample, _source(sample, channel), channel.variable, sample.weight)
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
    entries = [
        _sample(channel, sample, templates[sample.name], systematics, filler)
        for sample in present
        if sample.role != "data"
    ]
    edges = tuple(float(edge) for edge in first.axes[0].edges)
    return _Built(channel.name, entries, _observed(channel, present, templates, observed), edges)


def _sample(
    channel: Channel,
    sample: Sample,
    nominal: hist.Hist[Any],
    systematics: Sequence[Systematic],
    filler: _Filler,
) -> dict[str, Any]:
    """A sample's entry: yields and modifiers, in cabinetry's order."""
    modifiers: list[dict[str, Any]] = []
    if sample.staterror:
        name = "staterror_" + channel.name.replace(" ", "-")
        modifiers.append(_modifier(name, "staterror", np.sqrt(_variances(nominal)).tolist()))
    if sample.normfactor is not None:
        modifiers.append(_modifier(sample.normfactor, "normfactor", None))
    for systematic in systematics:
        if systematic.acts_on(sample, channel):
            modifiers += _systematic(channel, sample, systematic, nominal, filler)
    return {"name": sample.name, "data": _values(nominal).tolist(), "modifiers": modifiers}


def _systematic(
    channel: Channel,
    sample: Sample,
    systematic: Systematic,
    nominal: hist.Hist[Any],
    filler: _Filler,
) -> list[dict[str, Any]]:
    """The modifiers that a systematic becomes for a sample in a channel."""
    owner = f"Systematic {systematic.name!r}"
    up = choose(systematic.up, sample.name, channel.name, owner)
    mirrored = isinstance(systematic.down, str) and systematic.down == SYMMETRISE
    down = None if mirrored else choose(systematic.down, sample.name, channel.name, owner)
    if systematic.kind == "normalisation":
        data = {"hi": 1 + float(up), "lo": 1 + float(-up if down is None else down)}
        return [_modifier(systematic.name, "normsys", data)]
    values: list[NDArray[np.float64] | None] = []
    for side, variation in (("up", up), ("down", down)):
        if side == "down" and mirrored:
            values.append(None)
            continue
        source, variable, weight = _varied(channel, sample, systematic, variation)
        which = f", systematic {systematic.name!r} {side}"
        filled = filler.fill(channel, sample, source, variable, weight, which)
        values.append(_values(zeros(nominal) if filled is None else filled))
    assert values[0] is not None  # noqa: S101  # the up side is always filled
    return _norm_and_shape(systematic, _values(nominal), values[0], values[1])


def _varied(
    channel: Channel, sample: Sample, systematic: Systematic, variation: Any
) -> tuple[Any, str, str | None]:
    """Source, variable and weight of a variation: the nominal ones but for what varies."""
    if systematic.kind in ("weight", "branch") and not hasattr(_source(sample, channel), "hist"):
        raise WorkspaceError(
            f"systematic {systematic.name!r} varies the {systematic.kind} of sample {sample.name!r}, "
            f"which is a ready histogram in channel {channel.name!r}. Give the varied histograms with "
            "kind='histogram', or restrict samples=."
        )
    if systematic.kind == "weight":
        return _source(sample, channel), channel.variable, variation
    if systematic.kind == "branch":
        return _source(sample, channel), variation, sample.weight
    return variation, channel.variable, sample.weight


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
        return [_modifier(systematic.name, "histosys", data)]
    norm = _modifier(systematic.name, "normsys", {"hi": parts.norm_up, "lo": parts.norm_down})
    shape = _modifier(
        systematic.name,
        "histosys",
        {"hi_data": parts.shape_up.tolist(), "lo_data": parts.shape_down.tolist()},
    )
    wanted = {"norm+shape": [norm, shape], "norm": [norm], "shape": [shape]}[systematic.effect]
    return wanted if len(nominal) > 1 else [modifier for modifier in wanted if modifier is norm]


def _modifier(name: str, kind: str, data: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "data": data}


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
            total += _values(templates[sample.name])
    return [float(value) for value in total]


def _values(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    return np.asarray(histogram.values(), dtype=np.float64)


def _variances(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    return np.asarray(histogram.variances(), dtype=np.float64)


def _source(sample: Sample, channel: Channel) -> Any:
    return choose(sample.source, sample.name, channel.name, f"Sample {sample.name!r}")


def _is_in(sample: Sample, channel: Channel) -> bool:
    return not isinstance(sample.source, dict) or channel.name in sample.source


def _is_empty(error: HepnbError, source: Any, variable: str, cut: str | None) -> bool:
    """Tell a selection that leaves nothing from every other reason for a histogram not to be filled."""
    if not isinstance(error, SelectionError):
        return False
    if hasattr(source, "arrays"):
        return len(source.arrays({"value": variable}, cut)["value"]) == 0
    return not isinstance(error.__cause__, BinningError)


def _located(
    error: HepnbError,
    where: str,
    source: Any,
    variable: str,
    bins: Any,
    cut: str | None,
    weight: str | None,
) -> HepnbError:
    """Say whose template it was; of a weight that is not finite, say in which bin."""
    if "not finite" not in str(error) or weight is None:
        return type(error)(f"{where}: {error}")
    place = ""
    if hasattr(source, "arrays"):
        columns = source.arrays({"value": variable, "weight": weight}, cut)
        value = columns["value"][~np.isfinite(columns["weight"])][0]
        edges = edges_of(bins) if bins is not None and not needs_values(bins) else np.zeros(0)
        index = int(np.searchsorted(edges, value, side="right")) - 1
        outside = not 0 <= index < len(edges) - 1
        place = f", {variable} = {value:g}" if outside else f", {_bin(edges, index)}"
    return WorkspaceError(
        f"{where}{place}: the weight {weight!r} of an event is not finite, and so would be the yield. "
        f"Mend the weight, or cut the event away. ({error})"
    )


def _bin(edges: NDArray[np.float64], index: int) -> str:
    return f"bin {index} [{edges[index]:g}, {edges[index + 1]:g})"


def _finite(filled: hist.Hist[Any], where: str) -> None:
    for what, values in (("yield", _values(filled)), ("squared uncertainty", _variances(filled))):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            index = int(bad[0])
            raise WorkspaceError(
                f"{where}, {_bin(filled.axes[0].edges, index)}: the {what} is {values[index]}. "
                "A weight of an event in it is not finite: mend the weight, or cut the event away."
            )


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
                if systematic.kind != "normalisation" and systematic.acts_on(sample, channel):
                    total += 1 if isinstance(systematic.down, str) and systematic.down == SYMMETRISE else 2
    return total
