"""Mel-frequency cepstral coefficients, with the settings that SyncNet and DeepSpeech were trained
on (the defaults of python_speech_features)."""

import numpy as np
from jaxtyping import Float
from scipy.fft import dct

from instag.types import SAMPLE_RATE

COEFFICIENTS = 13
BANDS = 26
WINDOW, STEP, FFT = 400, 160, 512
"""Samples: 25 ms every 10 ms, rectangular, padded to a power of two."""
PRE_EMPHASIS = 0.97
LIFTER = 22
FULL_SCALE = 32_768
TINY = float(np.finfo(np.float64).eps)


def mfcc(
    waveform: Float[np.ndarray, " samples"], coefficients: int = COEFFICIENTS
) -> Float[np.ndarray, "steps coefficients"]:
    """Coefficients (at most 26) of a 16 kHz waveform in [-1, 1], 100 steps a second; the first one
    is the logarithm of the energy.

    The waveform is first rounded to 16-bit numbers, on which the energy depends. Step i covers the
    samples from 160 i to 160 i + 400; the last one is filled up with zeros.
    """
    samples = np.clip(
        np.round(waveform.astype(np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1
    )
    emphasised = np.concatenate([samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1]])
    steps = 1 + max(0, -(-(len(samples) - WINDOW) // STEP))
    padded = np.pad(emphasised, (0, (steps - 1) * STEP + WINDOW - len(emphasised)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    power = np.square(np.abs(np.fft.rfft(windows, FFT))) / FFT
    bands = np.log(np.maximum(power @ _triangles().T, TINY))
    cepstrum = np.asarray(dct(bands, type=2, norm="ortho", axis=1))[:, :coefficients]
    cepstrum *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(coefficients) / LIFTER)
    cepstrum[:, 0] = np.log(np.maximum(power.sum(1), TINY))
    return cepstrum.astype(np.float32)


def _triangles() -> Float[np.ndarray, "26 257"]:
    """Band filters evenly spaced in mel from 0 to 8 kHz, their corners on whole bins of the Fourier
    transform."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, BANDS + 2) / 2595) - 1)
    corners = np.floor((FFT + 1) * hertz / SAMPLE_RATE)
    low, middle, high = (corners[shift : shift + BANDS, None] for shift in range(3))
    bins = np.arange(FFT // 2 + 1)
    return np.where(
        bins < middle,
        np.maximum(bins - low, 0) / (middle - low),
        np.maximum(high - bins, 0) / (high - middle),
    )
