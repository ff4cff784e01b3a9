"""Motion shapes: what is linear comes back, what is still is left out, and damaged ones are
refused."""

import pytest
import torch

from instag.models.motion_shapes import (
    CHANNELS,
    MotionShapes,
    check_motion_shapes,
    fit_motion_shapes,
)

COUNT, STILL_FROM, FRAMES = 400, 300, 20


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def linear_motion() -> torch.Tensor:
    """Of three shapes, millimetres and hundredths, in the first Gaussians."""
    draw = generator()
    shapes = torch.randn(3, COUNT, CHANNELS, generator=draw)
    shapes *= torch.tensor([1e-3] * 3 + [5e-2] * 7)
    shapes[:, STILL_FROM:] = 0
    strengths = torch.randn(FRAMES, 3, generator=draw) * torch.tensor([1.0, 0.6, 0.3])
    return torch.einsum("fr,rnc->fnc", strengths, shapes) + 1e-3


def fitted(whole: torch.Tensor) -> MotionShapes:
    return fit_motion_shapes(
        lambda points, frames: whole[frames][:, points],
        COUNT,
        FRAMES,
        shapes=8,
        generator=generator(),
    )


def test_linear_motion_is_read_off_some_gaussians():
    whole = linear_motion()
    shapes = fitted(whole)
    assert len(shapes) == 3
    assert shapes.moving.max() < STILL_FROM
    found = shapes.coefficients(whole[:, shapes.read_at], shapes.reader())
    torch.testing.assert_close(found.square().mean(0), torch.ones(3), atol=0.05, rtol=0)
    apart = (shapes.motion(found) - whole).abs().amax((0, 1))
    assert float(apart[:3].max()) < 1e-4
    assert float(apart[3:].max()) < 6e-3


def test_a_head_that_never_moves_is_its_mean():
    whole = torch.full((FRAMES, COUNT, CHANNELS), 2e-3)
    shapes = fitted(whole)
    found = shapes.coefficients(whole[:, shapes.read_at], shapes.reader())
    torch.testing.assert_close(shapes.motion(found), whole, atol=1e-6, rtol=0)


def test_stored_shapes_come_back():
    shapes = fitted(linear_motion())
    again = MotionShapes.of_tensors(shapes.tensors())
    check_motion_shapes(shapes.tensors(), COUNT)
    assert torch.equal(again.shapes, shapes.shapes)
    assert torch.equal(again.moving, shapes.moving)
    torch.testing.assert_close(again.mean, shapes.mean, atol=1e-6, rtol=1e-3)


def spoiled(name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    return fitted(linear_motion()).tensors() | {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", torch.zeros(COUNT - 1, CHANNELS, dtype=torch.float16)),
        ("mean", torch.full((COUNT, CHANNELS), torch.nan, dtype=torch.float16)),
        ("mean", torch.zeros(COUNT, CHANNELS)),
        ("steps", torch.full((3, CHANNELS), torch.inf)),
        ("steps", torch.full((3, CHANNELS), 1e6)),
        ("steps", torch.zeros(4, CHANNELS)),
        ("steps", torch.zeros(0, CHANNELS)),
        ("moving", torch.arange(2, dtype=torch.int32)),
        ("moving", torch.full((300,), COUNT, dtype=torch.int32)),
        ("sampled", torch.tensor([5, 5], dtype=torch.int32)),
        ("sampled", torch.tensor([-1, 5], dtype=torch.int32)),
        ("sampled", torch.zeros(0, dtype=torch.int32)),
        ("more", torch.zeros(1)),
    ],
)
def test_contradictory_shapes_are_refused(name, value):
    with pytest.raises(ValueError, match=r"."):
        check_motion_shapes(spoiled(name, value), COUNT)
