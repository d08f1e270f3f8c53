"""Any number of histograms, cutflows and cubes of a tree, filled in one pass over its entries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np

from hepnb.errors import BinningError, ExpressionError, SelectionError
from hepnb.events.cutflow import Cutflow
from hepnb.events.expressions import Expression
from hepnb.events.memory import plan_memory
from hepnb.events.selections import conditions
from hepnb.events.source import Skipped, Source, TreeInfo
from hepnb.events.stream import entry_range
from hepnb.events.sums import CutflowSum, CutflowTotals, HistogramSum, SeenSum, Sum, Totals
from hepnb.events.tasks import Covered, Pass, run, task_ranges
from hepnb.executor import Engine
from hepnb.histograms import Bins, axis, needs_values
from hepnb.progress import Cancel, Progress

__all__ = ["Fill", "Filled", "OnePass", "as_fills", "fill", "fill_one", "nothing_left"]

MAX_SEEN = 2_000_000
_AXIS_NAMES = ("x", "y", "z", "u", "v", "w")


@dataclass(frozen=True)
class Fill:
    """What to fill: one histogram.

    Attributes
    ----------
    expression : str or tuple of str
        A branch or a formula; several for a histogram in as many dimensions.
    bins : int, tuple, list of float, str or hist axis
        As for :meth:`hepnb.Tree.hist`; for several expressions a tuple or list with one of these for each.
    cut : str, optional
        Fill the entries where it holds.
    weight : str, optional
        Weight of each entry.
    name, label : str, optional
        Name of the histogram, and label of its axis (of the first, where there are several).

    Examples
    --------
    >>> Fill("mll", (40, 80, 160), cut="lep1_pt > 30").cut
    'lep1_pt > 30'
    >>> Fill(("mll", "lep1_pt"), ((40, 80, 160), (10, 0, 100))).expressions
    ('mll', 'lep1_pt')
    """

    expression: str | tuple[str, ...]
    bins: Bins = "auto"
    cut: str | None = None
    weight: str | None = None
    name: str | None = None
    label: str | None = None

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions, one per axis."""
        return (self.expression,) if isinstance(self.expression, str) else tuple(self.expression)

    @property
    def binnings(self) -> tuple[Bins, ...]:
        """The bins, one per axis.

        Raises
        ------
        BinningError
            Where their number is not that of the expressions.
        """
        n = len(self.expressions)
        if isinstance(self.expression, str):
            return (self.bins,)
        if n > len(_AXIS_NAMES) or not n:
            raise BinningError(f"a histogram of {n} expressions: give one to {len(_AXIS_NAMES)}.")
        if not isinstance(self.bins, (tuple, list)) or len(self.bins) != n:
            raise BinningError(
                f"bins={self.bins!r:.80}: {n} expressions {self.expressions} need {n} binnings, such as "
                f"({', '.join(['(40, 0, 100)'] * n)})."
            )
        return tuple(self.bins)


