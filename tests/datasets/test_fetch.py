"""Fetching: the override, the cache, the network, and every way it can fail. The network is this machine."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import pytest

from hepnb import datasets
from hepnb.errors import DatasetError

CONTENT = b"twelve bytes" * 10_000


class Handler(SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


class Server:
    """A web server for one directory, which remembers what it was asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        handler = type("Remembering", (Handler,), {"asked": []})
        self.asked: list[str] = handler.asked
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(directory)))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "file.bin").write_bytes(CONTENT)
    running = Server(tmp_path / "www")
    yield running
    running.close()


Rows = Callable[..., datasets.Dataset]


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Rows:
    """Put rows into the registry."""
    table = dict(datasets.registry())
    monkeypatch.setattr(import_module("hepnb.datasets._registry"), "registry", lambda: table)
    monkeypatch.setattr(import_module("hepnb.datasets._fetch"), "registry", lambda: table)

    def add(
        *urls: str, name: str = "made/file.bin", content: bytes = CONTENT, member: str = ""
    ) -> datasets.Dataset:
        digest = hashlib.sha256(content).hexdigest()
        table[name] = datasets.Dataset(name, len(content), digest, "CC0-1.0", urls, member, "made up")
        return table[name]

    return add


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_file_is_downloaded_once(server: Server, row: Rows, cache: Path) -> None:
    row(f"{server.url}/file.bin")
    assert not datasets.is_local("made/file.bin")
    path = datasets.fetch("made/file.bin", progress=False)
    assert path == cache / "made" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert datasets.fetch("made/file.bin") == path
    assert datasets.is_local("made/file.bin")
    assert server.asked == ["/file.bin"]


