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


def damaged(path: Path) -> list[int]:
    """The number of damaged frames that are said, and where the first is, in frames."""
    said: list[Flaw] = []
    assert sum(1 for _ in read_frames(path, notice=said.append)) == 150
    if not said:
        return [0, 0]
    minutes, seconds = said[0].message.split("from ")[1].split(" on")[0].split(":")
    return [round(said[0].share * 150), round((60 * int(minutes) + float(seconds)) * 25)]


@pytest.mark.parametrize(("first", "count"), [(0.0, 25), (2.0, 25), (2.2, 20)])
def test_a_picture_that_was_patched_is_counted_up_to_the_next_whole_one(
    tmp_path: Path, first: float, count: int
) -> None:
    """Decoders of H.264 patch what is damaged, or pass over what refers to it, without an error."""
    path = spoiled(film(tmp_path / "v.mp4", moving=True), "video", first, first + 0.02)
    found, start = damaged(path)
    assert found == pytest.approx(count, abs=1)
    assert start == pytest.approx(25 * first, abs=1)
    if first > 0.5:
        np.testing.assert_allclose(seen(path)[[0, 1, -1]], [0.5, 1.5, 5.5], atol=0.03)


def test_pictures_that_refer_to_lost_ones_are_counted(tmp_path: Path) -> None:
    def lost(seconds: float) -> float | None:
        return None if 1.99 < seconds < 2.07 else 0.0

    found, start = damaged(film(tmp_path / "v.mp4", pictures=lost, moving=True))
    assert found == pytest.approx(23, abs=2)
    assert start == pytest.approx(52, abs=2)


def test_a_first_picture_that_is_missing_moves_no_other(tmp_path: Path) -> None:
    """Of single pictures, as cameras with MJPEG make them."""
    path = spoiled(film(tmp_path / "v.mov", photos=True), "video", 0.0, 0.02)
    np.testing.assert_allclose(seen(path), np.arange(6) + 0.5, atol=0.03)
    assert damaged(path) == [1, 0]


def test_whole_files_have_no_flaws(tmp_path: Path) -> None:
    path = film(tmp_path / "v.mp4", seconds=2)
    said: list[Flaw] = []
    read_sound(path, notice=said.append)
    list(read_frames(path, notice=said.append))
    assert not said
