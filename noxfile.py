#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions for contributors: ``nox`` runs lint, types and tests; ``nox -l`` lists them all."""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13"]
NO_BROWSER = ("-m", "not browser")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting and the layers."""
    session.install("-e", ".[test]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    session.install("-e", ".[test]")
    session.run("mypy")


@nox.session(python=PYTHONS, default=True)
def tests(session: nox.Session) -> None:
    """Tests and doctests; those in a browser are left to `make test` and to `nox -s browser`."""
    session.install("-e", ".[test]")
    session.run("pytest", *NO_BROWSER, *session.posargs)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """The tests that drive JupyterLab in Chromium."""
    session.install("-e", ".[test]")
    session.run("tools/chromium.sh", external=True)
    session.run("pytest", "-m", "browser", "tests/browser", *session.posargs)


@nox.session(name="lower-bounds", python="3.11", default=False)
def lower_bounds(session: nox.Session) -> None:
    """The tests with every direct dependency at the lower bound that pyproject.toml promises."""
    session.install("packaging")
    pins = session.run("python", "tools/lower_bounds.py", "test", silent=True)
    constraints = Path(session.create_tmp()) / "lower-bounds.txt"
    constraints.write_text(str(pins), encoding="utf-8")
    session.install("-e", ".[test]", "-c", str(constraints))
    # Old releases warn about newer ones beside them, and that is not ours to mend.
    session.run("pytest", "-W", "default", *NO_BROWSER, *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """The wheel and the source distribution, and what is in the wheel."""
    session.install("build")
    session.run("python", "-m", "build")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation site, into docs/_build/html."""
    session.install("-e", ".[docs]")
    session.run("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going", "docs", "docs/_build/html")


if __name__ == "__main__":
    nox.main()
