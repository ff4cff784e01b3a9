"""Footprints: many pictures in one pass are those that are rendered one by one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from instag.rendering import footprints, gsplat_renderer
from instag.rendering.footprints import FootprintRenderer, Footprints
from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.types import Camera, Splats
from pretended import GSPLAT

SIZE = 20


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (footprints, gsplat_renderer):
        monkeypatch.setattr(module, "gsplat", lambda: GSPLAT)


def head(frames: int, count: int, seed: int) -> tuple[Splats, Tensor, Camera]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.rand(frames, count, *shape, generator=generator)

    splats = Splats(
        means=(draw(3) - 0.5) * 0.2 + torch.tensor([0.0, 0.0, 1.0]),
        quats=draw(4),
        scales=draw(3) * 0.02,
        opacities=draw(),
    )
    Ks = torch.tensor([[60.0, 0.0, 10.0], [0.0, 60.0, 10.0], [0.0, 0.0, 1.0]])
    camera = Camera(
        viewmats=torch.eye(4).repeat(frames, 1, 1),
        Ks=Ks.expand(frames, 3, 3),
        width=SIZE,
        height=SIZE,
    )
    return splats, draw(3), camera


def projected(frames: int, count: int, seed: int) -> Footprints:
    pictures = torch.arange(frames)[:, None].expand(-1, count)
    return FootprintRenderer().project(*head(frames, count, seed), pictures)


def test_pictures_of_several_sizes_are_painted_in_one_pass() -> None:
    sizes = [(2, 30), (1, 7)]
    one, other = (projected(*size, seed) for seed, size in enumerate(sizes))
    other = replace(other, pictures=other.pictures + 2)
    pairs = zip(one.tables(), other.tables(), strict=True)
    together = Footprints.of_tables([torch.cat(pair) for pair in pairs])
    colors, alphas = FootprintRenderer().fill(together, 3, SIZE, SIZE)
    one_by_one = [GsplatRenderer().render(*head(*size, seed)) for seed, size in enumerate(sizes)]
    torch.testing.assert_close(colors, torch.cat([each.colors for each in one_by_one]))
    torch.testing.assert_close(alphas, torch.cat([each.alphas for each in one_by_one]))


def test_the_first_frames_are_painted_alone() -> None:
    both = projected(2, 9, 0)
    colors, _ = FootprintRenderer().fill(both.first(9), 1, SIZE, SIZE)
    whole, _ = FootprintRenderer().fill(both, 2, SIZE, SIZE)
    torch.testing.assert_close(colors, whole[:1])


def test_a_splat_that_is_no_number_is_not_seen() -> None:
    splats, colors, camera = head(1, 5, 0)
    splats.means[0, 2] = torch.nan
    found = FootprintRenderer().project(splats, colors, camera, torch.zeros(1, 5, dtype=torch.long))
    assert found.opacities[2] == 0
