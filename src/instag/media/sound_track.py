"""The choice of what is heard in a file: one of its sound tracks, and of that the mix of its
channels, or one of them where they cancel."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from instag.media.container import opened
from instag.media.decoding import Decoder
from instag.media.flaws import Flaw, Notice
from instag.media.many_channels import can_mix, planar
from instag.media.sound_conversion import silenced
from instag.media.tracks import sound_streams

AUDIBLE_RMS = 3e-4
"""-70 dB of full scale: below it a track is silent."""
QUIET_RMS, MUCH_LOUDER = 3e-3, 30.0
"""-50 dB of full scale: a track below it is the hiss of a muted microphone where another is 30 dB
louder."""
CANCELLED = 10 ** (-10 / 20)
"""A mix whose loudness is below this share of one channel's loses it."""
HEARD_S, SEARCHED_S = 60.0, 600.0
"""Seconds of audible sound that are measured, and those that are searched for them."""
ASIDE = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired
"""Tracks that are not the main one."""


@final
@dataclass(frozen=True, kw_only=True)
class SoundChoice:
    """track: the stream's index in the file. channel: the only one that is taken, None for the mix
    of all. channels: how many the track has."""

    track: int
    channel: int | None
    channels: int


@final
@dataclass(frozen=True, kw_only=True)
class Loudness:
    """Root mean squares of a track's mix and of each channel."""

    mix: float
    channels: tuple[float, ...]

    @property
    def loudest(self) -> float:
        """Of the mix and of each channel."""
        return max(self.mix, *self.channels) if self.channels else self.mix


def choose_sound(container: InputContainer, path: Path, notice: Notice) -> SoundChoice:
    """The default track, else the audible one; the mix of its channels unless it is 10 dB below one
    of them. Measures only where there is a choice."""
    track, loudness = sound_streams(container)[0], None
    if len(container.streams.audio) > 1:
        track, loudness = _choose_track(container, path, notice)
    channels = track.channels or 1
    channel = None
    if channels > 1:
        channel = _lost_channel(loudness or measure(path, track.index))
    if channel is not None:
        message = (
            f"The channels of the sound of {path} cancel each other: channel {channel + 1} of "
            f"{channels} is taken alone."
        )
        notice(Flaw(aspect="sound", message=message))
    return SoundChoice(track=track.index, channel=channel, channels=channels)


def _choose_track(
    container: InputContainer, path: Path, notice: Notice
) -> tuple[AudioStream, Loudness]:
    """Default tracks first, those for the blind or with comments last; the first audible one."""
    tracks = list(container.streams.audio)
    order = sorted(
        sound_streams(container),
        key=lambda track: (
            bool(track.disposition & ASIDE),
            not track.disposition & Disposition.default,
        ),
    )
    chosen, why = _audible(order, path), ""
    if chosen is None:
        chosen, why = (order[0], measure(path, order[0].index)), "all are silent"
    elif chosen[0] is not order[0]:
        why = f"track {tracks.index(order[0]) + 1} is silent"
    elif len(order) == 1:
        why = "no decoder is here for the others"
    elif chosen[0].disposition & Disposition.default:
        why = "it is marked as the default"
    else:
        why = "it comes first"
    message = (
        f"{path} has {len(tracks)} sound tracks; number {tracks.index(chosen[0]) + 1} is heard "
        f"({why}). To hear another: ffmpeg -i FILE -map 0:v -map 0:a:NUMBER-1 -c copy one.mkv"
    )
    notice(Flaw(aspect="sound", message=message))
    return chosen


def _audible(order: list[AudioStream], path: Path) -> tuple[AudioStream, Loudness] | None:
    """The first track in which something is heard; one that hisses only where all do."""
    measured: list[tuple[AudioStream, Loudness]] = []
    for track in order:
        measured.append((track, measure(path, track.index)))
        if measured[-1][1].loudest >= QUIET_RMS:
            break
    loudest = max(loudness.loudest for _, loudness in measured)
    least = max(AUDIBLE_RMS, min(QUIET_RMS, loudest / MUCH_LOUDER))
    return next((each for each in measured if each[1].loudest >= least), None)


def measure(path: Path, track: int) -> Loudness:
    """The loudness of a track's first minute in which something is heard."""
    sums = _Sums()
    with opened(path) as container:
        stream = container.streams[track]
        assert isinstance(stream, AudioStream)
        for frame in Decoder(container, stream, path).frames():
            sums.add(frame)
            if sums.heard >= HEARD_S or sums.searched >= SEARCHED_S:
                break
    return sums.loudness()


@final
class _Sums:
    """Energies of a track's mix and channels. heard, searched: seconds with sound, and of all."""

    def __init__(self) -> None:
        self.heard = self.searched = 0.0
        self._form: tuple[str, int] | None = None

    def add(self, frame: AudioFrame) -> None:
        form = (frame.layout.name, frame.sample_rate)
        if self._form != form:
            self._form, self._count, self._mix = form, 0, 0.0
            self._channels = np.zeros(frame.layout.nb_channels)
            self._mixes = can_mix(frame.layout.name)
            self._mixer = AudioResampler(format="flt", layout="mono", rate=frame.sample_rate)
        planes, _ = silenced(planar(frame))
        energy = np.square(planes, dtype=np.float64).sum(1)
        for piece in self._mixed(frame, planes):
            self._mix += float(np.square(silenced(piece)[0], dtype=np.float64).sum())
        self._channels, self._count = self._channels + energy, self._count + planes.shape[1]
        seconds = frame.samples / frame.sample_rate
        self.searched += seconds
        self.heard += seconds if energy.max() >= AUDIBLE_RMS**2 * planes.shape[1] else 0.0

    def _mixed(self, frame: AudioFrame, planes: np.ndarray) -> list[np.ndarray]:
        if not self._mixes:
            return [planes.mean(0)]
        return [piece.to_ndarray() for piece in self._mixer.resample(frame)]

    def loudness(self) -> Loudness:
        if self._form is None:
            return Loudness(mix=0.0, channels=())
        count = max(self._count, 1)
        return Loudness(
            mix=float(np.sqrt(self._mix / count)),
            channels=tuple(np.sqrt(self._channels / count).tolist()),
        )


def _lost_channel(loudness: Loudness) -> int | None:
    """The loudest channel, where the mix loses it."""
    loudest = int(np.argmax(loudness.channels)) if loudness.channels else 0
    if not loudness.channels or loudness.channels[loudest] < AUDIBLE_RMS:
        return None
    return loudest if loudness.mix < CANCELLED * loudness.channels[loudest] else None
