"""PersonDeformation: how the universal field and a person's own move its Gaussians and
landmarks."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import Deformation, MotionField
from instag.training.supervision.landmarks import LandmarkBatch
from instag.types import Condition, cat_conditions


@dataclass(frozen=True, kw_only=True)
class PersonDeformation:
    """A person's Gaussians and landmarks, moved. mean: by each field, under the mean condition.
    attention: of both fields, at the Gaussians. landmarks: shifts by both fields, metres.
    universal_landmarks: what the universal field alone computes there."""

    universal: Deformation
    own: Deformation
    mean: list[Deformation]
    attention: Float[Tensor, "n 4"]
    landmarks: Float[Tensor, "f p 3"] | None
    universal_landmarks: Deformation | None

    @property
    def motion(self) -> Deformation:
        """What both fields make together."""
        return Deformation(
            shift=self.universal.shift + self.own.shift,
            rotation=self.universal.rotation + self.own.rotation,
            scale=self.universal.scale + self.own.scale,
        )


def deform_person(
    field: MotionField,
    own: MotionField,
    centers: Float[Tensor, "n 3"],
    condition: Condition,
    *,
    mean: Condition | None,
    landmarks: LandmarkBatch | None,
) -> PersonDeformation:
    """Each field computes all points and all conditions at once. centers: of the Gaussians, metres.
    mean: a condition of one frame, whose motion is computed too."""
    points = torch.cat([centers, landmarks.points]) if landmarks else centers
    # The mean's frame is computed beside the others: what a step costs a GPU are its operations,
    # not their size.
    parts = [condition, mean, landmarks and landmarks.condition]
    conditions = cat_conditions([part for part in parts if part])
    frames = [len(condition.speech), *([1] if mean else [])]
    count, seen = len(centers), sum(frames)
    moved, marked, attention = [], [], []
    for each in (field, own):
        at, marks = each.features(points).split(count, len(points) - count)
        codes = each.encode_conditioning(conditions)
        in_frames, in_taught = codes.split([seen, len(codes) - seen])
        moved.append(each.deform(at, in_frames).split(*frames))
        attention.append(at.attention())
        if landmarks:
            marked.append(each.deform(marks, in_taught))
    universal, personal = moved
    return PersonDeformation(
        universal=universal[0],
        own=personal[0],
        mean=universal[1:] + personal[1:],
        attention=torch.cat(attention, dim=-1),
        landmarks=marked[0].shift + marked[1].shift if marked else None,
        universal_landmarks=marked[0] if marked else None,
    )
