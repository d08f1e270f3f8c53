"""Files behind URLs: what is read, and what is said where the network does not play along."""

from __future__ import annotations

import pickle
import shutil
import sys

import numpy as np
import pytest

import hepnb.events
from hepnb.errors import FileError
from hepnb.events.rootio import remote
from hepnb.events.sources.column_cache import COLUMNS


@pytest.fixture
def folder(tmp_path, generated_dir):
    for name in ("pairs.root", "jagged.root", "texts.root"):
        shutil.copy(generated_dir / name, tmp_path)
    return tmp_path


@pytest.fixture
def server(folder, serving):
    with serving(folder) as server:
        yield server


def test_a_tree_over_http_is_the_tree(server, folder):
    here = hepnb.events.open(folder / "pairs.root")
    there = hepnb.events.open(server.url("pairs.root"))
    assert there.walk() == here.walk()
    tree = pickle.loads(pickle.dumps(there["events"]))
    assert tree.branches == here["events"].branches
    ours, theirs = (file["events"].hist("M", (50, 0, 100), cut="px1 > 0") for file in (here, there))
    np.testing.assert_array_equal(ours.view(flow=True), theirs.view(flow=True))
    # Two of nineteen columns: a part of the file, not all of it.
    assert server.n_bytes < 0.4 * (folder / "pairs.root").stat().st_size
    ntuple = hepnb.events.open(server.url("texts.root"))["events"]
    assert ntuple.hist("M", (1, 0, 1e6)).values()[0] == ntuple.n_entries == 2304
    assert eval(tree.code, {"hepnb": hepnb}) == tree


def test_many_urls_are_one_tree(server, folder):
    shutil.copy(folder / "pairs.root", folder / "again.root")
    urls = [server.url("pairs.root"), server.url("again.root")]
    tree = hepnb.events.open(urls)["events"]
    assert tree.n_entries == 2 * 2304
    assert tree.hist("M", (1, 0, 1e6)).values()[0] == 2 * 2304
    listed = hepnb.events.open(server.url("[jp]a*.root"))
    assert listed.paths == (server.url("jagged.root"), server.url("pairs.root"))
    with pytest.raises(FileError, match=r"again\.root2' cannot be opened: there is no such file"):
        hepnb.events.open([*urls, server.url("again.root2")])
    with pytest.raises(FileError, match=r"no file matches .*none-\*\.root', or the server gives no list"):
        hepnb.events.open(server.url("none-*.root"))
    server.status = 500
    with pytest.raises(FileError, match=r"cannot be listed: .* \(500\).* Name them one by one"):
        hepnb.events.open(server.url("pairs*.root"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, r"there is no such file on the server \(404\)\. Check the address"),
        (403, r"the server refuses it \(403\)\. Log in"),
        (503, r"the server answers with an error \(503\)\. Try again later"),
    ],
)
def test_what_a_server_answers(server, status, words):
    server.status = status
    url = server.url("pairs.root")
    with pytest.raises(FileError, match=rf"'{url}' cannot be opened: {words}"):
        hepnb.events.open(url)


def test_a_file_that_is_not_there(server):
    with pytest.raises(FileError, match=r"/none\.root' cannot be opened: there is no such file"):
        hepnb.events.open(server.url("none.root"))


def test_no_server(folder, serving):
    with serving(folder) as server:
        url = server.url("pairs.root")
        tree = hepnb.events.open(url)["events"]
        assert tree.hist("M", (1, 0, 1e6)).values()[0] == 2304
    words = r"no connection to 127\.0\.0\.1:\d+ \(.*\)\. Check the address and the network"
    with pytest.raises(FileError, match=rf"branch 'px1' of tree 'events' of '{url}' cannot be read: {words}"):
        tree.hist("px1", 10)
    # What is in the memory needs no server.
    assert tree.hist("M", (1, 0, 50)).values()[0] == np.count_nonzero(tree.arrays("M")["M"] < 50)
    hepnb.events.open(url).close()
    with pytest.raises(FileError, match=rf"'{url}' cannot be opened: {words}"):
        hepnb.events.open(url)


def test_a_server_that_dies_in_the_middle(server):
    url = server.url("pairs.root")
    tree = hepnb.events.open(url)["events"]
    assert tree.n_entries == 2304
    server.dies_after = 0
    COLUMNS.clear()
    words = r"broke off in the middle of an answer\. Try again, or download the file"
    with pytest.raises(FileError, match=rf"branch 'M' of tree 'events' of '{url}' cannot be read: .*{words}"):
        tree.hist("M", 10)
    with pytest.raises(FileError, match=words):
        hepnb.events.open(server.url("jagged.root"))
    server.dies_after = None
    assert tree.hist("M", (1, 0, 1e6)).values()[0] == 2304


