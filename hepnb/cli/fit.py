"""``hepnb fit`` and ``hepnb ranking``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import hepnb
from hepnb.cli.app import app
from hepnb.cli.convert import Patch, Source
from hepnb.cli.files import canvas, write_json
from hepnb.cli.inspect import Json
from hepnb.cli.models import load_workspace
from hepnb.cli.words import number, plain, say, table
from hepnb.errors import HepnbError

__all__ = ["fit", "ranking"]

Measurement = Annotated[str | None, typer.Option(help="Which measurement, where there are several.")]
Poi = Annotated[str | None, typer.Option(help="The parameter of interest; the measurement's own.")]
_FAILED = 3


def _model(workspace: str, patch: list[str] | None, measurement: str | None, poi: str | None) -> Any:
    return hepnb.Model(load_workspace(workspace, patch or ()), measurement=measurement, poi=poi)


@app.command()
def fit(
    workspace: Source,
    patch: Patch = None,
    measurement: Measurement = None,
    poi: Poi = None,
    minos: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="MINOS errors of it; may be repeated."),
    ] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write JSON to this file.")] = None,
) -> None:
    """Fit a workspace to its data, and print the parameters."""
    model = _model(workspace, patch, measurement, poi)
    found = hepnb.fit(None, model)
    errors = _minos(hepnb.minos(None, model, minos, result=found)) if minos else {}
    document = {
        "workspace": workspace,
        "status": found.report.status,
        "message": found.report.message,
        "twice_nll": plain(found.twice_nll),
        "parameters": {
            name: {"value": plain(value), "uncertainty": plain(error), "type": kind}
            for name, value, error, kind in zip(
                found.labels, found.bestfit, found.uncertainty, found.types, strict=True
            )
        },
        "minos": {
            name: {side: {"value": plain(value), "status": status} for side, value, status in sides}
            for name, sides in errors.items()
        },
    }
    if out is not None:
        write_json(document, out)
    if as_json:
        say(json.dumps(document, indent=1))
    else:
        _print(found, errors)
    if not found.report.ok:
        raise typer.Exit(_FAILED)


def _minos(found: Any) -> dict[str, list[tuple[str, float, str]]]:
    """Return both sides of each parameter: value, and whether it was found."""
    rows = zip(found.labels, found.lower, found.lower_status, found.upper, found.upper_status, strict=True)
    return {name: [("lower", a, b), ("upper", c, d)] for name, a, b, c, d in rows}


def _print(found: Any, errors: dict[str, list[tuple[str, float, str]]]) -> None:
    rows = [("parameter", "value", "uncertainty", *(("MINOS",) if errors else ()))]
    for name, value, error in zip(found.labels, found.bestfit, found.uncertainty, strict=True):
        sides = (f"{side:+.4g}" if np.isfinite(side) else status for _, side, status in errors.get(name, ()))
        rows.append((name, number(value), number(error), *((" ".join(sides),) if errors else ())))
    say(table(rows, numbers=(1, 2)))
    say(f"-2 log L = {found.twice_nll:.6f}. {found.report}")


@app.command()
def ranking(
    workspace: Source,
    patch: Patch = None,
    measurement: Measurement = None,
    poi: Poi = None,
    top: Annotated[int, typer.Option(min=1, help="How many parameters to print and draw.")] = 20,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw it: a .pdf, .png or .svg file; or .json.")
    ] = None,
) -> None:
    """Rank the parameters of a workspace by their impact on the parameter of interest."""
    if out is not None and out.suffix.lower() not in (".pdf", ".png", ".svg", ".json"):
        raise HepnbError(f"--out {str(out)!r}: use .pdf, .png, .svg or .json.")
    model = _model(workspace, patch, measurement, poi)
    found = hepnb.ranking(None, model)
    document = {
        "workspace": workspace,
        "poi": found.poi,
        "impacts": [
            {
                "parameter": found.labels[i],
                "value": plain(found.bestfit[i]),
                "uncertainty": plain(found.uncertainty[i]),
                **{
                    name: plain(getattr(found, name)[i])
                    for name in ("prefit_up", "prefit_down", "postfit_up", "postfit_down")
                },
                "reason": found.reasons.get(found.labels[i], ""),
            }
            for i in found.order()
        ],
    }
    if out is not None:
        _write(found, document, out, top)
    if as_json:
        say(json.dumps(document, indent=1))
        return
    rows = [("parameter", f"impact on {found.poi}, up", "down", "value", "uncertainty")]
    for i in found.order()[:top]:
        values = (found.postfit_up[i], found.postfit_down[i], found.bestfit[i], found.uncertainty[i])
        rows.append((found.labels[i], *(number(value) for value in values)))
    say(table(rows, numbers=(1, 2, 3, 4)))


def _write(found: Any, document: dict[str, Any], out: Path, top: int) -> None:
    if out.suffix.lower() == ".json":
        write_json(document, out)
        return
    from hepnb.atomic_file import atomic_file  # noqa: PLC0415
    from hepnb.figures import draw_ranking  # noqa: PLC0415  # only where a picture is asked for

    shown = int(np.clip(len(found.labels), 1, top))
    figure, (axes,) = canvas(8.0, 1.5 + 0.3 * shown)
    draw_ranking(found, axes, pull_ax=figure.add_subplot(), at_most=top)
    with atomic_file(out) as file:
        figure.savefig(file.path, dpi=150, format=out.suffix[1:].lower())
