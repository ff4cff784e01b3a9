"""Sound that is missing in an AVI: its file has no times, but an empty chunk for each packet that
did not come, and FFmpeg passes over these without counting them."""

import os
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, final

from av.container import InputContainer
from av.packet import Packet

LISTS = (b"RIFF", b"LIST")
"""Chunks that hold chunks: FOURCC, length, FOURCC of what is in them."""
SAMPLE_SIZE = struct.Struct("<44xI")
"""In a stream's header (strh): 0 where a chunk is a packet, whatever its length."""


@final
class AviGaps:
    """Moves the packets of one track to their times, in their order."""

    def __init__(self, empty: list[int]) -> None:
        """empty: where in the file the content of its empty chunks would be, rising."""
        self._empty = empty
        self._passed = self._shift = 0
        self._last: int | None = None

    def place(self, packet: Packet) -> None:
        """Add a packet's length for each empty chunk before it, unless FFmpeg did."""
        if packet.pos is None or packet.dts is None:
            return
        passed = max(self._passed, bisect_left(self._empty, packet.pos))
        step = packet.dts - (-1 if self._last is None else self._last)
        self._last = packet.dts
        if step <= passed - self._passed:
            self._shift += passed - self._passed
        self._passed = passed
        packet.dts += self._shift
        if packet.pts is not None:
            packet.pts += self._shift


def avi_gaps(container: InputContainer, path: Path) -> dict[int, AviGaps]:
    """For each sound track of an AVI that has empty chunks, by its index; none of other files."""
    if container.format.name != "avi" or not container.streams.audio:
        return {}
    with path.open("rb") as file:
        _, found = _read(file)
    return {
        stream.index: AviGaps(found[stream.index])
        for stream in container.streams.audio
        if stream.index in found
    }


def sound_of_packets(path: Path, track: int) -> bool:
    """Whether the chunks of an AVI's track are packets, not samples of PCM."""
    with path.open("rb") as file:
        packets, _ = _read(file)
    return track < len(packets) and packets[track]


def _read(file: BinaryIO) -> tuple[list[bool], dict[int, list[int]]]:
    """Of each track whether its chunks are packets, and where the empty ones are, of sound tracks
    whose chunks are."""
    packets: list[bool] = []
    empty: dict[int, list[int]] = {}
    for name, place, size in _chunks(file):
        if name == b"strh":
            header = file.read(SAMPLE_SIZE.size)
            whole = len(header) == SAMPLE_SIZE.size
            packets.append(whole and SAMPLE_SIZE.unpack(header)[0] == 0)
        elif size == 0 and name[2:] == b"wb" and name[:2].isdigit():
            track = int(name[:2])
            if track < len(packets) and packets[track]:
                empty.setdefault(track, []).append(place)
    return packets, empty


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, place of the content and length of each chunk that holds no others, up to the first
    damage."""
    end = file.seek(0, os.SEEK_END)
    place = 0
    while place + 8 <= end:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name in LISTS:
            place += 12
            continue
        if not (name.isascii() and name.strip(b"\0")):
            return
        yield name, place + 8, size
        place += 8 + size + size % 2
