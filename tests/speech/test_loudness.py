"""The common loudness of recordings."""

import pytest
import torch

from instag.speech.loudness import (
    ACTIVE_RMS,
    MIN_RMS,
    PIECE,
    at_active_loudness,
    loudness_gain,
    loudness_gain_of,
)

NOISE = torch.randn(100 * PIECE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("level", [0.01, 0.3])
def test_a_pause_does_not_count(level: float) -> None:
    spoken = level * NOISE
    spoken[: 40 * PIECE] = 0
    loud = at_active_loudness(spoken)[40 * PIECE :]
    assert float(loud.square().mean().sqrt()) == pytest.approx(ACTIVE_RMS, rel=0.05)


def test_silence_is_not_made_loud() -> None:
    assert loudness_gain(torch.zeros(10 * PIECE)) == ACTIVE_RMS / MIN_RMS
    assert loudness_gain(NOISE[: PIECE // 2]) == 1.0, "too short to tell"


@pytest.mark.parametrize("size", [1, 7, PIECE, 5 * PIECE + 3])
def test_pieces_of_any_length_are_as_loud_as_the_whole(size: int) -> None:
    sound = NOISE[: 20 * PIECE + 11]
    assert loudness_gain_of(iter(sound.split(size))) == pytest.approx(
        loudness_gain(sound), rel=1e-6
    )
