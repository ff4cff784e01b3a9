"""A talking head: the Gaussians of a person's face and of the inside of the mouth, with the fields
that move them.

The universal field, evaluated at the aligned points, deforms the face. The mouth's field deforms
the mouth by speech and by the hook, which the caller passes on from the face
(docs/method.md#a-frame).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from instag.models.aligner import Aligner, face_aligner, mouth_aligner
from instag.models.conditioning_encoders import WIDTH
from instag.models.face_field import Deformation, FieldFeatures, MotionField, universal_face_field
from instag.models.gaussians import Gaussians
from instag.models.mouth_field import HOOK_RANK, MouthField, hook
from instag.models.pose_shapes import PoseShapes, shifted
from instag.types import (
    BLINK,
    BLINK_LIMIT,
    EXPRESSION_UNITS,
    Condition,
    Conditioning,
    Splats,
)

CAN_BLINK = 0.9
"""The share of BLINK_LIMIT that a head must have learned to close its eyes."""


@dataclass(frozen=True, kw_only=True)
class PointFeatures:
    """Features of points of the face, the same in every frame: those of the universal field at the
    aligned points, the aligner's offset and gain, and the points' pose shapes, where the head has
    any."""

    features: FieldFeatures
    offset: Float[Tensor, "n 3"]
    gain: Float[Tensor, "n 3"]
    pose_shapes: Float[Tensor, "n 3 3"] | None = None

    def at(self, points: Int[Tensor, " p"]) -> "PointFeatures":
        """Those of some of the points."""
        return PointFeatures(
            features=self.features.at(points),
            offset=self.offset[points],
            gain=self.gain[points],
            pose_shapes=None if self.pose_shapes is None else self.pose_shapes[points],
        )

    def split(self, *points: int) -> list["PointFeatures"]:
        """The first so many points, the next so many, and so on."""
        shapes = self.pose_shapes
        parts = zip(
            self.features.split(*points),
            self.offset.split(points),
            self.gain.split(points),
            [None] * len(points) if shapes is None else shapes.split(points),
            strict=True,
        )
        return [
            PointFeatures(features=features, offset=offset, gain=gain, pose_shapes=shapes)
            for features, offset, gain, shapes in parts
        ]


class Face(nn.Module):
    """The outside of the head. pose_shapes: None in heads that only speech and expression move."""

    def __init__(
        self,
        gaussians: Gaussians,
        field: MotionField,
        aligner: Aligner,
        pose_shapes: PoseShapes | None = None,
    ) -> None:
        super().__init__()
        self.gaussians = gaussians
        self.field = field
        self.aligner = aligner
        self.pose_shapes = pose_shapes

    def point_features(self, *, aligned: bool = True) -> PointFeatures:
        """Align the centres of the Gaussians, then encode them. Gradients reach the aligner and the
        field, not the centres."""
        return self.point_features_at(self.gaussians.means.detach(), aligned=aligned)

    def point_features_at(
        self, points: Float[Tensor, "n 3"], *, aligned: bool = True
    ) -> PointFeatures:
        """The same for any points of the head, metres."""
        shapes = self.pose_shapes_at(points)
        if not aligned:
            return PointFeatures(
                features=self.field.features(points),
                offset=torch.zeros_like(points),
                gain=torch.ones_like(points),
                pose_shapes=shapes,
            )
        alignment = self.aligner(points)
        return PointFeatures(
            features=self.field.features(points + alignment.offset),
            offset=alignment.offset,
            gain=alignment.gain,
            pose_shapes=shapes,
        )

    def motion(self, point_features: PointFeatures, condition: Condition) -> Deformation:
        """The field's deformation with the aligner's gain on the shift."""
        return self.deform(point_features, self.encode_conditioning(condition))

    def encode_conditioning(self, condition: Condition) -> Float[Tensor, "b codes"]:
        """The field's codes of speech and expression; the same for all points."""
        return self.field.encode_conditioning(condition)

    def deform(self, point_features: PointFeatures, codes: Float[Tensor, "b codes"]) -> Deformation:
        """The motion for codes that `encode_conditioning` returned."""
        motion = self.field.deform(point_features.features, codes)
        return Deformation(
            shift=motion.shift * point_features.gain, rotation=motion.rotation, scale=motion.scale
        )

    @torch.no_grad()
    def hook(
        self, point_features: PointFeatures, codes: Float[Tensor, "b codes"], rank: int = HOOK_RANK
    ) -> Float[Tensor, "b 3"]:
        """The face-mouth hook, read at a rank."""
        return hook(self.speech_shift(point_features, codes), rank)

    @torch.no_grad()
    def speech_shift(
        self, point_features: PointFeatures, codes: Float[Tensor, "b codes"]
    ) -> Float[Tensor, "b n 3"]:
        """The field's own shifts with the expression at zero, which the hook reads."""
        return self.field.deform(point_features.features, speech_alone(codes)).shift

    def splats(
        self, point_features: PointFeatures, motion: Deformation, viewmats: Float[Tensor, "b 4 4"]
    ) -> Splats:
        """Moved by speech and expression, and by the turn of the head. point_features: of all
        Gaussians."""
        shift = self.turned(motion.shift, point_features.pose_shapes, viewmats)
        return self.gaussians.splats(replace(motion, shift=shift), len(viewmats))

    def pose_shapes_at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"] | None:
        """Pose shapes of any points of the head, metres; None where the head has none."""
        return None if self.pose_shapes is None else self.pose_shapes.shapes(points)

    def turned(
        self,
        places: Float[Tensor, "b n 3"],
        shapes: Float[Tensor, "n 3 3"] | None,
        viewmats: Float[Tensor, "b 4 4"],
    ) -> Float[Tensor, "b n 3"]:
        """Places or shifts of points with these pose shapes, metres, moved by the turn of the
        head."""
        if self.pose_shapes is None or shapes is None:
            return places
        return places + shifted(shapes, self.pose_shapes.turn(viewmats))


