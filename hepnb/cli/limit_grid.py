"""``hepnb limit --grid``: every patch a signal, with contours or limits against a mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import hepnb
from hepnb.cli.files import as_json, canvas, save_figure, write_json
from hepnb.cli.limit_options import LimitOptions
from hepnb.cli.models import load_workspace
from hepnb.cli.stop import bar, stoppable, workers
from hepnb.cli.words import number, plain, print_json, say, table
from hepnb.errors import HepnbError, nearest
from hepnb.html_table import cls_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hepnb.limits import ExclusionResults, GridResults

__all__ = ["limit_grid"]


def limit_grid(options: LimitOptions) -> str:
    """Do the command for a grid of signals; give its status.

    Parameters
    ----------
    options : LimitOptions
        What was asked for.

    Returns
    -------
    str
        ``"complete"``, ``"incomplete"`` (a signal failed or lacks a limit) or ``"interrupted"``.
    """
    workspace = load_workspace(options.workspace)
    axes = _axes(workspace, options)
    with stoppable() as cancel, workers(options.workers) as executor, bar("grid", "signals") as progress:
        grid = hepnb.limit_grid(
            workspace, _signals(options), labels=options.labels, cl=options.cl,
            test_stat=options.test_stat, bounds=options.bounds, model=options.settings, executor=executor,
            progress=progress, cancel=cancel,
        )  # fmt: skip
    complete = (grid.status == "ok").all() and np.isfinite(grid.expected).all()
    status = "interrupted" if grid.cancelled else "complete" if complete else "incomplete"
    document = {**options.document(None, status), "labels": list(grid.labels), "signals": _rows(grid)}
    if grid.limits:
        document["poi"] = next(iter(grid.limits.values())).scan.poi
    written, remark = ["grid.json"], ""
    try:
        picture, contours = _picture(grid, axes)
        written.append(save_figure(picture, options.out / ("limits" if contours is None else "exclusion")))
        if contours is not None:
            document["contours"] = {
                name: [plain(line) for line in lines] for name, lines in contours.contours.items()
            }
            document["no_contour"] = contours.words
    except HepnbError as error:
        remark = f"no picture: {error}"
    write_json(document, options.out / "grid.json")
    if options.as_json:
        print_json(as_json(document))
        return status
    _report(grid)
    if remark:
        say(remark)
    say(f"in {options.out}: {', '.join(written)}")
    return status


def _signals(options: LimitOptions) -> Any:
    """Return the patch set, or the files."""
    if options.patchset is not None:
        if options.patches:
            raise HepnbError("--grid takes all of --patchset: leave --patch out, or --grid.")
        return options.patchset
    return options.patches[0] if len(options.patches) == 1 else options.patches


def _axes(workspace: hepnb.Workspace, options: LimitOptions) -> tuple[str, ...]:
    """Choose the coordinates to draw against: those asked for, or else the first two that vary.

    This comes before the work, so that a misspelt one does not wait for its end.
    """
    from hepnb.limits.signals import signals_of  # noqa: PLC0415  # other commands need no fits

    signals = signals_of(workspace, _signals(options), labels=options.labels)
    asked = [axis for axis in (options.x, options.y) if axis is not None]
    for axis in asked:
        if axis not in signals.labels:
            raise HepnbError(f"the signals have no coordinate {axis!r}. {nearest(axis, signals.labels)}")
    columns = zip(signals.labels, signals.coordinates.T, strict=True)
    free = [label for label, column in columns if label not in asked and np.unique(column).size > 1]
    x = options.x or next(iter(free), None)
    y = options.y or next((label for label in free if label != x), None)
    return tuple(axis for axis in (x, y) if axis is not None)


def _rows(grid: GridResults) -> list[dict[str, Any]]:
    return [
        {key: plain(value) if isinstance(value, float) else value for key, value in row.items()}
        for row in grid.table()
    ]


def _report(grid: GridResults) -> None:
    """Print a row per signal, and below it why there are no numbers."""
    rows: list[tuple[str, ...]] = [
        ("signal", "CLs", "expected", "limit", "-1 sigma", "median", "+1 sigma", "")
    ]
    for place, name in enumerate(grid.names):
        tests = [cls_number(value, number) for value in (grid.CLs_obs[place], grid.CLs_exp[place, 2])]
        numbers = map(number, (grid.observed[place], *grid.expected[place, 1:4]))
        verdict = (
            "excluded" if grid.excluded[place] else "" if grid.status[place] == "ok" else grid.status[place]
        )
        rows.append((name, *tests, *numbers, str(verdict)))
    say(table(rows, numbers=range(1, 7)))
    for message in dict.fromkeys(grid.messages.values()):
        names = [name for name in grid.names if grid.messages.get(name) == message]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        say(f"{', '.join(names[:3])}{more}: {message}")


def _picture(grid: GridResults, along: tuple[str, ...]) -> tuple[Figure, ExclusionResults | None]:
    """Draw contours where two coordinates vary, else the limits against the one, or by name."""
    figure, (axes,) = canvas()
    if len(along) == 2:
        from hepnb.limits import exclusion  # noqa: PLC0415  # other commands need no fits

        contours = exclusion(grid, *along)
        hepnb.figures.draw_exclusion(contours, axes, numbers=len(grid) <= 60)
        return figure, contours
    where = along[0] if along else np.arange(1.0, len(grid) + 1)
    hepnb.figures.draw_limits_vs_mass(grid, axes, where)
    if not along:
        axes.set_xticks(range(1, len(grid) + 1), labels=grid.names, rotation=30, ha="right")
    return figure, None
