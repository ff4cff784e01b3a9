"""How the skin of a face moves, seen by its landmarks: each frame's landmarks lifted to the depth of the tracked shape, in the head's own frame.

Dense, cheap supervision for a motion field: it needs no picture, so that many frames fit in a step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.clip import Track
from instag.geometry import viewmats

SKIN_POINTS = 468
"""The landmarks on the skin; the ten behind them are the irises, which move by themselves."""


@dataclass(frozen=True, kw_only=True)
class LandmarkMotion:
    """points: the landmarks at rest, metres, head's frame. shift: where each frame has moved them, metres; nothing is known of z."""

    points: Float[Tensor, "p 3"]
    shift: Float[Tensor, "f p 2"]


def landmark_motion(track: Track, size: tuple[int, int]) -> LandmarkMotion:
    """`size`: width and height of the frames in pixels."""
    views = viewmats(torch.from_numpy(track.rotations).double(), torch.from_numpy(track.translations).double())
    turn, move = views[:, :3, :3], views[:, None, :3, 3]
    rest = torch.from_numpy(track.identity[:SKIN_POINTS]).double()
    depth = (rest @ turn.mT + move)[..., 2]
    seen = torch.from_numpy(np.ascontiguousarray(track.landmarks[:, :SKIN_POINTS, :2])).double()
    sideways = (seen - torch.tensor(size).double() / 2) / track.focal * depth[..., None]
    lifted = (torch.cat([sideways, depth[..., None]], dim=-1) - move) @ turn
    return LandmarkMotion(points=rest.float(), shift=(lifted - rest)[..., :2].float())
