"""Batches of frames: the same at half the size."""

import torch

from instag.data.frame_batch import FrameBatch
from instag.types import Camera, Condition


def batch(height: int, width: int) -> FrameBatch:
    draw = torch.Generator().manual_seed(0)

    def pixels(*channels: int) -> torch.Tensor:
        shape = (2, height, width, *channels)
        return torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)

    Ks = torch.tensor([[600.0, 0, 30], [0, 600, 21], [0, 0, 1]]).repeat(2, 1, 1)
    return FrameBatch(
        indices=torch.arange(2),
        image=pixels(3),
        regions=pixels() % 6,
        background=pixels(3),
        alpha=pixels(),
        lips=pixels() > 128,
        camera=Camera(viewmats=torch.eye(4).repeat(2, 1, 1), Ks=Ks, width=width, height=height),
        condition=Condition(speech=torch.zeros(2, 8, 12, 1), expression=torch.zeros(2, 6)),
        depth=pixels().float(),
        normal=pixels(3).float(),
        surface_valid=pixels() > 128,
    )


def test_halved_frames_show_the_same_at_half_the_size():
    frames = batch(40, 60)
    half = frames.halved()
    assert half.image.shape == (2, 20, 30, 3)
    mean = frames.image[:, :2, 4:6].float().mean((1, 2)).round().byte()
    assert torch.equal(half.image[:, 0, 2], mean)
    assert torch.equal(half.regions, frames.regions[:, ::2, ::2])
    assert torch.equal(half.camera.Ks[:, 2, 2], torch.ones(2))
    assert torch.equal(half.camera.Ks[:, :2] * 2, frames.camera.Ks[:, :2])


def test_halved_frames_of_odd_sizes_fit_their_camera():
    half = batch(41, 61).halved()
    assert (half.camera.height, half.camera.width) == (20, 30)
    for pixels in (half.image, half.alpha, half.lips, half.depth, half.normal, half.surface_valid):
        assert pixels is not None
        assert pixels.shape[1:3] == (20, 30)
