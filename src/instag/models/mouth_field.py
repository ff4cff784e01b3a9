"""The universal motion field of the inside of the mouth, driven by speech and by the face-mouth
hook (docs/method.md#networks)."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.conditioning_encoders import WIDTH, conditioning_encoder
from instag.models.face_field import SHIFT_UNIT
from instag.models.mlp import mlp
from instag.models.triplane import TriPlane
from instag.types import Conditioning

SIDEWAYS = 1 / 5
"""Shifts along x and z are this much weaker than along y: a jaw mostly drops."""
HOOK_SCALE = 100.0
"""Hook values of a shift of one metre."""
HOOK_RANK = 10
"""The rank of the shifts that the hook reads when rendering; training draws 10..49."""


class MouthField(nn.Module):
    """Shifts of the mouth's Gaussians from speech and hook; the four rotation outputs are unused,
    as in the paper."""

    def __init__(self, conditioning: Conditioning) -> None:
        super().__init__()
        self.encoding = TriPlane(64, 57.6)
        self.speech = conditioning_encoder(conditioning)
        self.motion = mlp(36 + WIDTH + 3, 32, 32, 7)
        self.strength = mlp(36 + 3, 16, 16, 1)

    def shift(
        self,
        encoding: Float[Tensor, "n 36"],
        speech: Float[Tensor, "b 32"],
        hook: Float[Tensor, "b 3"],
    ) -> Float[Tensor, "b n 3"]:
        """Shift of each encoded point in each frame, metres."""
        frames, points = len(speech), len(encoding)
        each = encoding.expand(frames, -1, -1)
        opening, voice = (values[:, None].expand(-1, points, -1) for values in (hook, speech))
        out = self.motion(torch.cat([each, voice, opening], dim=-1))
        strength = 2 * torch.sigmoid(self.strength(torch.cat([each, opening], dim=-1)))
        sideways, vertical = SIDEWAYS * SHIFT_UNIT * strength, SHIFT_UNIT * strength
        return out[..., :3] * torch.cat([sideways, vertical, sideways], dim=-1)


@final
class FixedPointsMouth:
    """A mouth field evaluated at the same points in many frames: what no frame changes of each
    first layer is computed once. The numbers of `MouthField.shift`, but for rounding."""

    def __init__(self, field: MouthField, encoding: Float[Tensor, "n 36"]) -> None:
        self._field = field
        of_points, self._of_frames = field.motion.get_parameter("0.weight").split([36, 35], dim=1)
        strength_of_points, self._strength_of_frames = field.strength.get_parameter(
            "0.weight"
        ).split([36, 3], dim=1)
        self._last = field.motion.get_parameter("4.weight")[:3]
        self._points = encoding @ of_points.T
        self._strength_points = encoding @ strength_of_points.T
        self._directions = encoding.new_tensor([SIDEWAYS, 1.0, SIDEWAYS]) * (2 * SHIFT_UNIT)

    def shift(
        self, speech: Float[Tensor, "b 32"], hook: Float[Tensor, "b 3"]
    ) -> Float[Tensor, "b n 3"]:
        """See MouthField.shift."""
        frames = torch.cat([speech, hook], dim=-1) @ self._of_frames.T
        inner = self._field.motion[1:4](self._points + frames[:, None]) @ self._last.T
        frames = hook @ self._strength_of_frames.T
        strength = self._field.strength[1:](self._strength_points + frames[:, None])
        return inner * torch.sigmoid(strength) * self._directions


def hook(shift: Float[Tensor, "b n 3"], rank: int = HOOK_RANK) -> Float[Tensor, "b 3"]:
    """The face-mouth hook: how far the face opens, read from its largest and smallest shifts along
    y, without gradient.

    shift: of the universal field, with the expression at zero. With a the rank-th largest and b the
    rank-th smallest: (a, b, a - b) x 100.
    """
    vertical = shift.detach()[..., 1]
    rank = min(rank, vertical.shape[1])
    highest = vertical.topk(rank, dim=1).values[:, -1]
    lowest = vertical.topk(rank, dim=1, largest=False).values[:, -1]
    return hook_values(highest, lowest)


def hook_values(highest: Float[Tensor, " b"], lowest: Float[Tensor, " b"]) -> Float[Tensor, "b 3"]:
    """The hook of a face's high and low shifts along y, metres."""
    return torch.stack([highest, lowest, highest - lowest], dim=-1) * HOOK_SCALE
