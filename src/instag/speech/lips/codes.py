"""Observed lip codes: the motion of the lower face in a clip's landmarks, in the few numbers of the
lip network's basis (`lips/network.py`)."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.motion.landmark_motion import LOWER_LIP, UPPER_LIP, LandmarkMotion, linear_motion
from instag.perception.landmark_pairs import OUTER_EYES
from instag.speech.lips.network import LipModel


@final
@dataclass(frozen=True, kw_only=True)
class LipCodes:
    """code: of each frame, 0 where the lips rest. points: numbers of the landmarks that it moves.
    basis: metres for a code of 1.

    rest_aperture: distance of the lips at rest, in eye distances. aperture: what a code of 1 adds
    to it, in the same.
    """

    code: Float[Tensor, "f k"]
    points: Int[Tensor, " p"]
    basis: Float[Tensor, "k p 2"]
    rest_aperture: float
    aperture: Float[Tensor, " k"]

    def motion(self, code: Float[Tensor, "b k"]) -> Float[Tensor, "b p 2"]:
        """Shifts of the points from rest, metres."""
        return linear_motion(code, self.basis)

    def to(self, device: torch.device | str) -> "LipCodes":
        """The same on a device."""
        return LipCodes(
            code=self.code.to(device),
            points=self.points.to(device),
            basis=self.basis.to(device),
            rest_aperture=self.rest_aperture,
            aperture=self.aperture.to(device),
        )


def lip_codes(motion: LandmarkMotion, model: LipModel) -> LipCodes:
    """Of every frame, relative to the person's rest. motion: on the CPU."""
    size = float((motion.points[OUTER_EYES[0]] - motion.points[OUTER_EYES[1]]).norm())
    lips = motion.points[:, 1] + motion.rest[:, 1]
    return LipCodes(
        code=model.code((motion.shift - motion.rest)[:, model.points] / size),
        points=model.points,
        basis=model.basis * size,
        rest_aperture=float(lips[UPPER_LIP] - lips[LOWER_LIP]) / size,
        aperture=model.aperture,
    )
