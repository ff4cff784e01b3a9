"""Sound lessons: a recording as it might have been, with pauses in which its speaker's lips rest.

A recording gets a rest before and after it, and pauses in the middle of its words: there the voice
gives way to the room, a breath, music or somebody else off camera. Levels are in dB against the
voice's common loudness. All sound is at 16 kHz.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.speech.loudness import ACTIVE_RMS
from instag.types import FPS, SAMPLE_RATE, SAMPLES

Sound = Float[Tensor, " samples"]

LEAD, REST = 20, 40
"""Frames of rest before and after each recording."""
SHUT_FRAMES, OPEN_FRAMES = 5, 4
"""Frames in which lips ease shut after the last sound, and open before the next."""
PAUSE_EVERY_S, PAUSE_S = 3.0, (0.4, 1.4)
"""A pause is put into so many seconds of a recording, of such lengths."""
FADE = SAMPLE_RATE // 100
QUIET_PIECE = SAMPLE_RATE // 10
QUIET_SHARE = 0.1
"""The share of a recording, its quietest pieces, that shows its room."""
ROOM_AT_MOST_DB = -22.0
"""The quietest pieces of a recording without pauses are voice: they are made so quiet."""
NOISE_DB, MUSIC_DB, VOICE_DB, BREATH_DB = (-60, -15), (-32, -12), (-32, -13), (-34, -16)
GAIN_DB = 4.0
"""A recording's loudness is measured with an error of up to so much."""
BEDS = (0.35, 0.25, 0.2, 0.2)
"""Shares of lessons with noise, nothing, music and another voice underneath."""
BREATHS = 0.4
"""The share of pauses with a breath."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10))


@final
@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A sound, LEAD frames before its recording and REST after it. rest: in each frame, the share
    of rest in what the lips do; 0 where they do what was seen."""

    sound: Sound
    rest: Float[Tensor, " f"]


def plain_lesson(sound: Sound, frames: int) -> Lesson:
    """The recording in silence, at the common loudness already."""
    return _lesson(_framed(sound, frames), frames, ())


def drawn_lesson(
    sound: Sound, frames: int, others: Sequence[Sound], generator: torch.Generator
) -> Lesson:
    """The recording with pauses, and something underneath. others: voices off camera. All at the
    common loudness."""
    draw = Draw(generator)
    pauses = drawn_pauses(frames, draw)
    room = room_tone(sound, (frames + LEAD + REST) * SAMPLES, draw)
    heard = _with_room(_framed(sound, frames), frames, pauses, room if draw() < 0.7 else room * 0)
    for first, last in ((0, LEAD), *((p.first + LEAD, p.last + LEAD) for p in pauses)):
        if draw() < BREATHS:
            _add_breath(heard, first * SAMPLES, last * SAMPLES, draw)
    heard = heard + bed(len(heard), others, draw)
    return _lesson(heard * decibels(draw.between(-GAIN_DB, GAIN_DB)), frames, pauses)


