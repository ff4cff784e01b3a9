"""Sound and video files read through FFmpeg's libraries (PyAV): streams of frames, never whole
videos in memory."""

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import final

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError, InvalidDataError
from av.filter import Graph
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8

from instag.errors import FileMissing, NoSound, NotMedia, Truncated
from instag.media.pixel_format import EXACT
from instag.media.sound_queue import SampleQueue
from instag.types import FPS

MP4_LIKE = b"ftyp"
ENCODER_TAIL_S = 0.1
"""An encoder fills its last block with sound: up to so much past the header's length is cut."""
MISSING_TAIL_S = 0.5
"""A decoded length this much under the header's makes a file count as cut off."""


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """The content of a file's header. width, height: pixels as displayed (rotated, square pixels),
    0 without a picture."""

    width: int
    height: int
    fps: float
    seconds: float
    has_picture: bool
    has_sound: bool


def probe(path: Path | str) -> MediaInfo:
    """Read the header of a sound or video file and one frame of its picture.

    Raises FileMissing, NotMedia, Truncated (also where an MP4's boxes reach past the end of the
    file).
    """
    path = Path(path)
    with _opened(path) as container:
        stream = _picture_stream(container)
        sound = bool(container.streams.audio)
        if stream is None:
            if not sound:
                raise NotMedia(
                    f"{path} holds neither a picture nor a sound track. Give a video or sound file "
                    "(mp4, mov, mkv, webm, wav, flac, mp3 ...)."
                )
            return MediaInfo(
                width=0,
                height=0,
                fps=0.0,
                seconds=_seconds(container),
                has_picture=False,
                has_sound=True,
            )
        first = next(_decoded(container, stream, path), None)
        if first is None:
            raise NotMedia(
                f"{path} has a video track but no frame of it can be decoded. Convert it first: "
                f"ffmpeg -i {path.name} -c:v libx264 fixed.mp4"
            )
        width, height = _displayed_size(first, stream)
        return MediaInfo(
            width=width,
            height=height,
            fps=float(stream.average_rate or FPS),
            seconds=_seconds(container),
            has_picture=True,
            has_sound=sound,
        )


@dataclass(frozen=True, kw_only=True)
class Square:
    """A square of the displayed picture, in its pixels (even numbers, as colour is stored for
    pairs), scaled to `size` pixels."""

    x: int
    y: int
    side: int
    size: int


