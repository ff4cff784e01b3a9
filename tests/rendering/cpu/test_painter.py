"""The painter: the bytes of layers that are rendered one by one and composited."""

import pytest
import torch

from instag.rendering.compositing import composite_uint8
from instag.rendering.cpu.painter import CpuPainter
from instag.rendering.cpu.renderer import CpuRenderer
from instag.types import Camera, Splats

SIZE, FRAMES = 80, 2


def layer(count: int, seed: int, depth: float) -> tuple[Splats, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    means = torch.randn(FRAMES, count, 3, generator=draw) * 0.06
    means[..., 2] += depth
    splats = Splats(
        means=means,
        quats=torch.nn.functional.normalize(torch.randn(FRAMES, count, 4, generator=draw), dim=-1),
        scales=torch.rand(FRAMES, count, 3, generator=draw) * 0.02 + 0.002,
        opacities=torch.rand(FRAMES, count, generator=draw),
    )
    return splats, torch.rand(FRAMES, count, 3, generator=draw)


def camera() -> Camera:
    intrinsics = torch.tensor([[120.0, 0, SIZE / 2], [0, 120.0, SIZE / 2], [0, 0, 1]])
    return Camera(
        viewmats=torch.eye(4).repeat(FRAMES, 1, 1),
        Ks=intrinsics.expand(FRAMES, 3, 3),
        width=SIZE,
        height=SIZE,
    )


def background() -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (FRAMES, SIZE, SIZE, 3), generator=draw, dtype=torch.uint8)


@pytest.mark.parametrize("depth", [0.5, 0.9])
def test_layers_lie_before_each_other_whatever_their_depth(depth):
    front, back = layer(60, 1, 0.7), layer(40, 2, depth)
    painted = CpuPainter().paint([front, back], camera(), background())
    face, mouth = (CpuRenderer().render(*each, camera()) for each in (front, back))
    expected = composite_uint8(face, mouth, background())
    apart = (painted.int() - expected.int()).abs()
    # Where the front lets less than 1 % through, the back is not asked any more.
    assert int(apart.max()) <= 4
    assert float((apart > 1).float().mean()) < 2e-3


def test_no_splats_leave_the_background():
    far = layer(5, 1, -3.0)
    assert torch.equal(CpuPainter().paint([far], camera(), background()), background())


def test_a_background_of_another_size_is_refused():
    with pytest.raises(ValueError, match="background"):
        CpuPainter().paint([layer(5, 1, 0.7)], camera(), background()[:, :-1])
