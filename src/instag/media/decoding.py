"""Decoded frames of one track, at times in which the file goes on; what cannot be decoded is passed
over and counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import final

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from instag.media.decoding_order import DecodingOrder, stores_decoding_times
from instag.media.many_channels import Interleaver
from instag.media.timeline import Timeline, readable_packets

DROPPING = ("h264", "hevc")
"""Decoders that drop, without an error, pictures that refer to missing ones."""


@final
class Decoder:
    """Decodes one track. failed: packets of it that could not be decoded so far, of `packets`.
    first_failed, last_failed: their times in seconds."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream | AudioStream,
        path: Path,
        timeline: Timeline | None = None,
    ) -> None:
        self._container, self._stream, self._path = container, stream, path
        self._shifts = list(timeline.shifts(stream) if timeline else ())
        self.packets = self.failed = 0
        self.first_failed = self.last_failed = 0.0
        self._interleaved = Interleaver()
        self._order = None
        if isinstance(stream, VideoStream) and stores_decoding_times(container):
            self._order = DecodingOrder()
        self._sent = _SentPictures(stream, counted=self._order is None)
        self._damaged: list[tuple[float, float]] = []
        self._damaged_since: float | None = None

    def frames(self) -> Iterator:
        """Raises Truncated where the file cannot be read on."""
        shift = 0.0
        for packet in readable_packets(self._container, self._stream, self._path):
            if packet.size and self._shifts and self._shifts[0][0] <= self.packets:
                shift = self._shifts.pop(0)[1]
            if shift:
                _move(packet, shift)
            self.packets += packet.size > 0
            try:
                decoded = packet.decode()
            except (FFmpegError, EndOfFile, ValueError) as error:
                if not isinstance(error, EndOfFile):
                    self._fail(packet)
                continue
            self._sent.add(packet)
            if self._order is not None:
                self._order.sent(packet)
            for frame in decoded:
                if isinstance(frame, AudioFrame):
                    yield from self._interleaved(frame)
                    continue
                if self._order is not None:
                    self._order.place(frame)
                self._note_damage(frame)
                yield frame

    def damages(self, time: float) -> bool:
        """Whether the picture at this time in seconds is damaged: one of those from a packet that
        failed, or a picture that was patched or dropped, to the next whole picture."""
        if self._damaged_since is not None and time >= self._damaged_since:
            return True
        return any(start <= time < end for start, end in self._damaged)

    def _fail(self, packet: Packet) -> None:
        self.failed += 1
        stamp = packet.pts if packet.pts is not None else packet.dts
        time = float(stamp * packet.time_base) if stamp is not None and packet.time_base else 0.0
        self.first_failed = time if self.failed == 1 else min(time, self.first_failed)
        self._damage(time)

    def _damage(self, time: float) -> None:
        self.last_failed = max(time, self.last_failed)
        self._damaged_since = min(
            time, time if self._damaged_since is None else self._damaged_since
        )

    def _note_damage(self, frame: VideoFrame) -> None:
        """A whole picture after the last one that is damaged ends the damage."""
        for lost in self._sent.lost_before(frame):
            self._damage(lost)
        time = frame.time
        if time is None:
            return
        if frame.is_corrupt:
            self._damage(time)
        if self._damaged_since is not None and frame.key_frame and time > self.last_failed:
            self._damaged.append((self._damaged_since, time))
            self._damaged = self._damaged[-2:]
            self._damaged_since = None


@final
class _SentPictures:
    """What was sent to a decoder of DROPPING and did not come out yet, by its stamp."""

    def __init__(self, stream: VideoStream | AudioStream, *, counted: bool) -> None:
        """counted: whether pictures have the stamps of their packets."""
        self._counts = counted and stream.codec_context.name in DROPPING
        self._stamps: set[int] = set()
        self._first: int | None = None

    def add(self, packet: Packet) -> None:
        """One that was taken without an error."""
        if self._counts and packet.size and packet.pts is not None and not packet.is_discard:
            self._stamps.add(packet.pts)

    def lost_before(self, frame: VideoFrame) -> list[float]:
        """Times of those that should have come before this one. Those before the first of all are
        none: a file may begin in the middle of a recording. Nor are second fields."""
        if frame.pts is None or not self._counts:
            return []
        self._first = frame.pts if self._first is None else self._first
        passed = {stamp for stamp in self._stamps if stamp <= frame.pts}
        self._stamps -= passed
        if frame.interlaced_frame or not frame.time_base:
            return []
        return [
            float(stamp * frame.time_base) for stamp in passed if self._first < stamp < frame.pts
        ]


def _move(packet: Packet, seconds: float) -> None:
    if not packet.time_base:
        return
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts -= ticks
    if packet.dts is not None:
        packet.dts -= ticks
