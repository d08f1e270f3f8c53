"""``hepnb browse``: what is in a ROOT file."""

from __future__ import annotations

import json
import os
import re
from contextlib import nullcontext
from typing import Annotated, Any

import typer

import hepnb
from hepnb.cli.app import app
from hepnb.cli.words import say, table

__all__ = ["browse"]


@app.command()
def browse(
    file: Annotated[str, typer.Argument(metavar="FILE[:OBJECT]", help="A ROOT file, or its URL.")],
    item: Annotated[
        str | None, typer.Argument(metavar="OBJECT", help="A tree or histogram in it, as FILE lists them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Print what is in a ROOT file; with OBJECT, the branches of a tree or the axes of a histogram."""
    if item is None:
        file, item = _split(file)
    opened = hepnb.open(file)
    if isinstance(opened, hepnb.Tree) and item is not None:
        raise hepnb.errors.FileError(f"{file!r} is one tree: it has no object {item!r}. Leave it out.")
    with nullcontext() if isinstance(opened, hepnb.Tree) else opened:
        found = opened if item is None else opened[item]
        content = _content(found)
        if as_json:
            say(json.dumps({"file": file, "object": item, **content}, indent=1))
        elif isinstance(found, hepnb.RootFile):
            say(file if item is None else f"{file}:{item}")
            say(_listing(content["objects"]))
        elif isinstance(found, hepnb.Tree):
            say(f"{item or file}: {found.n_entries:,} entries, {len(found.branches):,} branches")
            say(
                table(
                    (row["name"], row["type"], row["title"] if row["readable"] else _why_not(row))
                    for row in content["branches"]
                )
            )
        else:
            say(f"{item}:\n{found!r}")


def _split(file: str) -> tuple[str, str | None]:
    """Split ``file.root:dir/tree``, as ROOT and uproot write it."""
    if os.path.exists(file):  # noqa: PTH110  # also asked of URLs
        return file, None
    found = re.fullmatch(r"(.+\.root[.\d]*):([^:]+)", file, re.IGNORECASE)
    return (found[1], found[2]) if found else (file, None)


def _content(found: Any) -> dict[str, Any]:
    """Return what is in a file, a tree or another object, as plain numbers and texts."""
    if isinstance(found, hepnb.RootFile):
        return {
            "objects": [
                {
                    "name": entry.name,
                    "path": entry.path,
                    "cycle": entry.cycle,
                    "depth": entry.depth,
                    "class": entry.classname,
                    "title": entry.title,
                    "entries": entry.n_entries,
                    "readable": entry.readable,
                    "reason": entry.reason,
                }
                for entry in found.walk()
            ]
        }
    if isinstance(found, hepnb.Tree):
        return {
            "entries": found.n_entries,
            "branches": [
                {
                    "name": branch.name,
                    "type": branch.typename,
                    "title": branch.title,
                    "readable": branch.readable,
                    "reason": branch.reason,
                }
                for branch in found.branches
            ],
        }
    return {"text": repr(found)}


def _why_not(row: dict[str, Any]) -> str:
    return f"not readable: {row['reason']}"


def _listing(objects: list[dict[str, Any]]) -> str:
    """Return the contents of a file, indented as they are nested."""
    rows = [
        (
            "  " * row["depth"] + f"{row['name']};{row['cycle']}",
            row["class"],
            "" if row["entries"] is None else f"{row['entries']:,} entries",
            row["title"] if row["readable"] else _why_not(row),
        )
        for row in objects
    ]
    return table(rows, numbers=(2,)) if rows else "nothing"
