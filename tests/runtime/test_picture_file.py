"""Pictures of others: sizes come from headers, and a few bytes cannot ask for gigabytes."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.runtime.picture_file import MOST_SIDE, decode_picture, picture_size


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@given(width=st.integers(1, 70), height=st.integers(1, 70), channels=st.sampled_from([1, 3, 4]))
def test_the_header_names_the_size(suffix: str, width: int, height: int, channels: int) -> None:
    if suffix == ".jpg" and channels == 4:
        channels = 3
    shape = (height, width) if channels == 1 else (height, width, channels)
    picture = (np.arange(np.prod(shape)) % 253).astype(np.uint8).reshape(shape)
    data = cv2.imencode(suffix, picture)[1].tobytes()
    assert picture_size(data) == (width, height)
    assert decode_picture(data, cv2.IMREAD_COLOR, (width, height)).shape == (height, width, 3)


def test_lossless_webp_has_a_header_of_its_own() -> None:
    data = cv2.imencode(".webp", np.zeros((7, 9, 4), np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
    assert picture_size(data.tobytes()) == (9, 7)


def test_a_size_without_limits_is_refused() -> None:
    data = bytearray(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
    struct.pack_into(">II", data, 16, 30_000, 30_000)
    with pytest.raises(ValueError, match=str(MOST_SIDE)):
        decode_picture(bytes(data), cv2.IMREAD_COLOR)


def test_another_size_is_refused() -> None:
    data = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    with pytest.raises(ValueError, match="8 x 8, not 9 x 9"):
        decode_picture(data, cv2.IMREAD_COLOR, (9, 9))


def test_deep_colours_are_refused() -> None:
    data = cv2.imencode(".png", np.zeros((8, 8), np.uint16))[1].tobytes()
    with pytest.raises(ValueError, match="not bytes"):
        decode_picture(data, cv2.IMREAD_UNCHANGED)


@given(data=st.binary(max_size=64), start=st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF....WEBP"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    with pytest.raises(ValueError):
        decode_picture(start + data, cv2.IMREAD_COLOR)
