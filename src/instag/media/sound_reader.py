"""The sound of a file as samples of one rate: sample n belongs to the picture's time n / rate."""

from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from jaxtyping import Float

from instag.errors import NoSound, Truncated
from instag.media.container import (
    MISSING_TAIL_S,
    has_own_times,
    opened,
    stored_file_seconds,
    stored_seconds,
)
from instag.media.decoding import Decoder
from instag.media.decoding_order import sound_delay_s
from instag.media.flaws import Flaw, Notice, unnoticed
from instag.media.sound_conversion import Sound, SoundConverter, is_coded
from instag.media.sound_placement import PlacedSound
from instag.media.sound_queue import SampleQueue
from instag.media.sound_track import SoundChoice, choose_sound
from instag.media.timecode import clock
from instag.media.timeline import read_timeline
from instag.media.tracks import picture_stream, sound_streams
from instag.observed import FPS

ENCODER_TAIL_S = 0.1
"""An encoder fills its last block with sound: up to so much past the header's length is cut."""
SAID_SILENCE_S = 0.2
"""Holes in the sound that are said, all together."""


def read_sound(
    path: Path | str, rate: int = 16_000, *, notice: Notice = unnoticed
) -> Float[np.ndarray, " samples"]:
    """The sound of any sound or video file, mixed to one channel, in [-1, 1], resampled to `rate`
    Hz.

    Sample n belongs to the picture's time n / rate where there is a picture. Raises FileMissing,
    NotMedia, NoSound, Truncated.
    """
    return np.concatenate([np.zeros(0, np.float32), *stream_sound(path, rate, notice=notice)])


def find_sound(path: Path | str, *, notice: Notice = unnoticed) -> SoundChoice:
    """What `stream_sound` reads of a file, to be found once for several readings. Raises
    FileMissing, NotMedia, NoSound."""
    path = Path(path)
    with opened(path) as container:
        _check_tracks(container, path)
        return choose_sound(container, path, notice)


def check_sound(path: Path | str) -> None:
    """Raises NoSound where it has no sound, or none for which a decoder is here; decodes
    nothing."""
    path = Path(path)
    with opened(path) as container:
        _check_tracks(container, path)


def _check_tracks(container: InputContainer, path: Path) -> None:
    if not container.streams.audio:
        raise NoSound(
            f"{path} has no sound track. Give a video with speech in it, or a sound file."
        )
    if not sound_streams(container):
        raise NoSound(
            f"{path}: no decoder is here for its sound. Convert it first: "
            f"ffmpeg -i {path.name} -c:v copy -c:a aac fixed.mp4"
        )


def stream_sound(
    path: Path | str,
    rate: int = 16_000,
    *,
    stereo: bool = False,
    choice: SoundChoice | None = None,
    notice: Notice = unnoticed,
) -> Generator[Sound]:
    """The sound of `read_sound` in pieces of any length, in constant memory.

    The default track is heard, else the first audible one. One channel where a mix would cancel
    it. Holes in the file's times are silent. stereo: two channels in place of a mix. choice: as
    `find_sound` returned it. `notice` gets what was chosen, filled or passed over. Raises what
    `read_sound` raises; Truncated only at the end.
    """
    path = Path(path)
    choice = choice or find_sound(path, notice=notice)
    with opened(path) as container:
        stream, picture = container.streams[choice.track], picture_stream(container)
        assert isinstance(stream, AudioStream)
        timeline = read_timeline(path, None if picture is None else picture.index, stream.index)
        decoder, placed = Decoder(container, stream, path, timeline), PlacedSound()
        frames = decoder.frames()
        if has_own_times(container):
            frames = placed.frames(frames)
        first = next(frames, None)
        converter = SoundConverter(
            rate,
            stereo=stereo,
            channel=None if stereo else choice.channel,
            coded=is_coded(stream.codec_context.codec),
        )
        pieces = converter.convert(frames if first is None else chain([first], frames))
        expected = stored_seconds(container, stream) - timeline.removed(stream)
        whole = _whole_sound(pieces, path, rate, max(0.0, expected), timeline.packet_end(stream))
        late = 0.0
        if picture is not None and first is not None:
            late = (first.time or 0.0) - timeline.start(picture)
            late -= sound_delay_s(container, stream, path)
        try:
            yield from _delayed(whole, round(late * rate))
            if not expected and timeline.reached:
                _check_file_end(path, stored_file_seconds(container), timeline.reached)
        finally:
            _tell(path, decoder, placed, notice)
            _tell_unreal(path, converter.unreal / rate, converter.seconds, notice)


def _whole_sound(
    pieces: Iterable[Sound], path: Path, rate: int, expected: float, reached: float
) -> Iterator[Sound]:
    """The pieces without what an encoder filled its last block with. expected: the header's
    seconds, 0 where it has none. reached: the end of the last packet, decoded or not. Raises
    NoSound, Truncated."""
    kept: SampleQueue | None = None
    given = length = 0
    end = round(expected * rate)
    for piece in pieces:
        kept = kept or SampleQueue(piece.shape[1:])
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
            f"{path} has a sound track with nothing in it that can be decoded. Give a video with "
            "speech in it, or a sound file."
        )
    if max(length / rate, reached) < expected - max(MISSING_TAIL_S, 0.02 * expected):
        raise Truncated(
            f"The sound of {path} ends after {length / rate:.1f} s, but its header says "
            f"{expected:.1f} s. Copy or download it again."
        )


def _check_file_end(path: Path, stated: float, reached: float) -> None:
    """Raises Truncated where no track goes on to the length that the file states."""
    if reached < stated - max(MISSING_TAIL_S, 0.02 * stated):
        raise Truncated(
            f"{path} ends after {reached:.1f} s, but its header says {stated:.1f} s. Copy or "
            "download it again."
        )


def _delayed(pieces: Iterable[Sound], delay: int) -> Iterator[Sound]:
    """The sound so many samples later, with silence before it; earlier where `delay` is
    negative."""
    cut = max(0, -delay)
    for piece in pieces:
        if delay > 0:
            yield np.zeros((delay, *piece.shape[1:]), np.float32)
            delay = 0
        yield piece[cut:]
        cut = max(0, cut - len(piece))


def _tell(path: Path, decoder: Decoder, placed: PlacedSound, notice: Notice) -> None:
    """Say what was silent because it was missing or damaged."""
    total = max(placed.seconds, 1e-6)
    if placed.missing >= SAID_SILENCE_S:
        message = (
            f"The sound of {path} is missing for {placed.missing:.1f} s ({placed.holes} "
            f"{'hole' if placed.holes == 1 else 'holes'}, the longest of {placed.longest:.1f} s at "
            f"{clock(round(placed.longest_at * FPS))}): it is silent there. Use a part without, or "
            "another recording."
        )
        notice(Flaw(aspect="sound", share=placed.long_missing / total, message=message))
    if decoder.failed:
        message = (
            f"{decoder.failed} of {decoder.packets} packets of the sound of {path} cannot be "
            f"decoded, from {clock(round(decoder.first_failed * FPS))} to "
            f"{clock(round(decoder.last_failed * FPS))}. Copy it again, or use a part without."
        )
        notice(
            Flaw(aspect="sound", share=decoder.failed / max(decoder.packets, 1), message=message)
        )


def _tell_unreal(path: Path, seconds: float, total: float, notice: Notice) -> None:
    if seconds:
        message = (
            f"{seconds:.3f} s of the sound of {path} are no numbers, or far too loud for sound: it "
            "is silent there. Write the file anew."
        )
        notice(Flaw(aspect="sound", share=min(1.0, seconds / max(total, seconds)), message=message))
