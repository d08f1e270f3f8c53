"""Evaluate a block of events a few at a time, where all at once would have too many combinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import awkward as ak
import numpy as np

from hepnb.events.language import combinations
from hepnb.events.language.combinations import TooManyAtOnce

__all__ = ["in_pieces", "put_together"]


def in_pieces(
    evaluate: Callable[[Mapping[str, Any], int], Any],
    columns: Mapping[str, Any],
    n: int,
    many: TooManyAtOnce,
) -> Any:
    """Evaluate pieces of a block, and put the values together.

    Parameters
    ----------
    evaluate : callable
        Evaluates columns of some number of entries.
    columns : mapping of str to array
        The block.
    n : int
        Entries in the block, at least two.
    many : TooManyAtOnce
        How many combinations it has.

    Returns
    -------
    numpy.ndarray, awkward.Array, or a list of these
        As `evaluate` gives it.
    """
    number = min(n, max(2, int(np.ceil(1.25 * many.number / combinations.MAX_AT_ONCE))))
    edges = np.linspace(0, n, number + 1).astype(int).tolist()
    found = []
    for start, stop in pairwise(edges):
        value = evaluate({name: column[start:stop] for name, column in columns.items()}, stop - start)
        found.append([_own(one) for one in value] if isinstance(value, list) else _own(value))
    if isinstance(found[0], list):
        return [put_together([piece[i] for piece in found]) for i in range(len(found[0]))]
    return put_together(found)


def put_together(pieces: list[Any]) -> Any:
    """Join the values of successive entries; what does not depend on the entry is the same in all."""
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    return ak.concatenate(pieces) if isinstance(pieces[0], ak.Array) else pieces[0]


def _own(value: Any) -> Any:
    """A copy where the next piece would write over it."""
    return value.copy() if isinstance(value, np.ndarray) else value
