"""A second decoder beside FFmpeg's own, where that one decodes damaged bytes to some picture
without a word and another notices."""

from typing import final

import av
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

STRICT = {"vp9": "libvpx-vp9"}
"""By the usual decoder's name."""


@final
class StrictDecoder:
    """Says which packets a stricter decoder refuses; none where there is no such decoder, or it
    decodes nothing of this stream."""

    def __init__(self, stream: VideoStream) -> None:
        self._context = _opened(STRICT.get(stream.codec_context.name))
        self._decodes = False
        self._refused: list[float] = []

    def refused(self, packet: Packet, time: float) -> list[float]:
        """Times of the refused packets that were not told yet."""
        if self._context is None or not packet.size:
            return []
        try:
            self._decodes = bool(self._context.decode(packet)) or self._decodes
        except (FFmpegError, EndOfFile, ValueError):
            self._refused.append(time)
        if not self._decodes:
            return []
        told, self._refused = self._refused, []
        return told


def _opened(name: str | None) -> VideoCodecContext | None:
    """A decoder of this name; None where there is none."""
    if name is None:
        return None
    try:
        context = av.CodecContext.create(name, "r")
    except (FFmpegError, ValueError):  # PyAV may be built without
        return None
    assert isinstance(context, VideoCodecContext)
    context.thread_type = "AUTO"
    return context
