"""What the whole test suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from hepnb.datasets import fetch_all
from hepnb.errors import DatasetError

# Scripts that find each other by their folder; they are run, not imported.
collect_ignore = ["benchmarks"]

REPOSITORY = Path(__file__).parents[1]
SIBLING = REPOSITORY.parent / "shared" / "data"

# Here and not in the fixture, because doctests and notebooks look at it too.
if "HEPNB_DATA_DIR" not in os.environ and SIBLING.is_dir():
    os.environ["HEPNB_DATA_DIR"] = str(SIBLING)

# New examples are found on people's machines; the continuous integration repeats what it has seen pass.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public files of the registry, at their relative paths.

    HEPNB_DATA_DIR where it is set; otherwise the files are downloaded once.
    """
    named = os.environ.get("HEPNB_DATA_DIR")
    if named is None:
        try:
            return fetch_all()
        except DatasetError as error:
            pytest.fail(f"the public test files cannot be had: {error}", pytrace=False)
    if not Path(named).is_dir():
        pytest.fail(f"HEPNB_DATA_DIR is {named!r}, which is no folder: correct or unset it.", pytrace=False)
    return Path(named)
