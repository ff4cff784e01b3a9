"""Static files: a browser asks for them each time, and gets them where they changed."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from httpx2 import ASGITransport, AsyncClient, Response

from instag.app.static_files import FreshFiles


def asked(files: FreshFiles, **headers: str) -> Response:
    async def ask() -> Response:
        async with AsyncClient(transport=ASGITransport(files), base_url="http://here") as client:
            return await client.get("/page.js", headers=headers)

    return asyncio.run(ask())


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("one")
    files = FreshFiles(directory=tmp_path)
    first = asked(files)
    assert first.text == "one"
    assert first.headers["cache-control"] == "no-cache"
    same = asked(files, **{"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304
    assert same.headers["cache-control"] == "no-cache"
    (tmp_path / "page.js").write_text("another")
    assert asked(files, **{"If-None-Match": first.headers["etag"]}).text == "another"
