"""The values of expressions for a block of entries, as accumulators ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import BranchError
from hepnb.events.language.expression import Expression
from hepnb.events.language.functions import is_list
from hepnb.events.passes.chunks import as_mask, elements_of, numbers, per_entry

__all__ = ["MAX_SELECTED", "EntryBlock", "VariedBlock"]

MAX_SELECTED = 32


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
        self._selected: dict[tuple[int, int | None], tuple[NDArray[Any], NDArray[np.int64] | None]] = {}

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

    def numbers(self, what: int, cut: int | None) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        """Give the values of an expression for the entries that pass a cut, in double precision.

        Returns
        -------
        values : numpy.ndarray, shape (n_passed,) or (n_elements,)
            All elements where the expression is flat.
        counts : numpy.ndarray of int, shape (n_passed,), or None
            Elements per entry where the expression is flat.
        """
        key = what, cut
        if key not in self._selected:
            if len(self._selected) >= MAX_SELECTED:
                self._selected.pop(next(iter(self._selected)))
            self._selected[key] = self._numbers(self.expressions[what], self.values[what], self.chosen(cut))
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
        self, expression: Expression, found: Any, chosen: NDArray[np.intp] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        if expression.flat and is_list(found):
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

    def numbers(self, what: int, cut: int | None) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        """Give the values of an expression for the entries that pass a cut, in double precision."""
        if what < 0 and (cut is None or cut < 0):
            return self._nominal.numbers(-1 - what, None if cut is None else -1 - cut)
        return super().numbers(what, cut)
