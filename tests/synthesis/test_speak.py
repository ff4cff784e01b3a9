"""Speaking: as many frames as the sound lasts, the same in pieces as whole, marked as
synthetic."""

import wave
from copy import deepcopy
from dataclasses import replace

import av
import numpy as np
import pytest
import torch

from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.speech.chunking import frame_count
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.synthesis.controls import WithBlinks
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames, speak
from instag.synthesis.synthesizer import controls_of
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedules import shortened
from shared_files import copied_clip


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    clip = copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60)
    return adapt(
        clip,
        recipe=replace(shortened(recipes.few(), 0.002), size=64, face_splats=100, mouth_splats=50),
    )


def noise(samples: int) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 40_123])
def test_as_many_frames_as_the_sound_lasts(avatar, samples):
    made = list(frames(avatar, noise(samples), SpeakOptions()))
    assert len(made) == frame_count(noise(samples))
    assert made[0].shape == (64, 64, 3)
    assert made[0].dtype == np.uint8


def test_chunks_do_not_show(avatar, monkeypatch):
    sound = noise(60 * 640)
    whole = list(frames(avatar, sound, SpeakOptions()))
    monkeypatch.setattr(LipCodeFrontEnd, "piece", 15)
    pieces = list(frames(avatar, sound, SpeakOptions()))
    assert len(whole) == len(pieces)
    assert (
        max(np.abs(one.astype(int) - other).max() for one, other in zip(whole, pieces, strict=True))
        <= 2
    )


def test_still_head_holds_still(avatar):
    head = list(
        frames(avatar, torch.zeros(20 * 640), SpeakOptions(pose="still", expression="still"))
    )
    assert np.abs(head[3].astype(int) - head[12]).max() <= 1


def test_only_a_head_that_can_close_its_eyes_is_asked_to_blink(avatar):
    """As avatars were before blinks were added."""

    def blinks(able: bool, options: SpeakOptions) -> float:
        head = deepcopy(avatar.head)
        head.face.field.expression_range[1, 5] = 2.0 if able else 1.2
        shown = replace(
            avatar, head=head, expression=avatar.expression * torch.tensor([1, 1, 1, 1, 1, 0.0])
        )
        return float(controls_of(shown, options)(torch.arange(300)).merged_expression()[:, 5].max())

    assert blinks(True, SpeakOptions()) > 1.9
    assert blinks(True, SpeakOptions(expression="still")) > 1.9
    assert blinks(False, SpeakOptions()) == blinks(True, SpeakOptions(blinks=False)) == 0


def test_blinks_are_added_where_there_are_too_few(avatar):
    head = deepcopy(avatar.head)
    head.face.field.expression_range[1, 5] = 2.0
    lively = avatar.expression.clone()
    lively[::10, 5] = 2.5
    shown = replace(avatar, head=head, expression=lively)
    assert not isinstance(controls_of(shown, SpeakOptions()), WithBlinks)
    assert isinstance(controls_of(shown, SpeakOptions(expression="still")), WithBlinks)


def test_video_has_the_sound_and_says_what_it_is(avatar, tmp_path):
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((2, 2, 8_000, 0, "NONE", ""))
        file.writeframes(
            (np.random.default_rng(0).normal(size=2 * 8_000) * 3_000).astype("<i2").tobytes()
        )
    calls = []
    made = speak(
        avatar,
        tmp_path / "said.wav",
        tmp_path / "out.mp4",
        dilate=True,
        report=lambda done, total: calls.append((done, total)),
    )
    with av.open(str(made)) as container:
        assert "synthetic" in container.metadata["comment"].lower()
        assert "instag" in container.metadata["comment"]
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 25
    assert calls[-1] == (25, 25)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_batch_does_not_show(avatar, batch):
    usual, other = (
        np.stack(list(frames(avatar, noise(30 * 640), SpeakOptions(), batch=size))).astype(int)
        for size in (None, batch)
    )
    assert np.abs(usual - other).max() <= 2


def test_an_avatar_that_was_moved_speaks_the_same(avatar):
    moved = avatar.to("cpu")
    assert moved.head is not avatar.head
    assert moved.torso_files is avatar.torso_files
    one, other = (
        np.stack(list(frames(value, noise(10 * 640), SpeakOptions()))) for value in (avatar, moved)
    )
    np.testing.assert_array_equal(one, other)


def test_a_device_that_is_not_there_is_refused(avatar, tmp_path):
    with pytest.raises(BadArgument, match="nonsense"):
        speak(avatar, tmp_path / "said.wav", tmp_path / "out.mp4", device="nonsense")


def test_raw_frames_go_to_standard_output(avatar, tmp_path, capsysbinary):
    write_wav(tmp_path / "said.wav", 10 * 640)
    speak(avatar, tmp_path / "said.wav", "-")
    assert len(capsysbinary.readouterr().out) == 10 * 64 * 64 * 3
    assert [path.name for path in tmp_path.iterdir()] == ["said.wav"]


def test_a_sink_is_named(avatar, tmp_path):
    write_wav(tmp_path / "said.wav", 10 * 640)
    speak(avatar, tmp_path / "said.wav", tmp_path / "frames", sink="frames")
    assert len(list((tmp_path / "frames").glob("*.png"))) == 10
    with pytest.raises(BadArgument, match="video, pipe, frames"):
        speak(avatar, tmp_path / "said.wav", tmp_path / "frames", sink="paper")
    with pytest.raises(BadArgument, match="standard output"):
        speak(avatar, tmp_path / "said.wav", tmp_path / "frames", sink="pipe")


def write_wav(path, samples: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((noise(samples).numpy() * 32767).astype("<i2").tobytes())
