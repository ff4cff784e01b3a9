"""Edit lists of MP4: which parts of a track are shown, in which order."""

import struct
from collections.abc import Iterator
from pathlib import Path

TICKS = 1000
"""A second's, in the lists of FFmpeg's files."""
HEADER = struct.Struct(">I4s")


def edit(path: Path, **edits: list[tuple[float, int]]) -> None:
    """Rewrite a film's lists. edits: of the tracks `vide` and `soun`, how many seconds are shown
    from which tick of the track's own time. The index must come last in the file."""
    written = b""
    for name, content in _boxes(path.read_bytes()):
        if name == b"moov":
            content = b"".join(_edited(*box, edits) for box in _boxes(content))
        written += _box(name, content)
    path.write_bytes(written)


def _edited(name: bytes, content: bytes, edits: dict[str, list[tuple[float, int]]]) -> bytes:
    if name != b"trak":
        return _box(name, content)
    parts = edits["vide" if b"vide" in content else "soun"]
    listed = struct.pack(">II", 0, len(parts)) + b"".join(
        struct.pack(">iihh", round(seconds * TICKS), first, 1, 0) for seconds, first in parts
    )
    kept = [box for box in _boxes(content) if box[0] != b"edts"]
    kept.insert(1, (b"edts", _box(b"elst", listed)))
    return _box(name, b"".join(_box(*box) for box in kept))


def _box(name: bytes, content: bytes) -> bytes:
    return HEADER.pack(len(content) + HEADER.size, name) + content


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    while start < len(content):
        length, name = HEADER.unpack_from(content, start)
        yield name, content[start + HEADER.size : start + length]
        start += length
