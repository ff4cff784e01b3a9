"""A video file: H.264 and AAC, encoded by threads of its own while the next pictures are made."""

import os
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import final

import av
import cv2
import numpy as np
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8

from instag.errors import BadArgument
from instag.media.pixel_format import EXACT
from instag.media.sound_encoder import SoundEncoder
from instag.media.sound_queue import SoundCutter
from instag.media.video_names import muxer_of
from instag.observed import FPS
from instag.runtime.files import atomic_path
from instag.runtime.progress import Report, silent

BT709 = 1
"""Rec. 709's number as matrix, primaries and transfer (ITU-T H.273)."""
LIMITED_RANGE = 1
AHEAD = 32
"""Pictures that may wait to be encoded: a batch of the GPU's."""
CONVERTERS = 4
"""Threads, at most, that turn RGB into YUV: one does 1,400 pictures of 512 x 512 a second, which is
less than a GPU renders."""


@final
@dataclass(frozen=True, kw_only=True)
class EncoderQuality:
    """x264's. crf: 0 for no loss, 51 for the worst; NVENC's constant quality takes the same number.
    preset: how hard to try."""

    crf: int = 18
    preset: str = "veryfast"


@final
class VideoWriter:
    """The file of a video, written as pictures and their sound come, in constant memory.

    `add` pictures inside a `with` block; the file is whole when the block is left without an error.
    """

    def __init__(
        self,
        path: Path,
        muxer: str,
        size: tuple[int, int],
        *,
        sound_rate: int | None = None,
        stereo: bool = False,
        fps: int = FPS,
        metadata: dict[str, str] | None = None,
        quality: EncoderQuality | None = None,
        gpu: bool = False,
    ) -> None:
        """muxer: FFmpeg's name of the format. size: width and height in pixels. sound_rate: Hz,
        None for a video without sound. stereo: the sound has two channels. gpu: encode with NVENC
        where it opens."""
        options = {"movflags": "+faststart+use_metadata_tags"} if muxer in ("mp4", "mov") else {}
        quality = quality or EncoderQuality()
        self._fps, self._converters = fps, _Converters()
        self._jobs: deque[Future[None]] = deque()
        self._count, self._broken = 0, False
        with ExitStack() as opened:
            self._container = opened.enter_context(
                av.open(str(path), "w", format=muxer, options=options)
            )
            self._container.metadata.update(metadata or {})
            width, height = (length + length % 2 for length in size)
            self._picture = _picture_stream(self._container, (width, height), fps, quality, gpu=gpu)
            self._sound = SoundEncoder(self._container, sound_rate, stereo) if sound_rate else None
            self._converting = opened.enter_context(
                ThreadPoolExecutor(
                    max(1, min(CONVERTERS, (os.cpu_count() or 1) // 2)), "instag-convert"
                )
            )
            self._encoding = opened.enter_context(ThreadPoolExecutor(1, "instag-encode"))
            self._opened = opened.pop_all()

    def __enter__(self) -> "VideoWriter":
        return self

    def add(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        sound: Float[np.ndarray, "samples *sample"] | None = None,
    ) -> None:
        """Hand over the next RGB picture, and the sound that is heard while it is shown. Nobody may
        change either any more.

        Returns at once unless AHEAD pictures wait. Raises what encoding raises.
        """
        converted = self._converting.submit(self._converters.convert, image)
        self._jobs.append(self._encoding.submit(self._encode, converted, self._count, sound))
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
                self._encoding.shutdown(cancel_futures=True)
                return
            while self._jobs:
                self._jobs.popleft().result()
            self._container.mux(self._picture.encode(None))
            if self._sound is not None:
                self._sound.finish()

    def _encode(
        self,
        converted: "Future[VideoFrame]",
        index: int,
        sound: Float[np.ndarray, "samples *sample"] | None,
    ) -> None:
        # FFmpeg crashes where a packet follows one that could not be written.
        if self._broken:
            return
        self._broken = True
        frame = converted.result()
        frame.pts, frame.time_base = index, Fraction(1, self._fps)
        self._container.mux(self._picture.encode(frame))
        if self._sound is not None and sound is not None:
            self._sound.encode(sound)
        self._broken = False


def write_video(
    path: Path | str,
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
    *,
    sound: tuple[Float[np.ndarray, " samples"], int] | None = None,
    fps: int = FPS,
    metadata: dict[str, str] | None = None,
    crf: int = 18,
    preset: str = "veryfast",
    gpu: bool = False,
    total: int = 0,
    report: Report = silent,
) -> int:
    """Encode RGB frames as H.264 (yuv420p, Rec. 709) with AAC sound, as they come; returns how many
    were written.

    sound: waveform in [-1, 1] and its rate in Hz, padded with silence or cut to the length of the
    picture. Odd sizes are extended by one pixel, which H.264 needs. Frames are encoded in other
    threads while the next are made. gpu: let the GPU encode where it can (`nvenc_opens`). `report`
    gets (frames taken, total). The file appears at `path` only when it is whole. Raises DiskFull,
    BadArgument when there is no frame.
    """
    path = Path(path)
    muxer = muxer_of(path)
    stream_frames = iter(frames)
    first = next(stream_frames, None)
    if first is None:
        raise BadArgument(f"No frames to write into {path}.")
    waveform, rate = sound or (None, None)
    with (
        atomic_path(path) as temporary,
        VideoWriter(
            temporary,
            muxer,
            (first.shape[1], first.shape[0]),
            sound_rate=rate,
            fps=fps,
            metadata=metadata,
            quality=EncoderQuality(crf=crf, preset=preset),
            gpu=gpu,
        ) as writer,
    ):
        cutter = None if waveform is None or rate is None else SoundCutter([waveform], rate, fps)
        count = 0
        for image in chain([first], stream_frames):
            writer.add(image, cutter.next_frame() if cutter is not None else None)
            count += 1
            report(count, total or count)
    return count


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
    """Whether a GPU of this machine encodes H.264 pictures of this size with NVENC: FFmpeg, the
    driver and the GPU must all have it (an H100 has not)."""
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


def _even(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "even_h even_w 3"]:
    """Repeat the last row and column where their number is odd."""
    rows, columns = image.shape[0] % 2, image.shape[1] % 2
    return (
        cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
        if rows or columns
        else np.ascontiguousarray(image)
    )
