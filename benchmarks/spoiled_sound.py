"""Sound as users send it: in noise, under music, clipped, through a telephone, too faint. 16 kHz
waveforms in [-1, 1]."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.loudness import ACTIVE_RMS, loudness_gain
from instag.types import SAMPLE_RATE

Sound = Float[Tensor, " samples"]
TELEPHONE = (300.0, 3400.0)
"""Hz that a telephone lets through."""
SCALE = (0, 2, 4, 5, 7, 9, 11)
"""Semitones of a major scale."""


def spoilings() -> dict[str, Callable[[Sound, torch.Generator], Sound]]:
    """The kinds of sound in the tables, by name."""
    return {
        "noise, 10 dB": lambda sound, generator: mixed(sound, noise(len(sound), generator), 10.0),
        "music, 10 dB": lambda sound, generator: mixed(sound, music(len(sound), generator), 10.0),
        "1 s of silence around": lambda sound, _: torch.cat(
            [torch.zeros(SAMPLE_RATE), sound, torch.zeros(SAMPLE_RATE)]
        ),
        "clipped, +20 dB": lambda sound, _: clipped(sound, 20.0),
        "telephone": lambda sound, _: telephone(sound),
        "-20 dB": lambda sound, _: sound * 0.1,
        "+10 dB": lambda sound, _: sound * 10**0.5,
    }


def mixed(sound: Sound, other: Sound, decibels: float) -> Sound:
    """Mixed with another sound, so much fainter than the sound's louder half."""
    return sound + other / other.square().mean().sqrt() * ACTIVE_RMS / loudness_gain(
        sound
    ) * 10 ** (-decibels / 20)


def noise(samples: int, generator: torch.Generator, *, color: float = 1.0) -> Sound:
    """White for a colour of 0; of 1: power falls with frequency, as in rooms."""
    spectrum = torch.fft.rfft(torch.randn(samples, generator=generator))
    return torch.fft.irfft(
        spectrum / (1 + torch.arange(len(spectrum)) / len(spectrum) * 20) ** color, n=samples
    )


def music(samples: int, generator: torch.Generator) -> Sound:
    """Plucked notes of a scale with eight overtones, two at once, four times a second, and a
    drum."""
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    total = torch.zeros(samples + SAMPLE_RATE)
    for start in range(0, samples, SAMPLE_RATE // 4):
        for _ in range(2):
            step, octave = (
                int(torch.randint(count, (), generator=generator)) for count in (len(SCALE), 3)
            )
            pitch = 110 * 2 ** (octave + SCALE[step] / 12)
            note = sum(
                torch.sin(2 * math.pi * pitch * order * time) / order
                for order in range(1, 9)
                if pitch * order < SAMPLE_RATE / 2
            )
            total[start : start + SAMPLE_RATE] += note * torch.exp(-4 * time)
        total[start : start + SAMPLE_RATE] += torch.randn(
            SAMPLE_RATE, generator=generator
        ) * torch.exp(-60 * time)
    return total[:samples]


def clipped(sound: Sound, decibels: float) -> Sound:
    """Amplified by so much from a peak of 1, and clipped there."""
    return (sound / sound.abs().max().clamp_min(1e-6) * 10 ** (decibels / 20)).clamp(-1, 1)


def telephone(sound: Sound) -> Sound:
    """Band-pass as by telephone."""
    spectrum = torch.fft.rfft(sound)
    hertz = torch.arange(len(spectrum)) * SAMPLE_RATE / len(sound)
    return torch.fft.irfft(
        spectrum * ((hertz > TELEPHONE[0]) & (hertz < TELEPHONE[1])), n=len(sound)
    )
