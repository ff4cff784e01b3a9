"""The synthesizer: how sound is pushed does not show, every frame has its sound, and what is
cleared is not said."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluation.talk import unlearned
from instag.models.avatar import Avatar
from instag.speech.mel import Mel
from instag.synthesis.background import PlainBackground
from instag.synthesis.control_filters import Offset
from instag.synthesis.options import SpeakOptions
from instag.synthesis.packet import Packet
from instag.synthesis.speak import frames
from instag.synthesis.synthesizer import Synthesizer, controls_of
from instag.types import SAMPLES

FRAMES = 70


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    """Six poses, so that frames differ by their number."""
    usual = Avatar.open(unlearned()[0])
    poses = usual.viewmats[:1].repeat(6, 1, 1)
    poses[:, 0, 3] += torch.linspace(0, 0.05, 6)
    return replace(
        usual,
        viewmats=poses,
        expression=usual.expression[:1].repeat(6, 1),
        torso_files=usual.torso_files[:1] * 6,
    )


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(seed)) * 0.1


def small_pieces(sound: torch.Tensor) -> Mel:
    """A front end that needs little sound at once, calibrated to a whole recording."""
    front_end = Mel().calibrated(sound)
    front_end.piece = 20
    return front_end


def whole(avatar: Avatar, sound: torch.Tensor) -> list[Packet]:
    with Synthesizer(avatar, front_end=small_pieces(sound)) as synthesizer:
        synthesizer.push_audio(sound)
        synthesizer.end_of_audio()
        return list(synthesizer)


def pictures(packets: list[Packet]) -> np.ndarray:
    return np.concatenate([packet.frames for packet in packets])


@pytest.mark.parametrize("seed", [0, 1])
def test_random_pieces_give_the_frames_of_the_whole(avatar: Avatar, seed: int) -> None:
    sound, random = noise(FRAMES * SAMPLES - 100), np.random.default_rng(seed)
    packets: list[Packet] = []
    with Synthesizer(avatar, front_end=small_pieces(sound)) as synthesizer:
        start = 0
        while start < len(sound):
            end = start + int(random.integers(1, 12_000))
            synthesizer.push_audio(sound[start:end].numpy())
            packets += list(synthesizer)
            start = end
        before_the_end = sum(map(len, packets))
        synthesizer.end_of_audio()
        packets += list(synthesizer)
    assert 0 < before_the_end < FRAMES == sum(map(len, packets))
    np.testing.assert_array_equal(pictures(packets), pictures(whole(avatar, sound)))


def test_a_whole_recording_is_calibrated_to_itself(avatar: Avatar) -> None:
    sound = noise(30 * SAMPLES)
    with Synthesizer(avatar) as synthesizer:
        synthesizer.push_audio(sound)
        synthesizer.end_of_audio()
        made = pictures(list(synthesizer))
    np.testing.assert_array_equal(made, np.stack(list(frames(avatar, sound, SpeakOptions()))))


def test_every_frame_has_its_sound(avatar: Avatar) -> None:
    sound = noise(FRAMES * SAMPLES - 100)
    packets = whole(avatar, sound)
    assert all(len(packet.sound) == SAMPLES * len(packet.frames) for packet in packets)
    assert [packet.first for packet in packets] == [
        sum(map(len, packets[:index])) for index in range(len(packets))
    ]
    said = np.concatenate([packet.sound for packet in packets])
    np.testing.assert_array_equal(said[: len(sound)], sound.numpy())
    assert not said[len(sound) :].any()


def test_cleared_sound_is_not_said_and_the_head_goes_on(avatar: Avatar) -> None:
    long, answer = noise(FRAMES * SAMPLES), noise(12 * SAMPLES, seed=1)
    given: list[Packet] = []
    with Synthesizer(avatar, front_end=small_pieces(answer)) as synthesizer:
        synthesizer.push_audio(long)
        for packet in synthesizer:
            given.append(packet)
            if len(given) == 3:
                synthesizer.clear_buffer()
        assert len(given) == 3
        assert list(synthesizer) == []
        synthesizer.push_audio(answer)
        synthesizer.end_of_audio()
        said = list(synthesizer)
    assert said[0].first == sum(map(len, given))
    np.testing.assert_array_equal(np.concatenate([packet.sound for packet in said]), answer.numpy())
    # Frames 12, 13... have other poses than 0, 1...
    assert (pictures(said) != pictures(whole(avatar, answer))).any()


def test_a_recording_may_follow_another_before_that_is_said(avatar: Avatar) -> None:
    one, other = noise(10 * SAMPLES), noise(9 * SAMPLES - 5, seed=1)
    with Synthesizer(avatar, front_end=small_pieces(one)) as synthesizer:
        for sound in (one, other):
            synthesizer.push_audio(sound)
            synthesizer.end_of_audio()
        packets = list(synthesizer)
        assert list(synthesizer) == []
    assert sum(map(len, packets)) == 19
    np.testing.assert_array_equal(pictures(packets)[:10], pictures(whole(avatar, one)))
    assert len(np.concatenate([packet.sound for packet in packets])) == 19 * SAMPLES


def test_without_sound_there_is_nothing(avatar: Avatar) -> None:
    with Synthesizer(avatar) as synthesizer:
        synthesizer.end_of_audio()
        assert list(synthesizer) == []
        synthesizer.push_audio(np.zeros(0, np.float32))
        assert list(synthesizer) == []


def test_sound_that_may_not_be_written_to_is_taken(avatar: Avatar) -> None:
    bytes_of_another = np.frombuffer(noise(4 * SAMPLES).numpy().tobytes(), np.float32)
    with Synthesizer(avatar) as synthesizer:
        synthesizer.push_audio(bytes_of_another)
        synthesizer.end_of_audio()
        assert sum(map(len, synthesizer)) == 4


def test_controls_and_background_are_used(avatar: Avatar) -> None:
    sound = noise(4 * SAMPLES)
    aside = torch.eye(4)
    aside[0, 3] = 10.0
    controls = Offset(source=controls_of(avatar, SpeakOptions()), head_pose=aside)
    plain = PlainBackground.of_color((10, 20, 30), 64, torch.device("cpu"))
    with Synthesizer(avatar, controls=controls, background=plain) as synthesizer:
        synthesizer.push_audio(sound)
        synthesizer.end_of_audio()
        made = pictures(list(synthesizer))
    assert (made == [10, 20, 30]).all()


def test_memory_does_not_grow_with_the_sound(avatar: Avatar) -> None:
    """What waits inside is bounded, however much is said."""
    held = []
    with Synthesizer(avatar, front_end=small_pieces(noise(SAMPLES))) as synthesizer:
        for second in range(5):
            synthesizer.push_audio(noise(25 * SAMPLES, seed=second))
            list(synthesizer)
            recording = synthesizer._planner._recordings[0]
            held.append((len(recording.sound), len(recording.windows._held)))
    assert max(sound for sound, _ in held) < 60 * SAMPLES
    assert max(features for _, features in held) < 60
