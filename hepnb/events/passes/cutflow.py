"""How many entries are left after each cut: counts, sums of weights, efficiencies with their errors."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from numpy.typing import NDArray

from hepnb.errors import MissingItemError, SelectionError, nearest, printable

__all__ = ["Cutflow", "CutflowRow"]

_NAN = float("nan")


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
    efficiency_error, efficiency_step_error : float
        Binomial standard deviations, sqrt(e (1 - e) / n); for intervals that are right at 0 and 1 too see
        :meth:`Cutflow.interval`.
    weighted_efficiency, weighted_efficiency_step : float
        The same ratios of sums of weights.
    weighted_efficiency_error, weighted_efficiency_step_error : float
        Their standard deviations: with W and V the sums of weights and of squared weights before the cut and
        v the latter after it, sqrt((1 - 2 e) v + e**2 V) / W; that is the binomial one where weights are 1.
    """

    name: str
    cut: str
    n_passed: int
    sumw: float
    sumw2: float
    efficiency: float
    efficiency_step: float
    n_alone: int
    efficiency_error: float = _NAN
    efficiency_step_error: float = _NAN
    weighted_efficiency: float = _NAN
    weighted_efficiency_error: float = _NAN
    weighted_efficiency_step: float = _NAN
    weighted_efficiency_step_error: float = _NAN


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

    @classmethod
    def of(
        cls,
        cuts: Mapping[str, str],
        n_passed: Sequence[int] | NDArray[Any],
        n_alone: Sequence[int] | NDArray[Any],
        sums: Any,
        weight: str | None = None,
    ) -> Cutflow:
        """Make a cutflow of what was counted.

        Parameters
        ----------
        cuts : mapping of str to str
            Name to text.
        n_passed, n_alone : array of int, shape (n_cuts + 1,)
            Of all entries, then after each cut; and that pass each cut alone.
        sums : array of float, shape (n_cuts + 1, 2)
            Sums of weights and of squared weights.
        weight : str, optional
            Text of the weight.

        Returns
        -------
        Cutflow
            One row more than there are cuts.

        Raises
        ------
        SelectionError
            Where a cut has the name of the first row.
        """
        if "all" in cuts:
            raise SelectionError("a cut is called 'all', as the row of all entries is. Give it another name.")
        names = {"all": "", **cuts}
        n = [int(number) for number in n_passed]
        sumw, sumw2 = ([float(pair[k]) for pair in sums] for k in (0, 1))
        rows = []
        for i, (name, text) in enumerate(names.items()):
            last = max(i - 1, 0)
            whole, step = _ratio(n[i], n[0]), _ratio(n[i], n[last])
            of_all, of_last = _ratio(sumw[i], sumw[0]), _ratio(sumw[i], sumw[last])
            row = CutflowRow(
                name=name,
                cut=text,
                n_passed=n[i],
                sumw=sumw[i],
                sumw2=sumw2[i],
                efficiency=whole,
                efficiency_step=step,
                n_alone=int(n_alone[i]),
                efficiency_error=_binomial(whole, n[0]),
                efficiency_step_error=_binomial(step, n[last]),
                weighted_efficiency=of_all,
                weighted_efficiency_error=_weighted_error(of_all, sumw2[i], sumw[0], sumw2[0]),
                weighted_efficiency_step=of_last,
                weighted_efficiency_step_error=_weighted_error(of_last, sumw2[i], sumw[last], sumw2[last]),
            )
            rows.append(row)
        return cls(tuple(rows), weight)

    def __iter__(self) -> Iterator[CutflowRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> CutflowRow:
        """Give the row of that name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise MissingItemError(
            f"the cutflow has no row {name!r}. {nearest(str(name), [row.name for row in self.rows])}"
        )

    def __add__(self, other: Cutflow) -> Cutflow:
        """Add the counts of another tree with the same cuts."""
        if not isinstance(other, Cutflow):
            return NotImplemented
        mine, theirs = ({row.name: row.cut for row in flow.rows} for flow in (self, other))
        if list(mine.items()) != list(theirs.items()):
            differ = next(
                (f"{a!r} and {b!r}" for a, b in zip(mine.items(), theirs.items(), strict=False) if a != b),
                f"{len(mine)} and {len(theirs)} rows",
            )
            raise SelectionError(f"cutflows with other cuts cannot be added: {differ}.")
        pairs = list(zip(self.rows, other.rows, strict=True))
        return Cutflow.of(
            {row.name: row.cut for row in self.rows[1:]},
            [a.n_passed + b.n_passed for a, b in pairs],
            [a.n_alone + b.n_alone for a, b in pairs],
            [(a.sumw + b.sumw, a.sumw2 + b.sumw2) for a, b in pairs],
            self.weight if self.weight == other.weight else f"{self.weight or 1}; {other.weight or 1}",
        )

    def interval(self, name: str, cl: float = 0.6827, *, step: bool = False) -> tuple[float, float]:
        """Give the Clopper-Pearson interval of an efficiency: it never covers less often than it says.

        Parameters
        ----------
        name : str
            The row.
        cl : float
            The confidence level.
        step : bool
            Of the entries left before this cut, instead of all.

        Returns
        -------
        (float, float)
            Lower and upper end; (0, 1) where there are no entries.

        Raises
        ------
        SelectionError
            Where there is no such row, or ``cl`` is not between 0 and 1.

        References
        ----------
        C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404.

        Examples
        --------
        >>> flow = Cutflow.of({"hard": "pt > 30"}, [10, 10], [10, 10], [(10, 10), (10, 10)])
        >>> [round(end, 4) for end in flow.interval("hard")]
        [0.8318, 1.0]
        """
        from scipy.stats import beta  # noqa: PLC0415  # slow to import

        if not 0 < cl < 1:
            raise SelectionError(f"cl={cl!r} is not between 0 and 1. Write 0.95 for 95%.")
        row = self[name]
        place = self.rows.index(row)
        k, n = row.n_passed, self.rows[max(place - 1, 0) if step else 0].n_passed
        tail = (1 - cl) / 2
        low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
        high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
        return low, high

    def table(self) -> list[dict[str, Any]]:
        """Give the rows as dictionaries."""
        return [{field.name: getattr(row, field.name) for field in fields(row)} for row in self.rows]

    def _columns(self) -> list[tuple[str, list[str]]]:
        """Titles and cells, all text."""
        columns = [
            ("entries", [f"{row.n_passed:,}" for row in self.rows]),
            ("of all", [_percent(row.efficiency, row.efficiency_error) for row in self.rows]),
            ("of last", [_percent(row.efficiency_step, row.efficiency_step_error) for row in self.rows]),
        ]
        if self.weight is not None:
            columns += [
                ("sum of weights", [f"{row.sumw:.6g} ± {math.sqrt(row.sumw2):.2g}" for row in self.rows]),
                (
                    "of all",
                    [_percent(row.weighted_efficiency, row.weighted_efficiency_error) for row in self.rows],
                ),
                (
                    "of last",
                    [
                        _percent(row.weighted_efficiency_step, row.weighted_efficiency_step_error)
                        for row in self.rows
                    ],
                ),
            ]
        return columns

    def __str__(self) -> str:
        columns = self._columns()
        width = min(max([20, *(len(row.name) for row in self.rows)]), 40)
        widths = [max(len(title), *map(len, cells)) for title, cells in columns]
        lines = [
            "  ".join(
                [f"{'cut':<{width}}", *(f"{t:>{w}}" for (t, _), w in zip(columns, widths, strict=True))]
            )
        ]
        for i, row in enumerate(self.rows):
            cells = [f"{cells[i]:>{w}}" for (_, cells), w in zip(columns, widths, strict=True)]
            lines.append("  ".join([f"{row.name:<{width}.{width}}", *cells]))
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        columns = self._columns()
        head = "".join(f"<th>{title}</th>" for title in ("", "cut", *(title for title, _ in columns)))
        body = "".join(
            f"<tr><th>{html.escape(row.name)}</th><td><code>{html.escape(row.cut)}</code></td>"
            + "".join(f"<td>{cells[i]}</td>" for _, cells in columns)
            + "</tr>"
            for i, row in enumerate(self.rows)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else _NAN


def _binomial(efficiency: float, n: int) -> float:
    return math.sqrt(efficiency * (1 - efficiency) / n) if n else _NAN


def _weighted_error(efficiency: float, sumw2: float, whole: float, whole2: float) -> float:
    if math.isnan(efficiency):
        return _NAN
    return math.sqrt(max((1 - 2 * efficiency) * sumw2 + efficiency**2 * whole2, 0.0)) / abs(whole)


def _percent(value: float, error: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2%} ± {100 * error:.2f}"
