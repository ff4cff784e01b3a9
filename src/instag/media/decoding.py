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

from instag.media.many_channels import Interleaver
from instag.media.timeline import Timeline, readable_packets


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
            for frame in decoded:
                self._note_damage(frame)
                if isinstance(frame, AudioFrame):
                    yield from self._interleaved(frame)
                else:
                    yield frame

    def damages(self, time: float) -> bool:
        """Whether the picture at this time in seconds is damaged: one of those from a packet that
        failed to the next whole picture."""
        if self._damaged_since is not None and time >= self._damaged_since:
            return True
        return any(start <= time < end for start, end in self._damaged)

    def _fail(self, packet: Packet) -> None:
        self.failed += 1
        stamp = packet.pts if packet.pts is not None else packet.dts
        time = float(stamp * packet.time_base) if stamp is not None and packet.time_base else 0.0
        self.first_failed = time if self.failed == 1 else min(time, self.first_failed)
        self.last_failed = max(time, self.last_failed)
        self._damaged_since = min(
            time, time if self._damaged_since is None else self._damaged_since
        )

    def _note_damage(self, frame: VideoFrame | AudioFrame) -> None:
        """A whole picture after the last packet that failed ends the damage."""
        time = frame.time
        if time is None or self._damaged_since is None or not frame.key_frame:
            return
        if time > self.last_failed:
            self._damaged.append((self._damaged_since, time))
            self._damaged = self._damaged[-2:]
            self._damaged_since = None


def _move(packet: Packet, seconds: float) -> None:
    if not packet.time_base:
        return
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts -= ticks
    if packet.dts is not None:
        packet.dts -= ticks