@final
class Draw:
    """Random numbers of a generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self) -> float:
        """From 0 to 1."""
        return float(torch.rand((), generator=self.generator))

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self()

    def below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))

    def noise(self, samples: int) -> Sound:
        return torch.randn(samples, generator=self.generator)


@final
@dataclass(frozen=True, kw_only=True)
class Pause:
    """Frames of the recording without the voice, `last` not among them."""

    first: int
    last: int


def drawn_pauses(frames: int, draw: Draw) -> tuple[Pause, ...]:
    """Pauses that do not touch one another or the ends."""
    pauses, place = [], draw.between(0.5, PAUSE_EVERY_S)
    while True:
        first = round(place * FPS)
        last = first + round(draw.between(*PAUSE_S) * FPS)
        if last > frames - FPS // 2:
            return tuple(pauses)
        pauses.append(Pause(first=first, last=last))
        place = last / FPS + draw.between(0.7, 1.3) * PAUSE_EVERY_S


def decibels(level: float) -> float:
    """As a factor of the amplitude."""
    return 10 ** (level / 20)


def at_level(sound: Sound, level: float) -> Sound:
    """So many decibels above the voice."""
    return sound / sound.square().mean().sqrt().clamp_min(1e-6) * ACTIVE_RMS * decibels(level)


def room_tone(sound: Sound, samples: int, draw: Draw) -> Sound:
    """A recording's quietest pieces, drawn and faded into one another."""
    pieces = sound[: len(sound) // QUIET_PIECE * QUIET_PIECE].reshape(-1, QUIET_PIECE)
    power = pieces.square().mean(1)
    quiet = pieces[power.topk(max(2, round(QUIET_SHARE * len(pieces))), largest=False).indices]
    window, hop = torch.hann_window(QUIET_PIECE), QUIET_PIECE // 2
    total = torch.zeros(samples + QUIET_PIECE)
    for start in range(0, samples, hop):
        piece = quiet[draw.below(len(quiet))]
        total[start : start + QUIET_PIECE] += window * (piece if draw() < 0.5 else piece.flip(0))
    level = float(total.square().mean().sqrt() / ACTIVE_RMS)
    return total[:samples] * min(1.0, decibels(ROOM_AT_MOST_DB) / max(level, 1e-6))


def bed(samples: int, others: Sequence[Sound], draw: Draw) -> Sound:
    """What sounds all the time: noise, nothing, music, or somebody else."""
    kind = draw()
    if kind < BEDS[0]:
        return at_level(colored_noise(samples, draw), draw.between(*NOISE_DB))
    if kind < sum(BEDS[:2]):
        return torch.zeros(samples)
    if kind < sum(BEDS[:3]) or not others:
        return at_level(music(samples, draw), draw.between(*MUSIC_DB))
    other = others[draw.below(len(others))]
    turned = other.roll(draw.below(len(other))).repeat(-(-samples // len(other)))[:samples]
    return distant(turned, draw) * decibels(draw.between(*VOICE_DB))


def colored_noise(samples: int, draw: Draw) -> Sound:
    spectrum = torch.fft.rfft(draw.noise(samples))
    slope = 1 + torch.arange(len(spectrum)) / len(spectrum) * 20
    return torch.fft.irfft(spectrum / slope ** draw.between(0, 1.5), n=samples)


def distant(sound: Sound, draw: Draw) -> Sound:
    """Through a room: a tail of decaying noise."""
    seconds = draw.between(0.1, 0.5)
    tail = draw.noise(round(seconds * SAMPLE_RATE))
    tail = tail * torch.exp(-6 * torch.arange(len(tail)) / len(tail))
    tail = tail / tail.norm() * draw()
    tail[0] += 1
    size = len(sound) + len(tail)
    heard = torch.fft.irfft(torch.fft.rfft(sound, n=size) * torch.fft.rfft(tail, n=size), n=size)
    return heard[: len(sound)]


def music(samples: int, draw: Draw) -> Sound:
    """Notes and chords of a scale, of some timbre and tempo, and maybe a drum."""
    scale, beat = SCALES[draw.below(len(SCALES))], round(draw.between(0.12, 0.6) * SAMPLE_RATE)
    decay, overtones, voices = draw.between(0.5, 8), 2 + draw.below(10), 1 + draw.below(4)
    root, drum, brightness = draw.between(60, 180), draw() < 0.5, draw.between(0.6, 2)
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    shape = torch.exp(-decay * time) * (time / 0.01).clamp(max=1) * ((1 - time) / 0.05).clamp(max=1)
    total = torch.zeros(samples + SAMPLE_RATE)
    for start in range(0, samples, beat):
        for _ in range(voices if draw() < 0.8 else 0):
            pitch = root * 2 ** (draw.below(3) + scale[draw.below(len(scale))] / 12)
            orders = torch.arange(1, overtones + 1)
            orders = orders[orders * pitch < SAMPLE_RATE / 2]
            tones = torch.sin(2 * math.pi * pitch * orders[:, None] * time)
            total[start : start + SAMPLE_RATE] += shape * (
                tones / orders[:, None] ** brightness
            ).sum(0)
        if drum:
            total[start : start + SAMPLE_RATE] += draw.noise(SAMPLE_RATE) * torch.exp(-50 * time)
    return total[:samples]


def _add_breath(sound: Sound, start: int, end: int, draw: Draw) -> None:
    """Add noise of a mouth's colour, rising and falling, somewhere between two samples."""
    length = min(end - start, round(draw.between(0.2, 0.6) * SAMPLE_RATE))
    spectrum = torch.fft.rfft(draw.noise(length))
    hertz = torch.arange(len(spectrum)) * SAMPLE_RATE / length
    low, high = draw.between(200, 900), draw.between(2500, 7000)
    breath = torch.fft.irfft(spectrum * ((hertz > low) & (hertz < high)), n=length)
    first = start + draw.below(max(1, end - start - length))
    sound[first : first + length] += at_level(
        breath * torch.hann_window(length), draw.between(*BREATH_DB)
    )


def _framed(sound: Sound, frames: int) -> Sound:
    """With silence for LEAD frames before it and REST after it."""
    sound = sound[: frames * SAMPLES]
    after = (frames + REST) * SAMPLES - len(sound)
    return torch.cat([torch.zeros(LEAD * SAMPLES), sound, torch.zeros(after)])


def _with_room(sound: Sound, frames: int, pauses: Sequence[Pause], room: Sound) -> Sound:
    """The framed voice; the room instead before it, after it and in the pauses."""
    voiced = torch.zeros(len(sound))
    voiced[LEAD * SAMPLES : (LEAD + frames) * SAMPLES] = 1
    for pause in pauses:
        voiced[(LEAD + pause.first) * SAMPLES : (LEAD + pause.last) * SAMPLES] = 0
    for _ in range(2):
        voiced = running_mean(voiced, FADE)
    return sound * voiced + room * (1 - voiced)


def running_mean(values: Sound, reach: int) -> Sound:
    """Over so many samples to either side, zeros beyond the ends."""
    sums = pad(values, (reach + 1, reach)).double().cumsum(0)
    return ((sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)).float()


def _lesson(sound: Sound, frames: int, pauses: Sequence[Pause]) -> Lesson:
    share = torch.zeros(LEAD + frames + REST)
    spans = [
        (-LEAD - SHUT_FRAMES, 0),
        *((pause.first, pause.last) for pause in pauses),
        (frames, frames + REST + OPEN_FRAMES),
    ]
    places = torch.arange(-LEAD, frames + REST)
    for first, last in spans:
        shut = ((places - first + 0.5) / SHUT_FRAMES).clamp(0, 1)
        opened = ((last - places - 0.5) / OPEN_FRAMES).clamp(0, 1)
        eased = (1 - torch.cos(math.pi * torch.minimum(shut, opened))) / 2
        share = torch.maximum(share, eased)
    return Lesson(sound=sound, rest=share)
