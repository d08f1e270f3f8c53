"""``hepnb browse``: what is in a ROOT file."""

from __future__ import annotations

from typing import Annotated

import typer

import hepnb
from hepnb.cli.app import app
from hepnb.cli.words import table

__all__ = ["browse"]


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
            typer.echo(table(rows))
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
    return table(rows, numbers=(2,)) if rows else "nothing"
