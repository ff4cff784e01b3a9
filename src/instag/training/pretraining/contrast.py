"""The negative contrast: personalized fields are kept from agreeing, so that what people have in
common ends in the universal one (docs/method.md#pre-training)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import MotionField
from instag.types import Condition


def contrast(
    shift: Float[Tensor, "b n 3"],
    rivals: Sequence[MotionField],
    points: Float[Tensor, "n 3"],
    condition: Condition,
) -> Float[Tensor, ""]:
    """Sum over the rivals of the mean over points and frames of relu(<shift, the rival's shift>),
    metres squared; no gradient reaches a rival."""
    total = shift.new_zeros(())
    for rival in rivals:
        with torch.no_grad():
            other = rival(points, condition).shift
        total = total + torch.relu((shift * other).sum(-1)).mean()
    return total


def drawn_rivals(people: int, person: int, most: int, generator: torch.Generator) -> list[int]:
    """Up to `most` of the other people, each as likely as any other."""
    others = [other for other in range(people) if other != person]
    return [
        others[place] for place in torch.randperm(len(others), generator=generator)[:most].tolist()
    ]
