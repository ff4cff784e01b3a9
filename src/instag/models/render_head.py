"""From a head and a frame's conditions to a picture: start reading here. Training, speaking and
viewing all call it.

condition ── field ── motion ── splats ── renderer ── face picture ─┐ └─ hook ── mouth field ──
splats ── renderer ── mouth picture ──┴─ over torso and backdrop ── frame
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from instag.models.face_field import Deformation
from instag.models.head import Face, Head, Mouth, PointFeatures
from instag.ops.rotations import turned_axis
from instag.rendering import compositing, spherical_harmonics
from instag.rendering.renderer import Renderer
from instag.types import Camera, Condition, Rendering, Splats


@dataclass(frozen=True, kw_only=True)
class FaceRendering:
    """The painted face and what moved it. normals: camera axes, weighted by alpha, where asked
    for."""

    rendering: Rendering
    motion: Deformation
    point_features: PointFeatures

    @property
    def attention(self) -> Float[Tensor, "b h w 2"]:
        """How strongly each pixel follows speech and expression; needs `render_face(...,
        attention=True)`."""
        return self.rendering.detached

    @property
    def rgb(self) -> Float[Tensor, "b h w 3"]:
        """Colour, multiplied by alpha."""
        return self.rendering.colors[..., :3]

    @property
    def normals(self) -> Float[Tensor, "b h w 3"]:
        """Needs `render_face(..., normals=True)`."""
        return self.rendering.colors[..., 3:6]


def render_face(
    face: Face,
    point_features: PointFeatures,
    motion: Deformation,
    camera: Camera,
    renderer: Renderer,
    *,
    degree: int,
    normals: bool = False,
    attention: bool = False,
) -> FaceRendering:
    """Move the face's Gaussians and paint them, with normals and attention as further channels
    where asked for. motion: of the face at these bearings."""
    frames = len(camera.viewmats)
    splats = face.splats(motion, frames)
    channels = eval_sh_colors(splats, face.gaussians.coefficients(degree), camera)
    if normals:
        channels = torch.cat([channels, normals_toward(splats, camera)], dim=-1)
    watched = point_features.places.attention().expand(frames, -1, -1) if attention else None
    return FaceRendering(
        rendering=renderer.render(splats, channels, camera, watched),
        motion=motion,
        point_features=point_features,
    )


def render_mouth(
    mouth: Mouth,
    encoding: Float[Tensor, "n 36"],
    condition: Condition,
    move: Float[Tensor, "b 3"],
    camera: Camera,
    renderer: Renderer,
    *,
    degree: int,
) -> Rendering:
    """Move the inside of the mouth and paint it. `move` comes from `Face.mouth_move`."""
    motion = mouth.motion(encoding, condition, move)
    splats = mouth.splats(motion, len(camera.viewmats))
    return renderer.render(
        splats, eval_sh_colors(splats, mouth.gaussians.coefficients(degree), camera), camera
    )


def eval_sh_colors(
    splats: Splats, coefficients: Float[Tensor, "n k 3"], camera: Camera
) -> Float[Tensor, "b n 3"]:
    """Colours of splats as the camera sees them."""
    if coefficients.shape[1] == 1:
        return (
            (0.5 + spherical_harmonics.CONSTANT * coefficients[:, 0])
            .clamp_min(0)
            .expand(len(camera.viewmats), -1, -1)
        )
    return spherical_harmonics.colors(
        coefficients,
        spherical_harmonics.directions(splats.means.detach(), camera.viewmats.detach()),
    )


def normals_toward(splats: Splats, camera: Camera) -> Float[Tensor, "b n 3"]:
    """The shortest axis of each splat, turned to the camera, in camera axes (x right, y up, z
    toward the camera)."""
    axis = turned_axis(splats.quats, splats.scales.argmin(dim=-1))
    turned = axis @ camera.viewmats[:, :3, :3].mT
    to_camera = -normalize(
        splats.means @ camera.viewmats[:, :3, :3].mT + camera.viewmats[:, None, :3, 3], dim=-1
    )
    facing = torch.where((turned * to_camera.detach()).sum(-1, keepdim=True) < 0, -turned, turned)
    return torch.cat([facing[..., :1], -facing[..., 1:]], dim=-1)


@dataclass(frozen=True, kw_only=True)
class StaticFeatures:
    """What of a whole head is the same in every frame; made once, painted often."""

    face: PointFeatures
    mouth: Float[Tensor, "n 36"]


def static_features(head: Head) -> StaticFeatures:
    return StaticFeatures(face=head.face.point_features(), mouth=head.mouth.encode())


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The splats of the face or of the mouth in some frames, and their colours: all that a renderer
    has to know besides the camera."""

    splats: Splats
    colors: Float[Tensor, "b n 3"]


def layers(
    head: Head,
    static_features: StaticFeatures,
    condition: Condition,
    camera: Camera,
    *,
    degree: int,
) -> tuple[Layer, Layer]:
    """Face and mouth, moved and shaded (docs/method.md#a-frame). The shapes of what is computed
    hang on those of the arguments alone."""
    frames = len(camera.viewmats)
    heard = head.face.encode_conditioning(condition)
    face = head.face.splats(head.face.deform(static_features.face, heard), frames)
    move = head.face.mouth_move(static_features.face, heard)
    mouth = head.mouth.splats(head.mouth.motion(static_features.mouth, condition, move), frames)
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


def paint(
    head: Head,
    static_features: StaticFeatures,
    condition: Condition,
    camera: Camera,
    behind: Float[Tensor, "b h w 3"],
    renderer: Renderer,
    *,
    degree: int,
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """The whole frame: mouth over `behind` (torso over backdrop), face over that
    (docs/method.md#a-frame)."""
    face, mouth = (
        renderer.render(layer.splats, layer.colors, camera)
        for layer in layers(head, static_features, condition, camera, degree=degree)
    )
    return compositing.compose(
        face=face.colors,
        face_alphas=face.alphas,
        mouth=mouth.colors,
        mouth_alphas=mouth.alphas,
        behind=behind,
        dilation=dilation,
    )
