"""What holds for every file of the repository."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

# Spelled in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": "|".join(
        f"(?<!root-project)/{name}/" for name in ("wo" + "rk", "fa" + "rm", "ro" + "ot", "ho" + "me/[a-z]+")
    ),
    "a package index": "|".join(
        rf"\b{host}\."
        for host in ("py" + "pi", "reg" + "istry\\.npm", "de" + "b\\.debian", "files\\.python" + "hosted")
    ),
}


def tracked() -> list[Path]:
    """The files under version control, or to be: a new file counts before its first commit."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [path for name in run.stdout.splitlines() if (path := REPOSITORY / name).is_file()]


FILES = tracked()
SOURCES = [path for path in FILES if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_speaks_of(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{name_of(path)}:{n}: {line.strip()}"
            for n, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_files_can_be_read_in_one_go() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n >= 600} == {}


def test_no_drawer_for_everything() -> None:
    assert [
        name_of(path) for path in SOURCES if path.stem in {"utils", "util", "helpers", "misc", "common"}
    ] == []


def test_page_code_is_small() -> None:
    scripts = [
        path for path in FILES if path.is_relative_to(REPOSITORY / "hepnb") and path.suffix in {".js", ".css"}
    ]
    assert scripts
    assert {name_of(path): path.stat().st_size for path in scripts if path.stat().st_size >= 30_000} == {}


def test_page_code_is_in_the_package() -> None:
    """Hatchling leaves out what .gitignore names: nothing that the package reads may be ignored."""
    there = {
        path
        for path in (REPOSITORY / "hepnb").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there - set(FILES) == set()


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".ipynb"], ids=name_of)
def test_notebooks_are_saved_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def conda_packages(path: str) -> dict[str, str]:
    """Name -> version text of a conda environment file, in PyPI's spelling of the names."""
    lines = yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))["dependencies"]
    pairs = (line.partition(" ") for line in lines if isinstance(line, str))
    spelling = {"matplotlib-base": "matplotlib", "jupyter_server": "jupyter-server"}
    return {spelling.get(name, name): version for name, _, version in pairs}


def required(line: str) -> list[Requirement]:
    """What a requirement on hepnb itself with extras comes to, extras of extras included."""
    project = SETTINGS["project"]
    lines = [*project["dependencies"]]
    for extra in Requirement(line).extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(item) for item in lines]
    own = [item for item in found if item.name == "hepnb"]
    return [item for item in found if item.name != "hepnb"] + [
        inner for item in own for inner in required(str(item))
    ]


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_conda_has_the_same_packages(path: str) -> None:
    wanted = required("hepnb[workshop]")
    packages = conda_packages(path)
    assert {found.name: str(found.specifier) for found in wanted} == {
        name: version for name, version in packages.items() if name not in {"python", "pip"}
    }


def test_pre_commit_uses_the_same_ruff() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    rev = next(hook["rev"] for hook in hooks if hook["repo"].endswith("ruff-pre-commit"))
    assert f"ruff~={rev.removeprefix('v')}" in SETTINGS["project"]["optional-dependencies"]["test"]
