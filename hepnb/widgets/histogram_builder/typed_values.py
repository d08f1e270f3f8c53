"""Bins and ranges as they are typed into boxes."""

from __future__ import annotations

from typing import Any

from hepnb.errors import HepnbError
from hepnb.histograms import Binning, axis

__all__ = ["read_bins", "read_range", "split_axes"]

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


def split_axes(text: str) -> tuple[str, str]:
    """Split ``y:x``, the way of ROOT to write a map.

    Parameters
    ----------
    text : str
        An expression, or two with a colon between them. Colons inside brackets or backticks do not count.

    Returns
    -------
    y, x : str
        The first is empty where there is one expression only.

    Raises
    ------
    HepnbError
        If there are more than two.

    Examples
    --------
    >>> split_axes("pt:abs(eta)"), split_axes("Muon_pt[:, 0]"), split_axes("a:`b:c`")
    (('pt', 'abs(eta)'), ('', 'Muon_pt[:, 0]'), ('a', '`b:c`'))
    """
    parts, depth, quoted = [""], 0, ""
    for letter in text:
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "`'\"":
            quoted = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if letter == ":" and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    parts = [part.strip() for part in parts]
    if len(parts) > 2:
        raise HepnbError(f"{text!r} has {len(parts)} axes. Write one expression, or y:x.")
    if len(parts) == 2 and not all(parts):
        raise HepnbError(f"{text!r}: one side of the colon is empty. Write y:x.")
    return ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
