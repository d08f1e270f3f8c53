"""Fill one template after the other; when that fails, say whose it was and in which bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BinningError, HepnbError, SelectionError, WorkspaceError, empty_is_expected
from hepnb.histograms import edges_of, needs_values
from hepnb.histograms.templates import as_counts, bin_names, both_cuts, in_a_row, take
from hepnb.workspace.ingredients import Channel, Sample, Variable, choose

__all__: list[str] = []

Progress = Callable[[int, int], None]


@dataclass
class Filler:
    """Counts what is filled, keeps what bins the first sample has, and names what fails."""

    progress: Progress | None
    total: int
    done: int = 0
    bins: dict[str, Any] = field(default_factory=dict)

    def fill(
        self,
        channel: Channel,
        sample: Sample,
        source: Any,
        variable: Variable,
        weight: str | None,
        which: str = "",
        select: Mapping[str, str] | None = None,
    ) -> hist.Hist[Any] | None:
        """One template, or None where the selection leaves nothing."""
        where = f"channel {channel.name!r}, sample {sample.name!r}{which}"
        bins = self.bins.get(channel.name, channel.bins)
        cut = both_cuts(channel.cut, sample.cut)
        picked = {**channel.select, **sample.select, **(select or {})}
        filled = None
        # Of data only the contents matter.
        source = as_counts(source) if sample.role == "data" else source
        try:
            with empty_is_expected():
                filled = take(source, variable, bins, cut, weight, picked)
            if _nothing_passes(filled, source, variable, cut):
                filled = None
        except HepnbError as error:
            if not _is_empty(error, source, variable, cut):
                raise _located(error, where, source, variable, bins, cut, weight) from error
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)
        if filled is None:
            return None
        # What the first sample has, the others must have too.
        self.bins.setdefault(channel.name, _bins_of(filled))
        flat = in_a_row(filled)
        flat = flat if sample.scale == 1.0 else flat * sample.scale
        _finite(flat, where)
        return flat


def source_of(sample: Sample, channel: Channel) -> Any:
    """Return the source of a sample in a channel."""
    return choose(sample.source, sample.name, channel.name, f"Sample {sample.name!r}")


def values_of(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    """Yields."""
    return np.asarray(histogram.values(), dtype=np.float64)


def variances_of(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    """Sums of squared weights."""
    return np.asarray(histogram.variances(), dtype=np.float64)


def _bins_of(filled: hist.Hist[Any]) -> Any:
    if len(filled.axes) > 1:
        return tuple(filled.axes)
    own = filled.axes[0]
    return own if bin_names(filled) else [float(edge) for edge in own.edges]


def _nothing_passes(filled: hist.Hist[Any], source: Any, variable: Variable, cut: str | None) -> bool:
    """Return whether no entry was filled into a template, rather than entries outside its bins.

    Raises
    ------
    SelectionError
        Where entries pass, and the variable is not a number for any of them.
    """
    if not (hasattr(source, "hist") and hasattr(source, "arrays")) or variances_of(filled).any():
        return False
    first = variable if isinstance(variable, str) else variable[0]
    values = source.arrays({"value": first}, cut=cut)["value"]
    if len(values) and values.dtype.kind == "f" and np.isnan(values).all():
        raise SelectionError(f"{first!r} is not a number for any of the {len(values):,} entries that pass.")
    return len(values) == 0


def _is_empty(error: HepnbError, source: Any, variable: Variable, cut: str | None) -> bool:
    """Return whether a selection leaves nothing, and no other error stopped the fill."""
    if not isinstance(error, SelectionError):
        return False
    if hasattr(source, "arrays"):
        first = variable if isinstance(variable, str) else variable[0]
        return len(source.arrays({"value": first}, cut=cut)["value"]) == 0
    return not isinstance(error.__cause__, BinningError)


def _located(
    error: HepnbError,
    where: str,
    source: Any,
    variable: Variable,
    bins: Any,
    cut: str | None,
    weight: str | None,
) -> HepnbError:
    """Return the error with its template, and with the bin of a weight that is not finite."""
    if "not finite" not in str(error) or weight is None:
        return type(error)(f"{where}: {error}")
    place = ""
    if hasattr(source, "arrays") and isinstance(variable, str):
        columns = source.arrays({"value": variable, "weight": weight}, cut=cut)
        value = columns["value"][~np.isfinite(columns["weight"])][0]
        edges = edges_of(bins) if bins is not None and not needs_values(bins) else np.zeros(0)
        index = int(np.searchsorted(edges, value, side="right")) - 1
        outside = not 0 <= index < len(edges) - 1
        place = f", {variable} = {value:g}" if outside else f", {_bin(edges, index)}"
    return WorkspaceError(
        f"{where}{place}: the weight {weight!r} of an event is not finite, and so would be the yield. "
        f"Mend the weight, or cut the event away. ({error})"
    )


def _bin(edges: NDArray[np.float64], index: int, names: tuple[str, ...] = ()) -> str:
    return f"bin {index} " + (f"({names[index]})" if names else f"[{edges[index]:g}, {edges[index + 1]:g})")


def _finite(filled: hist.Hist[Any], where: str) -> None:
    for what, values in (("yield", values_of(filled)), ("squared uncertainty", variances_of(filled))):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            index = int(bad[0])
            place = _bin(filled.axes[0].edges, index, bin_names(filled))
            raise WorkspaceError(
                f"{where}, {place}: the {what} is {values[index]}. "
                "A weight of an event in it is not finite: mend the weight, or cut the event away."
            )
