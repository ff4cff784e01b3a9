"""Files that were cut off, and those that only look so."""

import struct
from pathlib import Path

import pytest

from instag.errors import NotMedia, Truncated
from instag.media.reader import read_sound
from media.films import clicks, sound_file


@pytest.mark.parametrize("name", ["a.wav", "a.w64", "a.caf"])
def test_samples_that_are_cut_are_refused(tmp_path: Path, name: str) -> None:
    """FFmpeg shortens what their headers state to what is there."""
    path = sound_file(tmp_path / name, clicks(2), codec="pcm_s16le")
    assert len(read_sound(path)) / 16_000 == pytest.approx(2, abs=0.01)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 4 // 5])
    with pytest.raises(Truncated, match=f"{path.name} is cut off: 38,.* bytes are missing"):
        read_sound(path)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_that_was_piped_has_no_stated_length(tmp_path: Path, size: int) -> None:
    path = sound_file(tmp_path / "a.wav", clicks(2), codec="pcm_s16le")
    content = path.read_bytes()
    stated = content.index(b"data") + 4
    path.write_bytes(content[:stated] + struct.pack("<I", size) + content[stated + 4 :])
    assert len(read_sound(path)) / 16_000 == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("chunk", [b"junk" + bytes(4), bytes(8), b"junk" + b"\xff" * 4])
def test_chunks_without_end_are_not_walked(tmp_path: Path, chunk: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + chunk * 100_000)
    with pytest.raises(NotMedia):
        read_sound(path)


@pytest.mark.parametrize(("name", "mark"), [("a.w64", b"fmt "), ("a.caf", b"desc")])
@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**64 - 9])
def test_chunks_beyond_any_file_are_no_traceback(
    tmp_path: Path, name: str, mark: bytes, size: int
) -> None:
    """Of 64-bit lengths, which no file can be read from."""
    path = sound_file(tmp_path / name, clicks(1), codec="pcm_s16le")
    content = path.read_bytes()
    stated = content.index(mark) + (4 if name == "a.caf" else 16)
    order = "big" if name == "a.caf" else "little"
    path.write_bytes(content[:stated] + size.to_bytes(8, order) + content[stated + 8 :])
    with pytest.raises(NotMedia):
        read_sound(path)
