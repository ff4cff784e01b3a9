"""The page's server: one for a library, on this machine alone, with a policy for its page."""

import re
import socket
import threading
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from instag.app.app_options import AppOptions
from instag.app.folder_lock import held
from instag.app.page_server import _listening, _own_library, run_page
from instag.errors import BadArgument

ELSEWHERE = re.compile(r"""(src|href)="https?:|url\(["']?https?:|from "https?:|@import""")
STATIC = Path(__file__).parents[2] / "src" / "instag" / "app" / "static"


def test_a_library_has_one_server(tmp_path: Path) -> None:
    with _own_library(tmp_path / "library") as library:
        (library.incoming / ".instag-12345678").write_text("half")
        with pytest.raises(BadArgument, match="Another"), _own_library(tmp_path / "library"):
            pass
    with _own_library(tmp_path / "library") as again:
        assert list(again.incoming.iterdir()) == []
        with held(again.folder) as other:
            assert not other


def test_a_port_that_is_taken_is_named_with_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadArgument, match=f"--port {port + 1}"), _listening(port):
            pass


def test_it_listens_to_this_machine_alone() -> None:
    with _listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_the_page_comes_with_its_policy_and_the_server_leaves_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses, servers = [], []

    class Noted(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(uvicorn, "Server", Noted)
    options = AppOptions(library=tmp_path / "library", port=0)
    running = threading.Thread(
        target=lambda: run_page(options, device="cpu", ready=addresses.append)
    )
    running.start()
    while not addresses:
        assert running.is_alive()
        time.sleep(0.05)
    with urllib.request.urlopen(addresses[0]) as answer:
        assert b"<main" in answer.read()
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    news = urllib.request.urlopen(f"{addresses[0]}api/jobs/events")
    assert news.readline() == b'data: {"jobs": []}\n'
    servers[0].handle_exit(15, None)
    running.join(30)
    assert not running.is_alive()
    news.close()


def test_the_page_is_small_and_asks_nobody_else() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    for path in files:
        text = path.read_text()
        assert ELSEWHERE.search(text) is None, path
        assert " style=" not in text
        assert "onclick=" not in text
        assert "<script>" not in text
