"""Observed motion codes: what a clip's landmarks say of the lower face, in the few numbers that the
lip network speaks (`speech.lip_network`)."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.motion.landmark_motion import LOWER_LIP, UPPER_LIP, LandmarkMotion
from instag.speech.lips.network import LipModel

OUTER_EYES = (33, 263)


@final
@dataclass(frozen=True, kw_only=True)
class LipCodes:
    """code: of each frame, 0 where the lips rest. points: numbers of the landmarks that it moves.
    basis: metres for a code of 1.

    closed: the gap of the lips at rest, in eye distances. gap: what they draw apart for a code of
    1, in the same.
    """

    code: Float[Tensor, "f k"]
    points: Int[Tensor, " p"]
    basis: Float[Tensor, "k p 2"]
    closed: float
    gap: Float[Tensor, " k"]

    def motion(self, code: Float[Tensor, "b k"]) -> Float[Tensor, "b p 2"]:
        """Shifts of the points from rest, metres."""
        return (code @ self.basis.flatten(1)).unflatten(1, (-1, 2))

    def to(self, device: torch.device | str) -> "LipCodes":
        """The same on a device."""
        return LipCodes(
            code=self.code.to(device),
            points=self.points.to(device),
            basis=self.basis.to(device),
            closed=self.closed,
            gap=self.gap.to(device),
        )


def lip_codes(motion: LandmarkMotion, model: LipModel) -> LipCodes:
    """Of every frame, relative to the person's rest."""
    motion = motion.to("cpu")
    size = float((motion.points[OUTER_EYES[0]] - motion.points[OUTER_EYES[1]]).norm())
    lips = motion.points[:, 1] + motion.rest[:, 1]
    return LipCodes(
        code=model.code((motion.shift - motion.rest)[:, model.points] / size),
        points=model.points,
        basis=model.basis * size,
        closed=float(lips[UPPER_LIP] - lips[LOWER_LIP]) / size,
        gap=model.gap,
    )
