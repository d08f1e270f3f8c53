"""Bins and ranges as they are typed into boxes."""

from __future__ import annotations

from typing import Any

from hepnb.errors import HepnbError
from hepnb.histograms import Binning, axis

__all__ = ["read_bins", "read_range"]

# Bins that depend on the values are asked whether they are bins with these.
_SOME_VALUES = (0.0, 1.0)


def read_bins(text: Any) -> Any:
    """Read bins that were typed, or take them as they are.

    Raises
    ------
    BinningError
        If they are none.
    """
    bins = Binning.parse(text).bins if isinstance(text, str) else text
    if bins is not None and not isinstance(bins, str):
        axis(bins, _SOME_VALUES)
    return bins


def read_range(given: Any) -> tuple[float, float] | None:
    """Check a range.

    Raises
    ------
    HepnbError
        If it is empty, or not two numbers.
    """
    if given is None:
        return None
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise HepnbError(f"range {given!r} is not two numbers. Give (low, high).") from None
    if not low < high:
        raise HepnbError(f"range ({low:g}, {high:g}) is empty. Give (low, high) with low below high.")
    return low, high
