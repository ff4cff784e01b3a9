"""Which frames lie outside the turns and expressions from which an avatar learned."""

from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from instag.data.clip_tables import ClipTables
from instag.models.avatar import Avatar
from instag.ops.rotations import viewmats

ANGLE_TOLERANCE: Final = 1.0
"""Degrees beyond the taught range that still count as within: the tracker's error."""
UNIT_TOLERANCE: Final = 0.1
"""The same for the strength of an action unit."""


def outside_taught(avatar: Avatar, tables: ClipTables, frames: range) -> Bool[np.ndarray, " f"]:
    """Frames of the avatar's clip whose yaw, pitch, roll or action units lie beyond those of the
    frames that it keeps of its learning."""
    poses = viewmats(
        torch.from_numpy(tables.track.rotations[frames.start : frames.stop]).float(),
        torch.from_numpy(tables.track.translations[frames.start : frames.stop]).float(),
    )
    still = np.zeros(len(tables.track.rotations), np.float32)
    units = np.stack(
        [tables.action_units.get(name, still) for name in avatar.info.expression_units], axis=1
    )
    return beyond(head_angles(poses), head_angles(avatar.viewmats.cpu()), ANGLE_TOLERANCE) | beyond(
        units[frames.start : frames.stop], avatar.expression.cpu().numpy(), UNIT_TOLERANCE
    )


def head_angles(poses: Float[Tensor, "f 4 4"]) -> Float[np.ndarray, "f 3"]:
    """Yaw, pitch and roll of the head in degrees, from world-to-camera matrices; all 0 for a head
    that faces the camera."""
    turned = poses[:, :3, :3].double().numpy() * np.array([1, -1, -1])[:, None]
    yaw = np.arctan2(turned[:, 0, 2], turned[:, 2, 2])
    pitch = np.arcsin(np.clip(-turned[:, 1, 2], -1, 1))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))


def beyond(
    values: Float[np.ndarray, "f c"], taught: Float[np.ndarray, "t c"], tolerance: float
) -> Bool[np.ndarray, " f"]:
    """Rows in which some column lies beyond the taught rows' range by more than a tolerance."""
    low, high = taught.min(0) - tolerance, taught.max(0) + tolerance
    return ((values < low) | (values > high)).any(1)
