"""Sound that is missing in an AVI."""

import struct
from pathlib import Path

import numpy as np
import pytest

from instag.errors import NoSound, NotMedia, Truncated
from instag.media.reader import read_frames, read_sound
from media.films import film, heard, seen

ALL = np.arange(6) + 0.5


def test_holes_of_any_number(tmp_path: Path) -> None:
    """Each was passed over, and the file refused as cut off."""

    def lost(seconds: float) -> float | None:
        return None if 1.0 <= seconds < 1.3 or 2.8 <= seconds < 3.2 or seconds > 5.8 else 0.0

    path, whole = film(tmp_path / "call.avi", sounds=lost), film(tmp_path / "whole.avi")
    np.testing.assert_allclose(heard(path), ALL, atol=0.03)
    np.testing.assert_allclose(seen(path), seen(whole))


def test_sound_that_begins_late(tmp_path: Path) -> None:
    path = film(tmp_path / "late.avi", sounds=lambda seconds: 1.0)
    np.testing.assert_allclose(heard(path), ALL + 1, atol=0.03)
    np.testing.assert_allclose(seen(path), ALL, atol=0.05)
    assert len(read_sound(path)) / 16_000 == pytest.approx(7, abs=0.05)


def test_a_start_that_the_header_states(tmp_path: Path) -> None:
    """A track of PCM says how late it begins (dwStart)."""
    path = film(tmp_path / "whole.avi")
    content = bytearray(path.read_bytes())
    header = content.index(b"auds")
    scale, rate = struct.unpack_from("<II", content, header + 20)
    struct.pack_into("<I", content, header + 28, rate // scale)
    path.write_bytes(content)
    np.testing.assert_allclose(heard(path), ALL + 1, atol=0.03)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_a_cut_avi_with_holes_is_still_refused(tmp_path: Path, share: float) -> None:
    path = film(tmp_path / "cut.avi", sounds=lambda s: None if 1 <= s < 2 else 0.0)
    content = path.read_bytes()
    first, end = content.index(b"movi"), content.index(b"idx1")
    path.write_bytes(content[: first + int(share * (end - first))])
    with pytest.raises((Truncated, NotMedia)):
        read_sound(path)


def test_damaged_chunks_are_no_traceback(tmp_path: Path) -> None:
    path = film(tmp_path / "bad.avi", seconds=2, sounds=lambda s: None if 0.5 <= s < 1 else 0.0)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(40):
        spoilt = bytearray(content)
        for place in random.integers(0, len(content), 12):
            spoilt[place] = random.integers(256)
        path.write_bytes(spoilt)
        try:
            read_sound(path)
            assert sum(1 for _ in read_frames(path)) <= 10_000
        except (NotMedia, NoSound, Truncated):
            pass
