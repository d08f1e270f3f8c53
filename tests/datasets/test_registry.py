"""The table of public files is complete, and says what is really in the files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from hepnb import datasets
from hepnb.errors import DatasetError


@pytest.mark.parametrize("row", datasets.registry().values(), ids=datasets.names())
def test_a_row_is_whole(row: datasets.Dataset) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", row.sha256)
    assert row.bytes > 0
    assert row.license
    assert row.description
    assert not Path(row.name).is_absolute()
    assert ".." not in Path(row.name).parts
    for url in row.urls:
        assert re.fullmatch(
            r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/([0-9a-f]{40}|main)/[\w./-]+", url
        )
    assert not row.member or row.url.endswith(".tar.gz")


def test_a_row_is_the_files(data_dir: Path) -> None:
    present = [row for row in datasets.registry().values() if (data_dir / row.name).is_file()]
    assert present
    for row in present:
        content = (data_dir / row.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row.bytes, row.sha256), row.name


def test_names_are_sorted_and_distinct() -> None:
    assert list(datasets.names()) == sorted(set(datasets.names()))
    assert {"multisample/data.root", "root/uproot-Zmumu.root"} <= set(datasets.names())


def test_what_is_told_of_a_file() -> None:
    assert "(RegionA/BkgOnly.json)" in datasets.describe("likelihoods/BkgOnly.json")
    assert "no public address is known" in datasets.describe("likelihoods/susy_2018_04_with_signal.json")
    with pytest.raises(DatasetError, match=r"no public file 'data\.root'\. Did you mean"):
        datasets.describe("data.root")
