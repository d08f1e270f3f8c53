"""The ``hepnb`` command: lab, demo, browse, limit.

Each command is a thin caller of the library; none but ``lab`` comes near a widget.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
import typer
from tqdm import tqdm
from typer.core import TyperGroup

import hepnb
from hepnb.errors import FileError, HepnbError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hepnb.fits import FitResults
    from hepnb.limits import LimitResults

__all__ = ["app"]

_BANDS = ("-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")


class _Commands(TyperGroup):
    """The user's mistakes end as one sentence on stderr, not as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HepnbError as error:
            typer.echo(f"hepnb: {error}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a ROOT file to a Brazil band, in JupyterLab or without it.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hepnb {hepnb.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a ROOT file to a Brazil band, in JupyterLab or without it."""


# ---------------------------------------------------------------------------------------------- lab

_FIRST_NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    },
    "cells": [
        {
            "cell_type": "code",
            "id": "workbench",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": 'import hepnb\n\nhepnb.Workbench(root=".")',
        }
    ],
}


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A notebook, or the folder with your ROOT files.")] = Path(),
) -> None:
    """Open JupyterLab on a notebook, or on a folder with the workbench in a new notebook.

    Further arguments go to JupyterLab, for instance --no-browser.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise HepnbError("JupyterLab is not installed here: pip install 'hepnb[lab]'.")
    if not path.exists():
        raise HepnbError(f"there is no {str(path)!r}: give a notebook or a folder that exists.")
    if path.is_dir():
        path /= "hepnb.ipynb"
        if not path.exists():
            path.write_text(json.dumps(_FIRST_NOTEBOOK, indent=1) + "\n", encoding="utf-8")
            typer.echo(f"wrote {path}, a notebook with the workbench")
    here, there = Path.cwd(), path.resolve()
    root = here if there.is_relative_to(here) else there.parent
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{quote(there.relative_to(root).as_posix())}",
        *context.args,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in command:
        command.append("--allow-root")
    os.execv(command[0], command)  # noqa: S606  # JupyterLab takes this process over, signals included


# ------------------------------------------------------------------------------------------- browse


@app.command()
def browse(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A ROOT file, or its URL.")],
    item: Annotated[
        str | None, typer.Argument(metavar="OBJECT", help="A tree or histogram in it, as FILE lists them.")
    ] = None,
) -> None:
    """Print what is in a ROOT file; with OBJECT, the branches of a tree or the axes of a histogram."""
    with hepnb.open(file) as opened:
        found = opened if item is None else opened[item]
        if isinstance(found, hepnb.RootFile):
            typer.echo(file if item is None else f"{file}:{item}")
            typer.echo(_listing(found))
        elif isinstance(found, hepnb.Tree):
            typer.echo(f"{item}: {found.n_entries:,} entries, {len(found.branches):,} branches")
            rows = [
                (
                    branch.name,
                    branch.typename,
                    branch.title if branch.readable else f"not readable: {branch.reason}",
                )
                for branch in found.branches
            ]
            typer.echo(_table(rows))
        else:
            typer.echo(f"{item}:\n{found!r}")


def _listing(opened: hepnb.RootFile) -> str:
    """What is in a file, indented as it is nested."""
    rows = [
        (
            "  " * entry.depth + f"{entry.name};{entry.cycle}",
            entry.classname,
            "" if entry.n_entries is None else f"{entry.n_entries:,} entries",
            entry.title if entry.readable else f"not readable: {entry.reason}",
        )
        for entry in opened.walk()
    ]
    return _table(rows, numbers=(2,)) if rows else "nothing"


# ---------------------------------------------------------------------------------------- demo, limit


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the figures and the workspace are written.")] = Path(
        "hepnb-demo"
    ),
    data: Annotated[
        Literal["auto", "generated", "cabinetry"],
        typer.Option(help="The tutorial's public files, generated ones, or the first if already here."),
    ] = "auto",
) -> None:
    """Do a whole analysis: histograms from trees, workspace, fit, significance, limit, figures."""
    _make(out)
    with tqdm(
        total=5, file=sys.stderr, bar_format="{n_fmt}/{total_fmt} {desc}", leave=False, disable=None
    ) as steps:

        def begin(step: str) -> None:
            steps.set_description_str(step)
            steps.update()

        begin("data")
        analysis = hepnb.datasets.reference_analysis(source=data)
        begin("workspace")
        workspace = hepnb.build(analysis.channels, analysis.samples, analysis.systematics, poi=analysis.poi)
        model = hepnb.Model(workspace)
        poi = model.parameter_names[model.require_poi()]
        begin("fit and significance")
        best = hepnb.fit(None, model)
        significance = hepnb.significance(None, model)
        begin("limit")
        found = hepnb.upper_limit(None, model)
        begin("figures")
        workspace.save(out / "workspace.json")
        pictures = {
            **_stacks(workspace, model, best),
            **_fit_pictures(best),
            "brazil_band": _brazil_band(found, poi),
        }
        written = [_save(figure, out / name) for name, figure in pictures.items()]

    typer.echo(analysis.title)
    typer.echo("generated data: nothing here was measured" if analysis.generated else "public tutorial files")
    rows: list[tuple[str, ...]] = [
        (name, f"{value:.4f}", f"+- {sigma:.4f}")
        for name, value, sigma in zip(best.labels, best.bestfit, best.uncertainty, strict=True)
    ]
    rows += [
        (
            "significance, observed",
            f"{significance.observed_significance:.3f}",
            f"p = {significance.observed_p_value:.3g}",
        ),
        (
            "significance, expected",
            f"{significance.expected_significance:.3f}",
            f"p = {significance.expected_p_value:.3g}",
        ),
    ]
    typer.echo(_table([*rows, *_limit_rows(poi, found)], numbers=(1,)))
    typer.echo(f"in {out}: workspace.json, {', '.join(written)}")


@app.command()
def limit(
    workspace: Annotated[
        Path, typer.Argument(metavar="WORKSPACE", help="A pyhf JSON or a HistFactory XML file.")
    ],
    patch: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:NAME]", help="A JSON patch, or NAME of a patch set; may be repeated."),
    ] = None,
    measurement: Annotated[
        str | None, typer.Option(help="Which measurement, where there are several.")
    ] = None,
    mu_max: Annotated[
        float | None, typer.Option(help="Scan from 0 to this; chosen by itself otherwise.")
    ] = None,
    points: Annotated[int, typer.Option(min=2, help="Number of points of the scan, with --mu-max.")] = 41,
    out: Annotated[Path, typer.Option(help="Where the band and the numbers are written.")] = Path(),
) -> None:
    """Print the observed and the expected upper limit of a workspace, and draw the Brazil band."""
    from hepnb.limits import limit_from_scan  # noqa: PLC0415  # browse needs no fits

    _make(out)
    loaded = hepnb.load(workspace)
    for given in patch or ():
        path, _, name = (given, "", "") if Path(given).exists() else given.rpartition(":")
        loaded = loaded.patch(path or given, name or None)
    model = hepnb.Model(loaded, measurement=measurement)
    poi = model.parameter_names[model.require_poi()]
    if mu_max is None:
        found = hepnb.upper_limit(None, model)
    else:
        with tqdm(total=points, desc="scan", file=sys.stderr, leave=False, disable=None) as steps:

            def progress(done: int, _total: int) -> None:
                steps.update(done - steps.n)

            found = limit_from_scan(
                hepnb.scan(None, model, np.linspace(0.0, mu_max, points), progress=progress)
            )
    numbers = {
        "poi": poi,
        "level": found.level,
        "observed": _plain(found.observed),
        "expected": dict(zip(_BANDS, _plain(found.expected), strict=True)),
        "scan": {
            "mu": _plain(found.scan.mu),
            "CLs_obs": _plain(found.scan.CLs_obs),
            "CLs_exp": _plain(found.scan.CLs_exp),
        },
    }
    (out / "limit.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    written = _save(_brazil_band(found, poi), out / "brazil_band")
    typer.echo(_table(_limit_rows(poi, found), numbers=(1,)))
    if found.message:
        typer.echo(found.message)
    typer.echo(f"in {out}: limit.json, {written}")


def _plain(values: Any) -> Any:
    """Arrays as nested lists for JSON, which has no NaN: a point that failed is null."""
    array = np.asarray(values, dtype=float)
    plain = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


def _limit_rows(poi: str, found: LimitResults) -> list[tuple[str, ...]]:
    """The rows of the printed table that say the limit."""
    said = f"{poi} at {1 - found.level:.0%} CL"
    rows: list[tuple[str, ...]] = [("upper limit, observed", f"{found.observed:.4f}", said)]
    rows += [
        (f"upper limit, {band}", f"{value:.4f}", "expected")
        for band, value in zip(_BANDS, found.expected, strict=True)
    ]
    return rows


def _table(rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows as aligned columns; the columns in ``numbers`` to the right."""
    lines = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


