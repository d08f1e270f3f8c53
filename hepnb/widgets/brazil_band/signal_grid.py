"""Limits of many signals, without widgets: the run, its picture, words, files and code."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from hepnb._version import __version__
from hepnb.atomic_file import write_text
from hepnb.errors import HepnbError
from hepnb.figures import draw_exclusion, draw_limits_vs_mass, draw_p0_vs_mass, lay_out
from hepnb.figures.inputs import CurvesShown, curves_shown
from hepnb.limits import GridResults, exclusion
from hepnb.limits.grid_results import DONE, NO_LIMIT
from hepnb.limits.signals import signals_of
from hepnb.model import ModelSettings
from hepnb.python_code import Code, Script, call
from hepnb.report.folder import PaperTable
from hepnb.widgets.toolkit.model_code import workspace_lines
from hepnb.widgets.toolkit.status import paragraphs
from hepnb.workspace import Workspace

__all__ = [
    "GridRun",
    "GridView",
    "axes_of",
    "copy_of",
    "draw_grid",
    "grid_html",
    "grid_rows",
    "grid_script",
    "grid_table",
    "grid_words",
    "write_grid",
]

GridView = Literal["signals", "p0"]

_MOST_MESSAGES = 2


@dataclass(frozen=True, eq=False)
class GridRun:
    """What signals are tested with.

    Parameters
    ----------
    workspace : Workspace
        That every signal changes.
    signals : object
        As for :func:`hepnb.limit_grid`.
    model : ModelSettings
        Options of each model.
    cl : float
        Confidence level.
    test_stat : str
        The test statistic.
    held : mapping of str to float
        Parameters that are not fitted.
    """

    workspace: Workspace
    signals: Any
    model: ModelSettings
    cl: float
    test_stat: str
    held: Mapping[str, float]


def copy_of(grid: GridResults) -> GridResults:
    """Return a copy that does not change while more signals are tested."""
    changed: dict[str, Any] = {
        field.name: value.copy()
        for field in dataclasses.fields(grid)
        if isinstance(value := getattr(grid, field.name), np.ndarray | dict)
    }
    return dataclasses.replace(grid, **changed)


def axes_of(grid: GridResults, x: str = "", y: str = "") -> tuple[str, str]:
    """Choose the coordinates that signals are drawn against.

    Parameters
    ----------
    grid : GridResults
        The signals.
    x, y : str
        Labels that were chosen; empty for those that suit: two in which the signals span a plane and no two
        lie at one place, or one.

    Returns
    -------
    x, y : str
        Labels; `y` is empty for a picture against one coordinate.

    Raises
    ------
    HepnbError
        It is not known where the signals lie.
    """
    if not grid.labels:
        raise HepnbError(
            "it is not known where the signals lie. Give a patch set, or names with numbers such as m300_50."
        )
    if x or y:
        return x or next(label for label in (*grid.labels, "") if label != y), y
    for first in range(len(grid.labels)):
        for second in range(first + 1, len(grid.labels)):
            points = grid.coordinates[:, [first, second]]
            spread = points - points.mean(axis=0)
            apart = len(np.unique(points, axis=0)) == len(points)
            if apart and np.linalg.matrix_rank(spread / np.maximum(np.ptp(points, axis=0), 1e-300)) == 2:
                return grid.labels[first], grid.labels[second]
    for place, label in enumerate(grid.labels):
        if len(np.unique(grid.coordinates[:, place])) == len(grid):
            return label, ""
    return grid.labels[0], ""


def draw_grid(
    figure: Figure,
    grid: GridResults,
    view: GridView,
    x: str = "",
    y: str = "",
    *,
    cross_section: Mapping[str, float] | None = None,
    classic: bool = False,
    log_y: bool = False,
    curves: CurvesShown = "both",
) -> None:
    """Draw local p-values, limits against one coordinate, or contours against two.

    Parameters
    ----------
    figure : Figure
        An empty one.
    grid : GridResults
        The signals.
    view : {"signals", "p0"}
        Limits, or p-values.
    x, y : str
        Labels of coordinates, as for :func:`axes_of`.
    cross_section : mapping of str to float, optional
        Of each signal at nominal strength: limits are then cross-sections too.
    classic, log_y, curves
        As for :func:`hepnb.figures.draw_limits_vs_mass`.

    Raises
    ------
    HepnbError
        The signals cannot be drawn so, or a cross-section is missing.
    """
    across, up = axes_of(grid, x, y)
    ((ax,),) = lay_out(figure)
    if view == "p0":
        draw_p0_vs_mass(grid, ax, across, curves=curves)
    elif up:
        draw_exclusion(exclusion(grid, across, up), ax, sigmas=(1, 2), classic=classic, curves=curves)
    else:
        sizes = None if not cross_section else [_size(cross_section, name) for name in grid.names]
        draw_limits_vs_mass(
            grid, ax, across, cross_section=sizes, classic=classic, log_y=log_y, curves=curves
        )


def _size(cross_section: Mapping[str, float], name: str) -> float:
    if name not in cross_section:
        raise HepnbError(f"signal {name!r} has no cross-section. Give one for each of the signals.")
    return float(cross_section[name])


def grid_rows(grid: GridResults, curves: CurvesShown = "both") -> list[dict[str, Any]]:
    """Return one row per signal, without the curves that are not shown."""
    with_observed, with_expected = curves_shown(curves)
    hidden = (() if with_observed else ("_obs",)) + (() if with_expected else ("_exp",))
    rows = []
    for row in grid.table():
        kept = {
            key: one for key, one in row.items() if key in grid.labels or not any(h in key for h in hidden)
        }
        # That there is no observed limit is of the data.
        status = DONE if row["status"] == NO_LIMIT and not with_observed else row["status"]
        rows.append(kept | {"status": status, "message": _shown_part(row["message"], curves)})
    return rows


def _shown_part(message: str, curves: CurvesShown) -> str:
    hidden = {"both": "\0", "observed": "expected", "expected": "observed"}[curves]
    return "; ".join(part for part in message.split("; ") if not part.startswith(hidden))


def grid_words(grid: GridResults, curves: CurvesShown = "both") -> list[str]:
    """Write what was found as lines of text."""
    with_observed, with_expected = curves_shown(curves)
    count, cl = len(grid), f"{100 * grid.cl:g}"
    expected = int((grid.CLs_exp[:, 2] < 1 - grid.cl).sum())
    lines = [f"{int(grid.excluded.sum())} of {count} signals excluded at {cl} % CL", f"expected: {expected}"]
    lines = lines[: 1 + with_expected]
    if not with_observed:
        lines = [f"{expected} of {count} signals expected to be excluded at {cl} % CL"]
    significance = {name: found.observed_significance for name, found in grid.discovery.items()}
    finite = {name: value for name, value in significance.items() if math.isfinite(value)}
    if finite and with_observed:
        name = max(finite, key=lambda one: finite[one])
        lines.append(f"largest local significance: {finite[name]:.3g} σ at {name}")
    rows = grid_rows(grid, curves)
    kinds, counts = np.unique([row["status"] for row in rows if row["status"] != DONE], return_counts=True)
    lines += [f"{kind}: {number}" for kind, number in zip(kinds, counts, strict=True)]
    told = [(row["name"], row["message"]) for row in rows if row["message"]]
    lines += [f"{name}: {message}" for name, message in told[:_MOST_MESSAGES]]
    if len(told) > _MOST_MESSAGES:
        lines.append(f"and {len(told) - _MOST_MESSAGES} more messages")
    return lines


def grid_html(grid: GridResults | None, curves: CurvesShown = "both") -> str:
    """Write what was found for the page."""
    if grid is None:
        return paragraphs("", ["No signals tested yet: open a patch set, or several patches, and press Run."])
    headline, *rest = grid_words(grid, curves)
    return paragraphs(headline, rest)


def grid_table(grid: GridResults, curves: CurvesShown = "both") -> PaperTable:
    """Return the signals as a table for a paper."""
    rows = [{key: _finite(value) for key, value in row.items()} for row in grid_rows(grid, curves)]
    return PaperTable(rows, ("name", *grid.labels), f"Signals at {100 * grid.cl:g} % CL")


def write_grid(path: Path, run: GridRun, grid: GridResults, curves: CurvesShown = "both") -> Path:
    """Write the signals (CSV), or the signals and how they were tested (JSON).

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    HepnbError
        For another ending.
    """
    rows = [{key: _finite(value) for key, value in row.items()} for row in grid_rows(grid, curves)]
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return write_text(path, text.getvalue())
    if path.suffix == ".json":
        document = {
            "hepnb": __version__, "cl": grid.cl, "test_statistic": run.test_stat, "held": dict(run.held),
            "model": run.model.document(), "cancelled": grid.cancelled, "signals": rows,
        }  # fmt: skip
        return write_text(path, json.dumps(document, indent=1) + "\n")
    raise HepnbError(f"limits are not written as {path.name!r}. End the name in .csv or .json.")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def grid_script(run: GridRun, curves: CurvesShown = "both") -> Script:
    """Write a program that tests the signals again; it binds ``workspace`` and ``grid``."""
    script = Script("import hepnb")
    script.add(*workspace_lines(run.workspace))
    given, more = _patches_code(run)
    options: dict[str, Any] = {"cl": run.cl, "test_stat": run.test_stat, "discovery": True, **more}
    if run.held:
        options["fixed"] = dict(run.held)
    if run.model.options:
        options["model"] = run.model.options
    script.add(f"grid = {call('hepnb.limit_grid', Code('workspace'), given, **options)}")
    expected = "print(dict(zip(grid.names, grid.expected[:, 2])))"
    script.add(expected if curves == "expected" else "print(grid)")
    return script


def _patches_code(run: GridRun) -> tuple[Any, dict[str, Any]]:
    """Return signals that have a literal: their paths, or names with patches and where they lie."""
    signals = run.signals
    if isinstance(signals, str | os.PathLike):
        return os.fspath(signals), {}
    if isinstance(signals, list | tuple) and all(isinstance(one, str | os.PathLike) for one in signals):
        return [os.fspath(one) for one in signals], {}
    found = signals_of(run.workspace, signals)
    patches = {member.name: _plain(member.patch) for member in found.members}
    if not found.labels:
        return patches, {}
    places = {member.name: list(member.values) for member in found.members}
    return patches, {"coordinates": places, "labels": list(found.labels)}


def _plain(patch: Any) -> Any:
    if isinstance(patch, str | os.PathLike):
        return os.fspath(patch)
    return [dict(one) for one in patch] if isinstance(patch, Iterable) else patch
