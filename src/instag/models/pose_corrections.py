"""Small corrections of the tracked head poses, learned with the head."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from instag.ops.rotations import rotation_vector_to_matrix
from instag.types import Camera

METRE = 0.1
"""Metres that a parameter of 1 shifts: a millimetre then weighs as much as 0.01 radians."""


class PoseCorrections(nn.Module):
    """For each frame a turn about the head's own origin (radians) and a shift (in units of METRE),
    world axes.

    Their mean over the frames is subtracted: what all frames share belongs to the head, and frames
    that are not trained on would lack it.
    """

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.changes = nn.Parameter(torch.zeros(frames, 6))

    def forward(self, camera: Camera, rows: Int[Tensor, " b"]) -> Camera:
        """The camera with the corrections of the given rows."""
        change = self.changes[rows] - self.changes.mean(0)
        return replace(camera, viewmats=camera.viewmats @ _rigid(change))


def _rigid(change: Float[Tensor, "b 6"]) -> Float[Tensor, "b 4 4"]:
    top = torch.cat([rotation_vector_to_matrix(change[:, :3]), change[:, 3:, None] * METRE], dim=-1)
    # A list of numbers would be copied to a GPU synchronously.
    bottom = torch.eye(4, dtype=change.dtype, device=change.device)[3:].expand(len(change), 1, 4)
    return torch.cat([top, bottom], dim=1)
