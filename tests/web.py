"""A web server on this machine that sends what a test lays into it, and fails as it is told."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Sends `files` by their names; who asks for one of `moved` is sent elsewhere.

    `breaks_after` bytes of an answer it hangs up; `ranges` says whether it can send a part.
    """

    breaks_after: int | None = None
    ranges = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.moved = files, dict[str, str]()
        self.asked: list[str | None] = []

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Who breaks off is not worth a traceback."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        wanted, name = self.headers.get("Range"), self.path.rsplit("/", 1)[-1]
        server.asked.append(wanted)
        if name in server.moved:
            self.send_response(302)
            self.send_header("Location", server.address(server.moved[name]))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name not in server.files:
            self.send_error(404, "Not Found")
            return
        content = server.files[name]
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and server.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: server.breaks_after])
        self.close_connection = True

    def log_message(self, *what: object) -> None:
        pass


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    """A server that runs while the block does."""
    with Server(files) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
