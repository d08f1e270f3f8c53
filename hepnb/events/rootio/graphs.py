"""Graphs and efficiencies as tables of columns."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepnb.errors import FileError, nearest

__all__ = ["GRAPHS", "Table", "graph_table"]

GRAPHS = (
    "TGraph",
    "TGraphErrors",
    "TGraphAsymmErrors",
    "TGraphBentErrors",
    "TGraph2D",
    "TGraph2DErrors",
    "TCutG",
)
"""Classes that :func:`graph_table` takes."""

_COLUMNS = {
    "fX": "x",
    "fY": "y",
    "fZ": "z",
    "fEX": "x_error",
    "fEY": "y_error",
    "fEZ": "z_error",
    "fEXlow": "x_error_low",
    "fEXhigh": "x_error_high",
    "fEYlow": "y_error_low",
    "fEYhigh": "y_error_high",
}
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, NDArray[np.float64]]):
    """Columns of numbers with a name, as a graph is; use it like a dict of columns.

    Attributes
    ----------
    name, title, classname : str
        Of the object in the file.
    columns : dict of str to numpy.ndarray, shape (n_rows,)
        A graph has ``x``, ``y`` and errors; an efficiency its bins, ``passed``, ``total``, ``efficiency``,
        ``error_low`` and ``error_high``.
    notes : dict of str to str or float
        How the numbers came about, such as the confidence level of the errors.

    Examples
    --------
    >>> import numpy as np
    >>> Table("g", "points", "TGraph", {"x": np.array([1.0, 2.0]), "y": np.array([0.5, 0.25])})
    <Table 'g' (TGraph 'points'): 2 rows>
      x     y
      1   0.5
      2  0.25
    """

    name: str
    title: str
    classname: str
    columns: Mapping[str, NDArray[np.float64]]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """Give a column."""
        if column not in self:
            known = nearest(str(column), self.columns)
            raise FileError(f"{self.classname} {self.name!r} has no column {column!r:.80}. {known}")
        return self.columns[column]

    def get(self, column: str, default: Any = None) -> Any:
        """Return a column, or something else where there is none of that name."""
        return self.columns[column] if column in self else default

    def __contains__(self, column: object) -> bool:
        return isinstance(column, str) and column in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def n_rows(self) -> int:
        """Number of points or bins."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __repr__(self) -> str:
        notes = "".join(f", {key} {value}" for key, value in self.notes.items())
        head = f"<Table {self.name!r} ({self.classname} {self.title!r}): {self.n_rows} rows{notes}>"
        rows = [list(self.columns), *self._rows()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(self.columns))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        if self.n_rows > _SHOWN:
            lines.append(f"... {self.n_rows - _SHOWN} more")
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        notes = "".join(
            f", {html.escape(key)} {html.escape(str(value))}" for key, value in self.notes.items()
        )
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._rows())
        if self.n_rows > _SHOWN:
            more = self.n_rows - _SHOWN
            body += f'<tr><td colspan="{len(self.columns)}">{more} more</td></tr>'
        caption = f"{html.escape(self.title or self.name)} ({html.escape(self.classname)}{notes})"
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _rows(self) -> list[list[str]]:
        shown = [[f"{value:.6g}" for value in column[:_SHOWN]] for column in self.columns.values()]
        return [list(row) for row in zip(*shown, strict=True)]


def graph_table(graph: Any, classname: str) -> Table:
    """Make a table of a graph.

    Parameters
    ----------
    graph : uproot model
        Of a class in :data:`GRAPHS`.
    classname : str
        The class.

    Returns
    -------
    Table
        With as many rows as the graph has points.

    Raises
    ------
    FileError
        Where the columns differ in length.
    """
    members = graph.all_members
    columns = {
        name: np.array(members[member], dtype=np.float64)
        for member, name in _COLUMNS.items()
        if members.get(member) is not None
    }
    name, title = str(members.get("fName", "")), str(members.get("fTitle", ""))
    n = int(members["fNpoints"])
    if any(len(column) < n for column in columns.values()):
        lengths = {name: len(column) for name, column in columns.items()}
        raise FileError(
            f"the graph {name!r} says {n} points, its columns have {lengths}: the file may be damaged."
        )
    return Table(name, title, classname, {key: column[:n] for key, column in columns.items()})
