"""PersonDeformation: how the universal field and a person's own move the Gaussians and landmarks of
several people, asked of the fields at once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import Deformation, FieldFeatures, MotionField
from instag.training.multi_person import cat_conditions
from instag.training.supervision.landmarks import LandmarkBatch
from instag.types import Condition


@dataclass(frozen=True, kw_only=True)
class Query:
    """What the fields compute for one person. centres: of the Gaussians, metres. own: that person's
    field. mean: a condition of one frame, whose motion is computed too."""

    centres: Float[Tensor, "n 3"]
    own: MotionField
    condition: Condition
    mean: Condition | None
    landmarks: LandmarkBatch | None

    @property
    def points(self) -> Float[Tensor, "q 3"]:
        """Gaussians, then landmarks."""
        return torch.cat([self.centres, self.landmarks.points]) if self.landmarks else self.centres

    @property
    def conditions(self) -> Condition:
        """Frames, then the mean, then those of the landmarks."""
        parts = [self.condition, self.mean, self.landmarks and self.landmarks.condition]
        return cat_conditions([part for part in parts if part])


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


def deform_people(field: MotionField, queries: list[Query]) -> list[PersonDeformation]:
    """The universal field computes all points and all conditions at once, then each person's own
    field its part."""
    points, conditions = [each.points for each in queries], [each.conditions for each in queries]
    places = field.features(torch.cat(points)).split(*(len(where) for where in points))
    codes = field.encode_conditioning(cat_conditions(conditions)).split(
        [len(condition.speech) for condition in conditions]
    )
    return [
        _deform(field, query, where, condition, here, code)
        for query, where, condition, here, code in zip(
            queries, points, conditions, places, codes, strict=True
        )
    ]


def _deform(
    field: MotionField,
    query: Query,
    points: Float[Tensor, "q 3"],
    condition: Condition,
    places: FieldFeatures,
    codes: Float[Tensor, "b codes"],
) -> PersonDeformation:
    own, count = query.own, len(query.centres)
    splats, marks = zip(
        *(at.split(count, len(points) - count) for at in (places, own.features(points))),
        strict=True,
    )
    # The mean's frame is computed beside the others: what a step costs a GPU are its operations,
    # not their size.
    frames = [len(query.condition.speech), *([1] if query.mean else [])]
    seen, taught = zip(
        *(
            each.split([sum(frames), len(each) - sum(frames)])
            for each in (codes, own.encode_conditioning(condition))
        ),
        strict=True,
    )
    universal, personal = (
        each.deform(at, of_frames).split(*frames)
        for each, at, of_frames in zip((field, own), splats, seen, strict=True)
    )
    shared = field.deform(marks[0], taught[0]) if query.landmarks else None
    return PersonDeformation(
        universal=universal[0],
        own=personal[0],
        mean=universal[1:] + personal[1:],
        attention=torch.cat([at.attention() for at in splats], dim=-1),
        landmarks=shared and shared.shift + own.deform(marks[1], taught[1]).shift,
        universal_landmarks=shared,
    )
