"""A baked head: the motion of a person's face as linear shapes, in place of a field that is
evaluated at every Gaussian (docs/method.md#baked-motion)."""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from instag.models.blending import Blender, FastBlender, Shader, channels_of
from instag.models.face_field import FixedPoints
from instag.models.head import Head, speech_alone
from instag.models.layer_source import LayerSource
from instag.models.motion_shapes import MotionShapes, check_motion_shapes, check_places
from instag.models.mouth_field import FixedPointsMouth
from instag.models.mouth_field import hook as hook_of
from instag.models.render_head import Layer
from instag.runtime.untrusted import check_tensors, real_number
from instag.types import Camera, Condition, Splats

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
    return tensors_id(head.state_dict())


def tensors_id(tensors: Mapping[str, Tensor], words: str = "") -> int:
    """A number that no other tensors with such names, and words, have."""
    digest = hashlib.sha256(words.encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.detach().cpu().contiguous().float().numpy().data)
    return struct.unpack("<q", digest.digest()[:8])[0]


@final
class BakedLayers(LayerSource):
    """Evaluates the face's field at some hundred Gaussians, reads the coefficients of the shapes
    off them and blends the shapes; evaluates the mouth's small field at all of the mouth. On a CPU
    in compiled passes, elsewhere in torch."""

    def __init__(
        self,
        head: Head,
        baked: BakedHead,
        *,
        degree: int,
        shown: tuple[Bool[Tensor, " n"], Bool[Tensor, " m"]] | None = None,
    ) -> None:
        """baked: of this head. degree: of the spherical harmonics. shown: the Gaussians of face and
        mouth that come out, where not all of them do."""
        means = head.face.gaussians.means.detach()
        baked, shapes = baked.to(means.device), baked.face.to(means.device)
        self._head, self._shapes, self._reader = head, shapes, shapes.reader()
        sampled = head.face.point_features_at(means[shapes.read_at])
        at_hook = head.face.point_features_at(means[baked.hook_points])
        self._at_samples, self._gain = FixedPoints(head.face.field, sampled.features), sampled.gain
        self._at_hook = FixedPoints(head.face.field, at_hook.features)
        blender = FastBlender if means.device.type == "cpu" else Blender
        gaussians, encoding = head.face.gaussians, head.mouth.encode()
        of_mouth = head.mouth.gaussians
        if shown is not None:
            gaussians, shapes = gaussians.part(shown[0]), shapes.part(shown[0])
            of_mouth, encoding = of_mouth.part(shown[1]), encoding[shown[1]]
        self._blender = blender(gaussians, shapes)
        with torch.no_grad():
            self._pose_shapes = head.face.pose_shapes_at(self._blender.gaussians.means)
        self._mouth = FixedPointsMouth(head.mouth.field, encoding)
        self._face_colors = Shader(self._blender.gaussians, degree)
        self._still_mouth = of_mouth.splats(None, 1)
        self._mouth_colors = Shader(of_mouth, degree)

    @property
    def face_order(self) -> Int[Tensor, " n"]:
        """The places in the head of the face's Gaussians, as they come out."""
        return self._blender.order

    def __call__(self, condition: Condition, camera: Camera) -> tuple[Layer, Layer]:
        face, mouth = self._head.face, self._head.mouth
        codes = face.encode_conditioning(condition)
        moved = self._at_samples(codes)
        moved = channels_of(replace(moved, shift=moved.shift * self._gain))
        of_face = self._blender(self._shapes.coefficients(moved, self._reader))
        turned = face.turned(of_face.means, self._pose_shapes, camera.viewmats)
        of_face = replace(of_face, means=turned)
        hook = hook_of(self._at_hook(speech_alone(codes)).shift)
        shift = self._mouth.shift(mouth.field.speech(condition.speech), hook)
        of_mouth = self._mouth_splats(shift)
        return (
            Layer(splats=of_face, colors=self._face_colors(of_face, camera)),
            Layer(splats=of_mouth, colors=self._mouth_colors(of_mouth, camera)),
        )

    def _mouth_splats(self, shift: Float[Tensor, "b n 3"]) -> Splats:
        """A mouth's Gaussians do not change but for their places."""
        still, frames = self._still_mouth, len(shift)
        return Splats(
            means=still.means + shift,
            quats=still.quats.expand(frames, -1, -1),
            scales=still.scales.expand(frames, -1, -1),
            opacities=still.opacities.expand(frames, -1),
        )
