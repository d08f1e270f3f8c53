"""Histograms and cutflows of a tree, and of its variations, in one pass."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from hepnb.errors import ExpressionError, SelectionError
from hepnb.events.language.expression import Expression
from hepnb.events.passes.accumulators import Accumulator, CutflowAccumulator, HistogramAccumulator
from hepnb.events.passes.fill_pass import FillPass, cutflow_of, histogram_of, named, warn_if_empty
from hepnb.events.passes.fill_spec import Fill, FillResults
from hepnb.events.passes.tasks import PassResult, Variation
from hepnb.events.sources.named_cuts import conditions
from hepnb.events.sources.source import TreeReader
from hepnb.events.sources.varied import formulas_of, varied

__all__ = ["fill"]

_Places = tuple[tuple[int, ...], int | None, int | None]


@dataclass
class _Filling:
    """What is filled of the tree, or of one variation of it.

    Attributes
    ----------
    variation : str or None
        Its name; None for the tree as it is.
    scope : int
        Its number, from 1; 0 for the tree as it is.
    reader : TreeReader
        What the expressions are checked against.
    replaced : dict of str to int
        What stands for branches and columns: numbers of expressions of the tree as it is.
    keys : dict of str to hashable
        What adds up a histogram or a cutflow: "h" or "c" and its name.
    cuts : dict of str to dict
        By cutflow: its cuts.
    """

    variation: str | None
    scope: int
    reader: TreeReader
    replaced: dict[str, int] = field(default_factory=dict)
    expressions: dict[Expression, int] = field(default_factory=dict)
    keys: dict[str, Hashable] = field(default_factory=dict)
    cuts: dict[str, dict[str, Expression]] = field(default_factory=dict)

    def number(self, one: FillPass, expressions: Sequence[Expression | None]) -> tuple[int, list[int | None]]:
        """Give the scope of expressions that belong together, and their numbers in it.

        What reads nothing that is replaced is that of the tree as it is: all of it in its scope, or some of
        it by a negative number.
        """
        nominal = [
            None if each is None or not self.replaced.keys().isdisjoint(each.branches) else one.number(each)
            for each in expressions
        ]
        if all((each is None) == (at is None) for each, at in zip(expressions, nominal, strict=True)):
            return 0, nominal
        own, found = self.expressions, list[int | None]()
        for each, at in zip(expressions, nominal, strict=True):
            if each is None:
                found.append(None)
            else:
                found.append(own.setdefault(each, len(own)) if at is None else -1 - at)
        return self.scope, found

    def place(self, one: FillPass, key: str, spec: Fill) -> tuple[int, _Places]:
        """Check a histogram, and say where its values are."""
        with self.named(f"histogram {key!r}"):
            check = self.reader.check
            cut = None if spec.cut is None else check(spec.cut, "cut")
            weight = None if spec.weight is None else check(spec.weight, "weight")
            scope, (cut_at, weight_at, *values) = self.number(
                one, [cut, weight, *(check(text) for text in spec.expressions)]
            )
            return scope, (tuple(at for at in values if at is not None), cut_at, weight_at)

    def count(self, one: FillPass, key: str, asked: Any, text: str | None) -> tuple[int, CutflowAccumulator]:
        """Check a cutflow, and say where its cuts are."""
        with self.named(f"cutflow {key!r}"):
            cuts = self.cuts[key] = conditions(self.reader, asked)
            weight = None if text is None else self.reader.check(text, "weight")
            scope, (weight_at, *places) = self.number(one, [weight, *cuts.values()])
            counted = CutflowAccumulator(tuple(at for at in places if at is not None), weight_at)
            cutflow_of(counted.start(), cuts, text)
            return scope, counted

    def named(self, what: str) -> ExitStack:
        """Put what it is about before the words of an error."""
        stack = ExitStack()
        if self.variation is not None:
            stack.enter_context(named(f"variation {self.variation!r}"))
        stack.enter_context(named(what))
        return stack


def fill(
    one: FillPass,
    histograms: Mapping[str, Fill],
    cutflows: Mapping[str, tuple[Any, str | None]],
    variations: Mapping[str, Mapping[str, str]] | None = None,
) -> FillResults:
    """Fill histograms and cutflows in one pass.

    Parameters
    ----------
    one : FillPass
        Over which entries, and how.
    histograms : mapping of str to Fill
        What to fill.
    cutflows : mapping of str to (cuts, weight)
        What to count.
    variations : mapping of str to mapping of str to str, optional
        By variation: what is replaced by which formula.

    Returns
    -------
    FillResults
        The result.
    """
    begun = time.perf_counter()
    if not histograms and not cutflows:
        raise SelectionError("there is nothing to fill: name at least one histogram or cutflow.")
    fillings = [_Filling(None, 0, one.reader)]
    for name, replaced in _variations(variations).items():
        formulas = formulas_of(one.reader, name, replaced)
        places = {what: one.number(formula) for what, formula in formulas.items()}
        fillings.append(_Filling(name, len(fillings), varied(one.reader, name, formulas), places))
    # Everything is checked before the first byte is read; what a variation does not change is filled once.
    placed: dict[Hashable, tuple[str, _Places]] = {}
    scopes: dict[Hashable, int] = {}
    sums: dict[Hashable, Accumulator] = {}
    for filling in fillings:
        for key, spec in histograms.items():
            scope, at = filling.place(one, key, spec)
            filling.keys[f"h{key}"] = "h", key, scope, at
            placed["h", key, scope, at] = key, at
            scopes["h", key, scope, at] = scope
        for key, (asked, text) in cutflows.items():
            scope, counted = filling.count(one, key, asked, text)
            filling.keys[f"c{key}"] = "c", scope, counted
            sums["c", scope, counted] = counted
            scopes["c", scope, counted] = scope
    axes = one.choose_bins(histograms)
    sums |= {name: HistogramAccumulator(axes[key], *at) for name, (key, at) in placed.items()}
    others = tuple(Variation(each.replaced, tuple(each.expressions)) for each in fillings[1:])
    done = one.run(sums, others, scopes)
    if one.wants_entries():
        nominal = {key: done.totals[fillings[0].keys[f"h{key}"]] for key in histograms}
        warn_if_empty(one.reader, histograms, nominal)
    weights = {key: text for key, (_, text) in cutflows.items()}
    seconds = time.perf_counter() - begun
    results = [_results(one, filling, histograms, axes, weights, done, seconds) for filling in fillings]
    results[0].variations.update(
        (str(filling.variation), result) for filling, result in zip(fillings[1:], results[1:], strict=True)
    )
    return results[0]


def _results(
    one: FillPass,
    filling: _Filling,
    histograms: Mapping[str, Fill],
    axes: Mapping[str, tuple[Any, ...]],
    weights: Mapping[str, str | None],
    done: PassResult,
    seconds: float,
) -> FillResults:
    made, flows = {}, {}
    for key, spec in histograms.items():
        with filling.named(f"histogram {key!r}"):
            made[key] = histogram_of(one, filling.keys[f"h{key}"], spec, axes[key], done)
    for key, cuts in filling.cuts.items():
        with filling.named(f"cutflow {key!r}"):
            flows[key] = cutflow_of(done.totals[filling.keys[f"c{key}"]], cuts, weights[key])
    return FillResults(
        made,
        flows,
        one.last - one.first,
        done.ranges,
        done.complete and not done.lost and not one.reader.skipped,
        (*one.reader.skipped, *done.lost),
        seconds,
    )


def _variations(variations: Any) -> Mapping[str, Any]:
    if variations is None:
        return {}
    if not isinstance(variations, Mapping) or not all(isinstance(name, str) for name in variations):
        raise ExpressionError(
            "the variations are a dict of name to what is replaced, {'jes_up': {'Jet_pt': '1.02 * Jet_pt'}}, "
            f"not {variations!r:.60}."
        )
    return variations
