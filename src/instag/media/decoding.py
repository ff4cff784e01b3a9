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
from av.video.stream import VideoStream

from instag.media.decoding_order import DecodingOrder, stores_decoding_times
from instag.media.many_channels import Interleaver
from instag.media.picture_damage import PictureDamage
from instag.media.ticks import in_seconds
from instag.media.timeline import Timeline, readable_packets

STUCK = ("vp9",)
"""Decoders that decode nothing after a first packet that is damaged, until they are emptied."""


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
        damage: PictureDamage | None = None,
    ) -> None:
        """damage: what is told of all packets and pictures."""
        self._container, self._stream, self._path = container, stream, path
        self._shifts = list(timeline.shifts(stream) if timeline else ())
        self.packets = self.failed = 0
        self.first_failed = self.last_failed = 0.0
        self._damage, self._came = damage, False
        self._interleaved = Interleaver()
        self._order = None
        if isinstance(stream, VideoStream) and stores_decoding_times(container):
            self._order = DecodingOrder()

    def frames(self) -> Iterator:
        """Raises Truncated where the file cannot be read on."""
        shift = 0.0
        for packet in readable_packets(self._container, self._stream, self._path):
            if packet.size and self._shifts and self._shifts[0][0] <= self.packets:
                shift = self._shifts.pop(0)[1]
            if shift:
                _move(packet, shift)
            self.packets += packet.size > 0
            if self._damage is not None:
                self._damage.sent(packet, self._time(packet))
            try:
                decoded = packet.decode()
            except (FFmpegError, EndOfFile, ValueError) as error:
                if not isinstance(error, EndOfFile):
                    self._fail(packet)
                if not self._came and self._stream.codec_context.name in STUCK:
                    self._stream.codec_context.flush_buffers()
                continue
            self._came = self._came or bool(decoded)
            yield from self._decoded(packet, decoded)
        if self._damage is not None:
            self._damage.ended()

    def _decoded(self, packet: Packet, frames: list) -> Iterator:
        """What came of a packet that was decoded without an error."""
        if self._order is not None:
            self._order.sent(packet)
        if self._damage is not None:
            self._damage.taken(packet)
        for frame in frames:
            if isinstance(frame, AudioFrame):
                yield from self._interleaved(frame)
                continue
            if self._order is not None:
                self._order.place(frame)
            if self._damage is not None:
                self._damage.came(frame)
            yield frame

    def _fail(self, packet: Packet) -> None:
        self.failed += 1
        time = self._time(packet)
        self.first_failed = time if self.failed == 1 else min(time, self.first_failed)
        self.last_failed = max(time, self.last_failed)
        if self._damage is not None:
            self._damage.failed(time)

    def _time(self, packet: Packet) -> float:
        """When it is shown or heard, in seconds; 0 where it has no time."""
        stamp = packet.dts if packet.pts is None or self._order is not None else packet.pts
        return (
            in_seconds(stamp, packet.time_base) if stamp is not None and packet.time_base else 0.0
        )


def _move(packet: Packet, seconds: float) -> None:
    if not packet.time_base:
        return
    ticks = round(seconds / packet.time_base)
    if packet.pts is not None:
        packet.pts -= ticks
    if packet.dts is not None:
        packet.dts -= ticks
