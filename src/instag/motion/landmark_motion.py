"""The motion of a face's landmarks: each frame's landmarks lifted to the depth of the tracked
shape, in the head's own frame.

Dense, cheap supervision for a motion field: it needs no picture, so that many frames fit in a step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.ops.rotations import viewmats
from instag.types import Track

SKIN_POINTS = 468
"""The landmarks on the skin, the first ones; the other ten are the irises, which move by
themselves."""

UPPER_LIP, LOWER_LIP, NOSE_BASE = 13, 14, 2
CLOSED_SHARE = 0.1
"""The share of the frames, those whose lips are the nearest, that shows the lips at rest."""


@dataclass(frozen=True, kw_only=True)
class LandmarkMotion:
    """points: the landmarks of the tracked shape, metres, head's frame. shift: where each frame has
    moved them, metres; their motion along z is unknown.

    rest: the same with closed lips. speaks: the numbers of the points of the lower face, which
    follow the voice.
    """

    points: Float[Tensor, "p 3"]
    shift: Float[Tensor, "f p 2"]
    rest: Float[Tensor, "p 2"]
    speaks: Int[Tensor, " s"]

    def to(self, device: torch.device | str) -> "LandmarkMotion":
        """The same on a device."""
        return LandmarkMotion(
            points=self.points.to(device),
            shift=self.shift.to(device),
            rest=self.rest.to(device),
            speaks=self.speaks.to(device),
        )


def linear_motion(
    amounts: Float[Tensor, "b k"], basis: Float[Tensor, "k p 2"]
) -> Float[Tensor, "b p 2"]:
    """How far points move, in the unit of a basis that says it for an amount of 1."""
    return (amounts @ basis.flatten(1)).unflatten(1, (-1, 2))


def landmark_motion(track: Track, size: tuple[int, int]) -> LandmarkMotion:
    """`size`: width and height of the frames in pixels."""
    views = viewmats(
        torch.from_numpy(track.rotations).double(), torch.from_numpy(track.translations).double()
    )
    turn, move = views[:, :3, :3], views[:, None, :3, 3]
    rest = torch.from_numpy(track.identity[:SKIN_POINTS]).double()
    depth = (rest @ turn.mT + move)[..., 2]
    seen = torch.from_numpy(np.ascontiguousarray(track.landmarks[:, :SKIN_POINTS, :2])).double()
    sideways = (seen - torch.tensor(size).double() / 2) / track.focal * depth[..., None]
    lifted = (torch.cat([sideways, depth[..., None]], dim=-1) - move) @ turn
    shift = (lifted - rest)[..., :2].float()
    opening = (lifted[:, UPPER_LIP] - lifted[:, LOWER_LIP]).norm(dim=-1)
    closed = opening.topk(max(1, round(len(opening) * CLOSED_SHARE)), largest=False).indices
    return LandmarkMotion(
        points=rest.float(),
        shift=shift,
        rest=shift[closed].median(0).values,
        speaks=torch.nonzero(rest[:, 1] < rest[NOSE_BASE, 1])[:, 0],
    )
