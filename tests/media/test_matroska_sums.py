"""Checksums of a Matroska file's clusters."""

import random
from pathlib import Path

import pytest

from instag.media.matroska_sums import changed_spans
from media.films import film


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = film(tmp_path_factory.mktemp("media") / "v.mkv", moving=True)
    return path.read_bytes()


def test_a_byte_in_the_middle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mkv"
    path.write_bytes(content)
    assert changed_spans(path, 10.0) == []
    place = content.rindex(b"\x1f\x43\xb6\x75") - 100
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    ((start, end),) = changed_spans(path, 10.0)
    assert 1.9 < start < 4.1
    assert 4.9 < end < 5.2
    assert changed_spans(path, 1.0) == []


def test_files_without(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.mkv").write_bytes(content.replace(b"\xbf\x84", b"\xec\x84"))
    assert changed_spans(tmp_path / "v.mkv", 10.0) == []
    assert changed_spans(film(tmp_path / "v.mp4", seconds=2), 10.0) == []
    (tmp_path / "empty.mkv").write_bytes(b"")
    assert changed_spans(tmp_path / "empty.mkv", 10.0) == []


def test_damaged_elements_are_no_traceback(tmp_path: Path, content: bytes) -> None:
    chance = random.Random(4)
    for _ in range(300):
        spoiled = bytearray(content)
        for _ in range(chance.randrange(1, 20)):
            spoiled[chance.randrange(min(len(spoiled), 6_000))] = chance.randrange(256)
        (tmp_path / "v.mkv").write_bytes(spoiled[: chance.randrange(len(spoiled))])
        changed_spans(tmp_path / "v.mkv", 10.0)
