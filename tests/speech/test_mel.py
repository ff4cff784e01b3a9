"""The mel front end: known tones in known bands, one window a frame, silence outside."""

import math

import pytest
import torch

from instag.speech.chunking import chunks, features
from instag.speech.loudness import ACTIVE_RMS, at_active_loudness
from instag.speech.mel import FFT, Mel, filterbank, spectrogram
from instag.types import SAMPLE_RATE


def tone(hertz: float, seconds: float, level: float = 0.3) -> torch.Tensor:
    return level * torch.sin(
        2 * math.pi * hertz * torch.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    )


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 16_000, 40_001])
def test_one_window_a_frame(samples):
    assert Mel()(torch.zeros(samples)).shape == (max(1, math.ceil(samples / 640)), 80, 16)


@pytest.mark.parametrize("hertz", [200.0, 1000.0, 4000.0])
def test_tone_is_loudest_in_its_own_band(hertz):
    filters = filterbank()
    nearest = round(hertz / (SAMPLE_RATE / FFT))
    expected = int(filters[:, nearest].argmax())
    assert abs(int(spectrogram(tone(hertz, 1.0)).mean(1).argmax()) - expected) <= 1


def test_filters_have_unit_area():
    area = filterbank()[40:].sum(1) * SAMPLE_RATE / FFT
    torch.testing.assert_close(area, torch.ones_like(area), atol=0.02, rtol=0)


def test_known_level_in_decibels():
    # A full-scale tone at a bin's centre: magnitude FFT / 4 after the Hann window, weighted by the
    # filter and the pre-emphasis.
    hertz = 1000.0
    emphasis = abs(
        1
        - 0.97
        * complex(
            math.cos(2 * math.pi * hertz / SAMPLE_RATE),
            -math.sin(2 * math.pi * hertz / SAMPLE_RATE),
        )
    )
    around = torch.tensor([0.5, 1.0, 0.5])[None] * FFT / 4 * emphasis
    peak = 50
    expected = 20 * torch.log10((filterbank()[:, peak - 1 : peak + 2] * around).sum(1).max()) - 20
    measured = spectrogram(tone(hertz, 1.0, level=1.0))[:, 40].max()
    torch.testing.assert_close(
        measured, ((expected + 100) / 100 * 8 - 4).clamp(max=4.0), atol=0.02, rtol=0
    )


def test_silence_is_the_floor():
    assert (Mel()(torch.zeros(16_000)) == -4).all()


def test_frame_hears_the_sound_at_its_own_time():
    waveform = torch.zeros(2 * SAMPLE_RATE)
    waveform[SAMPLE_RATE : SAMPLE_RATE + 640] = tone(1000, 0.04)
    loudness = Mel()(waveform)[:, :, 8].mean(1)
    assert int(loudness.argmax()) in (24, 25)


def test_quiet_recordings_sound_like_loud_ones():
    loud = tone(300, 2.0)
    torch.testing.assert_close(at_active_loudness(loud), at_active_loudness(loud * 0.1))
    assert at_active_loudness(loud).square().mean().sqrt() == pytest.approx(ACTIVE_RMS, rel=0.01)
    assert not at_active_loudness(torch.zeros(16_000)).any()


def test_chunks_join_to_the_whole():
    generator = torch.Generator().manual_seed(0)
    waveform = torch.randn((Mel.piece + 130) * 640 + 17, generator=generator) * 0.1
    pieces = list(chunks(waveform, Mel()))
    assert [len(piece) for piece in pieces] == [Mel.piece, 131]
    whole = Mel()(at_active_loudness(waveform))
    torch.testing.assert_close(torch.cat(pieces), whole, atol=1e-4, rtol=0)
    torch.testing.assert_close(features(waveform, Mel()), whole, atol=1e-4, rtol=0)
