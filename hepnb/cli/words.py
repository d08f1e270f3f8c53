"""What the commands print: tables, and numbers for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from hepnb.errors import printable

if TYPE_CHECKING:
    from hepnb.limits import LimitResults

__all__ = ["BANDS", "limit_rows", "number", "plain", "print_json", "say", "table"]

BANDS = ("-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")


def say(text: str, *, error: bool = False) -> None:
    """Print a text; names in it that would move the cursor or clear the screen are escaped.

    Parameters
    ----------
    text : str
        What to print.
    error : bool
        Whether to print it to stderr.
    """
    typer.echo(printable(text), err=error)


def print_json(text: str) -> None:
    """Print JSON, which escapes by itself what would move the cursor."""
    typer.echo(text)


def plain(values: Any) -> Any:
    """Arrays as nested lists for JSON, which has no NaN: a point that failed is null."""
    array = np.asarray(values, dtype=float)
    listed = array.astype(object)
    listed[~np.isfinite(array)] = None
    return listed.tolist()


def number(value: float) -> str:
    """A number with five digits; a dash where there is none."""
    return f"{value:#.5g}" if np.isfinite(value) else "-"


def limit_rows(poi: str, found: LimitResults) -> list[tuple[str, ...]]:
    """The rows of the printed table that say the limit."""
    from hepnb.limits.results import CURVES  # noqa: PLC0415  # other commands need no fits

    values = [found.observed, *found.expected]
    errors = [
        getattr(found, "observed_uncertainty", np.nan),
        *getattr(found, "expected_uncertainty", [np.nan] * 5),
    ]
    notes = [f"{poi} at {100 * found.cl:g} % CL", *["expected"] * 5]
    return [
        (
            f"upper limit, {name}",
            found.words(curve) if curve in found.brackets else number(value),
            f"+- {error:.2g} from the number of toys, {note}" if np.isfinite(error) else note,
        )
        for name, curve, value, error, note in zip(
            ("observed", *BANDS), CURVES, values, errors, notes, strict=True
        )
    ]


def table(rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows as aligned columns; the columns in ``numbers`` to the right."""
    lines = [tuple(printable(cell).replace("\n", "\\n") for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
