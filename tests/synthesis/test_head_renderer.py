"""A head renderer: the frames of render_head bit for bit, on its device and without
waiting."""

from dataclasses import replace
from typing import final

import numpy as np
import pytest
import torch

from evaluation.talk import unlearned
from instag.data.clip_dataset import over_backdrop, premultiplied
from instag.models.avatar import Avatar
from instag.models.render_head import render_head, static_features
from instag.rendering.registry import renderer_for
from instag.rendering.renderer import Renderer
from instag.speech import chunking
from instag.speech.windows import windows
from instag.synthesis import head_painter
from instag.synthesis.controls import Replay
from instag.synthesis.front_end import front_end_for
from instag.synthesis.head_renderer import HeadRenderer
from instag.synthesis.options import SpeakOptions
from instag.synthesis.planner import Planner
from instag.synthesis.speak import frames
from instag.synthesis.synthesizer import controls_of
from instag.types import Camera, Condition, Rendering, Splats
from models.baking import baked, earlier


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return Avatar.open(unlearned()[0])


def noise(samples: int) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(0)) * 0.1


def test_frames_are_those_of_paint_bit_for_bit(avatar):
    """The quick way over bytes gives what render_head over floats gives."""
    indices = torch.arange(6)
    driven = Replay(viewmats=avatar.viewmats, expressions=avatar.expression)(indices)
    heard = windows(chunking.features(noise(6 * 640), front_end_for(avatar)), indices)
    behind = np.stack(
        [
            over_backdrop(premultiplied(avatar.torso(index)), avatar.backdrop)
            for index in driven.torso.tolist()
        ]
    )
    view = Camera(
        viewmats=driven.head_pose, Ks=avatar.intrinsics.expand(6, 3, 3), width=64, height=64
    )
    condition = Condition(speech=heard, expression=driven.expression)
    with torch.no_grad():
        over = torch.from_numpy(behind).float() / 255
        rendered = render_head(
            avatar.head,
            static_features(avatar.head),
            condition,
            view,
            over,
            renderer_for("cpu"),
            degree=avatar.info.degree,
        )
    expected = rendered.mul(255).round().clamp(0, 255).byte().numpy()
    np.testing.assert_array_equal(
        np.stack(list(frames(avatar, noise(6 * 640), SpeakOptions(), batch=6))), expected
    )


def test_exact_frames_are_those_of_before_bit_for_bit():
    """With a baked head and without one; and the baked head's frames are others, but near."""
    plain, sound = earlier(), noise(5 * 640)
    kept = replace(plain, baked=baked())
    before = np.stack(list(frames(plain, sound, SpeakOptions())))
    exact = np.stack(list(frames(kept, sound, SpeakOptions(exact=True))))
    quick = np.stack(list(frames(kept, sound, SpeakOptions())))
    np.testing.assert_array_equal(exact, before)
    apart = quick.astype(int) - before
    assert np.abs(apart).max() > 0
    assert 10 * np.log10(255**2 / np.square(apart).mean()) > 45


def test_wide_mouths_of_baked_heads_are_widened():
    kept = replace(earlier(), baked=baked())
    plain, wide = (
        np.stack(list(frames(kept, noise(4 * 640), SpeakOptions(dilate=dilate))))
        for dilate in (False, True)
    )
    assert np.abs(plain.astype(int) - wide).max() > 3


@final
class Walls(Renderer):
    """Renders nothing, in the right shapes and on the device of what it is given, which must all
    lie on one."""

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
    monkeypatch.setattr(head_painter, "renderer_for", lambda device: Walls())
    device, options = torch.device("meta"), SpeakOptions(dilate=True)
    with torch.no_grad():
        renderer = HeadRenderer(avatar, device, dilate=options.dilate)
        planner = Planner(front_end_for(avatar), controls_of(avatar, options), device, batch=32)
        planner.push(noise(40 * 640).numpy())
        planner.end()
        planned = [planner.take(), planner.take()]
        assert planner.take() is None
        for batch, count in zip(planned, (32, 8), strict=True):
            assert batch is not None
            made = renderer.render_frames(
                batch.inputs, torch.empty(count, 64, 64, 3, dtype=torch.uint8, device=device)
            )
            assert (made.device, made.dtype, made.shape) == (
                device,
                torch.uint8,
                (count, 64, 64, 3),
            )
    assert planned[0] is not None
    with pytest.raises((RuntimeError, NotImplementedError)):
        renderer.render_frames(planned[0].inputs, torch.empty(32, 64, 64, 3, dtype=torch.uint8))
