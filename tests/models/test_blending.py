"""Blending: the compiled passes give what torch gives."""

import inspect

import pytest
import torch

from instag.models.blending import Blender, FastBlender, Shader
from instag.models.blending_numba import blend, shade
from instag.models.gaussians import Gaussians, random_gaussians
from instag.models.motion_shapes import CHANNELS, MotionShapes
from instag.models.render_head import eval_sh_colors
from instag.types import Camera, Splats

COUNT = 700


def gaussians(degree: int) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    made = random_gaussians(COUNT, degree, generator)
    with torch.no_grad():
        made.rest.normal_(0, 0.5, generator=generator)
        made.scale[:3] = torch.tensor([[30.0, 1.0, -30.0], [0.0, -4.0, -3.0], [-90.0, 2.0, 0.1]])
    return made.requires_grad_(False)


def shapes() -> MotionShapes:
    generator = torch.Generator().manual_seed(1)
    moving = torch.randperm(COUNT, generator=generator)[:600].sort().values
    return MotionShapes(
        mean=torch.randn(COUNT, CHANNELS, generator=generator) * 1e-2,
        moving=moving,
        shapes=torch.randint(-127, 128, (5, CHANNELS, 600), generator=generator, dtype=torch.int8),
        steps=torch.rand(5, CHANNELS, generator=generator) * 1e-3,
        sampled=torch.arange(0, 600, 7),
    )


def cameras() -> Camera:
    viewmats = torch.eye(4).repeat(3, 1, 1)
    viewmats[:, :3, 3] = torch.tensor([[0.0, 0.1, 0.7], [0.1, 0.0, 0.9], [-0.1, 0.0, 0.8]])
    return Camera(viewmats=viewmats, Ks=torch.eye(3).expand(3, 3, 3), width=64, height=64)


def by_center(splats: Splats, order: torch.Tensor) -> Splats:
    return Splats(**{name: value[:, order] for name, value in vars(splats).items()})


def test_the_fast_blender_is_the_slow_one():
    coefficients = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    still = torch.ones(COUNT, dtype=torch.bool)
    still[shapes().moving] = False
    order = torch.cat([shapes().moving, still.nonzero()[:, 0]])
    slow = by_center(Blender(gaussians(0), shapes())(coefficients), order)
    fast = FastBlender(gaussians(0), shapes())(coefficients)
    for name, expected in vars(slow).items():
        torch.testing.assert_close(getattr(fast, name), expected, atol=1e-6, rtol=1e-5)


def test_colours_of_every_degree():
    splats = gaussians(1).splats(None, 3)
    for degree in range(3):
        made = gaussians(degree)
        expected = eval_sh_colors(splats, made.coefficients(degree), cameras())
        found = Shader(made, degree)(splats, cameras())
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


PLACES, MOVING, FRAMES, SHAPES = 32, 20, 2, 3


@pytest.mark.parametrize("part", ["shapes", "factors", "raw", "means", "quats", "scales"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_tables_that_contradict_are_not_read_beyond_their_end(part: str, axis: int):
    tables = {
        "shapes": torch.zeros(SHAPES, CHANNELS, PLACES, dtype=torch.int8),
        "factors": torch.zeros(FRAMES, SHAPES, CHANNELS),
        "raw": torch.zeros(CHANNELS, PLACES),
        "means": torch.zeros(FRAMES, MOVING, 3),
        "quats": torch.zeros(FRAMES, MOVING, 4),
        "scales": torch.zeros(FRAMES, MOVING, 3),
    }
    unchecked = inspect.unwrap(blend)  # tests check shapes by themselves
    unchecked(moving=MOVING, **tables)
    tables[part] = tables[part].narrow(axis % tables[part].ndim, 0, 1)
    with pytest.raises(ValueError, match="not"):
        unchecked(moving=MOVING, **tables)


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_colours_of_too_few_splats_are_not_read_beyond_their_end(part: int):
    tables = [torch.ones(9, 3), torch.ones(9, 3, 3), torch.ones(2, 9, 3), torch.ones(2, 3)]
    unchecked = inspect.unwrap(shade)
    unchecked(*tables)
    tables[part] = tables[part][:1]
    with pytest.raises(ValueError, match="not"):
        unchecked(*tables)
