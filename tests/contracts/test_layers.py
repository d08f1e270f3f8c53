"""The layers of pyproject.toml hold: a module imports only what lies below it."""

from __future__ import annotations

import subprocess
import sysconfig
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"


def test_import_contracts_are_kept() -> None:
    run = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_package_is_a_layer() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = next(contract for contract in settings["contracts"] if contract["type"] == "layers")
    named = {name.strip() for line in layers["layers"] for name in line.split("|")}
    ignored = set(layers["exhaustive_ignores"])
    found = {
        path.stem
        for path in (REPOSITORY / "hepnb").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - ignored - {"__init__"} == named
