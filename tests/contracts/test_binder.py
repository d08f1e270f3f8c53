"""What Binder runs while it builds the image works with and without a network."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import hepnb

REPOSITORY = Path(__file__).parents[2]
BINDER = REPOSITORY / "binder"


def run(script: Path, **more: str) -> subprocess.CompletedProcess[str]:
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {name: value for name, value in os.environ.items() if name != "HEPNB_DATA_DIR"}
    return subprocess.run(
        [sys.executable, str(script)],
        env=environment | closed | {"HEPNB_FETCH_PAUSE": "0"} | more,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )


def test_without_a_network_the_image_is_built_with_generated_data(tmp_path: Path) -> None:
    done = run(BINDER / "fetch_data.py", HEPNB_CACHE_DIR=str(tmp_path))
    assert "generated instead:" in done.stdout
    assert "root/uproot-Zmumu.root" in done.stdout
    assert list(tmp_path.glob("generated-*.root"))


def test_where_the_files_are_all_are_found(tmp_path: Path, data_dir: Path) -> None:
    done = run(BINDER / "fetch_data.py", HEPNB_CACHE_DIR=str(tmp_path), HEPNB_DATA_DIR=str(data_dir))
    assert done.stdout.strip() == "all files are here"


def test_it_fetches_what_notebooks_can_use() -> None:
    fetched = set(runpy.run_path(str(BINDER / "fetch_data.py"))["FILES"])
    named = set()
    for path in (REPOSITORY / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                text = "".join(cell["source"])
                named |= {name for name in hepnb.datasets.names() if re.search(rf'"{re.escape(name)}"', text)}
    registry = hepnb.datasets.registry()
    assert {name for name in named if registry[name].urls} <= fetched
    assert all(registry[name].urls for name in fetched)


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_scripts_of_binder_can_be_run(script: str) -> None:
    path = BINDER / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_binder_asks_for_one_python() -> None:
    """repo2docker reads the version from a line such as "python =3.12"."""
    lines = yaml.safe_load((BINDER / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (python,) = [line for line in lines if isinstance(line, str) and line.split()[0] == "python"]
    assert re.fullmatch(r"python =3\.\d+", python)


def test_the_lock_of_the_course_fits_the_requirements() -> None:
    lines = (BINDER / "course-lock.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    names = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    environment = yaml.safe_load((BINDER / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    spelling = {"matplotlib-base": "matplotlib", "jupyter_server": "jupyter-server"}
    for line in environment:
        name, _, specifier = line.partition(" ")
        if name in {"python", "pip"}:
            continue
        name = spelling.get(name, name)
        assert Requirement(f"{name}{specifier}").specifier.contains(names[name]), name
