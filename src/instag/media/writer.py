"""A film: an H.264 and AAC file that threads of its own write while the next pictures are made."""

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import final

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8

AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
BT709 = 1
"""Rec. 709's number as matrix, primaries and transfer (ITU-T H.273)."""
LIMITED_RANGE = 1
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without these FFmpeg's conversions darken a picture by one level."""
AHEAD = 32
"""Pictures that may wait to be coded: a batch of the GPU's."""
CONVERTERS = 4
"""Threads, at most, that turn RGB into YUV: one does 1,400 pictures of 512 x 512 a second, which is
less than a GPU paints."""


@final
@dataclass(frozen=True, kw_only=True)
class EncoderQuality:
    """x264's. crf: 0 for no loss, 51 for the worst; NVENC's constant quality takes the same number.
    preset: how hard to try."""

    crf: int = 18
    preset: str = "veryfast"


@final
class VideoWriter:
    """The file of a video. `add` pictures inside a `with` block; it is whole when the block is left
    without an error."""

    def __init__(
        self,
        path: Path,
        muxer: str,
        first: UInt8[np.ndarray, "h w 3"],
        *,
        sound: tuple[Float[np.ndarray, " samples"], int] | None,
        fps: int,
        metadata: dict[str, str] | None,
        quality: EncoderQuality,
        gpu: bool,
    ) -> None:
        """muxer: FFmpeg's name of the format. first: a picture of the film's size. gpu: code with
        NVENC where it opens."""
        options = {"movflags": "+faststart+use_metadata_tags"} if muxer in ("mp4", "mov") else {}
        self._fps, self._converters = fps, _Converters()
        self._jobs: deque[Future[None]] = deque()
        self._count, self._broken = 0, False
        with ExitStack() as opened:
            self._container = opened.enter_context(
                av.open(str(path), "w", format=muxer, options=options)
            )
            self._container.metadata.update(metadata or {})
            height, width = first.shape[0] + first.shape[0] % 2, first.shape[1] + first.shape[1] % 2
            self._picture = _picture_stream(self._container, (width, height), fps, quality, gpu=gpu)
            self._voice = _SoundTrack(self._container, *sound) if sound is not None else None
            self._converting = opened.enter_context(
                ThreadPoolExecutor(
                    max(1, min(CONVERTERS, (os.cpu_count() or 1) // 2)), "instag-convert"
                )
            )
            self._coding = opened.enter_context(ThreadPoolExecutor(1, "instag-encode"))
            self._opened = opened.pop_all()

    def __enter__(self) -> "VideoWriter":
        return self

    def add(self, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Hand over the next RGB picture, which nobody may change any more. Returns at once unless
        AHEAD pictures wait. Raises what coding raises."""
        converted = self._converting.submit(self._converters.convert, image)
        self._jobs.append(self._coding.submit(self._code, converted, self._count))
        self._count += 1
        while len(self._jobs) > AHEAD or (self._jobs and self._jobs[0].done()):
            self._jobs.popleft().result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._opened:
            if kind is not None:
                self._coding.shutdown(cancel_futures=True)
                return
            while self._jobs:
                self._jobs.popleft().result()
            self._container.mux(self._picture.encode(None))
            if self._voice is not None:
                self._voice.finish()

    def _code(self, converted: "Future[VideoFrame]", index: int) -> None:
        # FFmpeg crashes where a packet follows one that could not be written.
        if self._broken:
            return
        self._broken = True
        frame = converted.result()
        frame.pts, frame.time_base = index, Fraction(1, self._fps)
        self._container.mux(self._picture.encode(frame))
        if self._voice is not None:
            self._voice.encode_until(Fraction(index + 1, self._fps))
        self._broken = False


@final
class _Converters:
    """Turns pictures into what H.264 stores, in any thread: each has its own converter, whose
    tables are made once."""

    def __init__(self) -> None:
        self._own = threading.local()

    def convert(self, image: UInt8[np.ndarray, "h w 3"]) -> VideoFrame:
        if not hasattr(self._own, "reformatter"):
            self._own.reformatter = VideoReformatter()
        return self._own.reformatter.reformat(
            VideoFrame.from_ndarray(_even(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | EXACT,
            threads=1,
        )


def nvenc_opens(
    size: tuple[int, int] = (512, 512), fps: int = 25, quality: EncoderQuality | None = None
) -> bool:
    """Whether a GPU of this machine codes H.264 pictures of this size so: FFmpeg has NVENC, the
    driver too, and the GPU (an H100 has not)."""
    if "h264_nvenc" not in av.codecs_available:
        return False
    try:
        coder = CodecContext.create("h264_nvenc", "w")
        assert isinstance(coder, VideoCodecContext)
        coder.width, coder.height = size
        coder.pix_fmt, coder.time_base = "yuv420p", Fraction(1, fps)
        coder.options = _nvenc_options(quality or EncoderQuality())
        coder.open()
    except (FFmpegError, ValueError, OSError):
        return False
    return True


def _nvenc_options(quality: EncoderQuality) -> dict[str, str]:
    return {"rc": "vbr", "cq": str(quality.crf), "b": "0", "preset": "p4"}


def _picture_stream(
    container: OutputContainer,
    size: tuple[int, int],
    fps: int,
    quality: EncoderQuality,
    *,
    gpu: bool,
) -> VideoStream:
    if gpu and nvenc_opens(size, fps, quality):
        stream = container.add_stream("h264_nvenc", rate=fps, options=_nvenc_options(quality))
    else:
        stream = container.add_stream(
            "libx264", rate=fps, options={"crf": str(quality.crf), "preset": quality.preset}
        )
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    coder = stream.codec_context
    coder.colorspace = coder.color_primaries = coder.color_trc = BT709
    coder.color_range = LIMITED_RANGE
    return stream


@final
class _SoundTrack:
    """One AAC track that is written along with the picture."""

    def __init__(
        self, container: OutputContainer, waveform: Float[np.ndarray, " samples"], rate: int
    ) -> None:
        self._container, self._waveform, self._rate = (
            container,
            np.clip(waveform, -1, 1).astype(np.float32),
            rate,
        )
        coded = rate if rate in AAC_RATES else 48_000
        self._stream = container.add_stream(
            "aac", rate=coded, layout="mono", bit_rate=max(64_000, min(128_000, 4 * coded))
        )
        self._resampler = AudioResampler(format="fltp", layout="mono", rate=coded, frame_size=1024)
        self._written = 0

    def encode_until(self, time: Fraction) -> None:
        """Encode up to `time` seconds, with silence where the waveform has ended."""
        until = round(time * self._rate)
        piece = self._waveform[self._written : until]
        piece = np.pad(piece, (0, until - self._written - len(piece)))
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(piece[None]), format="fltp", layout="mono"
        )
        frame.rate, frame.pts, frame.time_base = self._rate, self._written, Fraction(1, self._rate)
        self._written = until
        self._encode(self._resampler.resample(frame))

    def finish(self) -> None:
        self._encode(self._resampler.resample(None))
        self._container.mux(self._stream.encode(None))

    def _encode(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))


def _even(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "even_h even_w 3"]:
    """Repeat the last row and column where their number is odd."""
    rows, columns = image.shape[0] % 2, image.shape[1] % 2
    return (
        cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
        if rows or columns
        else np.ascontiguousarray(image)
    )
