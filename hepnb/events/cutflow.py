"""How many entries are left after each cut."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepnb.errors import SelectionError
from hepnb.events.expressions import Expression
from hepnb.events.stream import mask_of, weights_of

__all__ = ["Cutflow", "CutflowRow", "count"]


@dataclass(frozen=True)
class CutflowRow:
    """One step of a cutflow.

    Attributes
    ----------
    name, cut : str
        Name and text of the cut; "all" and "" for the first row.
    n_passed : int
        Entries left after this cut and those before it.
    sumw, sumw2 : float
        Sums of their weights and squared weights.
    efficiency : float
        `n_passed` over all entries; NaN where there are none.
    efficiency_step : float
        `n_passed` over the entries left before this cut.
    n_alone : int
        Entries that pass this cut alone.
    """

    name: str
    cut: str
    n_passed: int
    sumw: float
    sumw2: float
    efficiency: float
    efficiency_step: float
    n_alone: int


@dataclass(frozen=True)
class Cutflow:
    """The rows, and the weight that was used.

    Attributes
    ----------
    rows : tuple of CutflowRow
        All entries first, then one per cut.
    weight : str or None
        Text of the weight.
    """

    rows: tuple[CutflowRow, ...]
    weight: str | None = None

    def __iter__(self) -> Iterator[CutflowRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> CutflowRow:
        """Give the row of that name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise SelectionError(
            f"the cutflow has no row {name!r}. There are: {[row.name for row in self.rows]}."
        )

    def table(self) -> list[dict[str, Any]]:
        """Give the rows as dictionaries."""
        return [dict(row.__dict__) for row in self.rows]

    def __str__(self) -> str:
        lines = [f"{'cut':<20} {'entries':>12} {'sum of weights':>16} {'of all':>8} {'of last':>8}"]
        lines += [
            f"{row.name:<20.20} {row.n_passed:>12,} {row.sumw:>16.6g} "
            f"{row.efficiency:>8.2%} {row.efficiency_step:>8.2%}"
            for row in self.rows
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{title}</th>" for title in ("", "cut", "entries", "sum of weights", "of all", "of last")
        )
        body = "".join(
            f"<tr><th>{html.escape(row.name)}</th><td><code>{html.escape(row.cut)}</code></td>"
            f"<td>{row.n_passed:,}</td><td>{row.sumw:.6g}</td><td>{row.efficiency:.2%}</td>"
            f"<td>{row.efficiency_step:.2%}</td></tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def count(
    chunks: Iterable[tuple[int, int, dict[str, Any]]],
    cuts: Mapping[str, Expression],
    weight: Expression | None,
) -> Cutflow:
    """Count over chunks of columns.

    Parameters
    ----------
    chunks : iterable of (start, stop, columns)
        The entries.
    cuts : mapping of name to Expression
        In the order they are applied.
    weight : Expression, optional
        Weight of each entry.

    Returns
    -------
    Cutflow
        One row more than there are cuts.
    """
    texts = {"all": "", **{name: cut.text for name, cut in cuts.items()}}
    if len(texts) != len(cuts) + 1:
        raise SelectionError("a cut is called 'all', as the row of all entries is. Give it another name.")
    n_passed = np.zeros(len(texts), dtype=np.int64)
    n_alone = np.zeros(len(texts), dtype=np.int64)
    sums = np.zeros((len(texts), 2))
    for start, stop, columns in chunks:
        n = stop - start
        left = np.ones(n, dtype=bool)
        weights = np.ones(n) if weight is None else weights_of(weight, columns, n)
        for i, cut in enumerate((None, *cuts.values())):
            mask = mask_of(cut, columns, n)
            left = left if mask is None else left & mask
            n_passed[i] += np.count_nonzero(left)
            n_alone[i] += n if mask is None else np.count_nonzero(mask)
            kept = weights[left]
            sums[i] += kept.sum(), (kept * kept).sum()
    rows = tuple(
        CutflowRow(
            name,
            text,
            int(n_passed[i]),
            float(sums[i, 0]),
            float(sums[i, 1]),
            _ratio(n_passed[i], n_passed[0]),
            _ratio(n_passed[i], n_passed[max(i - 1, 0)]),
            int(n_alone[i]),
        )
        for i, (name, text) in enumerate(texts.items())
    )
    return Cutflow(rows, None if weight is None else weight.text)


def _ratio(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else float("nan")
