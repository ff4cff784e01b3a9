"""LandmarkBatch: what landmarks should do in many frames, some as they were seen, the others with
pseudo-labels. It needs no picture, so that many frames fit in a step."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.motion.landmark_motion import LandmarkMotion
from instag.training.people import Person
from instag.training.supervision.expressions import ExpressionLabeler, ExpressionLabels
from instag.training.supervision.pseudo_labels import PseudoLabeler
from instag.types import Condition

BLINK_SHARE = 0.2
"""Of the frames: those drawn by how closed the eyes are. Five seconds hold a handful of blinks, and
in a schedule of few, large steps chance decided whether lids learned to close."""
PLAIN_SHARE = 0.2
"""Of the frames: those that keep their own features."""


@final
@dataclass(frozen=True, kw_only=True)
class LandmarkBatch:
    """Where points of a face, metres, should be shifted to under these conditions.

    shift: of the first p points in the first f frames. expressions: how the last frames differ from
    as many before them, which have the same features.
    """

    points: Float[Tensor, "q 3"]
    condition: Condition
    shift: Float[Tensor, "f p 2"]
    expressions: ExpressionLabels | None = None

    def error(self, moved: Float[Tensor, "b q 3"]) -> Float[Tensor, ""]:
        """How far the landmarks are from where they should be, metres. moved: shifts of all points
        in all frames."""
        frames, points = self.shift.shape[:2]
        return (moved[:frames, :points, :2] - self.shift).abs().mean()


@final
@dataclass(frozen=True, kw_only=True)
class LandmarkSampler:
    """Makes the landmark batches of one person.

    speech: windows of the training frames. cdf: see `frame_cdf`. frames, points: of a batch.
    acted: so many of the frames come again with another expression; 0 without a labeler of them.
    """

    person: Person
    speech: Float[Tensor, "f 8 channels steps"]
    cdf: Float[Tensor, " f"]
    labeler: PseudoLabeler
    expressions: ExpressionLabeler | None
    frames: int
    points: int
    acted: int

    def sample(self, centers: Float[Tensor, "g 3"], noise: torch.Generator) -> LandmarkBatch:
        """centers: of the head's Gaussians, metres."""
        landmarks, dataset = self.person.landmarks, self.person.dataset
        count = self.frames - self.acted
        rows = sample_frames(self.cdf, count, noise)
        points = sample_points(landmarks, self.points, noise)
        frames, speech = rows + self.person.train.start, self.speech[rows]
        seen, plain = landmarks.shift[frames], round(count * PLAIN_SHARE)
        labels = self.labeler.augment(speech[plain:], seen[plain:], noise)
        batch = LandmarkBatch(
            points=landmarks.points[points],
            condition=Condition(
                speech=torch.cat([speech[:plain], labels.features]),
                expression=dataset.expression[frames],
            ),
            shift=torch.cat([seen[:plain], labels.shift])[:, points],
        )
        if self.expressions is None:
            return batch
        return acted(batch, self.expressions, self.acted, centers, noise)


def acted(
    batch: LandmarkBatch,
    labeler: ExpressionLabeler,
    count: int,
    centers: Float[Tensor, "g 3"],
    noise: torch.Generator,
) -> LandmarkBatch:
    """The batch and its last frames, so many, once more, with another expression. centers: of the
    head's Gaussians, metres."""
    again, condition = len(batch.condition.speech) - count, batch.condition
    points = torch.cat([batch.points, labeler.query_points(centers, noise)])
    labels = labeler.augment(points, condition.expression[again:], noise)
    return LandmarkBatch(
        points=points,
        condition=Condition(
            speech=torch.cat([condition.speech, condition.speech[again:]]),
            expression=torch.cat([condition.expression, labels.expression]),
        ),
        shift=batch.shift,
        expressions=labels,
    )


def frame_cdf(blink: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
    """Up to each frame, the share of the samples that is drawn from it and those before: as many
    from each, and a BLINK_SHARE by its AU45."""
    even, total = torch.full_like(blink, 1 / len(blink)), blink.sum()
    closed = torch.where(total > 0, blink / total.clamp_min(1e-9), even)
    return ((1 - BLINK_SHARE) * even + BLINK_SHARE * closed).cumsum(0)


def sample_frames(
    cdf: Float[Tensor, " f"], count: int, noise: torch.Generator
) -> Int[Tensor, " count"]:
    """So many rows, each as often as `cdf` has it. The generator is of the device of `cdf`."""
    return torch.searchsorted(cdf, torch.rand(count, generator=noise, device=cdf.device)).clamp(
        max=len(cdf) - 1
    )


def sample_points(
    landmarks: LandmarkMotion, count: int, noise: torch.Generator
) -> Int[Tensor, " count"]:
    """So many of the landmarks, or all of them."""
    order = torch.randperm(len(landmarks.points), generator=noise, device=landmarks.points.device)
    return order[:count]
