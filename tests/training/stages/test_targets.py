"""The pictures that the face stage compares: the fast ones against plain torch."""

import torch

from instag.data.frame_batch import FrameBatch
from instag.training.stages.targets import head_pictures, head_pictures_torch
from instag.types import Camera, Condition


def frames(count: int, height: int, width: int) -> FrameBatch:
    draw = torch.Generator().manual_seed(0)

    def pixels(*channels: int) -> torch.Tensor:
        shape = (count, height, width, *channels)
        return torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8)

    views = torch.eye(4).repeat(count, 1, 1)
    return FrameBatch(
        indices=torch.arange(count),
        image=pixels(3),
        regions=pixels() % 6,
        background=pixels(3),
        alpha=pixels(),
        lips=pixels() > 128,
        camera=Camera(viewmats=views, Ks=views[:, :3, :3], width=width, height=height),
        condition=Condition(speech=torch.zeros(count, 8, 12, 1), expression=torch.zeros(count, 6)),
        depth=None,
        normal=None,
        surface_valid=None,
    )


def test_fast_pictures_are_those_of_torch():
    seen, draw = frames(2, 19, 23), torch.Generator().manual_seed(1)
    color, wanted = torch.rand(2, 1, 1, 3, generator=draw), torch.rand(2, 19, 23, 3, generator=draw)
    channels, alphas = torch.rand(2, 19, 23, 6, generator=draw), torch.rand(2, 19, 23)
    pictures, slopes = [], []
    for compose in (head_pictures, head_pictures_torch):
        rendered, through = channels.clone().requires_grad_(), alphas.clone().requires_grad_()
        picture, target = compose(seen, rendered[..., :3], through, color, hair=True)
        ((picture - target) * wanted).sum().backward()
        pictures.append((picture.detach(), target.detach()))
        slopes.append((rendered.grad, through.grad))
    assert torch.equal(pictures[0][0], pictures[1][0])
    assert torch.equal(pictures[0][1], pictures[1][1])
    torch.testing.assert_close(*slopes)