@dataclass(frozen=True)
class Filled:
    """What one pass over a tree gave.

    Attributes
    ----------
    histograms : dict of str to hist.Hist
        With weight storage; ``metadata["n_nan"]`` counts the values that were not a number.
    cutflows : dict of str to Cutflow
        The cutflows.
    n_entries : int
        Entries that were asked for.
    covered : tuple of (int, int)
        Ranges of entries that are in it.
    complete : bool
        False where it was cancelled, or entries could not be read and were left out.
    skipped : tuple of Skipped
        What could not be read.
    seconds : float
        How long it took.
    """

    histograms: dict[str, hist.Hist[Any]]
    cutflows: dict[str, Cutflow]
    n_entries: int
    covered: tuple[tuple[int, int], ...]
    complete: bool
    skipped: tuple[Skipped, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def n_done(self) -> int:
        """How many entries are in it."""
        return sum(stop - start for start, stop in self.covered)

    def __getitem__(self, name: str) -> hist.Hist[Any] | Cutflow:
        """Give the histogram or the cutflow of that name."""
        return self.histograms[name] if name in self.histograms else self.cutflows[name]

    def __str__(self) -> str:
        rate = f", {self.n_done / self.seconds:.3g} entries/s" if self.seconds > 0 else ""
        state = "" if self.complete else ", not complete"
        return (
            f"{len(self.histograms)} histograms and {len(self.cutflows)} cutflows of {self.n_done:,} of "
            f"{self.n_entries:,} entries in {self.seconds:.3g} s{rate}{state}"
        )


@dataclass
class OnePass:
    """A pass that is put together: which expressions, and what is added up.

    Attributes
    ----------
    source : Source
        The tree.
    info : TreeInfo
        What it looks like now.
    entries : (int or None, int or None)
        Where to start and stop, as in a slice.
    """

    source: Source
    info: TreeInfo
    entries: tuple[int | None, int | None] = (None, None)
    memory: int | str = "500 MB"
    threads: int | None = None
    engine: Engine | None = None
    progress: Progress | None = None
    cancel: Cancel | None = None
    _expressions: dict[Expression, int] = field(default_factory=dict)
    _passes: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        self.first, self.last = entry_range(self.info.n_entries, *self.entries)

    def number(self, expression: Expression) -> int:
        """Give the number of an expression among those that are evaluated."""
        return self._expressions.setdefault(expression, len(self._expressions))

    def place(self, text: str, role: str = "expression") -> int:
        """Check an expression, and give its number."""
        return self.number(self.info.check(text, role))

    def place_all(self, spec: Fill) -> tuple[tuple[int, ...], int | None, int | None]:
        """Check the expressions, the cut and the weight of a histogram."""
        values = tuple(self.place(text) for text in spec.expressions)
        return values, self.place_if(spec.cut, "cut"), self.place_if(spec.weight, "weight")

    def place_if(self, text: str | None, role: str) -> int | None:
        """Check an expression that may be left out."""
        return None if text is None else self.place(text, role)

    def run(self, sums: Mapping[str, Sum]) -> Covered:
        """Go over the entries."""
        expressions = tuple(self._expressions)
        plan = plan_memory(
            self.info,
            expressions,
            sums,
            self.last - self.first,
            memory=self.memory,
            threads=self.threads,
            engine=self.engine,
        )
        this = Pass(self.source, self.info, expressions, sums, plan.keep, plan.block, plan.window)
        tasks = task_ranges(self.info, self.first, self.last)
        return run(this, tasks, plan.threads, self.engine, self._progress(), self.cancel)

    def _progress(self) -> Progress | None:
        report, (before, passes) = self.progress, self._passes
        if report is None:
            return None

        def told(done: int, total: int) -> None:
            report(before * total + done, passes * total)

        return told

    def choose_bins(self, specs: Mapping[str, Fill]) -> dict[str, tuple[Any, ...]]:
        """Make the axes; those whose range is not given look at the values in a pass before."""
        seen: dict[str, SeenSum] = {}
        thin = max(1, -(-(self.last - self.first) // MAX_SEEN))
        for key, spec in specs.items():
            cut = self.place_if(spec.cut, "cut")
            for number, (text, bins) in enumerate(zip(spec.expressions, spec.binnings, strict=True)):
                place = self.place(text)
                if needs_values(bins):
                    seen[f"{key}\0{number}"] = SeenSum(place, cut, thin)
        found: dict[str, Any] = {}
        if seen:
            self._passes = 0, 2
            found = OnePass.run(self._only(seen), seen).totals
            self._passes = 1, 2
        return {key: self._axes(key, spec, found) for key, spec in specs.items()}

    def _only(self, seen: dict[str, SeenSum]) -> OnePass:
        """Give a pass that reads no more than it needs; the numbers in `seen` are changed to its own."""
        other = OnePass(
            self.source,
            self.info,
            self.entries,
            self.memory,
            self.threads,
            self.engine,
            self.progress,
            self.cancel,
        )
        other._passes = self._passes
        mine = list(self._expressions)
        for key, one in list(seen.items()):
            cut = None if one.cut is None else other.number(mine[one.cut])
            seen[key] = SeenSum(other.number(mine[one.value]), cut, one.thin)
        return other

    def _axes(self, key: str, spec: Fill, found: Mapping[str, Any]) -> tuple[Any, ...]:
        axes = []
        for number, (text, bins) in enumerate(zip(spec.expressions, spec.binnings, strict=True)):
            label = (spec.label if number == 0 else None) or self.info.label(text)
            name = _AXIS_NAMES[number]
            total = found.get(f"{key}\0{number}")
            if total is None:
                made = axis(bins, name=name, label=label)
            else:
                values = total.values
                if not np.isfinite(values).any():
                    if not self.stopped():
                        raise nothing_left(self.info, text, spec.cut, total.n_nan)
                    values = np.zeros(1)
                made = axis(bins, values, name=name, label=label)
            if getattr(made.traits, "growth", False):
                raise BinningError(
                    f"the axis {made!r} grows while it is filled: parts of a pass could not be added. "
                    "Give it its bins."
                )
            axes.append(made)
        return tuple(axes)

    def stopped(self) -> bool:
        """Whether somebody has cancelled."""
        return self.cancel is not None and self.cancel.is_set()


def nothing_left(info: TreeInfo, expression: str, cut: str | None, n_nan: int) -> SelectionError:
    """Say why a histogram would be empty."""
    if info.n_entries == 0:
        return SelectionError(
            f"tree {info.path!r} of {info.file!r} has no entries: there is nothing to fill."
        )
    if n_nan:
        which = f"of the entries that pass the cut {cut!r}" if cut else "of the entries"
        return SelectionError(
            f"{expression!r} is not a number for any {which} in tree {info.path!r} ({n_nan:,} values)."
        )
    if cut is None:
        return SelectionError(
            f"{expression!r} has no values in the {info.n_entries:,} entries of {info.path!r}."
        )
    return SelectionError(
        f"the cut {cut!r} leaves none of the {info.n_entries:,} entries of tree {info.path!r}. Loosen it."
    )


def as_fills(histograms: Any) -> dict[str, Fill]:
    """Give what to fill, by name, from what a person writes.

    Examples
    --------
    >>> as_fills({"m": ("mll", (40, 80, 160)), "n": {"expression": "n", "bins": "integer"}})["n"].bins
    'integer'
    """
    if not isinstance(histograms, Mapping):
        raise ExpressionError(
            "the histograms are a dict of name to what to fill, {'mass': ('M', (60, 60, 120))}, "
            f"not {histograms!r:.60}."
        )
    made = {}
    for key, what in histograms.items():
        try:
            made[key] = _as_fill(what)
        except TypeError as error:
            raise ExpressionError(
                f"histogram {key!r}: {what!r:.80} is none. Write hepnb.Fill(expression, bins, cut=, "
                "weight=), or a tuple of these."
            ) from error
    return made


def _as_fill(what: Any) -> Fill:
    if isinstance(what, Fill):
        return what
    if isinstance(what, str):
        return Fill(what)
    if isinstance(what, Mapping):
        return Fill(**what)
    if not isinstance(what, (tuple, list)):
        raise TypeError
    return Fill(*what)


def fill(
    one: OnePass, histograms: Mapping[str, Fill], cutflows: Mapping[str, tuple[Mapping[str, str], str | None]]
) -> Filled:
    """Fill histograms and cutflows in one pass.

    Parameters
    ----------
    one : OnePass
        Over which entries, and how.
    histograms : mapping of str to Fill
        What to fill.
    cutflows : mapping of str to (cuts, weight)
        What to count.

    Returns
    -------
    Filled
        The result.
    """
    begun = time.perf_counter()
    if not histograms and not cutflows:
        raise SelectionError("there is nothing to fill: name at least one histogram or cutflow.")
    flows = {key: (conditions(one.info, cuts), text) for key, (cuts, text) in cutflows.items()}
    # Everything is checked before the first byte is read.
    places = {key: one.place_all(spec) for key, spec in histograms.items()}
    counted = {
        key: CutflowSum(tuple(map(one.number, cuts.values())), one.place_if(text, "weight"))
        for key, (cuts, text) in flows.items()
    }
    axes = one.choose_bins(histograms)
    sums: dict[str, Sum] = {f"c{key}": total for key, total in counted.items()}
    for key, (values, cut, weight) in places.items():
        sums[f"h{key}"] = HistogramSum(axes[key], values, cut, weight)
    done = one.run(sums)
    return Filled(
        {key: histogram_of(one, key, spec, axes[key], done) for key, spec in histograms.items()},
        {key: cutflow_of(done.totals[f"c{key}"], cuts, text) for key, (cuts, text) in flows.items()},
        one.last - one.first,
        done.ranges,
        done.complete and not done.lost and not one.info.skipped,
        (*one.info.skipped, *done.lost),
        time.perf_counter() - begun,
    )


def fill_one(one: OnePass, spec: Fill) -> hist.Hist[Any]:
    """Fill one histogram.

    Raises
    ------
    SelectionError
        Where nothing is filled though nobody cancelled.
    """
    values, cut, weight = one.place_all(spec)
    axes = one.choose_bins({"": spec})[""]
    done = one.run({"h": HistogramSum(axes, values, cut, weight)})
    made = histogram_of(one, "", spec, axes, done)
    total: Totals = done.totals["h"]
    if not total.n_filled and not one.stopped():
        raise nothing_left(one.info, " and ".join(spec.expressions), spec.cut, total.n_nan)
    return made


def histogram_of(one: OnePass, key: str, spec: Fill, axes: tuple[Any, ...], done: Covered) -> hist.Hist[Any]:
    """Make the histogram of a total.

    Raises
    ------
    SelectionError
        Where a weight was not finite.
    """
    total: Totals = done.totals[f"h{key}"]
    if total.n_bad:
        raise SelectionError(
            f"the weight {spec.weight!r} in tree {one.info.path!r}: {total.n_bad} of {total.n_filled} "
            "weights are not finite. Cut those entries away, or mend them."
        )
    made: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Weight(), name=spec.name, label=spec.label)
    view: Any = made.view(flow=True)
    found = total.histogram.view(flow=True)
    view["value"] = found if spec.weight is None else found["value"]
    view["variance"] = found if spec.weight is None else found["variance"]
    made.metadata = {"n_nan": total.n_nan}
    lost = (*one.info.skipped, *done.lost)
    if lost:
        made.metadata["skipped"] = lost
    return made


def cutflow_of(total: CutflowTotals, cuts: Mapping[str, Expression], weight: str | None) -> Cutflow:
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
