"""A picture file of somebody else's: PNG, JPEG or WebP, decoded only where its header asks for a
size that is allowed.

A few kilobytes can ask for gigabytes of pixels, and a picture of another size than its neighbours
would be read beyond its end.
"""

import struct
from pathlib import Path

import cv2
import numpy as np

from instag.runtime.untrusted import read_at_most

MOST_SIDE = 8192
"""Pixels of the longer side of any picture that is read."""
MOST_BYTES = 256 * 2**20
"""Bytes of its file: four a pixel of the largest, hardly compressed."""
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG's frame headers."""


def read_picture(path: Path, flags: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """`decode_picture` of a file. Raises ValueError, and what reading raises."""
    with path.open("rb") as file:
        return decode_picture(read_at_most(file, MOST_BYTES, path.name), flags, size)


def decode_picture(data: bytes, flags: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """What cv2.imdecode gives: bytes, [h w] or [h w channels]. size: the width and height that it
    must have, None for any up to MOST_SIDE. Raises ValueError."""
    check_picture(data, size)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise ValueError("it is no picture")
    if picture.dtype != np.uint8:
        raise ValueError(f"its colours are {picture.dtype}, not bytes")
    if size is not None and picture.shape[1::-1] != size:
        raise ValueError(
            f"it is {picture.shape[1]} x {picture.shape[0]}, not {size[0]} x {size[1]}"
        )
    return picture


def check_picture(data: bytes, size: tuple[int, int] | None = None) -> None:
    """The checks of `decode_picture` that need the header alone. Raises ValueError."""
    width, height = picture_size(data)
    if size is not None and (width, height) not in (size, size[::-1]):
        raise ValueError(f"it is {width} x {height}, not {size[0]} x {size[1]}")
    if not 0 < min(width, height) <= max(width, height) <= MOST_SIDE:
        raise ValueError(
            f"it is {width} x {height} pixels; a side has from 1 to {MOST_SIDE} of them"
        )


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height as the header names them, before any rotation. Raises ValueError where the
    data are no PNG, JPEG or WebP."""
    try:
        if data[:8] == PNG:
            return struct.unpack_from(">II", data, 16)
        if data[:3] == JPEG:
            return _jpeg_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
    except struct.error as error:
        raise ValueError("it ends within its header") from error
    raise ValueError("it is no PNG, JPEG or WebP picture" if data else "it is empty")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        mark, kind = struct.unpack_from(">BB", data, at)
        if mark != 0xFF:
            raise ValueError("its header is damaged")
        if kind == 0xFF:
            at += 1
        elif kind in JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        elif kind == 0x01 or 0xD0 <= kind <= 0xD8:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        wide, high, last, top = struct.unpack_from("<HBHB", data, 24)
        return (wide | high << 16) + 1, (last | top << 16) + 1
    raise ValueError("its header is damaged")
