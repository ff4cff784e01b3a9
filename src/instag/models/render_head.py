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

from instag.models.face_field import Motion
from instag.models.head import Bearings, Face, Head, Mouth
from instag.ops.rotations import turned_axis
from instag.rendering import compositing, spherical_harmonics
from instag.rendering.renderer import Renderer
from instag.types import Camera, Condition, Rendering, Splats


@dataclass(frozen=True, kw_only=True)
class FaceLook:
    """The painted face and what moved it. normals: camera axes, weighted by alpha, where asked
    for."""

    rendering: Rendering
    motion: Motion
    bearings: Bearings

    @property
    def attention(self) -> Float[Tensor, "b h w 2"]:
        """How strongly each pixel follows speech and expression; needs `paint_face(...,
        attention=True)`."""
        return self.rendering.detached

    @property
    def rgb(self) -> Float[Tensor, "b h w 3"]:
        """Colour, multiplied by alpha."""
        return self.rendering.colors[..., :3]

    @property
    def normals(self) -> Float[Tensor, "b h w 3"]:
        """Needs `paint_face(..., normals=True)`."""
        return self.rendering.colors[..., 3:6]


def paint_face(
    face: Face,
    bearings: Bearings,
    motion: Motion,
    camera: Camera,
    renderer: Renderer,
    *,
    degree: int,
    normals: bool = False,
    attention: bool = False,
) -> FaceLook:
    """Move the face's Gaussians and paint them, with normals and attention as further channels
    where asked for. motion: of the face at these bearings."""
    frames = len(camera.viewmats)
    splats = face.splats(motion, frames)
    channels = shaded(splats, face.gaussians.coefficients(degree), camera)
    if normals:
        channels = torch.cat([channels, normals_toward(splats, camera)], dim=-1)
    watched = bearings.places.attention().expand(frames, -1, -1) if attention else None
    return FaceLook(
        rendering=renderer.render(splats, channels, camera, watched),
        motion=motion,
        bearings=bearings,
    )


def paint_mouth(
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
        splats, shaded(splats, mouth.gaussians.coefficients(degree), camera), camera
    )


def shaded(
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
class Stance:
    """What of a whole head is the same in every frame; made once, painted often."""

    face: Bearings
    mouth: Float[Tensor, "n 36"]


def stance(head: Head) -> Stance:
    return Stance(face=head.face.bearings(), mouth=head.mouth.encode())


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The splats of the face or of the mouth in some frames, and their colours: all that a renderer
    has to know besides the camera."""

    splats: Splats
    colors: Float[Tensor, "b n 3"]


def layers(
    head: Head, stance: Stance, condition: Condition, camera: Camera, *, degree: int
) -> tuple[Layer, Layer]:
    """Face and mouth, moved and shaded (METHOD 4). The shapes of what is computed hang on those of
    the arguments alone."""
    frames = len(camera.viewmats)
    heard = head.face.hear(condition)
    face = head.face.splats(head.face.moved(stance.face, heard), frames)
    move = head.face.mouth_move(stance.face, heard)
    mouth = head.mouth.splats(head.mouth.motion(stance.mouth, condition, move), frames)
    return (
        Layer(splats=face, colors=shaded(face, head.face.gaussians.coefficients(degree), camera)),
        Layer(
            splats=mouth, colors=shaded(mouth, head.mouth.gaussians.coefficients(degree), camera)
        ),
    )


def paint(
    head: Head,
    stance: Stance,
    condition: Condition,
    camera: Camera,
    behind: Float[Tensor, "b h w 3"],
    renderer: Renderer,
    *,
    degree: int,
    dilation: int = 0,
) -> Float[Tensor, "b h w 3"]:
    """The whole frame: mouth over `behind` (torso over backdrop), face over that (METHOD 4)."""
    face, mouth = (
        renderer.render(layer.splats, layer.colors, camera)
        for layer in layers(head, stance, condition, camera, degree=degree)
    )
    return compositing.compose(
        face=face.colors,
        face_alphas=face.alphas,
        mouth=mouth.colors,
        mouth_alphas=mouth.alphas,
        behind=behind,
        dilation=dilation,
    )
