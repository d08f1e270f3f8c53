"""Mini histograms of branches, from the first entries, for the rows that somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from hepnb.errors import HepnbError
from hepnb.events import Branch, Tree
from hepnb.widgets.toolkit.background import Background

__all__ = ["N_ENTRIES", "Sparks", "spark_of"]

N_ENTRIES = 2_000
_N_BINS = 24
_BATCH = 16
_NUMERIC = ("number", "bool", "list", "array")

Show = Callable[[Mapping[str, Mapping[str, Any]]], None]


def spark_of(values: Any) -> tuple[list[int], str]:
    """Count values in a few bins between their extremes, outliers left out.

    Parameters
    ----------
    values : array_like, shape (n,)
        What is not finite does not count.

    Returns
    -------
    counts : list of int
        Empty where there is nothing to show.
    words : str
        The range.

    Examples
    --------
    >>> spark_of([1.0, 1.0, 2.0])[1]
    '1 to 2'
    """
    numbers = np.asarray(values, dtype=float).ravel()
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return [], "no values"
    low, high = np.percentile(finite, [0.5, 99.5])
    words = f"{finite.min():.4g} to {finite.max():.4g}"
    if low == high:
        low, high = finite.min(), finite.max()
    counts, _ = np.histogram(
        finite, bins=_N_BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5)
    )
    return [int(count) for count in counts], words


class Sparks:
    """Fills sparks in a background thread, a batch of branches at a time.

    Parameters
    ----------
    show : callable
        Takes ``{branch name: {"spark": counts, "tooltip": words}}``.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._background = Background("sparks")
        self._waiting: dict[str, Branch] = {}
        self._tree: Tree | None = None

    def start(self, tree: Tree | None) -> None:
        """Forget what was asked for, and serve another tree."""
        self._tree = tree
        self._waiting = {}

    def want(self, names: Iterable[str]) -> None:
        """Ask for branches; those asked for last come first."""
        tree = self._tree
        if tree is None:
            return
        asked = {name: tree.branch(name) for name in names}
        self._waiting = asked | {k: v for k, v in self._waiting.items() if k not in asked}
        self._background.post(self._work)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is shown."""
        return self._background.flush(timeout)

    def _work(self) -> None:
        while self._waiting:
            tree, waiting = self._tree, self._waiting
            batch = list(waiting.items())[:_BATCH]
            if tree is None:
                return
            cells = {name: _cell(tree, branch) for name, branch in batch}
            if self._waiting is waiting and self._tree is tree:
                self._waiting = {name: branch for name, branch in waiting.items() if name not in cells}
                self._show(cells)


def _cell(tree: Tree, branch: Branch) -> dict[str, Any]:
    about = branch.title if branch.title and branch.title != branch.name else branch.name
    if not branch.readable:
        return {"spark": None, "tooltip": branch.reason}
    if branch.kind not in _NUMERIC:
        return {"spark": None, "tooltip": f"{about}\n{branch.typename}"}
    single = branch.kind in ("number", "bool")
    expression = branch.expression if single else f"flatten({branch.expression})"
    try:
        values = tree.arrays({"values": expression}, entry_stop=N_ENTRIES)["values"]
        counts, words = spark_of(values)
    except (
        HepnbError,
        ValueError,
        TypeError,
    ) as error:  # a list of lists, text in a list: no picture, no harm
        return {"spark": None, "tooltip": f"{about}\n{str(error).partition(chr(10))[0]}"}
    return {"spark": counts, "tooltip": f"{about}\n{words} in the first {N_ENTRIES:,} entries"}
