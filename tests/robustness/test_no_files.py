"""What stands under the name of a file and is none, bodies of zeros, and names that a terminal would obey."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from typer.testing import CliRunner

import hepnb
from hepnb.cli import app
from hepnb.errors import FileError, HepnbError, WorkspaceError, printable
from hepnb.events.sources.column_cache import COLUMNS
from hepnb.hypotests import toy_hypotest
from hepnb.widgets import FileBrowser
from hepnb.widgets.file_browser.folders import check_pattern, list_folder
from hepnb.workspace import uncorrelated_background

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "named pipe": (fifo, "a named pipe"),
    "socket": (bound_socket, "a socket"),
    "device": (device, "a device"),
    "folder": (folder, "a folder|a directory"),
}


def model() -> hepnb.Model:
    return hepnb.Model(uncorrelated_background([12.0], [50.0], [7.0]))


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "open": ("a.root", hepnb.open),
    "several": ("a.root", lambda path: hepnb.open([path])),
    "wildcards": ("a.root", lambda path: hepnb.open(str(path.with_name("*.root")))),
    "open_skim": ("a.root", hepnb.open_skim),
    "parquet": ("a.parquet", hepnb.open_skim),
    "workspace": ("a.json", hepnb.load),
    "XML": ("a.xml", hepnb.load),
    "archive": ("a.tar.gz", hepnb.load),
    "datacard": ("a.txt", hepnb.load),
    "patch": ("a.json", lambda path: model().workspace.patch(path, None)),
    "signals": ("a.json", lambda path: hepnb.limit_grid(model().workspace, path)),
    "checkpoint": ("a.npz", lambda path: toy_hypotest(1.0, None, model(), n_toys=5, checkpoint=path)),
}


@pytest.fixture(autouse=True)
def _short_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 108 characters


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_at_once(reader: str, kind: str) -> None:
    if reader == "parquet":
        pytest.importorskip("pyarrow")
    make, words = KINDS[kind]
    name, read = READERS[reader]
    make(Path(name))
    with pytest.raises(HepnbError, match=rf"{name}'?:? .*({words})"):
        read(Path(name))


CHANNEL = """<Channel Name="c" InputFile="a.root" HistoPath="">
  <Data HistoName="data"/><Sample Name="s" HistoName="s"/></Channel>"""
TOP = """<Combination OutputFilePrefix="x"><Input>c.xml</Input>
  <Measurement Name="m" Lumi="1" LumiRelErr="0.1"><POI>mu</POI></Measurement></Combination>"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["named pipe", "socket", "device"])