def speech_alone(codes: Float[Tensor, "b codes"]) -> Float[Tensor, "b codes"]:
    """Codes of a face's field with the expression at zero."""
    return torch.cat([codes[:, :WIDTH], torch.zeros_like(codes[:, WIDTH:])], dim=-1)


class Mouth(nn.Module):
    """The inside of the mouth."""

    def __init__(self, gaussians: Gaussians, field: MouthField, aligner: Aligner) -> None:
        super().__init__()
        self.gaussians = gaussians
        self.field = field
        self.aligner = aligner

    def encode(self, *, aligned: bool = True) -> Float[Tensor, "n 36"]:
        """The encoding of the (aligned) centres, the same in every frame."""
        return self.encode_at(self.gaussians.means.detach(), aligned=aligned)

    def encode_at(
        self, points: Float[Tensor, "n 3"], *, aligned: bool = True
    ) -> Float[Tensor, "n 36"]:
        """The same for any points of the mouth, metres."""
        return self.field.encoding(points + self.aligner(points).offset if aligned else points)

    def motion(
        self, encoding: Float[Tensor, "n 36"], condition: Condition, hook: Float[Tensor, "b 3"]
    ) -> Deformation:
        """Shifts alone."""
        shift = self.field.shift(encoding, self.field.speech(condition.speech), hook)
        return Deformation(
            shift=shift,
            rotation=shift.new_zeros(*shift.shape[:2], 4),
            scale=torch.zeros_like(shift),
        )

    def splats(self, motion: Deformation | None, frames: int) -> Splats:
        return self.gaussians.splats(motion, frames, rigid=True)


class Head(nn.Module):
    """Face and mouth of one person."""

    def __init__(self, face: Face, mouth: Mouth) -> None:
        super().__init__()
        self.face = face
        self.mouth = mouth

    def set_speech_level(self, features: Float[Tensor, "f channels steps"]) -> None:
        """Let both speech encoders normalise features like these to mean 0 and deviation 1."""
        for encoder in (self.face.field.speech, self.mouth.field.speech):
            encoder.level.copy_(encoder.level_of(features))

    def set_expression_range(self, expression: Float[Tensor, "f u"]) -> None:
        """Let the face's field clamp expressions to the range of these, from which it learns."""
        self.face.field.expression_range.copy_(
            torch.stack([expression.amin(0), expression.amax(0)])
        )

    def can_blink(self) -> bool:
        """Whether the face's field has learned to close the eyes."""
        field = self.face.field
        if BLINK not in field.units:
            return False
        strongest = float(field.expression_range[1, field.units.index(BLINK)])
        return strongest >= CAN_BLINK * BLINK_LIMIT


def new_head(
    *,
    face: Gaussians,
    mouth: Gaussians,
    conditioning: Conditioning,
    units: tuple[str, ...] = EXPRESSION_UNITS,
    pose_shapes: bool = False,
    seed: int = 0,
) -> Head:
    """Fresh fields and aligners around two sets of Gaussians; the global generator is left as it
    was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        of_face = universal_face_field(conditioning, units), face_aligner()
        of_mouth = MouthField(conditioning), mouth_aligner()
        shapes = PoseShapes() if pose_shapes else None
    return Head(Face(face, *of_face, shapes), Mouth(mouth, *of_mouth))


def load_head(head: Head, state: dict[str, Tensor]) -> None:
    """`head.load_state_dict(state)` for any number of Gaussians."""
    for part in (head.face, head.mouth):
        start = "face.gaussians." if part is head.face else "mouth.gaussians."
        for name, _ in list(part.gaussians.named_parameters()):
            setattr(part.gaussians, name, nn.Parameter(torch.empty_like(state[start + name])))
    head.load_state_dict(state)
