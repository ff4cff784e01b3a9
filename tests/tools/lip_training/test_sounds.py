"""Sound lessons: where the voice pauses, something else sounds and the lips rest."""

import math
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

from lip_training.sounds import (
    LEAD,
    OPEN_FRAMES,
    REST,
    SHUT_FRAMES,
    Draw,
    at_level,
    bed,
    drawn_lesson,
    drawn_pauses,
    music,
    plain_lesson,
    room_tone,
    running_mean,
)

from instag.speech.loudness import ACTIVE_RMS
from instag.types import SAMPLES

FRAMES = 200


def tone(frames: int = FRAMES) -> torch.Tensor:
    """A hum at the common loudness with a silent tenth of a second each second."""
    time = torch.arange(frames * SAMPLES)
    hum = torch.sin(2 * math.pi * 220 * time / 16_000) * ACTIVE_RMS * 2**0.5
    return torch.where(time % 16_000 < 1600, 1e-4 * hum, hum)


def drawing(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


def test_a_plain_lesson_is_the_recording_in_silence() -> None:
    lesson = plain_lesson(tone(), FRAMES)
    assert len(lesson.sound) == (LEAD + FRAMES + REST) * SAMPLES
    assert len(lesson.rest) == LEAD + FRAMES + REST
    inside = lesson.sound[(LEAD + 1) * SAMPLES : (LEAD + FRAMES - 1) * SAMPLES]
    torch.testing.assert_close(inside, tone()[SAMPLES : (FRAMES - 1) * SAMPLES])
    assert not lesson.sound[: LEAD * SAMPLES - 1000].any()
    assert not lesson.rest[LEAD : LEAD + FRAMES].any()


def test_lips_rest_before_and_after_and_ease_between() -> None:
    rest = plain_lesson(tone(), FRAMES).rest
    assert (rest[: LEAD - OPEN_FRAMES] == 1).all()
    assert (rest[LEAD + FRAMES + SHUT_FRAMES :] == 1).all()
    steps = rest.diff().abs()
    assert steps.max() < 0.5
    shutting = rest[LEAD + FRAMES : LEAD + FRAMES + SHUT_FRAMES]
    assert (shutting.diff() > 0).all()
    assert pytest.approx(0.2) == SHUT_FRAMES / 25


def test_the_voice_is_silent_in_the_pauses_of_a_lesson() -> None:
    lesson = drawn_lesson(tone(), FRAMES, [], torch.Generator().manual_seed(3))
    loud = lesson.sound.reshape(-1, SAMPLES).square().mean(1).sqrt()
    pausing = lesson.rest == 1
    pausing[:LEAD] = False
    pausing[LEAD + FRAMES :] = False
    assert pausing.sum() > 5
    assert (
        loud[pausing].mean()
        < 0.4 * loud[LEAD : LEAD + FRAMES][~pausing[LEAD : LEAD + FRAMES]].mean()
    )


def test_lessons_are_reproducible_and_differ() -> None:
    one, same, other = (
        drawn_lesson(tone(), FRAMES, [tone(50)], torch.Generator().manual_seed(seed)).sound
        for seed in (1, 1, 2)
    )
    torch.testing.assert_close(one, same)
    assert (one - other).abs().max() > 1e-3


def test_pauses_keep_apart_and_inside() -> None:
    for seed in range(20):
        pauses = drawn_pauses(FRAMES, drawing(seed))
        ends = [(pause.first, pause.last) for pause in pauses]
        assert all(0 < first < last <= FRAMES for first, last in ends)
        assert all(one[1] < two[0] for one, two in pairwise(ends))
    assert not drawn_pauses(20, drawing())


def test_the_room_is_what_sounds_between_words() -> None:
    room = room_tone(tone(), 16_000, drawing())
    assert len(room) == 16_000
    assert 0 < room.square().mean().sqrt() < 0.1 * ACTIVE_RMS


def test_a_running_mean_takes_zeros_beyond_the_ends() -> None:
    values = torch.arange(1.0, 6.0)
    expected = torch.tensor([3.0, 6.0, 9.0, 12.0, 9.0]) / 3
    torch.testing.assert_close(running_mean(values, 1), expected)


def test_levels_are_against_the_voice() -> None:
    noise = at_level(drawing().noise(16_000), -20.0)
    assert float(noise.square().mean().sqrt()) == pytest.approx(0.1 * ACTIVE_RMS, rel=1e-3)
    for seed in range(12):
        below = bed(32_000, [tone(30)], drawing(seed))
        assert len(below) == 32_000
        assert below.square().mean().sqrt() < 0.5 * ACTIVE_RMS
    assert music(16_000, drawing()).isfinite().all()
