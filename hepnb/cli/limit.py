"""``hepnb limit``: upper limits of a workspace, or of a grid of signals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hepnb.cli.app import app
from hepnb.cli.files import make_directory
from hepnb.cli.limit_grid import limit_grid
from hepnb.cli.limit_one import limit_one
from hepnb.cli.limit_options import LimitOptions

__all__ = ["limit"]

# What a command that was stopped gives to the shell, and one that could not give every number.
_INTERRUPTED, _INCOMPLETE = 130, 3


@app.command()
def limit(
    workspace: Annotated[
        Path,
        typer.Argument(
            metavar="WORKSPACE",
            help="A pyhf JSON, HS3 or HistFactory XML file; - for JSON from standard input.",
        ),
    ],
    patch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[:NAME]",
            help="A JSON patch, or NAME of a patch set; may be repeated. With --grid each is a signal, "
            "and FILE may be a quoted pattern.",
        ),
    ] = None,
    patchset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A patch set: --grid takes all, --patch NAME one.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Test every patch as a signal of its own.")] = False,
    measurement: Annotated[
        str | None, typer.Option(help="Which measurement, where there are several.")
    ] = None,
    poi: Annotated[str | None, typer.Option(help="The parameter of interest; the measurement's own.")] = None,
    cl: Annotated[float, typer.Option(help="Confidence level.")] = 0.95,
    test_stat: Annotated[Literal["qtilde", "q"], typer.Option(help="The test statistic.")] = "qtilde",
    interpolation: Annotated[
        Literal["workspace", "pyhf", "root", "legacy"],
        typer.Option(help="Codes as the file asks for; 4 and 4p (pyhf, root); or 1 and 0."),
    ] = "workspace",
    constraints: Annotated[
        Literal["workspace", "pyhf"],
        typer.Option(help="Laws of the statistical uncertainties: as the XML asks for, or pyhf's."),
    ] = "workspace",
    positivity: Annotated[
        Literal["pyhf", "root"],
        typer.Option(help="A negative rate: undefined (pyhf), or clipped at 0 (root)."),
    ] = "pyhf",
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Look harder for the lowest minimum; much slower.")
    ] = False,
    bounds: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="In place of the POI's bounds.")
    ] = None,
    mu_max: Annotated[
        float | None, typer.Option(help="Scan from 0 to this, and interpolate; root finding otherwise.")
    ] = None,
    points: Annotated[int, typer.Option(min=2, help="Number of points of the scan, with --mu-max.")] = 41,
    toys: Annotated[int, typer.Option(min=0, help="Toys per hypothesis and value; asymptotic if 0.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Of the toys: the same seed, the same toys.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where toys are kept, to go on from.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes for toys and grids.")] = 1,
    labels: Annotated[
        str, typer.Option(metavar="A,B,...", help="What the signals' coordinates are called, with --grid.")
    ] = "",
    x: Annotated[str | None, typer.Option(help="Coordinate along x, with --grid.")] = None,
    y: Annotated[str | None, typer.Option(help="Coordinate along y, with --grid.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the document that is written, instead of a table.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Where the pictures and the numbers are written.")] = Path(),
) -> None:
    """Print the observed and the expected upper limits of a workspace, and draw them.

    One signal gives limit.json and a Brazil band; --grid gives grid.json and the exclusion contours, or the
    limits against the one coordinate that varies. Ctrl-C keeps what is done.

    The exit code is 0, 1 for a mistake in what was given, 3 where a limit or a part of its band does not
    exist or a signal failed, and 130 after Ctrl-C; the files are written in the last two cases too.
    """
    options = LimitOptions(
        workspace=workspace, patches=tuple(patch or ()), patchset=patchset, measurement=measurement, poi=poi,
        cl=cl, test_stat=test_stat, interpolation=interpolation, constraints=constraints,
        positivity=positivity, thorough=thorough, bounds=bounds, mu_max=mu_max,
        points=points, toys=toys, seed=seed, checkpoint=checkpoint, workers=workers,
        labels=tuple(label.strip() for label in labels.split(",") if label.strip()), x=x, y=y, out=out,
        as_json=as_json,
    )  # fmt: skip
    options.check(grid)
    make_directory(out)
    status = (limit_grid if grid else limit_one)(options)
    if status != "complete":
        raise typer.Exit(_INTERRUPTED if status == "interrupted" else _INCOMPLETE)
