"""A download is whole or not there, and goes on where it broke; against a server on this
machine."""

import hashlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from instag.assets.download import download
from instag.errors import AssetDamaged, AssetMissing, BadArgument, DiskFull
from web import Server, serving

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving({"model.pth": CONTENT}) as running:
        yield running


def test_arrives_whole_with_progress(tmp_path: Path, server: Server) -> None:
    target, told = tmp_path / "deep" / "model.pth", []
    download(
        server.address("model.pth"),
        target,
        sha256=DIGEST,
        report=lambda done, total: told.append((done, total)),
    )
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert list(target.parent.iterdir()) == [target]


def test_goes_on_where_it_broke(tmp_path: Path, server: Server) -> None:
    target = tmp_path / "model.pth"
    server.breaks_after = 300_000
    with pytest.raises(AssetMissing, match=r"broke.*run the same command again.*0\.3 MiB are here"):
        download(server.address("model.pth"), target, sha256=DIGEST)
    assert not target.exists()
    server.breaks_after = None
    download(server.address("model.pth"), target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]


def test_a_server_that_can_not_send_parts_sends_all(tmp_path: Path, server: Server) -> None:
    (tmp_path / ".model.pth.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    download(server.address("model.pth"), tmp_path / "model.pth", sha256=DIGEST)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_whole_part_only_needs_its_name(tmp_path: Path, server: Server) -> None:
    (tmp_path / ".model.pth.part").write_bytes(CONTENT)
    download(server.address("model.pth"), tmp_path / "model.pth", sha256=DIGEST)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_not_used(tmp_path: Path, server: Server) -> None:
    (tmp_path / ".model.pth.part").write_bytes(CONTENT + b"more")
    download(server.address("model.pth"), tmp_path / "model.pth", sha256=DIGEST)
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_another_digest_leaves_nothing(tmp_path: Path, server: Server) -> None:
    with pytest.raises(AssetDamaged, match=f"{len(CONTENT):,} bytes, SHA-256 {DIGEST[:16]}"):
        download(server.address("model.pth"), tmp_path / "model.pth", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_the_beginning_of_a_digest_is_not_enough(tmp_path: Path, server: Server) -> None:
    with pytest.raises(AssetDamaged, match="not the published file"):
        download(server.address("model.pth"), tmp_path / "model.pth", sha256=DIGEST[:8])


def test_no_answer_and_refusals_are_said(tmp_path: Path, server: Server) -> None:
    with pytest.raises(AssetMissing, match="404 Not Found"):
        download(server.address("absent.pth"), tmp_path / "model.pth")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/model.pth"
    with pytest.raises(AssetMissing, match=r"refused.*Check the network"):
        download(address, tmp_path / "model.pth")


def test_too_little_space_is_said_first(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(DiskFull, match=r"1 MiB and .* has 0 MiB free"):
        download(server.address("model.pth"), tmp_path / "model.pth")


def test_only_the_web_is_asked(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="file:///etc/passwd"):
        download("file:///etc/passwd", tmp_path / "model.pth")
