"""Controls of a speaking head: what moves it besides its lips, and the sources that give it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from instag.motion.blinks import added_blinks, merge_blink
from instag.synthesis.pose_interpolation import interpolate_poses, interpolate_values
from instag.types import EXPRESSION_UNITS

EASE = 12
"""Frames over which a replay slows down before it turns around."""


@final
@dataclass(frozen=True, kw_only=True)
class FrameControls:
    """Controls of a batch of frames, one row a frame, on the host.

    head_pose: world to camera, OpenCV. expression: the units that the avatar names. gaze: yaw and
    pitch of the eyes in radians, from straight ahead; None leaves the eyes to the expression (no
    head follows a gaze yet). blink: how far lids are closed, 0 to 1; None leaves them to the
    expression. torso: the learned frame whose torso is shown.
    """

    head_pose: Float[Tensor, "f 4 4"]
    expression: Float[Tensor, "f u"]
    gaze: Float[Tensor, "f 2"] | None = None
    blink: Float[Tensor, " f"] | None = None
    torso: Int[Tensor, " f"]

    def __len__(self) -> int:
        """Frames."""
        return len(self.head_pose)

    def merged_expression(self, units: tuple[str, ...] = EXPRESSION_UNITS) -> Float[Tensor, "f u"]:
        """The expression with the blink in it, as a head takes it. `units` names its columns."""
        if self.blink is None:
            return self.expression
        return merge_blink(self.expression, self.blink, units)


class ControlSource(ABC):
    """Gives the controls of any frames. The same frame has the same controls however often, and
    with whichever others, it is asked for."""

    @abstractmethod
    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        """The controls of the frames with these numbers, 0 for the first that is spoken."""

    def expression(self, frames: Int[Tensor, " f"]) -> Float[Tensor, "f u"]:
        """The expression alone."""
        return self(frames).expression


@final
@dataclass(frozen=True, kw_only=True)
class Replay(ControlSource):
    """Recorded poses, expressions and torso frames, played forward and back for ever."""

    viewmats: Float[Tensor, "l 4 4"]
    expressions: Float[Tensor, "l u"]

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        places = ping_pong(len(self.viewmats), frames)
        return FrameControls(
            head_pose=interpolate_poses(self.viewmats, places),
            expression=self.expression(frames),
            torso=places.round().long(),
        )

    def expression(self, frames: Int[Tensor, " f"]) -> Float[Tensor, "f u"]:
        return interpolate_values(self.expressions, ping_pong(len(self.expressions), frames))


@final
@dataclass(frozen=True, kw_only=True)
class Still(ControlSource):
    """The recorded pose nearest to the mean, with its torso, and the median of the recorded
    expressions: eyes open."""

    viewmats: Float[Tensor, "l 4 4"]
    expressions: Float[Tensor, "l u"]

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        places = torch.full((len(frames),), float(calmest(self.viewmats)))
        return FrameControls(
            head_pose=interpolate_poses(self.viewmats, places),
            expression=self.expression(frames),
            torso=places.long(),
        )

    def expression(self, frames: Int[Tensor, " f"]) -> Float[Tensor, "f u"]:
        return self.expressions.median(0).values.expand(len(frames), -1)


@final
@dataclass(frozen=True, kw_only=True)
class PoseFrom(ControlSource):
    """The head pose and the torso of one source, with all else of another."""

    pose: ControlSource
    rest: ControlSource

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        posed = self.pose(frames)
        return replace(self.rest(frames), head_pose=posed.head_pose, torso=posed.torso)

    def expression(self, frames: Int[Tensor, " f"]) -> Float[Tensor, "f u"]:
        return self.rest.expression(frames)


@final
@dataclass(frozen=True, kw_only=True)
class WithBlinks(ControlSource):
    """A source with blinks where people would blink and it does not."""

    source: ControlSource
    units: tuple[str, ...] = EXPRESSION_UNITS
    """Names of the expression's columns, AU45 among them."""

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        controls = self.source(frames)
        added = added_blinks(self.source.expression, frames, self.units)
        blink = added if controls.blink is None else torch.maximum(controls.blink, added)
        return replace(controls, blink=blink)

    def expression(self, frames: Int[Tensor, " f"]) -> Float[Tensor, "f u"]:
        return self.source.expression(frames)


def ping_pong(
    learned: int | Int[Tensor, " f"], frames: Shaped[Tensor, " f"]
) -> Float[Tensor, " f"]:
    """Places in 0..learned-1 for video frames 0, 1, 2...: forward, softly around at the end, back,
    softly around, and so on for ever. learned: the same for all frames, or one for each.

    One learned frame a video frame; within EASE of a turn the way is a parabola, so that the speed
    changes sign without a jump.
    """
    last = torch.as_tensor(learned).double() - 1
    ease = (last / 2).floor().clamp(max=EASE)
    # A triangle wave whose corners are rounded off to parabolas, stretched back over the whole
    # range.
    period = (2 * last).clamp_min(1)
    phase = frames.double() % period
    triangle = torch.where(phase <= last, phase, period - phase)
    from_end = torch.minimum(triangle, last - triangle)
    parabola = from_end.square() / ease.clamp_min(1) + ease / 4
    rounded = torch.where(from_end < ease / 2, parabola, from_end)
    place = torch.where(triangle < last / 2, rounded, last - rounded)
    stretched = (place - ease / 4) * last / (last - ease / 2).clamp_min(0.5)
    return stretched.float().clamp_min(0).minimum(last.float())


def calmest(viewmats: Float[Tensor, "l 4 4"]) -> int:
    """The frame whose pose is nearest to the mean."""
    poses = viewmats[:, :3].flatten(1)
    return int((poses - poses.mean(0)).norm(dim=1).argmin())
