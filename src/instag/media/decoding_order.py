"""When the pictures of an AVI or ASF are shown: they store when each is decoded, and for those that
are decoded in another order FFmpeg gives the packets' own times."""

from heapq import heappop, heappush
from pathlib import Path
from typing import final

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame

from instag.media.avi_gaps import sound_of_packets
from instag.media.container import opened
from instag.media.tracks import picture_stream

DECODING_TIMES = ("avi", "asf")
"""Formats without times of showing."""
MOST_WAITING = 64
"""Pictures that a decoder holds, at most; beyond it some were dropped."""
SHIFTS = "Lavf"
"""How FFmpeg's muxer calls itself. Others begin sound and picture together."""


def stores_decoding_times(container: InputContainer) -> bool:
    """Whether a packet's time is that of decoding."""
    return container.format.name in DECODING_TIMES


@final
class DecodingOrder:
    """Gives the pictures of one track, as they come, the times of its packets in rising order."""

    def __init__(self) -> None:
        self._times: list[int] = []

    def sent(self, packet: Packet) -> None:
        """One that was taken without an error."""
        if packet.size and packet.dts is not None:
            heappush(self._times, packet.dts)
        if len(self._times) > MOST_WAITING:
            heappop(self._times)

    def place(self, frame: VideoFrame) -> None:
        """The next picture that is shown."""
        if self._times:
            frame.pts = heappop(self._times)


def sound_delay_s(container: InputContainer, sound: AudioStream, path: Path) -> float:
    """How much later than the picture such a file's sound is stored: FFmpeg's muxer begins with the
    first decoding, and so puts sound after as many pictures as are decoded before the first one
    is shown. In AVI it cannot put PCM later, which has no packets. 0 for other files."""
    picture = picture_stream(container)
    if picture is None or not picture.average_rate or not stores_decoding_times(container):
        return 0.0
    written_by = container.metadata.get("software") or container.metadata.get("encoder", "")
    if not written_by.startswith(SHIFTS):
        return 0.0
    if container.format.name == "avi" and not sound_of_packets(path, sound.index):
        return 0.0
    return _decoded_before(path) / float(picture.average_rate)


def _decoded_before(path: Path) -> int:
    """Pictures that a decoder takes before it gives the first one."""
    taken = 0
    with opened(path) as container:
        stream = picture_stream(container)
        assert stream is not None
        stream.thread_type = "NONE"  # threads hold more
        for packet in container.demux(stream):
            if taken == MOST_WAITING:
                break
            try:
                if packet.size and packet.decode():
                    return taken
            except FFmpegError:
                continue
            taken += packet.size > 0
    return 0
