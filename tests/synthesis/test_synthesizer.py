"""Speaking: as many frames as the sound lasts, the same in chunks as whole, said to be
synthetic."""

from copy import deepcopy
from dataclasses import replace
from typing import final

import av
import numpy as np
import pytest
import torch

from instag.data.clip_dataset import over_backdrop, premultiplied
from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.models.render_head import render_head, static_features
from instag.rendering.registry import renderer_for
from instag.rendering.renderer import Renderer
from instag.speech import chunking
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.windows import windows
from instag.synthesis import synthesizer
from instag.synthesis.controls import drive
from instag.synthesis.front_end import front_end_for
from instag.synthesis.synthesizer import (
    Painter,
    SpeakOptions,
    frame_count,
    frames,
    intrinsics,
    moments,
    speak,
)
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedules import shortened
from instag.types import Camera, Condition, Rendering, Splats


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    clip = write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=50, size=64)
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
    monkeypatch.setattr(chunking, "CHUNK", 13, raising=False)
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


def test_only_a_head_that_knows_closed_eyes_is_asked_to_blink(avatar):
    """As avatars were before blinks were added."""
    seconds, device = torch.zeros(12 * 16_000), torch.device("cpu")

    def blinks(able: bool, manner: SpeakOptions) -> float:
        head = deepcopy(avatar.head)
        head.face.field.expression_range[1, 5] = 2.0 if able else 1.2
        shown = replace(
            avatar, head=head, expression=avatar.expression * torch.tensor([1, 1, 1, 1, 1, 0.0])
        )
        return max(
            float(moment.condition.expression[:, 5].max())
            for moment in moments(shown, seconds, manner, device, 32)
        )

    assert blinks(True, SpeakOptions()) > 1.9
    assert blinks(True, SpeakOptions(expression="still")) > 1.9
    assert blinks(False, SpeakOptions()) == blinks(True, SpeakOptions(blinks=False)) == 0


def test_video_has_the_sound_and_says_what_it_is(avatar, tmp_path):
    import wave

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


def test_frames_are_those_of_render_head_bit_for_bit(avatar):
    """The fast path over bytes gives what render_head gives over floats."""
    indices = torch.arange(6)
    driven = drive(avatar.viewmats, avatar.expression, indices)
    heard = windows(chunking.features(noise(6 * 640), front_end_for(avatar)), indices)
    behind = np.stack(
        [
            over_backdrop(premultiplied(avatar.torso(index)), avatar.backdrop)
            for index in driven.torso.tolist()
        ]
    )
    view = Camera(
        viewmats=driven.viewmats, Ks=intrinsics(avatar).expand(6, 3, 3), width=64, height=64
    )
    condition = Condition(speech=heard, expression=driven.expression)
    with torch.no_grad():
        over = torch.from_numpy(behind).float() / 255
        painted = render_head(
            avatar.head,
            static_features(avatar.head),
            condition,
            view,
            over,
            renderer_for("cpu"),
            degree=avatar.info.degree,
        )
    expected = painted.mul(255).round().clamp(0, 255).byte().numpy()
    np.testing.assert_array_equal(
        np.stack(list(frames(avatar, noise(6 * 640), SpeakOptions(), batch=6))), expected
    )


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


@final
class Walls(Renderer):
    """Paints nothing, in the right shapes and on the device of what it is given, which must all lie
    on one."""

    def render(
        self,
        splats: Splats,
        colors: torch.Tensor,
        camera: Camera,
        detached: torch.Tensor | None = None,
    ) -> Rendering:
        frames, count = colors.shape[:2]
        devices = {
            value.device
            for value in (
                splats.means,
                splats.quats,
                splats.scales,
                splats.opacities,
                colors,
                camera.viewmats,
                camera.Ks,
            )
        }
        assert len(devices) == 1
        blank = colors.new_zeros(frames, camera.height, camera.width)
        picture = colors.new_zeros(frames, camera.height, camera.width, 3)
        return Rendering(
            colors=picture,
            detached=picture[..., :0],
            alphas=blank,
            depths=blank,
            means2d=colors.new_zeros(frames, count, 2),
            radii=colors.new_zeros(frames, count),
        )


def test_painting_stays_on_its_device_and_never_waits_for_it(avatar, monkeypatch):
    """Tensors without numbers stand in for a GPU's: an operation between two devices raises, and so
    does one that asks for a value.

    torch's FakeTensorMode would call the device "cuda", but can not index such a tensor where torch
    is built for the CPU.
    """
    monkeypatch.setattr(synthesizer, "renderer_for", lambda device: Walls())
    # What is heard comes from the host, a piece of forty seconds at a time; where an ear hears does
    # not matter to painting.
    monkeypatch.setattr(
        synthesizer, "front_end_for", lambda avatar, *, device: front_end_for(avatar)
    )
    device = torch.device("meta")
    with torch.no_grad():
        painter = Painter(avatar, device, SpeakOptions(dilate=True))
        planned = list(moments(avatar, noise(40 * 640), SpeakOptions(), device, 32))
        assert [len(moment.torso) for moment in planned] == [32, 8]
        for moment in planned:
            frames = len(moment.torso)
            made = painter.pictures(
                moment, torch.empty(frames, 64, 64, 3, dtype=torch.uint8, device=device)
            )
            assert (made.device, made.dtype, made.shape) == (
                device,
                torch.uint8,
                (frames, 64, 64, 3),
            )
    with pytest.raises((RuntimeError, NotImplementedError)):
        painter.pictures(planned[0], torch.empty(32, 64, 64, 3, dtype=torch.uint8))
