"""What the whole test suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def _data_directory() -> Path:
    named = os.environ.get("HEPNB_DATA_DIR")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public files of the registry, at their relative paths."""
    directory = _data_directory()
    if not directory.is_dir():
        pytest.fail(f"no test data in {directory}: set HEPNB_DATA_DIR to a folder with the files of hepnb.datasets")
    return directory
