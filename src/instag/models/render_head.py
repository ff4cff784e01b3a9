"""Render a head: from what drives it in a frame to the picture. Start reading here; training,
speaking and evaluation all call this module.

    pose ──────── pose shapes ─────────┐
    condition ── face field ── deformation ── splats ── renderer ── face ─────┐
                     │                                                        │
                     └── hook ── mouth field ── splats ── renderer ── mouth ──┴── over background

The paper's pipeline (docs/method.md#a-frame): a motion field deforms the Gaussians of the face by
speech and expression, pose shapes shift hair, ears and neck by its turn; the hook reads from the
field how far the face opens and drives the mouth's field; both sets of splats are rasterized
(3DGS) and composited over torso and backdrop.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from instag.models.face_field import Deformation
from instag.models.gaussians import Gaussians
from instag.models.head import Face, Head, Mouth, PointFeatures
from instag.ops.rotations import rotated_axis
from instag.rendering import compositing, spherical_harmonics
from instag.rendering.renderer import Drawing, Renderer
from instag.types import Camera, Condition, Splats


@dataclass(frozen=True, kw_only=True)
class StaticFeatures:
    """The features of a head's Gaussians that no frame changes: computed once, used in every
    frame."""

    face: PointFeatures
    mouth: Float[Tensor, "n 36"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The splats of the face or of the mouth in some frames, and their colours: with a camera, all
    that a renderer needs."""

    splats: Splats
    colors: Float[Tensor, "b n 3"]


def static_features(head: Head) -> StaticFeatures:
    """Align and encode the centres of all Gaussians."""
    return StaticFeatures(face=head.face.point_features(), mouth=head.mouth.encode())


def render_head(
    head: Head,
    static_features: StaticFeatures,
    condition: Condition,
    camera: Camera,
    background: Float[Tensor, "b h w 3"],
    renderer: Renderer,
    *,
    degree: int,
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """Whole frames: the mouth over `background` (torso over backdrop), the face over that.

    degree: of the spherical harmonics. dilation: see compositing.compose.
    """
    face, mouth = (
        renderer.render(layer.splats, layer.colors, camera)
        for layer in layers(head, static_features, condition, camera, degree=degree)
    )
    return compositing.compose(face, mouth, background, dilation=dilation)


def layers(
    head: Head,
    static_features: StaticFeatures,
    condition: Condition,
    camera: Camera,
    *,
    degree: int,
) -> tuple[Layer, Layer]:
    """Face and mouth, deformed and coloured. All shapes depend on the arguments' shapes alone, so
    that a CUDA graph can record it."""
    frames = len(camera.viewmats)
    codes = head.face.encode_conditioning(condition)
    motion = head.face.deform(static_features.face, codes)
    face = head.face.splats(static_features.face, motion, camera.viewmats)
    hook = head.face.hook(static_features.face, codes)
    mouth = head.mouth.splats(head.mouth.motion(static_features.mouth, condition, hook), frames)
    return (
        Layer(
            splats=face,
            colors=eval_sh_colors(face, head.face.gaussians.coefficients(degree), camera),
        ),
        Layer(
            splats=mouth,
            colors=eval_sh_colors(mouth, head.mouth.gaussians.coefficients(degree), camera),
        ),
    )


def face_drawing(
    face: Face,
    point_features: PointFeatures,
    motion: Deformation,
    camera: Camera,
    *,
    degree: int,
    normals: bool = False,
    squared_depths: bool = False,
    attention: bool = False,
) -> Drawing:
    """The deformed Gaussians of the face. normals: three further channels, in the camera's axes.
    squared_depths: one more, see depths_beyond_head. attention: detached channels, how strongly
    speech and expression move a splat. motion: of the Gaussians that `point_features` describes."""
    splats, frames = face.splats(point_features, motion, camera.viewmats), len(camera.viewmats)
    channels = eval_sh_colors(splats, face.gaussians.coefficients(degree), camera)
    if normals:
        channels = torch.cat([channels, camera_facing_normals(splats, camera)], dim=-1)
    if squared_depths:
        channels = torch.cat([channels, depths_beyond_head(splats, camera).square()], dim=-1)
    detached = point_features.features.attention().expand(frames, -1, -1) if attention else None
    return Drawing(splats=splats, colors=channels, camera=camera, detached=detached)


def mouth_drawing(
    mouth: Mouth,
    encoding: Float[Tensor, "n 36"],
    condition: Condition,
    hook: Float[Tensor, "b 3"],
    camera: Camera,
    *,
    degree: int,
) -> Drawing:
    """The deformed Gaussians inside the mouth. hook: from `Face.hook`."""
    splats = mouth.splats(mouth.motion(encoding, condition, hook), len(camera.viewmats))
    colors = eval_sh_colors(splats, mouth.gaussians.coefficients(degree), camera)
    return Drawing(splats=splats, colors=colors, camera=camera)


def gaussians_drawing(
    gaussians: Gaussians,
    motion: Deformation | None,
    camera: Camera,
    *,
    degree: int,
    attention: Float[Tensor, "n k"] | None = None,
    rigid: bool = False,
) -> Drawing:
    """Gaussians that belong to no head yet. motion, rigid: see Gaussians.splats. attention:
    detached channels."""
    frames = len(camera.viewmats)
    splats = gaussians.splats(motion, frames, rigid=rigid)
    colors = eval_sh_colors(splats, gaussians.coefficients(degree), camera)
    detached = None if attention is None else attention.expand(frames, -1, -1)
    return Drawing(splats=splats, colors=colors, camera=camera, detached=detached)


def eval_sh_colors(
    splats: Splats, coefficients: Float[Tensor, "n k 3"], camera: Camera
) -> Float[Tensor, "b n 3"]:
    """Colours of splats as the camera sees them; no gradient reaches centres or camera."""
    if coefficients.shape[1] == 1:
        return (
            (0.5 + spherical_harmonics.SH_C0 * coefficients[:, 0])
            .clamp_min(0)
            .expand(len(camera.viewmats), -1, -1)
        )
    directions = spherical_harmonics.directions(splats.means.detach(), camera.viewmats.detach())
    return spherical_harmonics.colors(coefficients, directions)


def depths_beyond_head(splats: Splats, camera: Camera) -> Float[Tensor, "b n 1"]:
    """How much farther from the camera than the head's origin each splat lies, along the camera's
    z, metres. Squares of these keep their digits where squares of whole depths do not."""
    return splats.means @ camera.viewmats[:, 2, :3, None]


def camera_facing_normals(splats: Splats, camera: Camera) -> Float[Tensor, "b n 3"]:
    """The shortest axis of each splat, on the side that faces the camera, in camera axes (x right,
    y up, z toward the camera)."""
    rotation, translation = camera.viewmats[:, :3, :3], camera.viewmats[:, None, :3, 3]
    shortest = rotated_axis(splats.quats, splats.scales.argmin(dim=-1)) @ rotation.mT
    to_camera = -normalize(splats.means @ rotation.mT + translation, dim=-1)
    away = (shortest * to_camera.detach()).sum(-1, keepdim=True) < 0
    facing = torch.where(away, -shortest, shortest)
    return torch.cat([facing[..., :1], -facing[..., 1:]], dim=-1)
