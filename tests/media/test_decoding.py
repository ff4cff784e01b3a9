"""Damaged packets: what they held is silent or said, and nothing after it comes too early."""

import random
from pathlib import Path

import av
import numpy as np
import pytest

from instag.media.flaws import Flaw
from instag.media.reader import read_frames, read_sound
from media.films import film, heard, seen


def spoiled(path: Path, kind: str, first: float, end: float) -> Path:
    """The film with the bytes of one track's packets of these times overwritten."""
    chance = random.Random(1)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(getattr(container.streams, kind)[0]):
            if packet.pts is None or not first <= float(packet.pts * packet.time_base) < end:
                continue
            start = packet.pos + (8 if kind == "video" else 0)
            for place in range(start, packet.pos + packet.size):
                content[place] = chance.randrange(256)
    path.write_bytes(content)
    return path


def test_damaged_sound(tmp_path: Path) -> None:
    path = spoiled(film(tmp_path / "v.mp4", seconds=8), "audio", 2.0, 3.5)
    said: list[Flaw] = []
    assert len(read_sound(path, notice=said.append)) / 16_000 == pytest.approx(8, abs=0.05)
    found = heard(path)
    assert set(np.round(found, 1)) >= {0.5, 1.5, 4.5, 5.5, 6.5, 7.5}
    assert any("cannot be decoded" in flaw.message for flaw in said)


def test_damaged_pictures_are_counted(tmp_path: Path) -> None:
    path = spoiled(film(tmp_path / "v.mp4", seconds=8), "video", 2.2, 3.6)
    said: list[Flaw] = []
    assert sum(1 for _ in read_frames(path, notice=said.append)) == 200
    assert set(np.round(seen(path), 1)) >= {0.5, 1.5, 4.5, 5.5, 6.5, 7.5}
    assert said[0].aspect == "picture"
    assert 35 / 200 <= said[0].share <= 60 / 200
    assert "0:02" in said[0].message


def test_whole_files_have_no_flaws(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", seconds=2)
    said: list[Flaw] = []
    read_sound(path, notice=said.append)
    list(read_frames(path, notice=said.append))
    assert not said
