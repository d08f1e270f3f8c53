"""A web server for files, that can be told to misbehave."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path


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
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.ranges = True
        self.dies_after: int | None = None
        self.status: int | None = None
        self.n_requests = 0
        self.n_bytes = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

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
        path = server.folder / self.path.partition("?")[0].lstrip("/")
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


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder until the block ends."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)