# -------------------------------------------------------------------------------------------- figures


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{str(directory)!r} cannot be made ({error.strerror}): choose another --out."
        ) from error


def _save(figure: Figure, stem: Path) -> str:
    """Write PNG and PDF; give what was written, for the last line."""
    for ending in (".png", ".pdf"):
        figure.savefig(stem.with_suffix(ending), dpi=150)
    return f"{stem.name}.png/.pdf"


def _canvas(width: float = 7.0, height: float = 5.0, **layout: Any) -> tuple[Figure, list[Any]]:
    """A bare figure and its axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # browse needs no pictures

    from hepnb.figures import lay_out  # noqa: PLC0415

    figure = Figure(figsize=(width, height))
    return figure, lay_out(figure, **layout)[0]


def _stacks(workspace: hepnb.Workspace, model: hepnb.Model, best: FitResults) -> dict[str, Figure]:
    """Data on the stacked samples of each channel, before and after the fit."""
    from hepnb.fits import rate_spread  # noqa: PLC0415  # browse needs no fits

    pictures = {}
    for when, pars, result in (("prefit", model.init, None), ("postfit", best.bestfit, best)):
        expected = model.expected_by_sample(pars)
        spread = rate_spread(model, pars, result)
        for channel, bins in model.channel_slices.items():
            figure, (main, ratio) = _canvas(ratio=True)
            hepnb.figures.draw_stack(
                {
                    name: row[bins]
                    for name, row in zip(model.samples, expected, strict=True)
                    if row[bins].any()
                },
                main,
                data=model.data[bins],
                ratio_ax=ratio,
                edges=workspace.edges.get(channel),
                uncertainty=spread[bins],
                x_title=workspace.labels.get(channel, channel),
                note=f"{channel}, {when}",
            )
            pictures[f"{when}_{channel}"] = figure
    return pictures


def _fit_pictures(best: FitResults) -> dict[str, Figure]:
    """Pulls and correlations."""
    pictures = {}
    tall = 2.0 + 0.3 * len(best.labels)
    pictures["pulls"], (axes,) = _canvas(7.0, tall)
    hepnb.figures.draw_pulls(best, axes)
    pictures["correlation"], (axes,) = _canvas(tall + 4.0, tall + 3.0)
    hepnb.figures.draw_correlation(best, axes)
    return pictures


def _brazil_band(found: LimitResults, poi: str) -> Figure:
    figure, (axes,) = _canvas()
    hepnb.figures.draw_brazil_band(found, axes, poi=poi)
    return figure
