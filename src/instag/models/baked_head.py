"""A baked head: the motion of a person's face as linear shapes, in place of a field that is asked
about every Gaussian (docs/method.md#baked-motion)."""

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.models.blending import Blender, FastBlender, Shader, channels_of
from instag.models.face_field import Deformation
from instag.models.gaussians import Gaussians
from instag.models.head import Head
from instag.models.layer_source import LayerSource
from instag.models.motion_shapes import MotionShapes, check_motion_shapes, check_places
from instag.models.mouth_field import FixedPointsMouth
from instag.models.pose_shapes import shifted
from instag.models.render_head import Layer
from instag.runtime.untrusted import check_tensors, real_number
from instag.types import Camera, Condition

MOST_DECIBEL = 200.0
LEAST_PSNR, LEAST_MOUTH_PSNR = 45.0, 42.0
"""Decibels under which a head is painted with its fields."""
_HOOK, _PSNR, _IDENTITY = "hook_points", "psnr", "head_id"


@final
@dataclass(frozen=True, kw_only=True)
class BakedHead:
    """Motion shapes of a face. hook_points: Gaussians of the face among which the hook's ranks are
    found. psnr, mouth_psnr: dB against the exact head in frames that nothing was fitted to, of the
    whole picture and of the box around the mouth. head_id: of the head that was baked.
    """

    face: MotionShapes
    hook_points: Int[Tensor, " h"]
    psnr: float
    mouth_psnr: float
    head_id: int

    @property
    def near_enough(self) -> bool:
        """Whether it may stand for the exact head."""
        return self.psnr >= LEAST_PSNR and self.mouth_psnr >= LEAST_MOUTH_PSNR

    def to(self, device: torch.device | str) -> "BakedHead":
        """The same on a device."""
        return replace(self, face=self.face.to(device), hook_points=self.hook_points.to(device))

    def tensors(self) -> dict[str, Tensor]:
        """As they are stored."""
        return self.face.tensors() | {
            _HOOK: self.hook_points.int(),
            _PSNR: torch.tensor([self.psnr, self.mouth_psnr]),
            _IDENTITY: torch.tensor(self.head_id),
        }

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "BakedHead":
        """The inverse of `tensors`."""
        whole, mouth = tensors[_PSNR].tolist()
        return cls(
            face=MotionShapes.of_tensors(tensors),
            hook_points=tensors[_HOOK].long(),
            psnr=whole,
            mouth_psnr=mouth,
            head_id=int(tensors[_IDENTITY]),
        )


def check_baked_head(tensors: dict[str, Tensor], count: int) -> None:
    """Check stored tensors against the number of the face's Gaussians. Raises ValueError,
    KeyError."""
    own = {name: tensors[name] for name in (_HOOK, _PSNR, _IDENTITY)}
    check_motion_shapes({name: tensors[name] for name in tensors.keys() - own.keys()}, count)
    check_tensors(own, {_HOOK: (None,), _PSNR: (2,), _IDENTITY: ()})
    if own[_HOOK].dtype != torch.int32 or own[_IDENTITY].dtype != torch.int64:
        raise ValueError("the baked head's numbers are of another type")
    check_places(_HOOK, own[_HOOK], count)
    for decibel in own[_PSNR].tolist():
        real_number(_PSNR, decibel, 0.0, MOST_DECIBEL)


def head_id(head: Head) -> int:
    """A number that no other head has: of a digest of all that it consists of."""
    digest = hashlib.sha256()
    for name, value in sorted(head.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.detach().cpu().contiguous().float().numpy().data)
    return struct.unpack("<q", digest.digest()[:8])[0]


@final
class BakedLayers(LayerSource):
    """Asks the face's field about some hundred Gaussians, reads the coefficients of the shapes off
    them and blends the shapes; asks the mouth's small field about all of the mouth. On a CPU in
    compiled passes, elsewhere in torch."""

    def __init__(self, head: Head, baked: BakedHead, *, degree: int) -> None:
        """baked: of this head. degree: of the spherical harmonics."""
        means = head.face.gaussians.means.detach()
        baked, shapes = baked.to(means.device), baked.face.to(means.device)
        self._head, self._shapes, self._reader = head, shapes, shapes.reader()
        self._asked = head.face.point_features_at(means[shapes.read_at])
        self._hook_points = head.face.point_features_at(means[baked.hook_points])
        blender = FastBlender if means.device.type == "cpu" else Blender
        self._blender = blender(head.face.gaussians, shapes)
        self._pose_shapes = _pose_shapes(head, self._blender.gaussians)
        self._mouth = FixedPointsMouth(head.mouth.field, head.mouth.encode())
        self._face_colors = Shader(self._blender.gaussians, degree)
        self._mouth_colors = Shader(head.mouth.gaussians, degree)

    def __call__(self, condition: Condition, camera: Camera) -> tuple[Layer, Layer]:
        face, mouth = self._head.face, self._head.mouth
        codes = face.encode_conditioning(condition)
        moved = channels_of(face.deform(self._asked, codes))
        of_face = self._blender(self._shapes.coefficients(moved, self._reader))
        if self._pose_shapes is not None and face.pose_shapes is not None:
            turn = face.pose_shapes.turn(camera.viewmats)
            of_face = replace(of_face, means=of_face.means + shifted(self._pose_shapes, turn))
        hook = face.hook(self._hook_points, codes)
        shift = self._mouth.shift(mouth.field.speech(condition.speech), hook)
        of_mouth = mouth.splats(_shifted(shift), len(shift))
        return (
            Layer(splats=of_face, colors=self._face_colors(of_face, camera)),
            Layer(splats=of_mouth, colors=self._mouth_colors(of_mouth, camera)),
        )


def _pose_shapes(head: Head, gaussians: Gaussians) -> Float[Tensor, "n 3 3"] | None:
    """Of some Gaussians of the head's face."""
    shapes = head.face.pose_shapes
    return None if shapes is None else shapes.shapes(gaussians.means.detach())


def _shifted(shift: Tensor) -> Deformation:
    return Deformation(
        shift=shift,
        rotation=shift.new_zeros(*shift.shape[:2], 4),
        scale=torch.zeros_like(shift),
    )
