"""Decide once per session whether the public files are there, and leave their tests out where they are not.

A test that uses the fixture `data_dir` checks a published number or a peculiarity of a foreign file. It gets
the marker `public_data`. HEPNB_PUBLIC_TESTS says what becomes of these tests:

auto (the default)
    They run where HEPNB_DATA_DIR names the files, where the files lie beside the repository, or where they
    can be downloaded. Otherwise they are left out, with one closing line.
no
    They are left out.
require
    They run. A missing file is a failure. This is the default with CI=true where a folder of files is named
    or lies beside the repository.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from hepnb.datasets import fetch_all, is_local, registry
from hepnb.errors import DatasetError, HepnbError

REPOSITORY = Path(__file__).parents[2]
SIBLING = REPOSITORY.parent / "shared" / "data"

MODE = "HEPNB_PUBLIC_TESTS"
REASON = "HEPNB_PUBLIC_TESTS_REASON"  # from the controller of xdist to its workers
DATA_DIR = "HEPNB_DATA_DIR"

# Longer than a slow connection needs, shorter than a resolver without a network takes.
CONNECT_SECONDS = 8.0

REMEDY = (
    "To run them, set HEPNB_DATA_DIR to a folder with the files that hepnb.datasets.names() lists, "
    "or connect to the network: they are then downloaded once."
)

_LEFT_OUT = pytest.StashKey[int]()


def decide() -> None:
    """Settle HEPNB_PUBLIC_TESTS and HEPNB_DATA_DIR for this process and its children."""
    mode = os.environ.get(MODE, "auto")
    if mode not in {"auto", "no", "require"}:
        raise pytest.UsageError(f"{MODE} is {mode!r}: it can be auto, no or require.")
    if mode == "no":
        os.environ.pop(DATA_DIR, None)
        return
    if not os.environ.get(DATA_DIR) and SIBLING.is_dir():
        os.environ[DATA_DIR] = str(SIBLING)
    named = os.environ.get(DATA_DIR)
    if named:
        if not Path(named).is_dir():
            raise pytest.UsageError(f"{DATA_DIR} is {named!r}, which is no folder: correct or unset it.")
        os.environ[MODE] = "require" if mode == "require" or os.environ.get("CI") == "true" else "auto"


def download() -> None:
    """Download the files where there are none, or note why that is not possible."""
    if os.environ.get(DATA_DIR) or os.environ.get(MODE) == "no":
        return
    addressed = [row.name for row in registry().values() if row.urls]
    reason = "" if all(is_local(name) for name in addressed) else _not_reachable()
    if not reason:
        try:
            os.environ[DATA_DIR] = str(fetch_all(progress=False))
            return
        except DatasetError as error:
            reason = str(error).splitlines()[0]
    if os.environ.get(MODE) == "require":
        raise pytest.UsageError(f"{MODE} is require, and the public files are not there. {reason}. {REMEDY}")
    os.environ[MODE] = "no"
    os.environ[REASON] = f"they are not on this machine and cannot be downloaded ({reason})"


def _not_reachable() -> str:
    """Return why the first public address cannot be reached; "" where it can.

    In a thread, because looking up a name without a network can take longer than any timeout of a request.
    """
    url = next(row.url for row in registry().values() if row.url)
    host = urlsplit(url).hostname
    answers: list[str] = []

    def ask() -> None:
        try:
            requests.head(url, timeout=CONNECT_SECONDS / 2, allow_redirects=True).raise_for_status()
            answers.append("")
        except (OSError, ValueError) as error:
            answers.append(f"{host}: {type(error).__name__}")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    return answers[0] if answers else f"{host}: no answer within {CONNECT_SECONDS:g} s"


def missing(folder: Path) -> list[str]:
    """Return the registered files that are not in a folder."""
    return [name for name in registry() if not (folder / name).is_file()]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public files of the registry, at their relative paths.

    For tests of published numbers and of foreign files only: others use generated files.
    """
    folder = Path(os.environ[DATA_DIR])
    absent = missing(folder)
    if absent and os.environ.get(MODE) == "require":
        first = ", ".join(absent[:3])
        pytest.fail(f"{folder} lacks {len(absent)} public files, such as {first}. {REMEDY}", pytrace=False)
    return folder


def is_public(item: pytest.Item) -> bool:
    """Return whether a test needs the public files."""
    return (
        "data_dir" in getattr(item, "fixturenames", ()) or item.get_closest_marker("public_data") is not None
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = 0
    decide()
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        download()  # once for all workers


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark the tests of public files before `-m` selects, and leave them out afterwards where need be."""
    for item in items:
        if is_public(item):
            item.add_marker(pytest.mark.public_data)
    yield
    public = [item for item in items if is_public(item)]
    if public and not config.option.collectonly:
        download()
    if public and os.environ.get(MODE) == "no":
        config.hook.pytest_deselected(items=public)
        items[:] = [item for item in items if not is_public(item)]
        config.stash[_LEFT_OUT] = len(public)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Skip a test whose public file is missing, unless every file is required."""
    try:
        return (yield)
    except (OSError, HepnbError) as error:
        if os.environ.get(MODE) == "require" or not is_public(pyfuncitem):
            raise
        lost = [name for name in missing(Path(os.environ[DATA_DIR])) if name in str(error)]
        if not lost:
            raise
        pytest.skip(f"{os.environ[DATA_DIR]} lacks {lost[0]}")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist counted: every worker collects every test."""
    left_out = getattr(node, "workeroutput", {}).get("public_data_left_out", 0)
    node.config.stash[_LEFT_OUT] = max(node.config.stash[_LEFT_OUT], left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["public_data_left_out"] = session.config.stash[_LEFT_OUT]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if left_out := config.stash[_LEFT_OUT]:
        reason = os.environ.get(REASON, f"{MODE} is no")
        terminalreporter.write_line(f"{left_out} tests of public files were left out: {reason}. {REMEDY}")
