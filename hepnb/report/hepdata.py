"""Tables in the YAML of HEPData submissions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hepnb.errors import HepnbError

__all__ = ["hepdata_submission", "hepdata_table"]


def hepdata_table(
    rows: Sequence[Mapping[str, Any]],
    independent: Sequence[str],
    *,
    errors: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> str:
    """Write rows as a data file of a HEPData submission.

    Parameters
    ----------
    rows : sequence of mapping
        All with the same keys, as ``panel.table()`` returns them.
    independent : sequence of str
        The columns that say where a row is; all others are what was measured.
    errors : mapping of str to str, optional
        A column, and the one that holds its symmetric uncertainty.
    units : mapping of str to str, optional
        Of the columns.

    Returns
    -------
    str
        YAML; what is not known is ``"-"``, as HEPData has it.

    Raises
    ------
    HepnbError
        There is no row, or no such column.

    References
    ----------
    HEPData, Data file format, https://hepdata-submission.readthedocs.io.

    Examples
    --------
    >>> print(hepdata_table([{"m": 300.0, "limit": 0.5, "error": 0.1}], ["m"], errors={"limit": "error"}))
    independent_variables:
    - header: {name: "m"}
      values:
      - {value: 300.0}
    dependent_variables:
    - header: {name: "limit"}
      values:
      - {value: 0.5, errors: [{symerror: 0.1, label: "total"}]}
    """
    if not rows:
        raise HepnbError("a table of HEPData needs rows, and there is none.")
    known, of = list(rows[0]), dict(errors or {})
    missing = [name for name in (*independent, *of, *of.values()) if name not in known]
    if missing:
        raise HepnbError(f"the table has no column {missing[0]!r}. It has {known}.")
    dependent = [name for name in known if name not in (*independent, *of.values())]
    lines = ["independent_variables:"]
    for name in independent:
        lines += _variable(name, rows, "", units)
    lines.append("dependent_variables:" if dependent else "dependent_variables: []")
    for name in dependent:
        lines += _variable(name, rows, of.get(name, ""), units)
    return "\n".join(lines)


def _variable(
    name: str, rows: Sequence[Mapping[str, Any]], error: str, units: Mapping[str, str] | None
) -> list[str]:
    unit = (units or {}).get(name, "")
    header = f"name: {json.dumps(name)}" + (f", units: {json.dumps(unit)}" if unit else "")
    lines = [f"- header: {{{header}}}", "  values:"]
    for row in rows:
        value = f"value: {_scalar(row[name])}"
        size = row.get(error) if error else None
        if isinstance(size, int | float) and math.isfinite(size):
            value += f', errors: [{{symerror: {_scalar(size)}, label: "total"}}]'
        lines.append(f"  - {{{value}}}")
    return lines


def _scalar(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return '"-"'
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value))


def hepdata_submission(tables: Mapping[str, str]) -> str:
    """Write the list of the tables of a submission.

    Parameters
    ----------
    tables : mapping of str to str
        The file of each table, and what it shows.

    Returns
    -------
    str
        YAML with one document for each table.

    Examples
    --------
    >>> print(hepdata_submission({"scan.yaml": "CLs"}))
    ---
    name: "scan"
    description: "CLs"
    keywords: []
    data_file: "scan.yaml"
    """
    return "\n".join(
        f"---\nname: {json.dumps(file.removesuffix('.yaml'))}\ndescription: {json.dumps(words)}\n"
        f"keywords: []\ndata_file: {json.dumps(file)}"
        for file, words in tables.items()
    )
