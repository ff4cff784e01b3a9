"""Features of sound that comes bit by bit: those of the whole, however it is cut, in bounded
memory."""

import numpy as np
import pytest
import torch

from instag.speech.chunking import features, frame_count
from instag.speech.feature_stream import FeatureStream
from instag.speech.mel import Mel


def noise(samples: int) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(0)) * 0.1


def all_there_is(stream: FeatureStream) -> list[torch.Tensor]:
    taken = []
    while (piece := stream.take()) is not None:
        taken.append(piece)
    return taken


@pytest.mark.parametrize("samples", [1, 641, 25 * 640, 75 * 640, 80 * 640, 80 * 640 + 1, 60_001])
@pytest.mark.parametrize("seed", [0, 1])
def test_cuts_do_not_show(samples: int, seed: int) -> None:
    whole, random = noise(samples), np.random.default_rng(seed)
    plain = Mel()
    front_end = plain.calibrated(whole)
    plain.piece = front_end.piece = 25
    stream, taken, start = FeatureStream(front_end, calibrate=False), [], 0
    while start < samples:
        end = start + int(random.integers(0, 9_000))
        stream.push(whole[start:end])
        taken += all_there_is(stream)
        start = end
    stream.end()
    assert not stream.exhausted
    taken += all_there_is(stream)
    assert stream.exhausted
    together = torch.cat(taken)
    assert len(together) == frame_count(whole)
    assert (together == features(whole, plain)).all()


def test_a_piece_waits_for_the_sound_that_its_front_end_looks_ahead_to() -> None:
    stream = FeatureStream(Mel(), piece=25)
    stream.push(noise(25 * 640))
    assert stream.take() is None
    stream.push(noise(20 * 640))
    first = stream.take()
    assert first is not None
    assert len(first) == 25
    assert stream.take() is None


def test_sound_is_dropped_once_it_is_used() -> None:
    stream, kept = FeatureStream(Mel(), piece=25), 0
    for _ in range(100):
        stream.push(noise(25 * 640))
        stream.take()
        kept = max(kept, sum(map(len, stream._sound)))
    assert kept < 4 * 25 * 640


def test_the_first_sound_sets_the_loudness() -> None:
    quiet, loud = 0.01 * noise(30 * 640), noise(30 * 640)
    stream = FeatureStream(Mel(), piece=25)
    for part in (quiet, loud):
        stream.push(part)
    stream.end()
    gained = Mel().calibrated(quiet)
    torch.testing.assert_close(
        torch.cat(all_there_is(stream)), gained(torch.cat([quiet, loud])), atol=1e-4, rtol=0
    )


def test_without_sound_there_is_nothing() -> None:
    stream = FeatureStream(Mel())
    stream.end()
    assert stream.exhausted
    assert stream.take() is None
