"""Pictures of an AVI or ASF that are decoded in another order: all are shown, each at its time."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from instag.media.flaws import Flaw
from instag.media.reader import read_frames
from media.films import film, heard, seen


@pytest.mark.parametrize("reordered", [0, 1, 3])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.avi", "libmp3lame"),
        ("v.avi", "aac"),
        ("v.avi", "pcm_s16le"),
        ("v.avi", "adpcm_ima_wav"),
        ("v.asf", "libmp3lame"),
    ],
)
def test_pictures_without_times_of_showing(
    tmp_path: Path, name: str, reordered: int, codec: str
) -> None:
    path = film(tmp_path / name, reordered=reordered, moving=True, codec=codec)
    said: list[Flaw] = []
    frames = list(read_frames(path, notice=said.append))
    steps = [abs(after.astype(int) - before).mean() for before, after in pairwise(frames)]
    assert sum(step > 0.5 for step in steps) > 140
    np.testing.assert_allclose(seen(path), heard(path), atol=0.03)
    assert not said


@pytest.mark.parametrize("reordered", [0, 1, 3])
def test_picture_and_sound_that_begin_together(tmp_path: Path, reordered: int) -> None:
    """As other programs than FFmpeg write them."""
    path = film(tmp_path / "v.avi", reordered=reordered, moving=True, codec="pcm_s16le")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"Else"))
    assert sum(1 for _ in read_frames(path)) == 150
    np.testing.assert_allclose(seen(path), np.arange(6) + 0.5, atol=0.03)
    np.testing.assert_allclose(heard(path), np.arange(6) + 0.5, atol=0.03)
