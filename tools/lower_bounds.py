"""Print a pip constraints file that pins every direct dependency to its lower bound in pyproject.toml.

Usage: python tools/lower_bounds.py [EXTRA ...] > constraints.txt
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(extras: list[str]) -> Iterator[Requirement]:
    """Give the direct requirements of the project and of the extras; an extra may name others."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    for line in lines:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            yield from requirements(sorted(requirement.extras))
        else:
            yield requirement


def lower_bound(requirement: Requirement) -> str:
    """Give the version after ``>=`` or ``~=``; a requirement without one is refused."""
    bounds = [spec.version for spec in requirement.specifier if spec.operator in {">=", "~="}]
    if len(bounds) != 1:
        raise SystemExit(
            f"pyproject.toml: {requirement} has no lower bound; write {requirement.name}>=VERSION."
        )
    return bounds[0]


if __name__ == "__main__":
    for pin in sorted({f"{found.name}=={lower_bound(found)}" for found in requirements(sys.argv[1:])}):
        sys.stdout.write(pin + "\n")
