"""When the pictures of an AVI are shown: it stores no such times, and for those that are decoded in
another order FFmpeg gives the packets' own."""

from heapq import heappop, heappush
from typing import final

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MOST_WAITING = 64
"""Pictures that a decoder holds, at most; beyond it some were dropped."""


@final
class AviOrder:
    """Gives the pictures of one track, as they come, the times of its packets in rising order."""

    def __init__(self, stream: VideoStream) -> None:
        self._later = bool(stream.codec_context.has_b_frames)
        self._times: list[int] = []

    def sent(self, packet: Packet) -> None:
        """One that was taken without an error."""
        time = packet.pts if self._later else packet.dts
        if packet.size and time is not None:
            heappush(self._times, time)
        if len(self._times) > MOST_WAITING:
            heappop(self._times)

    def place(self, frame: VideoFrame) -> None:
        """The next picture that is shown."""
        if self._times:
            frame.pts = heappop(self._times)
