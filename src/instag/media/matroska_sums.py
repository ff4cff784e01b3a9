"""Parts of a Matroska file whose bytes are not those that were written: FFmpeg, and what records
with it, stores a checksum with each cluster, of a few seconds."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, final

SEGMENT, INFO, CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
TICK_NS, TIME, SUM = 0x2AD7B1, 0xE7, 0xBF
"""Elements of EBML, by their marks."""
PACKETS = (0xA3, 0xA0)
"""With a packet in them, or several."""
USUAL_TICK_NS = 1_000_000
PIECE_BYTES = 1 << 20
MOST_ELEMENTS = 1_000_000
"""Of a file; more are no clusters of seconds."""
SMALL_BYTES = 1 << 16
"""Of the elements before a cluster's packets that are read at once."""


def changed_spans(path: Path, until_s: float) -> list[tuple[float, float]]:
    """Seconds from which and up to which bytes are others, as stamped, of the clusters that begin
    before `until_s`; none where the file stores no checksums, or is of another format."""
    with path.open("rb") as file:
        return list(_joined(_clusters(file, until_s)))


def _clusters(file: BinaryIO, until_s: float) -> Iterator[tuple[float, bool]]:
    """When each begins, and whether its bytes are others."""
    tick_s = USUAL_TICK_NS * 1e-9
    for mark, start, end in _top_elements(file):
        if mark == INFO:
            parts = _small(file, start, end)
            tick_s = int.from_bytes(parts.get(TICK_NS, b"\x0f\x42\x40"), "big") * 1e-9
        elif mark == CLUSTER:
            parts = _small(file, start, end)
            time_s = int.from_bytes(parts.get(TIME, b""), "big") * tick_s
            if len(parts.get(SUM, b"")) != 4 or time_s > until_s:
                return
            yield time_s, _sum(file, start + 6, end) != int.from_bytes(parts[SUM], "little")


def _joined(clusters: Iterator[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    since: float | None = None
    for time_s, other in clusters:
        if other and since is None:
            since = time_s
        elif not other and since is not None:
            yield since, time_s
            since = None
    if since is not None:
        yield since, float("inf")


def _top_elements(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Mark, start and end of what lies in the segment, up to the first damage."""
    place, length = 0, file.seek(0, 2)
    for _ in range(MOST_ELEMENTS):
        if place >= length:
            return
        file.seek(place)
        head = _Reader(file.read(12))
        mark, size = head.number(marked=True), head.number()
        if mark is None or size is None:
            return
        start = place + head.place
        if mark == SEGMENT:
            place = start
            continue
        if start + size > length:
            return
        yield mark, start, start + size
        place = start + size


def _small(file: BinaryIO, start: int, end: int) -> dict[int, bytes]:
    """The first elements of one, by their marks, up to its first packet."""
    file.seek(start)
    reader, parts = _Reader(file.read(min(end - start, SMALL_BYTES))), {}
    while (mark := reader.number(marked=True)) is not None:
        size = reader.number()
        if size is None or mark in PACKETS:
            break
        parts[mark] = reader.take(size)
    return parts


def _sum(file: BinaryIO, start: int, end: int) -> int:
    found = 0
    file.seek(start)
    while start < end:
        piece = file.read(min(PIECE_BYTES, end - start))
        if not piece:
            break
        found = zlib.crc32(piece, found)
        start += len(piece)
    return found


@final
class _Reader:
    """Numbers of one to eight bytes, whose first one tells how many."""

    def __init__(self, content: bytes) -> None:
        self._content, self.place = content, 0

    def number(self, *, marked: bool = False) -> int | None:
        """The next one, with its length's mark or without; None at the end."""
        if self.place >= len(self._content) or not self._content[self.place]:
            return None
        length = 9 - self._content[self.place].bit_length()
        if self.place + length > len(self._content):
            return None
        read = int.from_bytes(self.take(length), "big")
        return read if marked else read - (1 << 7 * length)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        self.place += count
        return self._content[self.place - count : self.place]