def test_a_server_that_does_not_answer(server, monkeypatch):
    monkeypatch.setattr(remote, "ANSWER_WITHIN", 0.3)
    server.waits = 2.0
    with pytest.raises(FileError, match=r"127\.0\.0\.1:\d+ did not answer within 0 s\. Try again"):
        hepnb.events.open(server.url("pairs.root"))


def test_a_server_that_sends_whole_files_only(server):
    server.ranges = False
    url = server.url("pairs.root")
    with pytest.raises(FileError, match=rf"server of '{url}' sends whole files only.* 'simplecache::{url}'"):
        hepnb.events.open(url)
    assert hepnb.events.open(f"simplecache::{url}")["events"].hist("M", (1, 0, 1e6)).values()[0] == 2304


def test_what_is_no_root_file(server, folder):
    (folder / "page.root").write_text("<html>please log in</html>" * 10)
    (folder / "empty.root").write_bytes(b"")
    (folder / "short.root").write_bytes((folder / "pairs.root").read_bytes()[:5000])
    for name, words in (
        ("page.root", "is not a ROOT file: it starts with the text '<html>please log in"),
        ("empty.root", "is empty"),
        ("short.root", r"is truncated: its header says [0-9,]+ bytes, the file has 5,000"),
    ):
        with pytest.raises(FileError, match=rf"'{server.url(name)}' {words}"):
            hepnb.events.open(server.url(name))


def test_a_file_that_was_put_anew_is_read_anew(server, folder):
    url = server.url("moving.root")
    shutil.copy(folder / "pairs.root", folder / "moving.root")
    file = hepnb.events.open(url)
    assert file["events"].hist("M", (1, 0, 1e6)).values()[0] == 2304
    shutil.copy(folder / "jagged.root", folder / "moving.root")
    file.close()
    assert file["events"].n_entries == 2421


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("root://eos.example.org//store/a.root", r"root:// is not installed \(pip install hepnb\[xrootd\]\)"),
        ("s3://bucket/a.root", r"s3:// is not installed \(Install s3fs"),
        ("nosuch://a.root", r"nosuch:// is not known\. Give a path, or a URL with http"),
        ("http://nohost.invalid/a.root", r"no connection to nohost\.invalid \(.*\)\. Check the address"),
    ],
)
def test_protocols_and_hosts(url, words):
    with pytest.raises(FileError, match=rf"'{url}' cannot be opened: .*{words}"):
        hepnb.events.open(url)


def test_without_the_package_for_http(monkeypatch):
    monkeypatch.setattr(
        "fsspec.core.url_to_fs",
        lambda *_, **__: (_ for _ in ()).throw(ImportError("HTTPFileSystem requires aiohttp")),
    )
    with pytest.raises(FileError, match=r"http:// is not installed \(pip install hepnb\[remote\]\)"):
        hepnb.events.open("http://127.0.0.1/a.root")


def test_other_file_systems(folder):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/events.root", (folder / "pairs.root").read_bytes())
    tree = hepnb.events.open("memory://events.root")["events"]
    assert tree.hist("M", (1, 0, 1e6)).values()[0] == 2304
    with pytest.raises(FileError, match=r"memory://none\.root' cannot be opened: there is no such file"):
        hepnb.events.open("memory://none.root")
    assert hepnb.events.open(f"file://{folder}/jagged.root")["events"].n_entries == 2421


def test_xrootd_where_it_is_installed(folder, monkeypatch):
    """A file system stands in for the package's, under its protocol."""
    from fsspec.implementations.memory import MemoryFileSystem

    class StandIn(MemoryFileSystem):
        protocol = ("root", "xroot")

        @classmethod
        def _strip_protocol(cls, path):
            return MemoryFileSystem._strip_protocol(path.partition("://")[2].partition("/")[2] or path)

    # The package's name "registry" is a view of the dictionary in the module of that name.
    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "root", StandIn)
    StandIn().pipe("/store/a.root", (folder / "pairs.root").read_bytes())
    url = "root://eos.example.org//store/a.root"
    tree = hepnb.events.open(url)["events"]
    assert tree.hist("M", (1, 0, 1e6)).values()[0] == 2304
    assert tree.file == url
    hepnb.events.open(url).close()
