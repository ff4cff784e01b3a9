"""Random splats and cameras for the renderers' tests."""

import math

import torch
from torch import Tensor

from instag.rendering.renderer import Renderer
from instag.runtime.device import gpu_obstacle
from instag.types import Camera, Rendering, Splats

DEVICES = ["cpu"] + ["cuda"] * (gpu_obstacle() is None)
"""Those of this machine."""
MOVING = ("means", "quats", "scales", "opacities", "colors", "detached", "viewmats")


def scene(
    seed: int,
    *,
    frames: int = 1,
    count: int = 60,
    width: int = 40,
    height: int = 30,
    colors: int = 3,
    detached: int = 2,
) -> dict[str, Tensor]:
    """A head-sized cloud before slightly turned cameras; one splat in six is off-screen, behind the
    camera, huge, tiny or transparent."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(frames, *shape, generator=random, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(frames, *shape, generator=random, dtype=torch.float64)

    means, quats = 0.08 * normal(count, 3), torch.nn.functional.normalize(normal(count, 4), dim=-1)
    scales, opacities = (
        torch.exp(0.5 * normal(count, 3) + math.log(0.01)),
        torch.sigmoid(2 * normal(count)),
    )
    kind = torch.randint(0, 30, (frames, count), generator=random)
    means[kind == 0] += torch.tensor([0.6, 0, 0], dtype=torch.float64)
    means[kind == 1] += torch.tensor([0, 0, 0.9], dtype=torch.float64)
    scales[kind == 2] *= 15
    scales[kind == 3] *= 0.01
    opacities[kind == 4] = 0
    turn = torch.matrix_exp(
        torch.cross(
            0.1 * normal(1, 3).expand(-1, 3, -1),
            torch.eye(3, dtype=torch.float64).expand(frames, -1, -1),
            dim=-1,
        )
    )
    viewmats = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    viewmats[:, :3, :3] = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ turn
    viewmats[:, 2, 3] = 0.8
    focal = 2.5 * max(width, height)
    Ks = torch.tensor(
        [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64
    ).repeat(frames, 1, 1)
    Ks[:, :2, 2] += 0.1 * width * normal(2)
    return {
        "means": means,
        "quats": quats,
        "scales": scales,
        "opacities": opacities,
        "colors": uniform(count, colors),
        "detached": uniform(count, detached),
        "viewmats": viewmats,
        "Ks": Ks,
    }


def render(renderer: Renderer, values: dict[str, Tensor], width: int, height: int) -> Rendering:
    splats = Splats(
        means=values["means"],
        quats=values["quats"],
        scales=values["scales"],
        opacities=values["opacities"],
    )
    camera = Camera(viewmats=values["viewmats"], Ks=values["Ks"], width=width, height=height)
    return renderer.render(splats, values["colors"], camera, values["detached"])


def ready(values: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Copies of a dtype that ask for gradients."""
    return {
        name: value.to(dtype).clone().requires_grad_(name in MOVING)
        for name, value in values.items()
    }


def pictures(rendering: Rendering) -> Tensor:
    """All channels, side by side."""
    return torch.cat(
        [
            rendering.colors,
            rendering.detached,
            rendering.alphas[..., None],
            rendering.depths[..., None],
        ],
        -1,
    )
