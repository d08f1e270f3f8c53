"""Small tables for notebooks: what results and models show of themselves without a picture."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence

from hepnb.errors import printable

__all__ = ["cls_number", "html_table", "number", "number_with_error"]

_MOST_ROWS = 200
# CLs below it has no digits that mean anything: the hypothesis is excluded beyond any doubt.
_NO_DOUBT = 1e-12


def html_table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> str:
    """Return a table as HTML; all texts are escaped, names from files among them.

    Parameters
    ----------
    caption : str
        What the table shows.
    header : sequence of str
        The names of the columns; the first column names the rows.
    rows : iterable of sequence of str
        Of the same length. Of more than two hundred the first are shown.
    notes : iterable of str
        Sentences below the table; empty ones are left out.

    Returns
    -------
    str
        A ``<table>``, and a ``<p>`` for each note.

    Examples
    --------
    >>> print(html_table("fit", ["", "value"], [["<mu>", "0.5"]], ["converged"]))
    <table><caption>fit</caption><thead><tr><th scope="col"></th><th scope="col">value</th></tr></thead>
    <tbody><tr><th scope="row">&lt;mu&gt;</th><td>0.5</td></tr></tbody></table><p>converged</p>
    """
    listed = [list(row) for row in rows]
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{_text(first)}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in others)}</tr>'
        for first, *others in listed[:_MOST_ROWS]
    )
    left = len(listed) - _MOST_ROWS
    below = [*([f"and {left} more rows"] if left > 0 else []), *filter(None, notes)]
    return (
        f"<table><caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
        + "".join(f"<p>{_text(note)}</p>" for note in below)
    )


def _text(text: str) -> str:
    return html.escape(printable(str(text)))


def number(value: float, digits: int = 4) -> str:
    """Return a number as text; a dash where there is none.

    Examples
    --------
    >>> number(0.123456), number(float("nan")), number(float("inf"))
    ('0.1235', '–', '∞')
    """
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}g}" if math.isfinite(value) else ("∞" if value > 0 else "−∞")


def cls_number(value: float, shown: Callable[[float], str] | None = None) -> str:
    """Return CLs as text: of a hypothesis that is excluded beyond any doubt only that.

    Parameters
    ----------
    value : float
        CLs.
    shown : callable, optional
        How any other number is written; as by :func:`number` if None.

    Examples
    --------
    >>> cls_number(0.04321), cls_number(3.2e-57), cls_number(float("nan"))
    ('0.04321', 'below 1e-12', '–')
    """
    return f"below {_NO_DOUBT:g}" if 0 <= value < _NO_DOUBT else (shown or number)(value)


def number_with_error(value: float, error: float) -> str:
    """Return a value with its uncertainty; the value alone where it has none.

    Examples
    --------
    >>> number_with_error(1.5, 0.25), number_with_error(1.0, 0.0)
    ('1.5 ± 0.25', '1')
    """
    return f"{number(value)} ± {number(error, 2)}" if error > 0 else number(value)
