"""MFCC equal those of python_speech_features 0.6, whose values these are."""

import numpy as np
import pytest

from instag.speech.mfcc import mfcc

FIRST = [
    21.14282,
    -0.48411,
    8.53753,
    45.59976,
    -21.77552,
    -16.08925,
    18.27896,
    -44.24596,
    -24.85904,
    3.71829,
    -42.21283,
    -11.2461,
    7.82654,
]
TWELFTH = [
    21.51081,
    3.64704,
    2.59406,
    11.52702,
    -60.53958,
    -33.23972,
    25.91708,
    -16.41493,
    17.49561,
    48.75927,
    -11.4456,
    -1.8007,
    3.98408,
]
TWELFTH_REST = [
    -30.86574,
    -2.09718,
    9.36995,
    -4.04024,
    12.21508,
    8.28434,
    -2.58136,
    1.38585,
    -0.33331,
    -0.67427,
    -0.10139,
    -0.33308,
    0.54833,
]
SILENT = [-36.04365, *[0.0] * 12]


def sweep() -> np.ndarray:
    time = np.arange(4000) / 16_000
    waveform = 0.4 * np.sin(2 * np.pi * (200 + 1500 * time) * time) + 0.1 * np.cos(
        2 * np.pi * 3100 * time
    )
    waveform[3500:] = 0
    return waveform


def test_golden_values():
    found = mfcc(sweep())
    assert found.shape == (24, 13)
    for step, golden in ((0, FIRST), (11, TWELFTH), (23, SILENT)):
        np.testing.assert_allclose(found[step], golden, atol=2e-4)


def test_as_many_coefficients_as_bands():
    np.testing.assert_allclose(mfcc(sweep(), 26)[11], TWELFTH + TWELFTH_REST, atol=2e-4)


@pytest.mark.parametrize(
    ("samples", "steps"), [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (16_000, 99)]
)
def test_length(samples: int, steps: int):
    assert len(mfcc(np.zeros(samples))) == steps


def test_only_the_first_coefficient_depends_on_loudness():
    loud, quiet = (mfcc(gain * sweep()[:3200]) for gain in (1.0, 0.5))
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.log(4), atol=1e-3)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=0.1)
