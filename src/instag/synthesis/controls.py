"""What moves a speaking head besides the voice: poses, expressions and torso frames of the learned
clip, played there and back, and further blinks."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.motion.blinks import blinks_rarely, with_blinks
from instag.types import EXPRESSION_UNITS

Choice = Literal["train", "still"]
EASE = 12
"""Frames over which the play slows down before it turns around."""


@dataclass(frozen=True, kw_only=True)
class Drive:
    """One value a frame. torso: the nearest learned frame."""

    viewmats: Float[Tensor, "f 4 4"]
    expression: Float[Tensor, "f 6"]
    torso: Int[Tensor, " f"]


def ping_pong(learned: int, frames: Int[Tensor, " f"]) -> Float[Tensor, " f"]:
    """Places in 0..learned-1 for video frames 0, 1, 2...: forward, softly around at the end, back,
    softly around, and so on for ever.

    One learned frame a video frame; within EASE of a turn the way is a parabola, so that the speed
    changes sign without a jump.
    """
    last = learned - 1
    if last < 1:
        return torch.zeros(len(frames))
    ease = min(EASE, last // 2)
    # A triangle wave whose corners are rounded off to parabolas, stretched back over the whole
    # range.
    period = 2 * last
    phase = frames.double() % period
    triangle = torch.where(phase <= last, phase, period - phase)
    from_end = torch.minimum(triangle, last - triangle)
    rounded = torch.where(from_end < ease / 2, from_end.square() / ease + ease / 4, from_end)
    place = torch.where(triangle < last / 2, rounded, last - rounded)
    return ((place - ease / 4) * last / (last - ease / 2)).float().clamp(0, last)


def drive(
    viewmats: Float[Tensor, "l 4 4"],
    expression: Float[Tensor, "l 6"],
    frames: Int[Tensor, " f"],
    *,
    pose: Choice = "train",
    face: Choice = "train",
    blinks: bool = False,
    units: tuple[str, ...] = EXPRESSION_UNITS,
) -> Drive:
    """Poses and expressions for video frames. "still" keeps the learned frame whose pose is nearest
    to the mean, and eyes open.

    blinks: add some where people would blink and what is played does not. units: names of the
    expression's columns.
    """
    place = ping_pong(len(viewmats), frames)
    still = torch.full_like(place, float(_calmest(viewmats)))
    at = place if pose == "train" else still
    played = lambda some: _played(expression, some, face)  # noqa: E731
    blinking = blinks and (face == "still" or blinks_rarely(expression, units))
    return Drive(
        viewmats=interpolate_poses(viewmats, at),
        expression=with_blinks(played, frames, units) if blinking else played(frames),
        torso=at.round().long(),
    )


def _played(
    expression: Float[Tensor, "l 6"], frames: Int[Tensor, " f"], face: Choice
) -> Float[Tensor, "f 6"]:
    """Expressions of video frames, as they were seen."""
    if face == "still":
        return expression.median(0).values.expand(len(frames), -1)
    return _interpolate(expression, ping_pong(len(expression), frames))


def interpolate_poses(
    viewmats: Float[Tensor, "l 4 4"], places: Float[Tensor, " f"]
) -> Float[Tensor, "f 4 4"]:
    """Rigid motions at fractional places: the turn along the shortest arc, the head's origin in the
    camera's view along a line."""
    low, high, share = _between(len(viewmats), places)
    between = torch.lerp(viewmats[low], viewmats[high], share[:, None, None])
    # The nearest rotation to the mean of two near rotations lies on their arc.
    left, _, right = torch.linalg.svd(between[:, :3, :3])
    turned = torch.cat([left @ right, between[:, :3, 3:]], dim=-1)
    return torch.cat([turned, between[:, 3:]], dim=1)


def _interpolate(values: Float[Tensor, "l c"], places: Float[Tensor, " f"]) -> Float[Tensor, "f c"]:
    low, high, share = _between(len(values), places)
    return torch.lerp(values[low], values[high], share[:, None])


def _between(count: int, places: Float[Tensor, " f"]) -> tuple[Tensor, Tensor, Tensor]:
    low = places.floor().long().clamp(0, count - 1)
    return low, (low + 1).clamp(max=count - 1), places - low


def _calmest(viewmats: Float[Tensor, "l 4 4"]) -> int:
    """The frame whose pose is nearest to the mean."""
    poses = viewmats[:, :3].flatten(1)
    return int((poses - poses.mean(0)).norm(dim=1).argmin())
