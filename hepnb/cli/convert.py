"""``hepnb convert`` and ``hepnb combine``: workspaces from one format into another, and several into one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hepnb.cli.app import app
from hepnb.cli.models import load_workspace
from hepnb.cli.words import say
from hepnb.errors import HepnbError, WorkspaceError

if TYPE_CHECKING:
    from hepnb.workspace import Workspace

__all__ = ["combine", "convert"]

Source = Annotated[
    str,
    typer.Argument(metavar="WORKSPACE", help="pyhf JSON, HS3, XML, a datacard, an archive, or ins..."),
]
Patch = Annotated[
    list[str] | None,
    typer.Option("--patch", "-p", metavar="FILE[:NAME]", help="A patch, or a signal; may be repeated."),
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="A .json or .hs3.json file, or a folder for HistFactory XML."),
]


@app.command()
def convert(workspace: Source, out: Out, patch: Patch = None) -> None:
    """Write a workspace in another format; what the format cannot hold is refused by name."""
    written = save(load_workspace(workspace, patch or ()), out)
    say(f"{written}")


@app.command()
def combine(
    workspaces: Annotated[list[str], typer.Argument(metavar="WORKSPACE...", help="Two workspaces or more.")],
    out: Out,
    join: Annotated[
        Literal["none", "outer", "left outer", "right outer"],
        typer.Option(help="What becomes of channels and measurements of the same name, as in pyhf."),
    ] = "none",
) -> None:
    """Combine workspaces into one: their channels side by side, parameters of one name shared."""
    if len(workspaces) < 2:
        raise HepnbError(f"there is one workspace to combine, {workspaces[0]!r}. Give two or more.")
    combined = load_workspace(workspaces[0])
    for other in workspaces[1:]:
        combined = combined_with(combined, load_workspace(other), join)
    say(f"{save(combined, out)}: {combined!r}")


def combined_with(one: Workspace, other: Workspace, join: str) -> Workspace:
    """Return two workspaces as one.

    Parameters
    ----------
    one, other : Workspace
        What to combine.
    join : str
        As for ``pyhf.Workspace.combine``.

    Returns
    -------
    Workspace
        With the constraints, interpolation codes, edges and labels of both.

    Raises
    ------
    WorkspaceError
        pyhf refuses it; or a parameter has another constraint, or systematics other codes, in the two.
    """
    import pyhf  # noqa: PLC0415  # half a second, needed here only

    from hepnb.workspace import Workspace  # noqa: PLC0415

    try:
        spec = pyhf.Workspace.combine(pyhf.Workspace(one.spec), pyhf.Workspace(other.spec), join=join)
    except (pyhf.exceptions.InvalidWorkspaceOperation, pyhf.exceptions.InvalidSpecification) as error:
        said = str(error).splitlines()[0]
        raise WorkspaceError(f"the workspaces cannot be combined with --join {join!r}: {said}") from None
    about: dict[str, Any] = {
        name: {**getattr(other, name), **getattr(one, name)} for name in ("edges", "labels", "bin_labels")
    }
    return Workspace(
        dict(spec), constraints=_laws(one, other, spec), interpolation=_codes(one, other), **about
    )


def _laws(one: Workspace, other: Workspace, spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for measurement in (entry["name"] for entry in spec["measurements"]):
        laws: dict[str, Any] = {}
        for part in (one, other):
            own = part.constraints_of(measurement if measurement in part.measurements else None)
            for name in part.modifiers:
                law = own.get(name)
                if name in laws and laws[name] != law:
                    raise WorkspaceError(
                        f"the parameter {name!r} has the constraint {law or 'of pyhf'!r} in one workspace "
                        "and "
                        f"{laws[name] or 'of pyhf'!r} in another. Rename it in one of them."
                    )
                laws[name] = law
        found[measurement] = {name: law for name, law in laws.items() if law is not None}
    return found


def _codes(one: Workspace, other: Workspace) -> dict[str, str]:
    for kind in ("normsys", "histosys"):
        having = [w for w in (one, other) if any(kind in types for types in w.modifiers.values())]
        codes = {w.interpolation.get(kind) for w in having}
        if len(codes) > 1:
            raise WorkspaceError(
                f"the workspaces ask for different interpolations of {kind}: "
                f"{', '.join(sorted(str(code or 'that of pyhf') for code in codes))}. They cannot be one "
                "model."
            )
    return {**other.interpolation, **one.interpolation}


def save(workspace: Workspace, out: Path) -> Path:
    """Write a workspace in the format that the name asks for."""
    name = out.name.lower()
    if name.endswith(".hs3.json"):
        return workspace.save_hs3(out)
    if name.endswith(".json"):
        return workspace.save(out)
    if name.endswith(".xml"):
        raise HepnbError(
            f"--out {str(out)!r}: HistFactory XML is a folder of files. Give the name of a folder."
        )
    if out.suffix and not out.is_dir():
        raise HepnbError(
            f"--out {str(out)!r}: the format {out.suffix!r} is not known. Use .json, .hs3.json or a folder."
        )
    return workspace.save_xml(out)
