"""Fill one template after the other; when that fails, say whose it was and in which bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np
from hist.axis import StrCategory
from numpy.typing import NDArray

from hepnb.errors import BinningError, HepnbError, SelectionError, WorkspaceError, empty_is_expected
from hepnb.histograms import axis, edges_of, needs_values
from hepnb.histograms.templates import (
    FillableTogether,
    as_counts,
    bin_names,
    both_cuts,
    in_a_row,
    take,
    take_together,
)
from hepnb.workspace.ingredients import Channel, Sample, Variable, choose

__all__: list[str] = []

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """What to fill: one template.

    Attributes
    ----------
    channel, sample : Channel, Sample
        Whose it is.
    source : Fillable or histogram
        Where it comes from.
    variable : str or tuple of str
        The expression.
    weight : str or None
        Weight of each entry.
    which : str
        The variation, for messages.
    select : mapping of str to str
        Which category of which axis of a ready histogram, besides those of channel and sample.
    """

    channel: Channel
    sample: Sample
    source: Any
    variable: Variable
    weight: str | None
    which: str = ""
    select: Mapping[str, str] = field(default_factory=dict)

    @property
    def cut(self) -> str | None:
        """The cuts of channel and sample."""
        return both_cuts(self.channel.cut, self.sample.cut)

    @property
    def where(self) -> str:
        """Whose template it is, for messages."""
        return f"channel {self.channel.name!r}, sample {self.sample.name!r}{self.which}"


@dataclass
class Filler:
    """Counts what is filled, keeps what bins the first sample has, and names what fails."""

    progress: Progress | None
    total: int
    done: int = 0
    _n_taken: int = 0
    bins: dict[str, Any] = field(default_factory=dict)
    _filled: dict[tuple[Any, ...], hist.Hist[Any]] = field(default_factory=dict)

    def later_bins(self, channel: Channel) -> Any:
        """Return what all samples but the first are filled with, where that does not depend on values."""
        each: Any = (channel.bins,) if isinstance(channel.variable, str) else channel.bins
        return _bins_of(tuple(axis(bins, name=name) for bins, name in zip(each, "xyzuvw", strict=False)))

    def fill_together(self, source: FillableTogether, requests: Sequence[tuple[Request, Any]]) -> None:
        """Fill templates of a tree, each with its bins, in one pass.

        Where one of them fails none is kept: each is then filled by itself when it is asked for.
        """
        wanted = {
            _key(request, bins): (request.variable, bins, request.cut, request.weight)
            for request, bins in requests
        }
        if len(wanted) == 1:
            return
        before = self.done

        def told(done: int, n_entries: int) -> None:
            self._count(before + done * len(requests) // max(n_entries, 1))

        with suppress(HepnbError), empty_is_expected():
            filled = take_together(source, list(wanted.values()), told)
            self._filled |= zip(wanted, filled, strict=True)

    def _count(self, done: int) -> None:
        """Tell how many templates are filled; those of a pass that failed are not taken back."""
        if min(done, self.total) > self.done:
            self.done = min(done, self.total)
            if self.progress is not None:
                self.progress(self.done, self.total)

    def fill(self, request: Request) -> hist.Hist[Any] | None:
        """Return one template, or None where the selection leaves nothing."""
        channel, sample, variable = request.channel, request.sample, request.variable
        bins = self.bins.get(channel.name, channel.bins)
        # Of data only the contents matter.
        source = as_counts(request.source) if sample.role == "data" else request.source
        filled = None
        try:
            with empty_is_expected():
                filled = self._take(request, source, bins)
            if _nothing_passes(filled, source, variable, request.cut):
                filled = None
        except HepnbError as error:
            if not _is_empty(error, source, variable, request.cut):
                raise _located(error, request, source, bins) from error
        self._n_taken += 1
        self._count(self._n_taken)
        if filled is None:
            return None
        # What the first sample has, the others must have too.
        self.bins.setdefault(channel.name, _bins_of(tuple(filled.axes)))
        flat = in_a_row(filled)
        flat = flat if sample.scale == 1.0 else flat * sample.scale
        _finite(flat, request.where)
        return flat

    def _take(self, request: Request, source: Any, bins: Any) -> hist.Hist[Any]:
        if self._filled and isinstance(source, FillableTogether):
            found = self._filled.get(_key(request, bins))
            if found is not None:
                return found
        picked = {**request.channel.select, **request.sample.select, **request.select}
        return take(source, request.variable, bins, request.cut, request.weight, picked)


def source_of(sample: Sample, channel: Channel) -> Any:
    """Return the source of a sample in a channel."""
    return choose(sample.source, sample.name, channel.name, f"Sample {sample.name!r}")


def values_of(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    """Yields."""
    return np.asarray(histogram.values(), dtype=np.float64)


def variances_of(histogram: hist.Hist[Any]) -> NDArray[np.float64]:
    """Sums of squared weights."""
    return np.asarray(histogram.variances(), dtype=np.float64)


def _key(request: Request, bins: Any) -> tuple[Any, ...]:
    """Tell a template that was filled with others of its tree from any other."""
    if bins is not request.channel.bins:
        each = bins if isinstance(bins, tuple) else (bins,)
        bins = tuple(tuple(one if isinstance(one, (list, StrCategory)) else one.edges) for one in each)
        return request.source, bins, request.variable, request.cut, request.weight
    return request.source, request.channel.name, request.variable, request.cut, request.weight


def _bins_of(axes: tuple[Any, ...]) -> Any:
    if len(axes) > 1:
        return axes
    return axes[0] if isinstance(axes[0], StrCategory) else [float(edge) for edge in axes[0].edges]


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


def _located(error: HepnbError, request: Request, source: Any, bins: Any) -> HepnbError:
    """Return the error with its template, and with the bin of a weight that is not finite."""
    variable, weight = request.variable, request.weight
    if "not finite" not in str(error) or weight is None:
        return type(error)(f"{request.where}: {error}")
    place = ""
    if hasattr(source, "arrays") and isinstance(variable, str):
        columns = source.arrays({"value": variable, "weight": weight}, cut=request.cut)
        value = columns["value"][~np.isfinite(columns["weight"])][0]
        edges = edges_of(bins) if bins is not None and not needs_values(bins) else np.zeros(0)
        index = int(np.searchsorted(edges, value, side="right")) - 1
        outside = not 0 <= index < len(edges) - 1
        place = f", {variable} = {value:g}" if outside else f", {_bin(edges, index)}"
    return WorkspaceError(
        f"{request.where}{place}: the weight {weight!r} of an event is not finite, and so would be the "
        f"yield. Mend the weight, or cut the event away. ({error})"
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
