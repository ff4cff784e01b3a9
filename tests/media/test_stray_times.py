"""Damaged time stamps in the middle of a track, which moved all sound after them."""

import random
from pathlib import Path

import av
import numpy as np
import pytest

from instag.media.reader import read_frames, read_sound
from media.films import film, heard, seen

TIME = slice(1, 3)
"""Bytes of a block of Matroska, after the number of its track."""


def strayed(path: Path, kind: str, *, noise: bool) -> Path:
    """The film with the times of one track's packets between 2 and 2.6 s overwritten."""
    chance, content = random.Random(2), bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(getattr(container.streams, kind)[0]):
            if packet.pts is None or not 2.0 <= float(packet.pts * packet.time_base) < 2.6:
                continue
            assert packet.pos is not None
            block = memoryview(content)[packet.pos :]
            block[TIME] = chance.randbytes(2) if noise else bytes(2)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize(
    ("kind", "codec"), [("audio", "libopus"), ("audio", "aac"), ("video", "aac")]
)
def test_times_that_stray_move_nothing_after_them(
    tmp_path: Path, kind: str, codec: str, noise: bool
) -> None:
    path = strayed(film(tmp_path / "v.mkv", codec=codec), kind, noise=noise)
    assert sum(1 for _ in read_frames(path)) == 150
    assert len(read_sound(path)) / 16_000 == pytest.approx(6, abs=0.05)
    unhurt = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(heard(path)[unhurt], [0.5, 1.5, 3.5, 4.5, 5.5], atol=0.03)
    np.testing.assert_allclose(seen(path)[unhurt], [0.5, 1.5, 3.5, 4.5, 5.5], atol=0.03)


@pytest.mark.parametrize("ticks", [20_000, 32_000])
def test_a_first_time_that_strays_moves_no_sound(tmp_path: Path, ticks: int) -> None:
    path = film(tmp_path / "v.mkv")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        place = next(container.demux(video=0)).pos
    assert place is not None
    memoryview(content)[place:][TIME] = ticks.to_bytes(2, "big")
    path.write_bytes(content)
    assert sum(1 for _ in read_frames(path)) == pytest.approx(150, abs=2)
    np.testing.assert_allclose(seen(path) - heard(path), 0, atol=0.05)
    assert len(heard(path)) == 6
