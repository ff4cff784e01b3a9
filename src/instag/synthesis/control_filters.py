"""Filters of controls: each is a source that changes what another gives."""

import math
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.ops.rotations import rotation_vector_to_matrix
from instag.synthesis.controls import ControlSource, FrameControls
from instag.synthesis.pose_interpolation import nearest_rigid

FURTHER = math.radians(8)
"""How much farther than it was seen to turn a head may be turned, about each of its axes."""
ROUNDED = 1e-3
"""Radians by which rotations may differ that are the same."""


@final
@dataclass(frozen=True, kw_only=True)
class Offset(ControlSource):
    """Adds to the expression and moves the head. head_pose: a rigid motion in the head's own frame
    of reference, metres, before the source's pose."""

    source: ControlSource
    head_pose: Float[Tensor, "4 4"] | None = None
    expression_units: Float[Tensor, " u"] | float = 0.0

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        controls = self.source(frames)
        pose = controls.head_pose if self.head_pose is None else controls.head_pose @ self.head_pose
        return replace(
            controls, head_pose=pose, expression=controls.expression + self.expression_units
        )


@final
@dataclass(frozen=True, kw_only=True)
class Scale(ControlSource):
    """Enlarges or reduces motion. expression_units: factors of the expression. head_pose: the part
    of the way from `rest` to the source's pose, 1 for all of it."""

    source: ControlSource
    rest: Float[Tensor, "4 4"]
    head_pose: float = 1.0
    expression_units: Float[Tensor, " u"] | float = 1.0

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        controls = self.source(frames)
        pose = controls.head_pose
        if self.head_pose != 1:
            pose = nearest_rigid(torch.lerp(self.rest.expand_as(pose), pose, self.head_pose))
        return replace(
            controls, head_pose=pose, expression=controls.expression * self.expression_units
        )


@final
@dataclass(frozen=True, kw_only=True)
class Clamp(ControlSource):
    """Keeps the expression within limits, such as those of what a head has learned, and a blink
    within 0 to 1."""

    source: ControlSource
    low: Float[Tensor, " u"]
    high: Float[Tensor, " u"]

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        controls = self.source(frames)
        return replace(
            controls,
            expression=torch.minimum(torch.maximum(controls.expression, self.low), self.high),
            blink=None if controls.blink is None else controls.blink.clamp(0, 1),
        )


@final
@dataclass(frozen=True, kw_only=True)
class Ease(ControlSource):
    """Softens jumps: pose and expression are means over the last `count` frames, so that a jump
    takes as many. Torso, gaze and blink stay as they are."""

    source: ControlSource
    count: int

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        past = (frames[:, None] - torch.arange(self.count)).clamp_min(0)
        past_controls = self.source(past.flatten())
        shape = (len(frames), self.count)
        return replace(
            self.source(frames),
            head_pose=nearest_rigid(past_controls.head_pose.unflatten(0, shape).mean(1)),
            expression=past_controls.expression.unflatten(0, shape).mean(1),
        )


@final
@dataclass(frozen=True, kw_only=True)
class EaseTurns(ControlSource):
    """Eases turns back that go beyond those that were seen: nothing is known of the sides that they
    would show. Up to `farthest` poses stay as they are; beyond it they approach a limit FURTHER on.

    rest: the head's mean rotation. farthest: angles about its x, y and z from there, radians.
    """

    source: ControlSource
    rest: Float[Tensor, "3 3"]
    farthest: Float[Tensor, " 3"]

    @classmethod
    def to_seen(cls, source: ControlSource, viewmats: Float[Tensor, "l 4 4"]) -> "EaseTurns":
        """As far as these poses turn. viewmats: world to camera, of the frames learned from."""
        rest = nearest_rigid(viewmats.mean(0, keepdim=True))[0, :3, :3]
        farthest = _turns(viewmats, rest).abs().amax(0) + ROUNDED
        return cls(source=source, rest=rest, farthest=farthest)

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        controls = self.source(frames)
        turns = _turns(controls.head_pose, self.rest)
        beyond = (turns.abs() - self.farthest).clamp_min(0)
        eased = turns.sign() * (self.farthest + FURTHER * torch.tanh(beyond / FURTHER))
        pose = controls.head_pose.clone()
        eased = torch.where(beyond > 0, eased, turns)
        pose[:, :3, :3] = self.rest @ rotation_vector_to_matrix(eased)
        far = (beyond > 0).any(dim=1)[:, None, None]
        return replace(controls, head_pose=torch.where(far, pose, controls.head_pose))


def _turns(poses: Float[Tensor, "f 4 4"], rest: Float[Tensor, "3 3"]) -> Float[Tensor, "f 3"]:
    """Rotation vectors from rest, radians, about the head's own axes."""
    # It takes half a second to load, and speaking as in training needs no turns.
    from scipy.spatial.transform import Rotation

    relative = (rest.mT @ poses[:, :3, :3]).double().cpu().numpy()
    return torch.from_numpy(Rotation.from_matrix(relative).as_rotvec()).to(poses)
