"""The pictures of a video at a constant rate, never all of them in memory."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from instag.errors import NotMedia, Truncated
from instag.media.constant_rate import ConstantRate
from instag.media.container import (
    MISSING_TAIL_S,
    has_own_times,
    opened,
    stored_file_seconds,
    stored_seconds,
    undecodable,
    without_decoder,
)
from instag.media.decoding import Decoder
from instag.media.decoding_order import stores_decoding_times
from instag.media.flaws import Flaw, Notice, unnoticed
from instag.media.matroska_sums import changed_spans
from instag.media.picture_conversion import FrameConverter, RgbConverter, Square, deinterlaced
from instag.media.picture_damage import PictureDamage
from instag.media.timecode import clock
from instag.media.timeline import Timeline, read_timeline
from instag.media.tracks import (
    has_decoder,
    has_unknown_picture,
    is_preview,
    picture_stream,
    sound_streams,
)
from instag.observed import FPS

SLOWEST_FPS = 1.0
"""Of pictures without times; FFmpeg guesses slower ones of damaged files."""
UNNOTICED = ("hevc", "vp8", "mjpeg")
"""Decoders that decode damaged bytes to some picture without a word."""


def read_frames(
    path: Path | str,
    *,
    fps: float = FPS,
    scale: float = 1.0,
    square: Square | None = None,
    start: int = 0,
    seconds: float | None = None,
    notice: Notice = unnoticed,
    timeline: Timeline | None = None,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """RGB frames at a constant rate: frame k is the one shown nearest to k / fps seconds after the
    first.

    Orientation and non-square pixels are applied, HDR is tone-mapped, interlaced frames are made
    whole, and all are as large as the first. `scale` shrinks while converting (a 4K frame never
    exists in RGB); with `square` only that part is converted, and `scale` is not used. The first
    `start` frames are passed over; at most `seconds` are read, from the video's beginning. Where
    time stamps jump, the frames go on. `notice` gets the share of damaged frames at the end.
    timeline: as `picture_timeline` returned it, where it is known. Memory is constant. Raises
    FileMissing, NotMedia, Truncated (at the end, where frames are missing).
    """
    path = Path(path)
    timeline = timeline or picture_timeline(path)
    with opened(path) as container:
        stream = _needed_picture(container, path)
        convert = FrameConverter(stream, scale, square)
        for frame, first, end in _shown(container, stream, path, timeline, fps, seconds, notice):
            if end > start:
                picture = convert(frame)
                for _ in range(max(first, start), end):
                    yield picture


def skim_frames(
    path: Path | str,
    *,
    small: int,
    every: int,
    scale: float,
    seconds: float | None = None,
    notice: Notice = unnoticed,
    timeline: Timeline | None = None,
) -> Iterator[tuple[UInt8[np.ndarray, "n n 3"], UInt8[np.ndarray, "h w 3"] | None]]:
    """The frames of `read_frames` at 25 a second, squeezed into `small` x `small` pixels, each
    `every`-th one (from the first) also as a whole at `scale`.

    Raises what `read_frames` raises.
    """
    path = Path(path)
    timeline = timeline or picture_timeline(path)
    with opened(path) as container:
        stream = _needed_picture(container, path)
        convert, squeeze = FrameConverter(stream, scale, None), RgbConverter()
        for frame, first, end in _shown(container, stream, path, timeline, FPS, seconds, notice):
            squeezed = squeeze(frame, small, small)
            for index in range(first, end):
                yield squeezed, convert(frame) if index % every == 0 else None


def picture_timeline(path: Path | str) -> Timeline:
    """Of a video's picture and the sound that goes with it. Raises FileMissing, NotMedia,
    Truncated."""
    path = Path(path)
    with opened(path) as container:
        picture, sounds = picture_stream(container), sound_streams(container)
        tracks = (
            None if picture is None else picture.index,
            sounds[0].index if sounds else None,
        )
    return read_timeline(path, *tracks)


def check_picture(path: Path | str) -> None:
    """Raises NotMedia where it has no picture, or none for which a decoder is here."""
    path = Path(path)
    with opened(path) as container:
        _needed_picture(container, path)


def _needed_picture(container: InputContainer, path: Path) -> VideoStream:
    stream = picture_stream(container)
    if stream is None and has_unknown_picture(container):
        raise without_decoder(path)
    if stream is None:
        raise NotMedia(f"{path} has no picture. Give a video file (mp4, mov, mkv, webm ...).")
    return stream


def _shown(
    container: InputContainer,
    stream: VideoStream,
    path: Path,
    timeline: Timeline,
    fps: float,
    seconds: float | None,
    notice: Notice,
) -> Iterator[tuple[VideoFrame, int, int]]:
    """The frames of a video at a constant rate, as ConstantRate shows them. Raises NotMedia,
    Truncated."""
    _tell_choice(container, stream, path, notice)
    damage = PictureDamage(stream, counted=not stores_decoding_times(container))
    decoder = Decoder(container, stream, path, timeline, damage)
    rate = ConstantRate(
        fps,
        step=timeline.picture_step or 1 / max(SLOWEST_FPS, float(stream.average_rate or fps)),
        start=timeline.start(stream) if has_own_times(container) else math.inf,
        limit=sys.maxsize if seconds is None else round(seconds * fps),
    )
    damaged: list[int] = []
    for frame, first, end in rate.show(_held_to_end(decoder, damage, rate)):
        for index in range(first, end):
            time = (index + 0.5) / fps
            if time < rate.undecoded or damage.at(rate.origin + time):
                damaged.append(index)
        yield frame, first, end
    if not rate.decoded:
        raise undecodable(path)
    if damaged:
        _tell_damage(
            path, "parts of the file cannot be decoded", damaged, rate.emitted, fps, notice
        )
    elif container.format.name.startswith("matroska") and stream.codec_context.name in UNNOTICED:
        changed = _changed(path, rate, fps)
        why = "bytes of some seconds, or of the sound beside them, were changed, as checksums show"
        _tell_damage(path, why, changed, rate.emitted, fps, notice)
    if not rate.full:
        _check_picture_end(container, stream, path, timeline, rate)


def _changed(path: Path, rate: ConstantRate, fps: float) -> list[int]:
    """Frames that were stored in parts of a Matroska file whose bytes are others now."""
    spans = changed_spans(path, rate.origin + rate.emitted / fps)
    times = [rate.origin + (index + 0.5) / fps for index in range(rate.emitted if spans else 0)]
    return [
        index
        for index, time in enumerate(times)
        if any(start <= time < end for start, end in spans)
    ]


def _tell_damage(
    path: Path, why: str, damaged: list[int], count: int, fps: float, notice: Notice
) -> None:
    if damaged:
        message = (
            f"{len(damaged)} of {count} frames of {path} are damaged, from "
            f"{clock(round(damaged[0] * FPS / fps))} on: {why}. Copy it again, or use a part "
            "without damage."
        )
        notice(Flaw(aspect="picture", share=len(damaged) / count, message=message))


def _held_to_end(
    decoder: Decoder, damage: PictureDamage, rate: ConstantRate
) -> Iterator[VideoFrame]:
    """The frames, the last one shown as long as those that are missing after it."""
    yield from deinterlaced(decoder.frames())
    if damage.end is not None:
        rate.hold(damage.end)


def _tell_choice(container: InputContainer, shown: VideoStream, path: Path, notice: Notice) -> None:
    """Say which track is shown, where there is a choice."""
    tracks = container.streams.video
    films = [
        number
        for number, each in enumerate(tracks, 1)
        if has_decoder(each) and not is_preview(each)
    ]
    if len(films) > 1:
        message = (
            f"{path} has {len(films)} tracks of pictures; number {tracks.index(shown) + 1} is "
            "shown. To use another: ffmpeg -i FILE -map 0:v:NUMBER-1 -map 0:a -c copy one.mkv"
        )
        notice(Flaw(aspect="picture", message=message))


def _check_picture_end(
    container: InputContainer,
    stream: VideoStream,
    path: Path,
    timeline: Timeline,
    rate: ConstantRate,
) -> None:
    """Raises Truncated where the file states more than it holds."""
    stated = stored_file_seconds(container)
    expected = min(stated, stored_seconds(container, stream) or stated)
    expected -= timeline.removed(stream)
    reached = max(
        rate.seconds + rate.origin, timeline.packet_end(stream) - timeline.removed(stream)
    )
    if not stored_seconds(container, stream):
        reached = max(reached, timeline.reached - timeline.removed(stream))
    if reached < expected - max(MISSING_TAIL_S, 0.02 * stated):
        raise Truncated(
            f"{path} ends after {rate.seconds:.1f} s, but its header says {stated:.1f} s. Copy or "
            "download it again."
        )
