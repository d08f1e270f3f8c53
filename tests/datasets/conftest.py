"""Every test of the data sets has a cache of its own and no override."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.delenv("HEPNB_DATA_DIR", raising=False)
    monkeypatch.setenv("HEPNB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"
