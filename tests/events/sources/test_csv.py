"""CSV files: types of the columns, missing values, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepnb
from hepnb.errors import FileError, HepnbError
from hepnb.events.sources import csv_file


@pytest.fixture(params=["pyarrow", "plain"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read once with pyarrow, once as where it is not installed."""
    csv_file._table.cache_clear()
    csv_file._reader_of.cache_clear()
    if request.param == "pyarrow":
        pytest.importorskip("pyarrow")
    else:

        def missing() -> Any:
            raise HepnbError("pyarrow is not installed")

        monkeypatch.setattr(csv_file, "pyarrow", missing)
    return str(request.param)


def _columns(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    tree = hepnb.open(path)
    return {branch.name: tree.arrays(branch.expression)[branch.expression] for branch in tree.branches}


@pytest.mark.parametrize(
    ("texts", "expected", "kind"),
    [
        (["1", "-2"], [1, -2], "i"),
        (["1", "2.5"], [1.0, 2.5], "f"),
        (["1e3", "inf"], [1000.0, np.inf], "f"),
        (["1", ""], [1.0, np.nan], "f"),
        (["0.5", "nan"], [0.5, np.nan], "f"),
        (["true", "False"], [True, False], "b"),
        (["a", "1"], ["a", "1"], "U"),
        (["a b", "NA"], ["a b", "NA"], "U"),
        (["2026-01-05", "2026-02-01"], ["2026-01-05", "2026-02-01"], "U"),
        (["12:30:00", "01:00:00"], ["12:30:00", "01:00:00"], "U"),
        (["18446744073709551615", "0"], [2**64 - 1, 0], "u"),
        (["9007199254740993", "1"], [2**53 + 1, 1], "i"),
        (["NA", "NA"], [np.nan, np.nan], "f"),
        (["1_000", "2"], ["1_000", "2"], "U"),
        (["9007199254740992.0", "1"], [2.0**53, 1.0], "f"),
        (["true", ""], ["true", ""], "U"),
    ],
)
def test_types(tmp_path: Path, how: str, texts: list[str], expected: list[Any], kind: str) -> None:
    found = _columns(tmp_path / "a.csv", "c,d\n" + "".join(f"{text},0\n" for text in texts))["c"]
    assert found.dtype.kind == kind
    np.testing.assert_array_equal(found, np.array(expected))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n", ["a", "b"]),
        ("a;b\n1;2\n", ["a", "b"]),
        ("a\tb\n1\t2\n", ["a", "b"]),
        ("\ufeffa, b\n1,2\n", ["a", "b"]),
        (",b\n0,2\n", ["column0", "b"]),
        ('"jet pt",b\r\n1,2\r\n', ["jet pt", "b"]),
        ("a,b", ["a", "b"]),
    ],
)
def test_names(tmp_path: Path, how: str, text: str, names: list[str]) -> None:
    found = _columns(tmp_path / "a.csv", text)
    assert list(found) == names
    assert [len(column) for column in found.values()] == [text.count("\n1") + text.count("\n0")] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no names"),
        ("1.5,2.5\n3,4\n", "has numbers"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        ("a,b\n1,2\n3\n", "cannot be read as CSV"),
        ("a,b\n1,2,3\n", "cannot be read as CSV"),
        ("a,b\n9007199254740993,1\n0.5,1\n", "9007199254740993"),
        ("a,b\n9007199254740993,1\n,1\n", "9007199254740993"),
        ("a,b\n-1,1\n18446744073709551615,1\n", "column 'a'"),
    ],
)
def test_what_is_refused(tmp_path: Path, how: str, text: str, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=words) as caught:
        hepnb.open(path)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(FileError, match="UTF"):
        hepnb.open(path)


def test_a_file_that_is_written_again(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n2\n")
    tree = hepnb.open(path)
    assert tree.hist("a", (1, 0, 10)).sum().value == 2
    path.write_text("a\n1\n2\n3\n")
    assert tree.hist("a", (1, 0, 10)).sum().value == 3


def test_lists_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n2.5\n")
    hepnb.write(tmp_path / "c.root", {"t": {"x": np.array([4.0])}})
    assert hepnb.open(tmp_path / "*.csv").arrays("x")["x"].tolist() == [1, 2.5]
    with pytest.raises(FileError, match=r"is one tree and .*c\.root' has a tree in it"):
        hepnb.open([tmp_path / "a.csv", tmp_path / "c.root"])
    both = hepnb.open({tmp_path / "a.csv": "", tmp_path / "c.root": "t"})
    assert both.arrays("x")["x"].tolist() == [1, 4]
    (tmp_path / "d.csv").write_text("1,2\n")
    with pytest.warns(UserWarning, match=r"d\.csv' .*left out|left out: .*d\.csv"):
        some = hepnb.open([tmp_path / "a.csv", tmp_path / "d.csv"], on_error="skip")
    assert [Path(one.file).name for one in some.skipped] == ["d.csv"]
    with pytest.raises(FileError, match="Download"):
        hepnb.open("https://example.org/a.csv")
