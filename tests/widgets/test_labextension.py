"""The wheel brings the page's extension to where JupyterLab looks for it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import hepnb

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_the_extension_and_the_extension_its_script():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    [folder] = [place for place, to in build["shared-data"].items() if "labextensions" in to]
    assert build["shared-data"][folder] == "share/jupyter/labextensions/hepnb"
    package = json.loads((ROOT / folder / "package.json").read_text())
    assert hepnb.__version__.startswith(package["version"])
    script = (ROOT / folder / package["jupyterlab"]["_build"]["load"]).read_text()
    assert f"window._JUPYTERLAB.{package['name']} = " in script
    assert len(script) < 30_000
