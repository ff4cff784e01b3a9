"""Speaking: as many frames as the sound lasts, the same in chunks as whole, said to be synthetic."""

from dataclasses import replace

import av
import numpy as np
import pytest
import torch

from instag import speaking
from instag.models.avatar import Avatar
from instag.speaking import Manner, frame_count, frames, speak
from instag.speech import features as hearing
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedule import shortened


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    clip = write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=50, size=64)
    return adapt(clip, recipe=replace(shortened(recipes.few(), 0.002), size=64, face_splats=100, mouth_splats=50))


def noise(samples: int) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 40_123])
def test_as_many_frames_as_the_sound_lasts(avatar, samples):
    made = list(frames(avatar, noise(samples), Manner()))
    assert len(made) == frame_count(noise(samples))
    assert made[0].shape == (64, 64, 3)
    assert made[0].dtype == np.uint8


def test_chunks_do_not_show(avatar, monkeypatch):
    sound = noise(60 * 640)
    whole = list(frames(avatar, sound, Manner()))
    monkeypatch.setattr(hearing, "CHUNK", 13)
    pieces = list(frames(avatar, sound, Manner()))
    assert len(whole) == len(pieces)
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(whole, pieces, strict=True)) <= 2


def test_still_head_holds_still(avatar):
    head = list(frames(avatar, torch.zeros(20 * 640), Manner(pose="still", expression="still")))
    assert np.abs(head[3].astype(int) - head[12]).max() <= 1


def test_video_has_the_sound_and_says_what_it_is(avatar, tmp_path):
    import wave

    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((2, 2, 8_000, 0, "NONE", ""))
        file.writeframes((np.random.default_rng(0).normal(size=2 * 8_000) * 3_000).astype("<i2").tobytes())
    calls = []
    made = speak(avatar, tmp_path / "said.wav", tmp_path / "out.mp4", dilate=True, report=lambda done, total: calls.append((done, total)))
    with av.open(str(made)) as container:
        assert "synthetic" in container.metadata["comment"].lower()
        assert "instag" in container.metadata["comment"]
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 25
    assert calls[-1] == (25, 25)


def test_torso_frames_are_dropped_beyond_the_limit(avatar, monkeypatch):
    behind = speaking.Behind(avatar)
    monkeypatch.setattr(behind, "_most", 4)
    for index in range(12):
        assert behind([index]).shape == (1, 64, 64, 3)
    assert len(behind._kept) <= 4
