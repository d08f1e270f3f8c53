"""``hepnb lab``: JupyterLab with the workbench."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from hepnb.atomic_file import write_text
from hepnb.cli.app import app
from hepnb.cli.words import say
from hepnb.errors import HepnbError

__all__ = ["lab"]

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
            write_text(path, json.dumps(_FIRST_NOTEBOOK, indent=1) + "\n", overwrite=False)
            say(f"wrote {path}, a notebook with the workbench")
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
