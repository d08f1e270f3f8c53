"""Any number of histograms, cutflows and cubes of a tree, filled in one pass over its entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np

from hepnb.errors import BinningError, HepnbError, SelectionError, warn_empty
from hepnb.events.language.expression import Expression
from hepnb.events.passes.accumulators import (
    MAX_SEEN,
    Accumulator,
    CutflowState,
    HistogramAccumulator,
    HistogramState,
    RangeSampler,
)
from hepnb.events.passes.chunks import entry_range
from hepnb.events.passes.cutflow import Cutflow
from hepnb.events.passes.fill_spec import AXIS_NAMES, Fill
from hepnb.events.passes.memory_plan import plan_memory
from hepnb.events.passes.run_options import RunOptions
from hepnb.events.passes.tasks import Pass, PassResult, Variation, run, task_ranges
from hepnb.events.sources.source import Source, TreeReader
from hepnb.histograms import axis, needs_values
from hepnb.histograms.coordinates import grown, grows, merges
from hepnb.histograms.weighted import WeightedHist
from hepnb.progress import Progress

__all__ = ["FillPass", "cutflow_of", "fill_one", "histogram_of", "named", "warn_if_empty"]

_ANY = np.linspace(0.0, 1.0)


@dataclass
class FillPass:
    """A pass that is put together: which expressions, and what is added up.

    Attributes
    ----------
    source : Source
        The tree.
    reader : TreeReader
        What it looks like now.
    options : RunOptions
        Which entries, and how.
    """

    source: Source
    reader: TreeReader
    options: RunOptions = field(default_factory=RunOptions)
    _expressions: dict[Expression, int] = field(default_factory=dict)
    _passes: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        self.first, self.last = entry_range(self.reader.n_entries, *self.options.entries)

    def number(self, expression: Expression) -> int:
        """Give the number of an expression among those that are evaluated."""
        return self._expressions.setdefault(expression, len(self._expressions))

    def place(self, text: str, role: str = "expression") -> int:
        """Check an expression, and give its number."""
        return self.number(self.reader.check(text, role))

    def place_all(self, spec: Fill) -> tuple[tuple[int, ...], int | None, int | None]:
        """Check the expressions, the cut and the weight of a histogram."""
        values = tuple(self.place(text) for text in spec.expressions)
        return values, self.place_if(spec.cut, "cut"), self.place_if(spec.weight, "weight")

    def place_if(self, text: str | None, role: str) -> int | None:
        """Check an expression that may be left out."""
        return None if text is None else self.place(text, role)

    def run(
        self,
        sums: Mapping[Any, Accumulator],
        variations: tuple[Variation, ...] = (),
        scopes: Mapping[Any, int] | None = None,
    ) -> PassResult:
        """Go over the entries; `scopes` has the number of the variation, from 1, that a sum is of."""
        expressions, options = tuple(self._expressions), self.options
        plan = plan_memory(
            self.reader,
            expressions,
            sums,
            self.last - self.first,
            variations=variations,
            memory=options.memory,
            threads=options.threads,
            executor=options.executor,
        )
        this = Pass(
            self.source,
            self.reader,
            expressions,
            sums,
            plan.keep,
            plan.block,
            plan.window,
            variations,
            scopes or {},
        )
        tasks = task_ranges(self.reader, self.first, self.last)
        return run(this, tasks, plan.threads, options.executor, self._progress(), options.cancel)

    def _progress(self) -> Progress | None:
        report, (before, passes) = self.options.progress, self._passes
        if report is None:
            return None

        def told(done: int, total: int) -> None:
            report(before * total + done, passes * total)

        return told

    def choose_bins(self, specs: Mapping[str, Fill]) -> dict[str, tuple[Any, ...]]:
        """Make the axes; those whose range is not given look at the values in a pass before."""
        seen: dict[str, RangeSampler] = {}
        thin = max(1, -(-(self.last - self.first) // MAX_SEEN))
        for key, spec in specs.items():
            cut = self.place_if(spec.cut, "cut")
            for number, (text, bins) in enumerate(zip(spec.expressions, spec.binnings, strict=True)):
                # What is wrong with bins is said before anything is read.
                axis(bins, _ANY)
                if needs_values(bins):
                    seen[f"{key}\0{number}"] = RangeSampler(self.place(text), cut, thin)
        found: dict[str, Any] = {}
        if seen:
            self._passes = 0, 2
            found = FillPass.run(self._only(seen), seen).totals
            self._passes = 1, 2
        made = {}
        for key, spec in specs.items():
            with named(f"histogram {key!r}") if key else nullcontext():
                made[key] = self._axes(key, spec, found)
        return made

    def _only(self, seen: dict[str, RangeSampler]) -> FillPass:
        """Give a pass that reads no more than it needs; the numbers in `seen` are changed to its own."""
        other = FillPass(self.source, self.reader, self.options)
        other._passes = self._passes
        mine = list(self._expressions)
        for key, one in list(seen.items()):
            cut = None if one.cut is None else other.number(mine[one.cut])
            seen[key] = RangeSampler(other.number(mine[one.value]), cut, one.thin)
        return other

    def _axes(self, key: str, spec: Fill, found: Mapping[str, Any]) -> tuple[Any, ...]:
        axes = []
        for number, (text, bins) in enumerate(zip(spec.expressions, spec.binnings, strict=True)):
            label = (spec.label if number == 0 else None) or self.reader.label(text)
            name = AXIS_NAMES[number]
            total = found.get(f"{key}\0{number}")
            if total is None:
                made = axis(bins, name=name, label=label)
            else:
                values = total.values
                if not np.isfinite(values).any():
                    # Bins are needed all the same: those of a zero. That it is empty is said afterwards.
                    values = np.zeros(1)
                made = axis(bins, values, name=name, label=label)
            if grows(made) and not merges(made):
                raise BinningError(
                    f"the axis {made!r} grows while it is filled: parts of a pass could not be added. "
                    "Give it its bins."
                )
            axes.append(made)
        names = [made.name for made in axes if made.name]
        if len(set(names)) < len(names):
            raise BinningError(
                f"the axes of {spec.expressions} are named {', '.join(map(repr, names))}: a histogram needs "
                "another name for each. Give the axes other names, or none."
            )
        return tuple(axes)

    def wants_entries(self) -> bool:
        """Whether it is worth a warning that nothing is filled: not of a pass cancelled or over none."""
        return not self.options.cancelled and (self.first < self.last or self.reader.n_entries == 0)


def warn_if_empty(
    reader: TreeReader, specs: Mapping[str, Fill], counts: Mapping[str, HistogramState], stacklevel: int = 4
) -> None:
    """Warn of histograms in which nothing was filled, once for all of them.

    Parameters
    ----------
    reader : TreeReader
        The tree.
    specs : mapping of str to Fill
        What was to be filled.
    counts : mapping of str to HistogramState
        What was filled, by the same names.
    stacklevel : int
        Whose line the warning points to.
    """
    empty = [key for key in specs if not counts[key].n_filled]
    if not empty:
        return
    spec = specs[empty[0]]
    why = _why_empty(reader, " and ".join(spec.expressions), spec.cut, counts[empty[0]].n_nan)
    if any(needs_values(bins) for bins in spec.binnings):
        why += " Its bins are those of a single 0, for want of values: give (n, low, high)."
    if len(specs) == 1 and empty[0] == "":
        who = "the histogram is empty"
    else:
        names = ", ".join(map(repr, empty[:3])) + (f" and {len(empty) - 3} more" if len(empty) > 3 else "")
        who = (
            f"the histogram{'s' if len(empty) > 1 else ''} {names} {'are' if len(empty) > 1 else 'is'} empty"
        )
        why = f"{why} ({empty[0]!r})" if len(empty) > 1 else why
    warn_empty(f"{who}: {why}", stacklevel)


def _why_empty(reader: TreeReader, expression: str, cut: str | None, n_nan: int) -> str:
    """Say why a histogram is empty."""
    if reader.n_entries == 0:
        return f"tree {reader.path!r} of {reader.file!r} has no entries."
    if n_nan:
        which = f"of the entries that pass the cut {cut!r}" if cut else "of the entries"
        return f"{expression!r} is not a number for any {which} in tree {reader.path!r} ({n_nan:,} values)."
    if cut is None:
        return f"{expression!r} has no values in the {reader.n_entries:,} entries of {reader.path!r}."
    return f"the cut {cut!r} leaves none of the {reader.n_entries:,} entries of tree {reader.path!r}."


@contextmanager
def named(what: str) -> Iterator[None]:
    """Put what it is about before the words of an error."""
    try:
        yield
    except HepnbError as error:
        raise type(error)(f"{what}: {error}") from error.__cause__


def fill_one(one: FillPass, spec: Fill) -> hist.Hist[Any]:
    """Fill one histogram; warn where nothing is filled though nobody cancelled."""
    values, cut, weight = one.place_all(spec)
    axes = one.choose_bins({"": spec})[""]
    done = one.run({"h": HistogramAccumulator(axes, values, cut, weight)})
    made = histogram_of(one, "h", spec, axes, done)
    if one.wants_entries():
        warn_if_empty(one.reader, {"": spec}, {"": done.totals["h"]})
    return made


def histogram_of(
    one: FillPass, key: Any, spec: Fill, axes: tuple[Any, ...], done: PassResult
) -> hist.Hist[Any]:
    """Make the histogram of a total.

    Raises
    ------
    SelectionError
        Where a weight was not finite.
    """
    total: HistogramState = done.totals[key]
    if total.n_bad:
        raise SelectionError(
            f"the weight {spec.weight!r} in tree {one.reader.path!r}: {total.n_bad} of {total.n_filled} "
            "weights are not finite. Cut those entries away, or mend them."
        )
    own = [grown(axis, like) for axis, like in zip(axes, total.histogram.axes, strict=True)]
    made: hist.Hist[Any] = WeightedHist(*own, storage=hist.storage.Weight(), name=spec.name, label=spec.label)
    view: Any = made.view(flow=True)
    found = total.histogram.view(flow=True)
    view["value"] = found if spec.weight is None else found["value"]
    view["variance"] = found if spec.weight is None else found["variance"]
    made.metadata = {"n_nan": total.n_nan}
    lost = (*one.reader.skipped, *done.lost)
    if lost:
        made.metadata["skipped"] = lost
    return made


def cutflow_of(total: CutflowState, cuts: Mapping[str, Expression], weight: str | None) -> Cutflow:
    """Make the cutflow of a total.

    Raises
    ------
    SelectionError
        Where a weight was not finite, or a cut has the name of the first row.
    """
    if total.n_bad:
        raise SelectionError(
            f"the weight {weight!r} is not finite for {total.n_bad:,} of the {int(total.n_passed[0]):,} "
            f"entries of the first row. Say what it is for them: where(isfinite({weight}), {weight}, 0)."
        )
    texts = {name: cut.text for name, cut in cuts.items()}
    return Cutflow.of(texts, total.n_passed, total.n_alone, total.sums, weight)
