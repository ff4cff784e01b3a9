"""The basis of lip codes: principal components of the lower face's motion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.motion.landmark_motion import LOWER_LIP, UPPER_LIP
from instag.speech.lips.network import CODES, LipModel
from lip_training.people import Observed

LIPS = (
    *(0, 11, 12, 13, 14, 15, 16, 17, 37, 39, 40, 61, 72, 73, 74, 78, 80, 81, 82, 84, 85, 86, 87),
    *(88, 91, 95, 146, 178, 181, 185, 191, 267, 269, 270, 291, 302, 303, 304, 308, 310, 311, 312),
    *(314, 315, 316, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
LIPS_WEIGHT = 2.0
"""The lips count so much more than cheeks and chin in what the code keeps."""


@final
@dataclass(frozen=True, kw_only=True)
class Basis:
    """As in LipModel."""

    points: Tensor
    basis: Tensor
    projection: Tensor
    aperture: Tensor


def basis_of(model: LipModel) -> Basis:
    """That of networks that are there: codes keep their meaning."""
    return Basis(
        points=model.points,
        basis=model.basis,
        projection=model.projection,
        aperture=model.aperture,
    )


def learned_basis(people: Sequence[Observed]) -> Basis:
    """Each clip counts alike."""
    follows = torch.stack(
        [torch.zeros(468).index_fill(0, person.motion.speaks, 1.0) for person in people]
    )
    points = torch.nonzero(follows.mean(0) > 0.5)[:, 0]
    weights = torch.where(torch.isin(points, torch.tensor(LIPS)), LIPS_WEIGHT, 1.0)
    rows = []
    for person in people:
        moved = person.motion.shift[:, points] / person.size
        moved = ((moved - moved.mean(0)) * weights[:, None]).flatten(1)
        rows.append(moved / moved.square().mean().sqrt() / len(moved) ** 0.5)
    _, _, components = torch.linalg.svd(torch.cat(rows), full_matrices=False)
    kept = components[:CODES].unflatten(1, (-1, 2))
    basis, projection = kept / weights[:, None], (kept * weights[:, None]).permute(1, 2, 0)
    where = {int(point): row for row, point in enumerate(points)}
    return Basis(
        points=points,
        basis=basis,
        projection=projection.contiguous(),
        aperture=basis[:, where[UPPER_LIP], 1] - basis[:, where[LOWER_LIP], 1],
    )


def code_of(observed: Observed, basis: Basis) -> Float[Tensor, "f k"]:
    """Of each frame, counted from the person's rest."""
    moved = (observed.motion.shift - observed.motion.rest)[:, basis.points] / observed.size
    return moved.flatten(1) @ basis.projection.flatten(0, 1)