def test_progress_is_shown_and_nothing_else(
    server: Server, row: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    row(f"{server.url}/file.bin")
    datasets.fetch("made/file.bin", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "made/file.bin" in err
    assert "Downloading" not in err
    datasets.fetch("made/file.bin", progress=True)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_cache_is_mended(server: Server, row: Rows) -> None:
    row(f"{server.url}/file.bin")
    path = datasets.fetch("made/file.bin", progress=False)
    path.write_bytes(b"damaged")
    assert not datasets.is_local("made/file.bin")
    assert datasets.fetch("made/file.bin", progress=False).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_another_file_at_the_address_is_refused(server: Server, row: Rows, cache: Path) -> None:
    row(f"{server.url}/file.bin", content=b"something else")
    with pytest.raises(DatasetError, match="what is there is not the registered file") as error:
        datasets.fetch("made/file.bin", progress=False)
    assert f"{server.url}/file.bin" in str(error.value)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_the_next_address_is_tried(server: Server, row: Rows) -> None:
    row(f"{server.url}/gone.bin", f"{closed_port()}/file.bin", f"{server.url}/file.bin")
    assert datasets.fetch("made/file.bin", progress=False).read_bytes() == CONTENT
    assert server.asked == ["/gone.bin", "/file.bin"]


def test_without_a_network_the_message_helps(row: Rows) -> None:
    url = f"{closed_port()}/file.bin"
    row(url)
    with pytest.raises(DatasetError) as error:
        datasets.fetch("made/file.bin")
    assert str(error.value) == (
        f"made/file.bin cannot be downloaded. {url}: no connection. Without a network: put the file at "
        "'made/file.bin' under a directory of yours, and set HEPNB_DATA_DIR to that directory."
    )


def test_a_missing_page_is_told(server: Server, row: Rows) -> None:
    row(f"{server.url}/gone.bin")
    with pytest.raises(DatasetError, match=r"gone\.bin: 404 Client Error"):
        datasets.fetch("made/file.bin", progress=False)


def test_a_file_without_an_address_is_told(row: Rows) -> None:
    row()
    with pytest.raises(
        DatasetError, match=r"made/file\.bin \(made up\) has no known public address\. Without a network"
    ):
        datasets.fetch("made/file.bin")


def test_the_override_comes_first(
    server: Server, row: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(f"{server.url}/file.bin")
    own = tmp_path / "own"
    monkeypatch.setenv("HEPNB_DATA_DIR", str(own))
    downloaded = datasets.fetch("made/file.bin", progress=False)
    assert downloaded.is_relative_to(tmp_path / "cache")
    (own / "made").mkdir(parents=True)
    shutil.copyfile(downloaded, own / "made" / "file.bin")
    assert datasets.fetch("made/file.bin") == own / "made" / "file.bin"
    assert datasets.is_local("made/file.bin")


def test_another_file_in_the_override_is_refused(
    row: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = row()
    monkeypatch.setenv("HEPNB_DATA_DIR", str(tmp_path))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file.bin").write_bytes(b"another")
    with pytest.raises(DatasetError, match=f"is not the registered file: .* it should be {expected.sha256}"):
        datasets.fetch("made/file.bin")
    assert not datasets.is_local("made/file.bin")


def test_a_file_is_hashed_once(row: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row()
    monkeypatch.setenv("HEPNB_DATA_DIR", str(tmp_path))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file.bin").write_bytes(CONTENT)
    hashing = import_module("hepnb.datasets._fetch")._hash
    before = hashing.cache_info().misses
    for _ in range(3):
        datasets.fetch("made/file.bin")
    assert hashing.cache_info().misses == before + 1


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_a_member_is_taken_out_of_an_archive(server: Server, row: Rows, cache: Path) -> None:
    members = {"top/XRegionA/a.json": b"no", "top/RegionA/a.json": b"yes", "top/RegionA/b.json": b"also"}
    (server.directory / "models.tar.gz").write_bytes(archive(members))
    row(f"{server.url}/models.tar.gz", name="made/a.json", content=b"yes", member="RegionA/a.json")
    row(f"{server.url}/models.tar.gz", name="made/b.json", content=b"also", member="RegionA/b.json")
    assert datasets.fetch("made/a.json", progress=False).read_bytes() == b"yes"
    assert datasets.fetch("made/b.json", progress=False).read_bytes() == b"also"
    assert server.asked == ["/models.tar.gz"]
    assert not (cache / "top").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive({"RegionA/a.json": b"no"}), "sha256 of RegionA/a.json is"),
        (archive({"RegionB/a.json": b"yes"}), "the archive has no RegionA/a.json"),
        (b"not an archive", "file could not be opened successfully"),
    ],
)
def test_a_bad_archive_is_refused_and_not_kept(
    server: Server, row: Rows, cache: Path, content: bytes, said: str
) -> None:
    (server.directory / "models.tar.gz").write_bytes(content)
    row(f"{server.url}/models.tar.gz", name="made/a.json", content=b"yes", member="RegionA/a.json")
    with pytest.raises(DatasetError, match=said):
        datasets.fetch("made/a.json", progress=False)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_to_is_not_the_network(
    server: Server, row: Rows, cache: Path, tmp_path: Path
) -> None:
    (server.directory / "models.tar.gz").write_bytes(archive({"RegionA/a.json": b"yes"}))
    row(f"{server.url}/models.tar.gz", name="made/a.json", content=b"yes", member="RegionA/a.json")
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot write to the cache.*HEPNB_CACHE_DIR") as told:
        datasets.fetch("made/a.json", progress=False)
    assert "network" not in str(told.value)
    cache.unlink()
    cache.mkdir()
    (cache / "archives").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot write to the cache"):
        datasets.fetch("made/a.json", progress=False)


def test_fetching_all_lays_the_files_out(
    server: Server, row: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(f"{server.url}/file.bin")
    row(name="made/own.bin", content=b"own")
    own = tmp_path / "own"
    (own / "made").mkdir(parents=True)
    (own / "made" / "own.bin").write_bytes(b"own")
    monkeypatch.setenv("HEPNB_DATA_DIR", str(own))
    names = ["made/file.bin", "made/own.bin"]
    assert datasets.fetch_all(["made/own.bin"]) == own
    directory = datasets.fetch_all(names, progress=False)
    assert directory == tmp_path / "cache"
    assert [(directory / name).read_bytes() for name in names] == [CONTENT, b"own"]
    with pytest.raises(DatasetError, match="no public file 'made/nothing'"):
        datasets.fetch_all(["made/nothing"])


def test_one_failure_does_not_keep_the_others_away(server: Server, row: Rows, cache: Path) -> None:
    for n in range(2):
        row(f"{server.url}/gone{n}.bin", name=f"made/gone{n}.bin")
    row(f"{server.url}/file.bin")
    with pytest.raises(
        DatasetError, match=r"(?s)made/gone0\.bin cannot be downloaded.*made/gone1\.bin cannot be"
    ):
        datasets.fetch_all(["made/gone0.bin", "made/gone1.bin", "made/file.bin"], progress=False)
    assert (cache / "made" / "file.bin").read_bytes() == CONTENT


def test_everything_with_an_address_is_everything(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPNB_DATA_DIR", str(data_dir))
    assert datasets.fetch_all() == data_dir


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEPNB_CACHE_DIR")
    assert datasets.cache_directory().name == "hepnb"
    assert os.fspath(datasets.cache_directory()) != os.fspath(Path.cwd())
