"""Uploads: what becomes of a request's body, and of the name that it comes with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi import Request

from instag.app.uploads import ending_of, received
from instag.errors import BadArgument


@pytest.mark.parametrize(
    "name, ending",
    [
        ("me.MP4", ".mp4"),
        ("me.tar.gz", ".gz"),
        ("me", ""),
        ("me.longer0", ""),
        ("../../etc/x.m/p4", ""),
        ("me.m\u202ep4", ""),
        (".mp4", ""),
    ],
)
def test_only_an_ordinary_ending_is_taken(name: str, ending: str) -> None:
    assert ending_of(name) == ending


def request(*pieces: bytes) -> Request:
    waiting = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces)}
        for place, piece in enumerate(pieces, 1)
    ]

    async def receive() -> dict:
        return waiting.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_body_is_there_for_the_block(tmp_path: Path) -> None:
    async def upload() -> None:
        async with received(request(b"one", b"two"), tmp_path, ".mp4") as path:
            assert path.read_bytes() == b"onetwo"
            assert path.suffix == ".mp4"

    asyncio.run(upload())
    assert not list(tmp_path.iterdir())


def test_what_the_block_moves_stays(tmp_path: Path) -> None:
    async def upload() -> None:
        async with received(request(b"one"), tmp_path) as path:
            path.rename(tmp_path / "kept")

    asyncio.run(upload())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_nothing_is_left_of_an_empty_body_or_a_lost_one(tmp_path: Path) -> None:
    async def empty() -> None:
        async with received(request(b""), tmp_path):
            raise AssertionError("nothing was sent")

    with pytest.raises(BadArgument, match="empty"):
        asyncio.run(empty())

    class Lost(Request):
        async def stream(self) -> AsyncIterator[bytes]:
            yield b"one"
            raise ConnectionError

    async def lost() -> None:
        async with received(Lost({"type": "http", "headers": []}), tmp_path):
            raise AssertionError("half of it was sent")

    with pytest.raises(ConnectionError):
        asyncio.run(lost())
    assert not list(tmp_path.iterdir())
