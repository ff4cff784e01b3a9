"""The motion encoder: the motion code of a frame becomes one 32-vector, as the speech encoder makes one of speech windows."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.mlp import mlp
from instag.models.speech_encoder import WIDTH, WINDOWS, SpeechEncoder
from instag.speech.lip_network import CODES, deviations

FARTHEST = 4.0
"""Deviations from the mean beyond which a code counts as one less far: a network says anything at all outside of what it has seen."""
CENTRE = WINDOWS // 2
"""Of the eight windows that of the frame itself. The code says all of it: what came before tells nothing more of where the skin is."""


@final
class MotionEncoder(nn.Module):
    """Two small layers on the code of the frame alone. `level`: mean and deviation of each number of the codes that it learns from; part of its state."""

    level: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.tensor([[0.0], [1.0]]).repeat(1, CODES))
        self.layers = mlp(CODES, 64, WIDTH)
        self.straight = nn.Linear(CODES, WIDTH)

    def forward(self, windows: Float[Tensor, "b 8 12 1"]) -> Float[Tensor, "b 32"]:
        code = (windows[:, CENTRE, :, 0] - self.level[0]) / self.level[1]
        near = FARTHEST * torch.tanh(code / FARTHEST)
        return self.straight(near) + self.layers(near)

    @staticmethod
    def level_of(features: Float[Tensor, "f 12 1"]) -> Float[Tensor, "2 12"]:
        """The level of these codes."""
        return torch.stack([features[..., 0].mean(0), deviations(features[..., 0])])


def encoder_of(channels: int) -> SpeechEncoder | MotionEncoder:
    """What a field hears with: motion codes have twelve numbers, and every front end of speech has more."""
    return MotionEncoder() if channels == CODES else SpeechEncoder(channels)
