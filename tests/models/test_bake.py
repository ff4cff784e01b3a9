"""Baking: a baked head is as near to the exact one as it says, in frames that it was not fitted
to."""

import math
from dataclasses import replace

import pytest
import torch

from instag.models.bake import MOST_DECIBEL, bake
from instag.models.baked_head import BakedHead, BakedLayers, check_baked_head, head_id
from instag.models.layer_source import ExactLayers, LayerSource
from instag.models.pose_shapes import PoseShapes
from instag.rendering.cpu.painter import CpuPainter
from instag.types import WINDOWS, Condition
from models.baking import baked, earlier

FRAMES = 6


def painted(source: LayerSource) -> torch.Tensor:
    """In frames of its own draw."""
    avatar, generator = earlier(), torch.Generator().manual_seed(9)
    assert avatar.speaker_adapter is not None
    seen = avatar.speaker_adapter["seen"]
    codes = seen[torch.randint(len(seen), (FRAMES,), generator=generator)]
    pose = avatar.viewmats[torch.randint(len(avatar), (FRAMES,), generator=generator)]
    expression = avatar.expression[torch.randint(len(avatar), (FRAMES,), generator=generator)]
    windows = codes[:, None, :, None].expand(-1, WINDOWS, -1, -1)
    camera = avatar.camera(pose)
    face, mouth = source(Condition(speech=windows, expression=expression), camera)
    behind = torch.full((FRAMES, 64, 64, 3), 128, dtype=torch.uint8)
    layers = [(layer.splats, layer.colors) for layer in (face, mouth)]
    return CpuPainter().paint(layers, camera, behind).float() / 255


@torch.no_grad()
def test_a_baked_head_is_as_near_as_it_says():
    head, degree = earlier().head, earlier().info.degree
    exact = painted(ExactLayers(head, degree=degree))
    found = painted(BakedLayers(head, baked(), degree=degree))
    rounding = 1 / (12 * 255**2)
    stated = 10 ** (-baked().psnr / 10)
    assert float((exact - found).square().mean()) < 2 * stated + rounding
    assert 45 < baked().psnr < MOST_DECIBEL
    assert baked().mouth_psnr > 42
    assert baked().near_enough
    assert baked().head_id == head_id(head)


@torch.no_grad()
def test_a_baked_head_turns_as_the_exact_one():
    avatar = earlier().to("cpu")
    shapes, generator = PoseShapes(), torch.Generator().manual_seed(4)
    for parameter in shapes.parameters():
        parameter.normal_(generator=generator)
    shapes.observe(torch.zeros(1, 3), avatar.viewmats)
    avatar.head.face.pose_shapes = shapes
    head, degree = avatar.head, avatar.info.degree
    rigid = painted(ExactLayers(earlier().head, degree=degree))
    exact = painted(ExactLayers(head, degree=degree))
    found = painted(BakedLayers(head, baked(), degree=degree))
    assert float((exact - found).square().mean()) < 0.02 * float((exact - rigid).square().mean())


def test_heads_differ_in_their_numbers():
    other = replace(earlier(), head=earlier().to("cpu").head)
    assert head_id(other.head) == head_id(earlier().head)
    with torch.no_grad():
        other.head.face.gaussians.means[3, 1] += 1e-3
    assert head_id(other.head) != head_id(earlier().head)


def test_a_head_that_cannot_be_baked_says_so(monkeypatch):
    monkeypatch.setattr("instag.models.bake.SHAPES", (1,))
    monkeypatch.setattr("instag.models.bake._decibel", lambda errors: 40.0)
    poor = bake(earlier())
    assert not poor.near_enough
    assert len(poor.face) == 1


def test_codes_are_made_up_where_none_are_kept(monkeypatch):
    adapter = earlier().speaker_adapter
    assert adapter is not None
    monkeypatch.setattr("instag.models.bake.SHAPES", (16,))
    without = {name: value for name, value in adapter.items() if name != "seen"}
    assert bake(replace(earlier(), speaker_adapter=without)).psnr > 45


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hook_points", torch.tensor([200], dtype=torch.int32)),
        ("hook_points", torch.zeros(0, dtype=torch.int32)),
        ("hook_points", torch.tensor([1.0])),
        ("psnr", torch.tensor([math.nan, 50.0])),
        ("psnr", torch.tensor([-1.0, 50.0])),
        ("head_id", torch.tensor(1.5)),
        ("steps", torch.zeros(16, 3)),
    ],
)
def test_contradictory_baked_heads_are_refused(name, value):
    check_baked_head(baked().tensors(), 150)
    again = BakedHead.of_tensors(baked().tensors())
    assert (again.psnr, again.head_id) == (pytest.approx(baked().psnr), baked().head_id)
    with pytest.raises(ValueError, match=r"."):
        check_baked_head(baked().tensors() | {name: value}, 150)