def read_frames(
    path: Path | str,
    *,
    fps: float = FPS,
    scale: float = 1.0,
    square: Square | None = None,
    start: int = 0,
    seconds: float | None = None,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """RGB frames at a constant rate: frame k is the one shown nearest to k / fps seconds after the
    first.

    Rotation and non-square pixels are applied. `scale` shrinks while converting (a 4K frame never
    exists in RGB); with `square` only that part is converted, and `scale` is not used. The first
    `start` frames are passed over; at most `seconds` are read, from the video's beginning. Memory
    is constant. Raises FileMissing, NotMedia, Truncated (at the end, where frames are missing).
    """
    path = Path(path)
    with _opened(path) as container:
        stream = _needed_picture(container, path)
        convert = _FrameConverter(stream, scale, square)
        for frame, first, end in _at_constant_rate(container, stream, path, fps, seconds):
            if end > start:
                picture = convert(frame)
                for _ in range(max(first, start), end):
                    yield picture


def skim_frames(
    path: Path | str, *, small: int, every: int, scale: float, seconds: float | None = None
) -> Iterator[tuple[UInt8[np.ndarray, "n n 3"], UInt8[np.ndarray, "h w 3"] | None]]:
    """The frames of `read_frames` at 25 a second, squeezed into `small` x `small` pixels, each
    `every`-th one (from the first) also as a whole at `scale`.

    Raises what `read_frames` raises.
    """
    path = Path(path)
    with _opened(path) as container:
        stream = _needed_picture(container, path)
        convert = _FrameConverter(stream, scale, None)
        for frame, first, end in _at_constant_rate(container, stream, path, FPS, seconds):
            squeezed = _rgb(frame, small, small)
            for index in range(first, end):
                yield squeezed, convert(frame) if index % every == 0 else None


def _needed_picture(container: InputContainer, path: Path) -> VideoStream:
    stream = _picture_stream(container)
    if stream is None:
        raise NotMedia(f"{path} has no picture. Give a video file (mp4, mov, mkv, webm ...).")
    return stream


def _at_constant_rate(
    container: InputContainer, stream: VideoStream, path: Path, fps: float, seconds: float | None
) -> Iterator[tuple[VideoFrame, int, int]]:
    """Each decoded frame that is shown, with the first of the constant rate's frames that show it
    and the one after the last."""
    limit = sys.maxsize if seconds is None else round(seconds * fps)
    expected = _seconds(container)
    step = 1 / float(stream.average_rate or fps)
    emitted, first_time, shown, shown_time, end = 0, None, None, 0.0, 0.0
    for index, frame in enumerate(_decoded(container, stream, path)):
        time = frame.time if frame.time is not None else index * step
        first_time = time if first_time is None else first_time
        time -= first_time
        if shown is not None and time <= shown_time:
            continue
        if shown is not None:
            due = min(limit, math.ceil((shown_time + time) / 2 * fps - 1e-6))
            if emitted < due:
                yield shown, emitted, due
                emitted = due
            if emitted >= limit:
                return
        shown, shown_time = frame, time
        length = (
            float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step
        )
        end = time + min(max(length, 0.5 * step), 1.0)
    if shown is None:
        raise NotMedia(
            f"{path}: no frame can be decoded. Convert it first: ffmpeg -i {path.name} -c:v "
            "libx264 fixed.mp4"
        )
    due = min(limit, math.ceil(end * fps - 1e-3))
    if emitted < due:
        yield shown, emitted, due
        emitted = due
    if emitted < limit and end + (first_time or 0.0) < min(
        expected, _stream_seconds(stream, expected)
    ) - max(MISSING_TAIL_S, 0.02 * expected):
        raise Truncated(
            f"{path} ends after {end:.1f} s, but its header says {expected:.1f} s. Copy or "
            "download it again."
        )


def read_sound(path: Path | str, rate: int = 16_000) -> Float[np.ndarray, " samples"]:
    """The sound of any sound or video file, mixed to one channel, in [-1, 1], resampled to `rate`
    Hz.

    Sample 0 belongs to the first frame of the picture where there is one. Raises FileMissing,
    NotMedia, NoSound, Truncated.
    """
    return np.concatenate([np.zeros(0, np.float32), *stream_sound(path, rate)])


def stream_sound(path: Path | str, rate: int = 16_000) -> Iterator[Float[np.ndarray, " samples"]]:
    """The sound of `read_sound` in pieces of any length, in constant memory. Raises what
    `read_sound` raises; Truncated only at the end."""
    path = Path(path)
    with _opened(path) as container:
        if not container.streams.audio:
            raise NoSound(
                f"{path} has no sound track. Give a video with speech in it, or a sound file."
            )
        stream, picture = container.streams.audio[0], _picture_stream(container)
        frames = _decoded(container, stream, path)
        first = next(frames, None)
        pieces = _resampled(frames if first is None else chain([first], frames), rate)
        whole = _whole_sound(pieces, path, rate, _stream_seconds(stream, 0.0))
        late = 0.0
        if picture is not None and first is not None:
            late = (first.time or 0.0) - _start_seconds(picture)
        yield from _delayed(whole, round(late * rate))


def _resampled(frames: Iterable[AudioFrame], rate: int) -> Iterator[Float[np.ndarray, " samples"]]:
    resampler = AudioResampler(format="flt", layout="mono", rate=rate)
    started = False
    for frame in frames:
        started = True
        yield from (piece.to_ndarray()[0] for piece in resampler.resample(frame))
    if started:
        yield from (piece.to_ndarray()[0] for piece in resampler.resample(None))


def _whole_sound(
    pieces: Iterable[Float[np.ndarray, " samples"]], path: Path, rate: int, expected: float
) -> Iterator[Float[np.ndarray, " samples"]]:
    """The pieces without what an encoder filled its last block with. expected: the header's
    seconds, 0 where it has none. Raises NoSound, Truncated."""
    kept = SampleQueue()
    given = length = 0
    end = round(expected * rate)
    for piece in pieces:
        kept.push(piece)
        length += len(piece)
        if expected and 0 < length / rate - expected < ENCODER_TAIL_S:
            yield kept.take(end - given)
            given = end
        else:
            yield kept.take(len(kept))
            given = length
    if not length:
        raise NoSound(
            f"{path} has a sound track with nothing in it. Give a video with speech in it, or a "
            "sound file."
        )
    if length / rate < expected - max(MISSING_TAIL_S, 0.02 * expected):
        raise Truncated(
            f"The sound of {path} ends after {length / rate:.1f} s, but its header says "
            f"{expected:.1f} s. Copy or download it again."
        )


def _delayed(
    pieces: Iterable[Float[np.ndarray, " samples"]], delay: int
) -> Iterator[Float[np.ndarray, " samples"]]:
    """The sound so many samples later, with silence before it; earlier where `delay` is
    negative."""
    if delay > 0:
        yield np.zeros(delay, np.float32)
    cut = max(0, -delay)
    for piece in pieces:
        yield piece[cut:]
        cut = max(0, cut - len(piece))


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a file for reading. FFmpeg's errors become those of errors.py."""
    try:
        with path.open("rb") as handle:
            head = handle.read(12)
    except FileNotFoundError as error:
        raise FileMissing(
            f"There is no file {path}. Check the name; the current folder is {Path.cwd()}."
        ) from error
    except IsADirectoryError as error:
        raise FileMissing(f"{path} is a folder. Give a video or sound file.") from error
    except PermissionError as error:
        raise FileMissing(
            f"{path} may not be read. Change its permissions: chmod u+r {path}"
        ) from error
    if not head:
        raise NotMedia(f"{path} is empty (0 bytes). Copy or download it again.")
    if head[4:8] == MP4_LIKE:
        _check_boxes(path)
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (FFmpegError, ValueError) as error:
        raise NotMedia(
            f"{path} is not a video or sound file that can be read ({error}). Give an mp4, mov, "
            "mkv, webm, wav, flac or mp3 file."
        ) from error
    with container:
        yield container


def _check_boxes(path: Path) -> None:
    """Walk the top-level boxes of an MP4: each gives its length, and the index (moov) must be among
    them."""
    length = path.stat().st_size
    position, kinds = 0, set()
    with path.open("rb") as handle:
        while position + 8 <= length:
            handle.seek(position)
            head = handle.read(16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            kinds.add(kind)
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            size = length - position if size == 0 else size
            if size < 8:
                break
            if position + size > length and kind in (b"mdat", b"moov", b"moof"):
                missing = position + size - length
                raise Truncated(
                    f"{path} is cut off: {missing:,} of its {position + size:,} bytes are missing "
                    "at the end. Copy or download it again."
                )
            position += size
    if b"moov" not in kinds:
        raise Truncated(
            f"{path} is cut off: it has no index (moov), which a recorder writes last. Copy or "
            "download it again, or record it again."
        )


def _picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video track that is not a cover picture, set to decode on all cores."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    return None


def _seconds(container: InputContainer) -> float:
    return container.duration / av.time_base if container.duration else 0.0


def _start_seconds(stream: VideoStream) -> float:
    return (
        float(stream.start_time * stream.time_base)
        if stream.start_time and stream.time_base
        else 0.0
    )


def _stream_seconds(stream: VideoStream | AudioStream, otherwise: float) -> float:
    return (
        float(stream.duration * stream.time_base)
        if stream.duration and stream.time_base
        else otherwise
    )


def _decoded(container: InputContainer, stream, path: Path) -> Iterator:
    """The frames of one track; damaged packets are passed over, as players do."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, EndOfFile):
            return
        except InvalidDataError:
            continue
        except FFmpegError as error:
            raise Truncated(
                f"{path} can not be read to its end ({error}). Copy or download it again."
            ) from error
        try:
            yield from packet.decode()
        except (InvalidDataError, EndOfFile):
            continue


def _displayed_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as displayed: square pixels, rotated."""
    aspect = stream.sample_aspect_ratio
    width = round(frame.width * float(aspect)) if aspect else frame.width
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


@final
class _FrameConverter:
    """Turns decoded frames into RGB pictures as displayed: scaled, or one square of them."""

    def __init__(self, stream: VideoStream, scale: float, square: Square | None) -> None:
        self._stream, self._scale, self._square = stream, scale, square
        self._cutter: tuple[int, int, Graph] | None = None

    def __call__(self, frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        square, displayed = self._square, _displayed_size(frame, self._stream)
        if square is None:
            return _upright_rgb(frame, displayed, self._scale)
        if frame.rotation == 0 and displayed == (frame.width, frame.height):
            return _rgb(self._cut(frame, square), square.size, square.size)
        scale = min(1.0, square.size / square.side)
        left, top, side = (round(length * scale) for length in (square.x, square.y, square.side))
        piece = _upright_rgb(frame, displayed, scale)[top : top + side, left : left + side]
        return cv2.resize(piece, (square.size, square.size), interpolation=cv2.INTER_CUBIC)

    def _cut(self, frame: VideoFrame, square: Square) -> VideoFrame:
        """The square of a frame, before any conversion: most of a tall video is never converted."""
        if (square.side, square.side) == (frame.width, frame.height):
            return frame
        if self._cutter is None or self._cutter[:2] != (frame.width, frame.height):
            graph = Graph()
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=Fraction(1, 1000),
            )
            graph.link_nodes(
                source,
                graph.add("crop", f"{square.side}:{square.side}:{square.x}:{square.y}"),
                graph.add("buffersink"),
            ).configure()
            self._cutter = frame.width, frame.height, graph
        graph = self._cutter[2]
        graph.vpush(frame)
        return graph.vpull()


def _upright_rgb(
    frame: VideoFrame, displayed: tuple[int, int], scale: float
) -> UInt8[np.ndarray, "h w 3"]:
    width, height = (
        max(2, round(length * scale))
        for length in (displayed[::-1] if frame.rotation % 180 else displayed)
    )
    image = _rgb(frame, width, height)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def _rgb(frame: VideoFrame, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    way = (Interpolation.AREA if width < frame.width else Interpolation.BICUBIC) | EXACT
    return frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        interpolation=way,
        dst_color_range=ColorRange.JPEG,
        threads=1,
    ).to_ndarray()
