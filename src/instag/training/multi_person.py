"""Frames of several people as one batch: each person's splats, padded to the same number, are
rendered in one call."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from instag.data.frame_batch import FrameBatch
from instag.models.face_field import Deformation
from instag.models.gaussians import Gaussians
from instag.rendering import spherical_harmonics
from instag.rendering.renderer import Renderer
from instag.types import Camera, Condition, Rendering, Splats


def cat_frames(parts: Sequence[FrameBatch]) -> FrameBatch:
    """One batch of the frames of several people, in their order; windows are of one size. Without
    the geometry priors."""
    return FrameBatch(
        indices=torch.cat([part.indices for part in parts]),
        image=torch.cat([part.image for part in parts]),
        regions=torch.cat([part.regions for part in parts]),
        background=torch.cat([part.background for part in parts]),
        alpha=torch.cat([part.alpha for part in parts]),
        lips=torch.cat([part.lips for part in parts]),
        camera=cat_cameras([part.camera for part in parts]),
        condition=cat_conditions([part.condition for part in parts]),
        depth=None,
        normal=None,
        surface_valid=None,
    )


def cat_cameras(parts: Sequence[Camera]) -> Camera:
    """Cameras of one size, in their order."""
    return replace(
        parts[0],
        viewmats=torch.cat([part.viewmats for part in parts]),
        Ks=torch.cat([part.Ks for part in parts]),
    )


def cat_conditions(parts: Sequence[Condition]) -> Condition:
    """What drives the frames of several people, in their order."""
    return Condition(
        speech=torch.cat([part.speech for part in parts]),
        expression=torch.cat([part.expression for part in parts]),
    )


def render_people(
    sets: Sequence[Gaussians],
    motions: Sequence[Deformation | None],
    cameras: Sequence[Camera],
    renderer: Renderer,
    *,
    degree: int,
    attention: Sequence[Float[Tensor, "n k"]] | None = None,
    rigid: bool = False,
) -> Rendering:
    """Render a batch in which each set of Gaussians has as many frames of its own. attention:
    channels that move no geometry, a row for each Gaussian."""
    most, camera = max(len(gaussians) for gaussians in sets), cat_cameras(cameras)
    frames = len(camera.viewmats) // len(sets)
    splats = [
        padded(gaussians.splats(motion, frames, rigid=rigid), most)
        for gaussians, motion in zip(sets, motions, strict=True)
    ]
    every = Splats(
        **{
            name: torch.cat([getattr(part, name) for part in splats])
            for name in ("means", "quats", "scales", "opacities")
        }
    )
    # Directions and colours of all people at once.
    toward = spherical_harmonics.directions(
        every.means.detach(), camera.viewmats.detach()
    ).unflatten(0, (len(sets), frames))
    coefficients = torch.stack(
        [
            F.pad(gaussians.coefficients(degree), (0, 0, 0, 0, 0, most - len(gaussians)))
            for gaussians in sets
        ]
    )
    colors = spherical_harmonics.colors(coefficients[:, None], toward).flatten(0, 1)
    watched = (
        torch.cat([_padded(each.expand(frames, -1, -1), most) for each in attention])
        if attention is not None
        else None
    )
    return renderer.render(every, colors, camera, watched)


def padded(splats: Splats, count: int) -> Splats:
    """The same splats and further ones that nobody sees."""
    missing = count - splats.means.shape[1]
    if not missing:
        return splats
    unturned = torch.eye(1, 4, dtype=splats.quats.dtype, device=splats.quats.device)
    return Splats(
        means=_padded(splats.means, count),
        quats=torch.cat([splats.quats, unturned.expand(len(splats.quats), missing, 4)], dim=1),
        scales=F.pad(splats.scales, (0, 0, 0, missing), value=1e-4),
        opacities=F.pad(splats.opacities, (0, missing)),
    )


def _padded(table: Float[Tensor, "b n c"], count: int) -> Float[Tensor, "b m c"]:
    return F.pad(table, (0, 0, 0, count - table.shape[1])) if table.shape[1] < count else table


def part_of(rendering: Rendering, frames: slice, count: int, weight: float) -> Rendering:
    """Some frames of a rendered batch and their first `count` splats, with the gradient of means2d
    times `weight`: what density control reads."""
    gradient = rendering.means2d.grad
    assert gradient is not None, "density control needs the gradient of means2d"
    means2d = rendering.means2d.detach()[frames, :count]
    means2d.grad = gradient[frames, :count] * weight
    pictures = {
        name: getattr(rendering, name).detach()[frames]
        for name in ("colors", "detached", "alphas", "depths")
    }
    return Rendering(**pictures, means2d=means2d, radii=rendering.radii[frames, :count])
