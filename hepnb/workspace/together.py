"""Fill the templates of a tree together, in one pass, before a workspace is built from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from hepnb.errors import HepnbError
from hepnb.histograms import axis, needs_values
from hepnb.histograms._unroll import is_category
from hepnb.histograms.templates import FillableTogether
from hepnb.workspace.consistency import Observed
from hepnb.workspace.filler import Filler, Request, source_of
from hepnb.workspace.ingredients import Channel, Sample, Systematic
from hepnb.workspace.variations import variations_of

__all__: list[str] = []


def fill_together(
    channels: Sequence[Channel],
    samples: Sequence[Sample],
    systematics: Sequence[Systematic],
    observed: Observed,
    filler: Filler,
) -> None:
    """Fill what trees give, one pass for each tree; a template that cannot be filled is left for later.

    Parameters
    ----------
    channels, samples, systematics, observed
        What the workspace is built from.
    filler : Filler
        Keeps the templates until they are asked for.
    """
    passes: dict[Any, list[tuple[Request, Any]]] = {}
    for channel in channels:
        if not _bins_are_known(channel):
            continue
        bins = channel.bins
        # What cannot be asked for is an error with its template's name, later.
        with suppress(HepnbError):
            for request in _requests_of(channel, samples, systematics, observed):
                if isinstance(request.source, FillableTogether):
                    passes.setdefault(request.source, []).append((request, bins))
                bins = filler.later_bins(channel)
    for source, requests in passes.items():
        filler.fill_together(source, requests)


def _bins_are_known(channel: Channel) -> bool:
    """Return whether the bins are ranges of numbers that do not depend on the first sample's values."""
    if channel.bins is None:
        return False
    several = not isinstance(channel.variable, str)
    each: Any = channel.bins if several and isinstance(channel.bins, (tuple, list)) else (channel.bins,)
    try:
        return all(not needs_values(bins) and not is_category(axis(bins)) for bins in each)
    except HepnbError:
        return False


def _requests_of(
    channel: Channel, samples: Sequence[Sample], systematics: Sequence[Systematic], observed: Observed
) -> Iterator[Request]:
    for sample in samples:
        absent = isinstance(sample.source, dict) and channel.name not in sample.source
        if absent or (sample.role == "data" and observed != "data"):
            continue
        yield Request(channel, sample, source_of(sample, channel), channel.variable, sample.weight)
        if sample.role == "data":
            continue
        for systematic in systematics:
            if systematic.kind != "normalization" and systematic.acts_on(sample, channel):
                yield from variations_of(channel, sample, systematic)
