"""Records of HEPData, from a server in the test that answers as HEPData does."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import hepnb
from hepnb.datasets import _hepdata, cache_directory, hepdata
from hepnb.errors import DatasetError

SPEC = hepnb.workspace.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]).spec
PATCHES = [
    {
        "metadata": {"name": f"m{mass}", "values": [mass]},
        "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [yield_, yield_]}],
    }
    for mass, yield_ in ((300, 9.0), (400, 3.0))
]


class Server(http.server.BaseHTTPRequestHandler):
    """Answers from a table of paths; notes what was asked."""

    answers: ClassVar[dict[str, tuple[int, str, bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status, kind, content = self.answers.get(self.path, (404, "text/html", b"<html>not found</html>"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) + (100 if status == 299 else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Server]]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(_hepdata, "ADDRESS", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.setenv("HEPNB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HEPNB_DATA_DIR", raising=False)
    Server.answers, Server.asked = {}, []
    publish(2)
    yield Server
    running.shutdown()
    running.server_close()


def publish(version: int, **changes: Any) -> dict[str, Any]:
    """Put a record with one likelihood among other resources on the server."""
    page = "https://www.hepdata.net/record/resource"
    record = {
        "title": "made for tests",
        "hepdata_doi": f"10.17182/hepdata.90607.v{version}",
        "analyses": [
            {"type": "rivet", "analysis": "http://rivet.hepforge.org/analyses/X"},
            {"type": "HistFactory", "analysis": f"{page}/2?landing_page=true", "filename": "likelihood.json"},
        ],
        **changes,
    }
    document = {
        "recid": 90607,
        "version": version,
        "record": record,
        "resources_with_doi": [
            {"filename": "README.md", "description": "readme", "doi": "10.17182/hepdata.90607.v3/r1"},
            {
                "filename": "likelihood.json",
                "description": "full",
                "doi": "10.17182/hepdata.90607.v3/r2",
                "url": f"{page}/2",
            },
            {"filename": "two.json", "description": "pyhf workspace", "url": f"{page}/3?landing_page=true"},
        ],
    }
    content = json.dumps(document).encode()
    for query in ("", f"&version={version}"):
        Server.answers[f"/record/ins1748602?format=json&light=true{query}"] = (
            200,
            "application/json",
            content,
        )
    Server.answers["/record/resource/2?view=true"] = (200, "application/json", json.dumps(SPEC).encode())
    other = (
        200,
        "application/json",
        json.dumps({**SPEC, "observations": [{"name": "singlechannel", "data": [1, 2]}]}),
    )
    Server.answers["/record/resource/3?view=true"] = (*other[:2], other[2].encode())
    return document


@pytest.mark.parametrize(
    "name",
    [
        "ins1748602", "hepdata:ins1748602", "https://www.hepdata.net/record/ins1748602",
        "https://www.hepdata.net/record/ins1748602?version=2", " INS1748602 ",
    ],
)  # fmt: skip
def test_a_record_is_fetched_once(server: type[Server], name: str) -> None:
    workspace = hepdata(name, progress=False)
    assert workspace.spec == hepnb.load(SPEC).spec
    first = list(server.asked)
    assert first[-1] == "/record/resource/2?view=true"
    again = hepdata("ins1748602", version=2, progress=False)
    assert again == workspace
    assert server.asked == first
    assert hepdata("ins1748602", progress=False) == workspace
    assert [path for path in server.asked if "resource" in path] == first[-1:]


def test_load_knows_the_names_of_records(server: type[Server]) -> None:
    workspace = hepnb.load("ins1748602")
    assert workspace == hepnb.load(SPEC)
    assert workspace.code.startswith(
        "hepnb.datasets.hepdata('ins1748602', version=2, resource='likelihood.json'"
    )
    assert eval(workspace.code, {"hepnb": hepnb}) == workspace
    assert hepnb.Model("ins1748602").n_bins == 2
    assert server.asked


def test_a_newer_version_is_another_file(server: type[Server]) -> None:
    hepdata("ins1748602", progress=False)
    publish(3)
    hepdata("ins1748602", progress=False)
    folders = {path.name for path in (cache_directory() / "hepdata" / "ins1748602").iterdir()}
    assert folders == {"v2", "v3"}
    assert sum("resource" in path for path in server.asked) == 2


def test_a_record_without_types_is_searched_by_words(server: type[Server]) -> None:
    publish(2, analyses=[])
    with pytest.raises(DatasetError, match=r"likelihood\.json.*two\.json"):
        hepdata("ins1748602", progress=False)
    workspace = hepdata("ins1748602", resource="two.json", progress=False)
    assert workspace.observed == {"singlechannel": [1, 2]}
    assert "/record/resource/3?view=true" in server.asked


def test_several_files_have_to_be_chosen_from(server: type[Server]) -> None:
    page = "https://www.hepdata.net/record/resource"
    analyses = [
        {"type": "HistFactory", "analysis": f"{page}/2?landing_page=true", "filename": "likelihood.json"},
        {"type": "HS3", "analysis": f"{page}/3?landing_page=true", "filename": "two.json"},
    ]
    publish(2, analyses=analyses)
    with pytest.raises(DatasetError, match=r"likelihood\.json.*two\.json.*resource="):
        hepdata("ins1748602", progress=False)
    assert hepdata("ins1748602", resource="two.json", progress=False).observed == {"singlechannel": [1, 2]}
    with pytest.raises(DatasetError, match=r"three\.json"):
        hepdata("ins1748602", resource="three.json", progress=False)
    assert server.asked


def test_the_doi_of_a_resource_chooses_it(server: type[Server]) -> None:
    publish(2, analyses=[])
    content = server.answers["/record/ins1748602?format=json&light=true"]
    document = json.loads(content[2])
    document["resources_with_doi"][2]["doi"] = "10.17182/hepdata.90607.v2/r5"
    answer = (200, "application/json", json.dumps(document).encode())
    server.answers["/record/90607?format=json&light=true&version=2"] = answer
    assert hepdata("10.17182/hepdata.90607.v2/r5", progress=False).observed == {"singlechannel": [1, 2]}
    assert hepdata("https://doi.org/10.17182/hepdata.90607.v2/r2", progress=False) == hepnb.load(SPEC)


def test_one_s_own_folder_comes_before_the_network(
    server: type[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own" / "hepdata" / "ins1748602" / "v7"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({**publish(2), "version": 7}))
    (folder / "likelihood.json").write_text(json.dumps(SPEC))
    monkeypatch.setenv("HEPNB_DATA_DIR", str(tmp_path / "own"))
    server.answers = {}
    assert hepdata("ins1748602", progress=False) == hepnb.load(SPEC)
    assert hepdata("ins1748602", version=7, progress=False) == hepnb.load(SPEC)


def test_no_network(server: type[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    hepdata("ins1748602", progress=False)
    monkeypatch.setattr(_hepdata, "ADDRESS", "http://127.0.0.1:9")
    assert hepdata("ins1748602", progress=False) == hepnb.load(SPEC)
    with pytest.raises(DatasetError, match=r"ins99999.*no connection.*as record\.json.*HEPNB_DATA_DIR"):
        hepdata("ins99999", progress=False)
    assert server.asked


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((404, "text/html", b""), "no record 'ins1748602'"),
        ((406, "application/json", b"{}"), "another format"),
        ((500, "text/html", b""), "status 500"), ((200, "text/html", b"<html>login</html>"), "HTML page"),
        ((200, "application/json", b"<html>"), "HTML page"),
        ((200, "application/json", b"[1]"), "no entry 'record'"),
        ((200, "application/json", b'{"record": {"title": "x"}}'), "no likelihood"),
    ],
)  # fmt: skip
def test_what_the_server_may_say(server: type[Server], answer: tuple[int, str, bytes], word: str) -> None:
    server.answers["/record/ins1748602?format=json&light=true"] = answer
    with pytest.raises(DatasetError, match=word):
        hepdata("ins1748602", progress=False)


def test_a_file_that_breaks_off_is_not_kept(server: type[Server]) -> None:
    server.answers["/record/resource/2?view=true"] = (299, "application/json", b"{")
    with pytest.raises(DatasetError, match=r"likelihood\.json"):
        hepdata("ins1748602", progress=False)
    assert not list(cache_directory().rglob("likelihood.json*"))


@pytest.mark.parametrize("name", ["", "ins", "ins17", "a.json", 3.5, None])
def test_what_is_no_record(name: Any) -> None:
    with pytest.raises(DatasetError, match="is no record of HEPData"):
        hepdata(name)
