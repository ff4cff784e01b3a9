"""The path from conditions to a frame: what is not covered shows what lies behind, batches do not
mix, a head without gradient costs none."""

import math
from dataclasses import replace

import pytest
import torch

from instag.models.gaussians import random_gaussians
from instag.models.head import Head, new_head
from instag.models.render_head import (
    camera_facing_normals,
    depths_beyond_head,
    layers,
    render_head,
    static_features,
)
from instag.rendering.registry import renderer_for
from instag.types import Camera, Condition, Conditioning, Splats

SIZE = 32


@pytest.fixture(scope="module")
def head() -> Head:
    generator = torch.Generator().manual_seed(0)
    head = new_head(
        face=random_gaussians(60, 1, generator),
        mouth=random_gaussians(20, 1, generator, mouth=True),
        conditioning=Conditioning(kind="audio", channels=80, steps=16),
    )
    with torch.no_grad():
        for gaussians in (head.face.gaussians, head.mouth.gaussians):
            gaussians.opacity.add_(4)
    return head.requires_grad_(False)


def conditions(frames: int) -> Condition:
    generator = torch.Generator().manual_seed(1)
    return Condition(
        speech=torch.randn(frames, 8, 80, 16, generator=generator),
        expression=torch.rand(frames, 6, generator=generator),
    )


def camera(frames: int, away: float = 0.6) -> Camera:
    viewmats = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])).repeat(frames, 1, 1)
    viewmats[:, 2, 3] = away
    Ks = torch.tensor([[60.0, 0, SIZE / 2], [0, 60.0, SIZE / 2], [0, 0, 1]]).repeat(frames, 1, 1)
    return Camera(viewmats=viewmats, Ks=Ks, width=SIZE, height=SIZE)


def test_a_head_covers_what_lies_behind_it(head):
    black, white = (
        render_head(
            head,
            static_features(head),
            conditions(1),
            camera(1),
            torch.full((1, SIZE, SIZE, 3), shade),
            renderer_for("cpu"),
            degree=1,
        )
        for shade in (0.0, 1.0)
    )
    seen_through = (white - black).mean(-1)[0]
    assert seen_through.min() < 0.5
    assert seen_through.max() > seen_through.min() + 0.3


def test_behind_the_camera_there_is_only_the_background(head):
    behind = torch.rand(1, SIZE, SIZE, 3)
    rendered = render_head(
        head,
        static_features(head),
        conditions(1),
        camera(1, away=-0.6),
        behind,
        renderer_for("cpu"),
        degree=1,
    )
    torch.testing.assert_close(rendered, behind)


def test_frames_of_a_batch_do_not_mix(head):
    heard, behind = conditions(3), torch.zeros(3, SIZE, SIZE, 3)
    together = render_head(
        head, static_features(head), heard, camera(3), behind, renderer_for("cpu"), degree=1
    )
    alone = render_head(
        head,
        static_features(head),
        replace(heard, speech=heard.speech[1:2], expression=heard.expression[1:2]),
        camera(1),
        behind[:1],
        renderer_for("cpu"),
        degree=1,
    )
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_normals_point_to_the_camera():
    splats = Splats(
        means=torch.zeros(1, 2, 3),
        quats=torch.tensor([[[1.0, 0, 0, 0], [0.0, 1.0, 0, 0]]]),
        scales=torch.tensor([[[2.0, 2, 1]] * 2]),
        opacities=torch.ones(1, 2),
    )
    torch.testing.assert_close(
        camera_facing_normals(splats, camera(1)), torch.tensor([[[0.0, 0.0, 1.0]] * 2])
    )


def test_squares_of_depth_tell_how_far_apart_splats_lie_in_a_pixel():
    splats = Splats(
        means=torch.tensor([[[0.0, 0, 0.06], [0.0, 0, 0.04]]]),
        quats=torch.tensor([[[1.0, 0, 0, 0]] * 2]),
        scales=torch.full((1, 2, 3), 0.05),
        opacities=torch.tensor([[0.5, 0.999]]),
    )
    depths = depths_beyond_head(splats, camera(1))
    torch.testing.assert_close(depths, torch.tensor([[[-0.06], [-0.04]]]))
    rendering = renderer_for("cpu").render(splats, depths.square(), camera(1))
    squared = rendering.colors[..., 0] / rendering.alphas
    variance = squared - (rendering.depths - 0.6).square()
    assert variance[0, SIZE // 2, SIZE // 2] == pytest.approx(0.01**2, rel=0.02)


def test_pose_shapes_move_a_head_that_turns_and_no_other():
    generator = torch.Generator().manual_seed(0)
    conditioning = Conditioning(kind="audio", channels=80, steps=16)
    rigid, posed = (
        new_head(
            face=random_gaussians(60, 1, generator.manual_seed(0)),
            mouth=random_gaussians(20, 1, generator, mouth=True),
            conditioning=conditioning,
            pose_shapes=shapes,
        )
        for shapes in (False, True)
    )
    still, left, right = (turned_camera(angle) for angle in (0.0, -0.1, 0.1))
    shapes = posed.face.pose_shapes
    assert shapes is not None
    with torch.no_grad():
        for parameter in shapes.parameters():
            parameter.normal_(generator=generator)
        views = torch.cat([each.viewmats for each in (left, still, right)])
        shapes.observe(torch.full((1, 3), 9.0), views)
        moved = [centers(posed, each) - centers(rigid, each) for each in (still, left, right)]
    assert moved[0].abs().max() < 1e-6
    assert moved[1].norm(dim=-1).min() > 0
    torch.testing.assert_close(moved[1], -moved[2], atol=1e-6, rtol=1e-3)


def turned_camera(angle: float) -> Camera:
    """One frame of a head that is turned about the vertical axis. angle: radians."""
    seen = camera(1)
    sine, cosine = math.sin(angle), math.cos(angle)
    turn = torch.tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    views = seen.viewmats.clone()
    views[:, :3, :3] = turn @ views[:, :3, :3]
    return replace(seen, viewmats=views)


def centers(head: Head, seen: Camera) -> torch.Tensor:
    """Of the face's splats."""
    face, _ = layers(head, static_features(head), conditions(1), seen, degree=1)
    return face.splats.means
