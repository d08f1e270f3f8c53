"""The application that the commands are put into, and how it answers mistakes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import hepnb
from hepnb.cli.words import say
from hepnb.errors import HepnbError

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """The user's mistakes end as one sentence on stderr, not as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HepnbError as error:
            say(f"hepnb: {error}", error=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a ROOT file to a Brazil band, in JupyterLab or without it.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"hepnb {hepnb.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a ROOT file to a Brazil band, in JupyterLab or without it."""