@pytest.mark.parametrize("name", ["a.root", "c.xml"])
def test_what_is_no_file_in_an_xml_configuration(tmp_path: Path, name: str, kind: str) -> None:
    Path("top.xml").write_text(TOP)
    if name != "c.xml":
        Path("c.xml").write_text(CHANNEL)
    make, words = KINDS[kind]
    make(Path(name))
    with pytest.raises(FileError, match=rf"{name}' is {words}"):
        hepnb.load("top.xml", root=tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "made.root"
    with uproot.recreate(file) as out:
        out.mktree("t", {"x": "float64"})
        for start in (0, 1000):
            out["t"].extend({"x": np.sqrt(np.arange(start, start + 1000.0))})
        out["inner/h"] = np.histogram([0.5], 3, (0, 1))
    yield file
    COLUMNS.clear()


def read_all(path: Path) -> None:
    file = hepnb.open(path)
    try:
        for entry in file.walk():
            if not entry.readable:
                raise FileError(entry.reason)
            if entry.kind == "tree":
                file[entry.path].arrays("x")
            elif entry.kind == "histogram":
                file[entry.path].values()
    finally:
        file.close()


def zeroed(path: Path, start: int, stop: int) -> Path:
    data = path.read_bytes()
    other = path.with_name("zeroed.root")
    other.write_bytes(data[:start] + bytes(stop - start) + data[stop:])
    COLUMNS.clear()
    return other


def test_zeros_behind_the_header_are_no_empty_file(path: Path) -> None:
    read_all(path)
    with pytest.raises(FileError, match="zeros"):
        hepnb.open(zeroed(path, 100, path.stat().st_size)).keys()


@pytest.mark.parametrize("what", ["list", "half of the list", "basket", "inner folder", "second half"])
def test_a_part_of_zeros_is_told(path: Path, what: str) -> None:
    with uproot.open(path) as file:
        inner, tree = file["inner"], file["t"]
        places = {
            "list": (file._fSeekKeys, file._fSeekKeys + file._fNbytesKeys),
            "half of the list": (file._fSeekKeys + 60, file._fSeekKeys + file._fNbytesKeys),
            "basket": (
                tree["x"].member("fBasketSeek")[1],
                tree["x"].member("fBasketSeek")[1] + tree["x"].member("fBasketBytes")[1],
            ),
            "inner folder": (inner._fSeekDir + 40, inner._fSeekDir + 120),
            "second half": (path.stat().st_size // 2, path.stat().st_size),
        }
    with pytest.raises(HepnbError):
        read_all(zeroed(path, *map(int, places[what])))


def test_an_empty_file_is_one(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "empty.root"):
        pass
    assert hepnb.open(tmp_path / "empty.root").keys() == []


HOSTILE = "a\x1b[2J\x9b31m\x07\u202eb\r"


def test_what_is_printable() -> None:
    assert printable(HOSTILE) == r"a\x1b[2J\x9b31m\x07\u202eb\x0d"
    assert printable("τ → µν\n\tümläut") == "τ → µν\n\tümläut"
    assert printable("\udcff\u2028") == r"\udcff\u2028"


@pytest.mark.parametrize("kind", [FileError, WorkspaceError, HepnbError])
def test_errors_hold_nothing_that_a_terminal_obeys(kind: type[HepnbError]) -> None:
    assert str(kind(f"there is no {HOSTILE}")) == f"there is no {printable(HOSTILE)}"


def test_commands_print_names_escaped(tmp_path: Path) -> None:
    file = tmp_path / "made.root"
    with uproot.recreate(file) as out:
        out.mktree("t", {"x": "float64"}, title=HOSTILE)
        out["t"].extend({"x": np.zeros(3)})
        out["a\x1b[31m"] = "text"
    for arguments in (["browse", str(file)], ["browse", str(file), "none\x1b[2J"], ["browse", f"{file}\x1b"]):
        result = CliRunner().invoke(app, arguments)
        assert not [c for c in result.output if c != "\n" and not c.isprintable()], result.output
        assert r"\x1b" in result.output


def test_wildcards_do_not_leave_the_root(path: Path, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for one in (root, outside):
        one.mkdir()
        (one / "a.root").write_bytes(path.read_bytes())
    (root / "link").symlink_to(outside)
    browser = FileBrowser(root=str(root))
    for pattern in (
        "l*/a.root",
        "*/*.root",
        "**/*.root",
        "../outside/*.root",
        "[l]ink/a.root",
        "link/a.root",
    ):
        browser.file = pattern
        assert browser.result is None, pattern
        assert "outside the root" in browser.error, pattern
    browser.file = "*.root"
    assert browser.result
    (root / "b.root").symlink_to(outside / "a.root")
    browser.file = "[ab].root"
    assert "'b.root' is outside the root" in browser.error
    (root / "b.root").unlink()
    check_pattern(root, "*.root")


def test_what_is_no_file_is_listed_with_the_reason(tmp_path: Path) -> None:
    os.mkfifo("pipe.root")
    (item,) = list_folder(tmp_path, "")
    assert item.reason == "no regular file"


def test_copies_that_double_a_workspace_are_refused() -> None:
    workspace = model().workspace
    bomb = [{"op": "add", "path": "/x", "value": list(range(10))}]
    bomb += [{"op": "copy", "from": "/x", "path": "/x/-"} for _ in range(40)]
    with pytest.raises(
        WorkspaceError, match=r"operation \d+ \(copy /x\) makes the workspace many times larger"
    ):
        workspace.patch(bomb)
    with pytest.raises(WorkspaceError):
        workspace.patch([{"op": "copy", "from": "/channels", "path": "/channels/0/x"} for _ in range(2000)])


def test_a_copy_that_is_meant_is_made() -> None:
    workspace = model().workspace
    sample = "/channels/0/samples/0"
    patched = workspace.patch(
        [
            {"op": "copy", "from": sample, "path": "/channels/0/samples/-"},
            {"op": "replace", "path": "/channels/0/samples/2/name", "value": "again"},
        ]
    )
    assert patched.samples == (*workspace.samples, "again")


def test_a_patch_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("patch.json").write_text(json.dumps([{"op": "test", "path": "/version", "value": "1.0.0"}]))
    assert model().workspace.patch("~/patch.json") == model().workspace


def test_the_number_of_objects_cannot_be_zeroed(path: Path) -> None:
    with uproot.open(path) as file:
        place = file._fSeekKeys
    (length,) = struct.unpack(">h", path.read_bytes()[place + 14 : place + 16])
    with pytest.raises(FileError):
        read_all(zeroed(path, place + length, place + length + 4))
