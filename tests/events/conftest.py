"""What the tests of events share: a web server for files that can be told to misbehave."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hepnb.events.rootio import open_files as handles


class Server(http.server.ThreadingHTTPServer):
    """Serves the files of a folder, with ranges.

    Attributes
    ----------
    folder : Path
        What is served.
    ranges : bool
        Whether it answers a range with the range.
    dies_after : int or None
        How many requests are answered before it cuts every answer off in the middle.
    status : int or None
        Answer everything with this instead.
    waits : float
        Seconds before each answer.
    etags, times : bool
        Whether answers have an ETag of the content, and the time of its last change.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.ranges = True
        self.dies_after: int | None = None
        self.status: int | None = None
        self.waits = 0.0
        self.etags = False
        self.times = False
        self._connections: list[Any] = []
        self.n_requests = 0
        self.n_bytes = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """Close the connections that clients keep."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is none of our business."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        server = self.server
        server.n_requests += 1
        time.sleep(server.waits)
        path = server.folder / self.path.partition("?")[0].lstrip("/")
        if path.is_dir() and server.status is None:
            self._list(path, with_body)
            return
        if server.status is not None or not path.is_file():
            self.send_error(server.status or 404)
            return
        data = path.read_bytes()
        size = len(data)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if server.ranges else None
        if found:
            start, stop = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
            if start >= size:
                self.send_error(416)
                return
            data = data[start:stop]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        else:
            self.send_response(200)
        if server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if server.etags:
            self.send_header("ETag", f'"{zlib.crc32(path.read_bytes()):08x}"')
        if server.times:
            self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not with_body:
            return
        if server.dies_after is not None and server.n_requests > server.dies_after:
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        server.n_bytes += len(data)
        self.wfile.write(data)

    def _list(self, folder: Path, with_body: bool) -> None:
        links = "".join(f'<a href="{one.name}">{one.name}</a>\n' for one in folder.iterdir()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(links)))
        self.end_headers()
        self.wfile.write(links if with_body else b"")


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[Server]:
    """Serve a folder until the block ends."""
    with Server(folder) as server:
        for path in [path for path in handles._remote_stamps if path.startswith(server.url(""))]:
            # A server of an earlier test had the same port.
            handles.close(path)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            server.hang_up()
            thread.join(10)


@pytest.fixture
def serving():
    """A context manager that serves a folder."""
    return _serving
