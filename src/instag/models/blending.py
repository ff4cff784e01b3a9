"""Blending: coefficients of motion shapes become the splats of a face."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.models.blending_numba import blend, shade
from instag.models.face_field import Deformation
from instag.models.gaussians import Gaussians
from instag.models.motion_shapes import MotionShapes
from instag.models.render_head import eval_sh_colors
from instag.ops.simd import COUNT
from instag.rendering import spherical_harmonics
from instag.types import Camera, Splats


@final
class Blender:
    """In torch, on any device: the slow twin of FastBlender. gaussians: in the order of the splats
    that it returns. order: their places among those that were given."""

    def __init__(self, gaussians: Gaussians, shapes: MotionShapes) -> None:
        self.gaussians, self._shapes = gaussians, shapes
        self.order = torch.arange(len(gaussians))

    def __call__(self, coefficients: Float[Tensor, "b r"]) -> Splats:
        motion = deformation_of(self._shapes.motion(coefficients))
        return self.gaussians.splats(motion, len(coefficients))


@final
class FastBlender:
    """In one compiled pass on the CPU. Gaussians that move come first; those that do not are
    activated once."""

    def __init__(self, gaussians: Gaussians, shapes: MotionShapes) -> None:
        still = torch.ones(len(gaussians), dtype=torch.bool)
        still[shapes.moving] = False
        order = self.order = torch.cat([shapes.moving, still.nonzero()[:, 0]])
        self.gaussians = gaussians.part(order)
        self._still = self.gaussians.splats(deformation_of(shapes.mean[order][None]), 1)
        self._moving, self._steps = len(shapes.moving), shapes.steps
        blended = (self.gaussians.raw() + shapes.mean[order])[: self._moving].T
        self._raw, self._shapes = (padded(each) for each in (blended, shapes.shapes))

    def __call__(self, coefficients: Float[Tensor, "b r"]) -> Splats:
        frames, still = len(coefficients), self._still
        means, quats, scales = (
            each.new_empty(frames, *each.shape[1:])
            for each in (still.means, still.quats, still.scales)
        )
        means[:, self._moving :] = still.means[:, self._moving :]
        quats[:, self._moving :] = still.quats[:, self._moving :]
        scales[:, self._moving :] = still.scales[:, self._moving :]
        factors = (coefficients[..., None] * self._steps).contiguous()
        blend(self._shapes, factors, self._raw, self._moving, means, quats, scales)
        opacities = still.opacities.expand(frames, -1)
        return Splats(means=means, quats=quats, scales=scales, opacities=opacities)


@final
class Shader:
    """Colours of the splats of some Gaussians; of degree 1, the usual one, in a compiled pass on
    the CPU."""

    def __init__(self, gaussians: Gaussians, degree: int) -> None:
        self._coefficients = gaussians.coefficients(degree).detach().contiguous()
        self._fast = degree == 1 and self._coefficients.device.type == "cpu"
        if self._fast:
            self._plain, self._slopes = spherical_harmonics.linear(self._coefficients)

    def __call__(self, splats: Splats, camera: Camera) -> Float[Tensor, "b n 3"]:
        if not self._fast:
            return eval_sh_colors(splats, self._coefficients, camera)
        centers = spherical_harmonics.centers(camera.viewmats)
        return shade(self._plain, self._slopes, splats.means.contiguous(), centers)


def padded(table: Tensor) -> Tensor:
    """With zeros at the end of its last axis, up to whole vectors of the compiled pass."""
    return pad(table, (0, -table.shape[-1] % COUNT)).contiguous()


def deformation_of(motion: Float[Tensor, "b n 10"]) -> Deformation:
    """The channels of motion shapes as a deformation."""
    shift, rotation, scale = motion.split([3, 4, 3], dim=-1)
    return Deformation(shift=shift, rotation=rotation, scale=scale)


def channels_of(deformation: Deformation) -> Float[Tensor, "b n 10"]:
    """The inverse of `deformation_of`."""
    return torch.cat([deformation.shift, deformation.rotation, deformation.scale], dim=-1)
