"""Coders of pictures for a WebSocket: each by itself, or by how it differs from the last one."""

import struct
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import final

import cv2
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from instag.synthesis.live.frame_mailbox import PictureFrame
from instag.types import FPS

HEAD = struct.Struct("<BB2xI")
"""Of a binary message: its kind, 1 where a decoder may begin with it, its frame's number."""
PICTURE, CHUNK = 2, 3
"""A JPEG, and a piece of H.264 in Annex B."""
JPEG_QUALITY = 88
H264 = {"preset": "superfast", "tune": "zerolatency", "profile": "baseline", "crf": "23"}
"""0.8 ms of a core at 256 x 256 pixels, 3.6 at 512 x 512, with a tenth of the bytes of JPEG."""


class PictureCoder(ABC):
    """Makes messages of pictures, in one thread at a time."""

    @abstractmethod
    def message(self, frame: PictureFrame) -> bytes:
        """The binary message of the next picture."""


@final
class JpegCoder(PictureCoder):
    """For all browsers."""

    def message(self, frame: PictureFrame) -> bytes:
        picture = cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR)
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        return HEAD.pack(PICTURE, 1, frame.number) + coded.tobytes()


@final
class H264Coder(PictureCoder):
    """For browsers with WebCodecs. A message needs all before it."""

    def __init__(self) -> None:
        self._codec: VideoCodecContext | None = None

    def message(self, frame: PictureFrame) -> bytes:
        height, width = frame.picture.shape[:2]
        codec = self._codec = self._codec or _opened(width, height)
        shown = VideoFrame.from_ndarray(frame.picture, "rgb24")
        shown.pts = frame.number
        (packet,) = codec.encode(shown)
        return HEAD.pack(CHUNK, packet.is_keyframe, frame.number) + bytes(packet)


CODERS: dict[str, type[PictureCoder]] = {"jpeg": JpegCoder, "h264": H264Coder}
"""By the name that a client asks for."""


def _opened(width: int, height: int) -> VideoCodecContext:
    codec = VideoCodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.thread_count, codec.options = 1, H264
    return codec
