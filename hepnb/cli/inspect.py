"""``hepnb inspect``, ``hepnb patchset`` and ``hepnb fetch``: what files and records hold."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

import hepnb
from hepnb.cli.app import app
from hepnb.cli.browse import browse
from hepnb.cli.convert import save
from hepnb.cli.files import make_directory
from hepnb.cli.models import load_workspace
from hepnb.cli.words import say, table
from hepnb.errors import HepnbError, WorkspaceError, nearest

__all__ = ["fetch", "inspect", "patchset"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@app.command()
def inspect(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A ROOT file, a workspace, or ins...")],
    item: Annotated[str | None, typer.Argument(metavar="OBJECT", help="An object of a ROOT file.")] = None,
    as_json: Json = False,
) -> None:
    """Print what a file holds: ROOT files, workspaces of every format, archives, records of HEPData."""
    if _is_root(source):
        browse(source, item, as_json)
        return
    if item is not None:
        raise HepnbError(f"{source} is no ROOT file: it has no object {item!r}. Leave it out.")
    from hepnb.workspace import Likelihoods  # noqa: PLC0415  # a command that shows its help loads nothing

    found: Any = hepnb.load(source)
    content = likelihoods_content(found) if isinstance(found, Likelihoods) else workspace_content(found)
    if as_json:
        say(json.dumps({"file": source, **content}, indent=1))
    elif isinstance(found, Likelihoods):
        say(repr(found))
    else:
        say(_words(content))


def _is_root(source: str) -> bool:
    path = Path(source.partition(".root:")[0] + ".root" if ".root:" in source else source)
    try:
        with path.open("rb") as file:
            return file.read(4) == b"root"
    except OSError:
        return source.lower().endswith(".root")


def workspace_content(workspace: Any) -> dict[str, Any]:
    """Return what a workspace holds, as plain numbers and texts."""
    from hepnb.workspace.likelihoods import digest  # noqa: PLC0415

    types = Counter(kind for kinds in workspace.modifiers.values() for kind in kinds)
    return {
        "digest": digest(workspace.spec),
        "channels": [
            {
                "name": channel["name"],
                "bins": workspace.channel_bins[channel["name"]],
                "samples": [sample["name"] for sample in channel["samples"]],
                "observed": sum(workspace.observed[channel["name"]]),
            }
            for channel in workspace.spec["channels"]
        ],
        "modifiers": dict(sorted(types.items())),
        "measurements": [
            {"name": name, "poi": workspace.measurement(name)["config"]["poi"]}
            for name in workspace.measurements
        ],
        "constraints": {
            name: law if isinstance(law, str) else list(law) for name, law in workspace.constraints.items()
        },
        "interpolation": workspace.interpolation,
    }


def likelihoods_content(likelihoods: Any) -> dict[str, Any]:
    """Return what several likelihoods are, as plain numbers and texts."""
    return {
        "likelihoods": [
            {
                "region": member.region,
                "file": member.file,
                "digest": member.digest,
                "labels": list(member.labels),
                "signals": {name: list(values) for name, values in member.signals.items()},
            }
            for member in likelihoods.values()
        ]
    }


def _words(content: dict[str, Any]) -> str:
    rows = [("channel", "bins", "observed", "samples")]
    for channel in content["channels"]:
        shown = ", ".join(channel["samples"])
        rows.append((channel["name"], str(channel["bins"]), f"{channel['observed']:g}", shown))
    lines = [table(rows, numbers=(1, 2)), ""]
    modifiers = ", ".join(f"{count} {kind}" for kind, count in content["modifiers"].items())
    lines.append(f"modifiers: {modifiers or 'none'}")
    lines += [
        f"measurement {entry['name']}: parameter of interest {entry['poi'] or 'none'}"
        for entry in content["measurements"]
    ]
    if content["constraints"]:
        lines.append(f"constraints that pyhf has not: {len(content['constraints'])}")
    if content["interpolation"]:
        codes = ", ".join(f"{kind} {code}" for kind, code in content["interpolation"].items())
        lines.append(f"interpolation: {codes}")
    return "\n".join([*lines, f"sha256 {content['digest']}"])


@app.command()
def patchset(
    file: Annotated[Path, typer.Argument(metavar="PATCHSET", help="A patch set.")],
    verify: Annotated[
        Path | None, typer.Option(metavar="WORKSPACE", help="Check that it was made for this background.")
    ] = None,
    apply: Annotated[
        str | None, typer.Option(metavar="NAME", help="Apply this patch to the background of --verify.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.")] = None,
    as_json: Json = False,
) -> None:
    """List the signals of a patch set; check its background; apply one."""
    document = _patch_set(file)
    names = {entry["metadata"]["name"]: entry["metadata"].get("values", []) for entry in document["patches"]}
    if verify is None and (apply is not None or out is not None):
        raise HepnbError("--apply and --out need the background: add --verify WORKSPACE.")
    if (apply is None) != (out is None):
        raise HepnbError("--apply NAME and --out FILE belong together: give both.")
    if verify is not None:
        if apply is not None and apply not in names:
            raise WorkspaceError(f"{file}: there is no patch {apply!r}. {nearest(apply, names)}")
        patched = load_workspace(verify).patch(file, apply or next(iter(names), None))
        if out is not None:
            say(f"{save(patched, out)}")
            return
    if as_json:
        say(
            json.dumps(
                {"file": str(file), "metadata": document.get("metadata", {}), "patches": names}, indent=1
            )
        )
        return
    labels = document.get("metadata", {}).get("labels", [])
    rows = [("signal", *map(str, labels)), *((name, *map(str, values)) for name, values in names.items())]
    width = max(map(len, rows))
    say(table([(*row, *[""] * (width - len(row))) for row in rows], numbers=range(1, width)))
    if verify is not None:
        say(f"made for {verify}")


def _patch_set(file: Path) -> dict[str, Any]:
    from hepnb.workspace.documents import read_json  # noqa: PLC0415

    document = read_json(file)
    entries = document.get("patches") if isinstance(document, dict) else None
    good = isinstance(entries, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("metadata"), dict) and "name" in entry["metadata"]
        for entry in entries
    )
    if not good:
        raise WorkspaceError(f"{file} is not a patch set: it has no list 'patches' of patches with names.")
    return document  # type: ignore[no-any-return]  # checked just above


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="ins..., or a public file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to put it in.")] = Path(),
    resource: Annotated[str | None, typer.Option(help="Which file of the record.")] = None,
    version: Annotated[int | None, typer.Option(help="Which version; the newest.")] = None,
) -> None:
    """Download the likelihoods of a record of HEPData, or a public file of hepnb.datasets."""
    from hepnb.datasets import hepdata_file, names  # noqa: PLC0415  # other commands need no network

    if name in names():
        path = hepnb.datasets.fetch(name)
    else:
        path = hepdata_file(name, resource=resource, version=version)
    make_directory(out)
    target = out / path.name
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise hepnb.errors.FileError(f"{target} cannot be written: {error.strerror}.") from None
    say(f"{target} ({target.stat().st_size:,} bytes)")
