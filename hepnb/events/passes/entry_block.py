"""The values of expressions for a block of entries, as accumulators ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError, SelectionError
from hepnb.events.language.expression import Expression
from hepnb.events.language.functions import is_list
from hepnb.events.passes.chunks import as_mask, elements_of, numbers, per_entry

__all__ = ["MAX_SELECTED", "EntryBlock", "VariedBlock", "paired"]

MAX_SELECTED = 32
_Counts: TypeAlias = "NDArray[np.int64] | None"


class EntryBlock:
    """The values of all expressions for some entries; masks and selected values are made once.

    Parameters
    ----------
    expressions : sequence of Expression
        What was evaluated.
    values : sequence
        What came out.
    n : int
        Entries in the block.
    """

    def __init__(self, expressions: Sequence[Expression], values: Sequence[Any], n: int) -> None:
        self.expressions = expressions
        self.values = values
        self.n = n
        self._masks: dict[int, NDArray[np.bool_]] = {}
        self._chosen: dict[int, NDArray[np.intp] | None] = {}
        self._selected: dict[tuple[int, int | None, bool], tuple[NDArray[Any], _Counts]] = {}

    def mask(self, cut: int) -> NDArray[np.bool_]:
        """Which entries pass a cut, shape (n,)."""
        if cut not in self._masks:
            self._masks[cut] = as_mask(self.expressions[cut], self.values[cut], self.n)
        return self._masks[cut]

    def chosen(self, cut: int | None) -> NDArray[np.intp] | None:
        """Places of the entries that pass a cut; None for all of them."""
        if cut is None:
            return None
        if cut not in self._chosen:
            places = np.flatnonzero(self.mask(cut))
            self._chosen[cut] = None if places.size == self.n else places
        return self._chosen[cut]

    def n_passed(self, cut: int | None) -> int:
        """How many entries pass a cut."""
        places = self.chosen(cut)
        return self.n if places is None else places.size

    def numbers(self, what: int, cut: int | None, lists: bool = False) -> tuple[NDArray[np.float64], _Counts]:
        """Give the values of an expression for the entries that pass a cut, in double precision.

        Parameters
        ----------
        what, cut : int
            Numbers of the expression and of the cut.
        lists : bool
            Whether a list per event is taken without ``flatten(...)`` too, as of a weight.

        Returns
        -------
        values : numpy.ndarray, shape (n_passed,) or (n_elements,)
            All elements where the expression is flat.
        counts : numpy.ndarray of int, shape (n_passed,), or None
            Elements per entry where the expression is flat.
        """
        key = what, cut, lists
        if key not in self._selected:
            if len(self._selected) >= MAX_SELECTED:
                self._selected.pop(next(iter(self._selected)))
            expression, found = self.expressions[what], self.values[what]
            self._selected[key] = self._numbers(expression, found, self.chosen(cut), lists or expression.flat)
        return self._selected[key]

    def texts(self, what: int, cut: int | None) -> tuple[NDArray[Any], None]:
        """Give the texts of an expression for the entries that pass a cut, one each.

        Raises
        ------
        BranchError
            Where it gives numbers.
        """
        expression, chosen = self.expressions[what], self.chosen(cut)
        value = per_entry(expression, self.values[what], self.n)
        if value.dtype.kind not in "UOT":
            raise BranchError(
                f"{expression.text!r} gives numbers, its axis has bins for texts. Use "
                "hist.axis.IntCategory([...]), or (n, low, high)."
            )
        return (value if chosen is None else value.take(chosen)), None

    def _numbers(
        self, expression: Expression, found: Any, chosen: NDArray[np.intp] | None, lists: bool
    ) -> tuple[NDArray[np.float64], _Counts]:
        if lists and is_list(found):
            values, counts = elements_of(found if chosen is None else found[chosen])
            return numbers(expression, values), counts
        value = per_entry(expression, found, self.n, flat=True)
        return numbers(expression, value if chosen is None else value.take(chosen)), None


class VariedBlock(EntryBlock):
    """The values of a variation: its own, and by negative numbers those of the tree as it is.

    Parameters
    ----------
    nominal : EntryBlock
        The values of the tree as it is: number k of them is -1 - k here.
    expressions, values
        What was evaluated of the variation, and what came out.
    """

    def __init__(self, nominal: EntryBlock, expressions: Sequence[Expression], values: Sequence[Any]) -> None:
        # Python counts from the end where a number is negative: the last one is -1.
        joined = [*expressions, *reversed(nominal.expressions)], [*values, *reversed(nominal.values)]
        super().__init__(*joined, nominal.n)
        self._nominal = nominal

    def mask(self, cut: int) -> NDArray[np.bool_]:
        """Which entries pass a cut, shape (n,)."""
        return self._nominal.mask(-1 - cut) if cut < 0 else super().mask(cut)

    def chosen(self, cut: int | None) -> NDArray[np.intp] | None:
        """Places of the entries that pass a cut; None for all of them."""
        return super().chosen(cut) if cut is None or cut >= 0 else self._nominal.chosen(-1 - cut)

    def numbers(self, what: int, cut: int | None, lists: bool = False) -> tuple[NDArray[np.float64], _Counts]:
        """Give the values of an expression for the entries that pass a cut, in double precision."""
        if what < 0 and (cut is None or cut < 0):
            return self._nominal.numbers(-1 - what, None if cut is None else -1 - cut, lists)
        return super().numbers(what, cut, lists)


def paired(
    block: EntryBlock, places: Sequence[int], cut: int | None, weight: int | None, texts: Sequence[bool] = ()
) -> tuple[list[NDArray[Any]], NDArray[np.float64] | None, _Counts]:
    """Give what is filled together: values of several expressions, and their weights.

    Parameters
    ----------
    block : EntryBlock
        The values.
    places : sequence of int
        Numbers of the expressions.
    cut, weight : int or None
        Numbers of the cut and of the weight.
    texts : sequence of bool
        Which of the expressions give texts.

    Returns
    -------
    columns : list of numpy.ndarray
        One value of each expression for everything that is filled.
    weights : numpy.ndarray or None
        A weight for each: that of the element, or that of the event for each of its elements.
    counts : numpy.ndarray or None
        Elements per entry, where there are lists.

    Raises
    ------
    BranchError
        Where the weight alone is a list per event.
    SelectionError
        Where lists differ in how many elements the events have.
    """
    wanted = [*zip(places, texts or [False] * len(places), strict=True)]
    found = [block.texts(what, cut) if text else block.numbers(what, cut) for what, text in wanted]
    counts = next((counts for _, counts in found if counts is not None), None)
    if weight is not None:
        found.append(block.numbers(weight, cut, lists=True))
        if counts is None and found[-1][1] is not None:
            shown = [repr(block.expressions[one].text) for one in (weight, places[0])]
            raise BranchError(
                f"the weight {shown[0]} is a list per event, but {shown[1]} has one value per event: fill "
                "flatten(...) of lists of the same lengths, or choose one weight, such as w[:, 0]."
            )
        places = (*places, weight)
    if counts is not None:
        with_lists = {what: n for what, (_, n) in zip(places, found, strict=True) if n is not None}
        first = next(iter(with_lists))
        for what, lengths in with_lists.items():
            if not np.array_equal(lengths, counts) or not _nested_alike(block, first, what):
                shown = [repr(block.expressions[one].text) for one in with_lists]
                raise SelectionError(
                    f"{' and '.join(shown)} differ in how many elements the events have (at "
                    f"{block.expressions[what].text!r}): they cannot be filled against each other."
                )
        found = [(each if n is not None else np.repeat(each, counts), counts) for each, n in found]
    columns = [values for values, _ in found]
    return columns, None if weight is None else columns.pop(), counts


def _nested_alike(block: EntryBlock, one: int, other: int) -> bool:
    """Tell whether lists of lists have inner lists of the same lengths; lists of numbers do."""
    first, second = block.values[one], block.values[other]
    if first is second or first.ndim == second.ndim == 2:
        return True
    if first.ndim != second.ndim:
        return False
    depths = range(2, first.ndim)
    return all(ak.array_equal(ak.num(first, axis=n), ak.num(second, axis=n)) for n in depths)
