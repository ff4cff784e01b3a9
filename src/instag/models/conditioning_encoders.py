"""The conditioning encoders: eight windows of features around a frame become one 32-vector
(docs/method.md#networks; AD-NeRF, ICCV 2021)."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.mlp import mlp
from instag.ops.statistics import deviations
from instag.types import LIP_CODES, WINDOWS, Conditioning

WIDTH = 32
"""Numbers that an encoder returns for a frame."""


FARTHEST_CODE = 4.0
"""Deviations from the mean that an encoded lip code approaches but never exceeds: beyond the codes
that a network has learned from, its output is arbitrary."""


CENTER = WINDOWS // 2
"""The frame's own window among the eight. Its lip code alone tells where the skin is; earlier codes
add nothing."""


class SpeechEncoder(nn.Module):
    """Convolutions over time inside each window, then attention over the eight windows.

    Features are first normalised by `level`, the mean and deviation of the speech that the encoder
    learns from; it is part of the state.
    """

    level: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("level", torch.tensor([0.0, 1.0]))
        first = 128 if channels >= 128 else 32
        self.convolutions = nn.Sequential(
            *(
                layer
                for inner, outer in ((channels, first), (first, first), (first, 64), (64, 64))
                for layer in (nn.Conv1d(inner, outer, 3, stride=2, padding=1), nn.LeakyReLU(0.02))
            )
        )
        self.projection = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.02), nn.Linear(64, WIDTH))
        self.scores = nn.Sequential(
            *(
                layer
                for inner, outer in ((WIDTH, 16), (16, 8), (8, 4), (4, 2), (2, 1))
                for layer in (nn.Conv1d(inner, outer, 3, padding=1), nn.LeakyReLU(0.02))
            )
        )
        self.weights = nn.Linear(WINDOWS, WINDOWS)

    def forward(self, windows: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b 32"]:
        frames = windows.shape[0]
        inside = windows.abs().amax((2, 3), keepdim=True) > 0
        levelled = (windows - self.level[0]) / self.level[1] * inside
        each = self.projection(self.convolutions(levelled.flatten(0, 1))[..., 0]).view(
            frames, WINDOWS, WIDTH
        )
        attention = torch.softmax(self.weights(self.scores(each.transpose(1, 2))[:, 0]), dim=-1)
        return (attention[..., None] * each).sum(1)

    @staticmethod
    def level_of(features: Float[Tensor, "f channels steps"]) -> Float[Tensor, " 2"]:
        """Mean and deviation of these features."""
        return torch.stack([features.mean(), features.std().clamp_min(1e-3)])


@final
class LipCodeEncoder(nn.Module):
    """A linear layer and a small network on the lip code of the frame alone. `level`: mean and
    deviation of each number of the codes that the encoder learns from; part of the state."""

    level: Tensor

    def __init__(self, codes: int = LIP_CODES) -> None:
        super().__init__()
        self.register_buffer("level", torch.tensor([[0.0], [1.0]]).repeat(1, codes))
        self.layers = mlp(codes, 64, WIDTH)
        self.straight = nn.Linear(codes, WIDTH)

    def forward(self, windows: Float[Tensor, "b 8 k 1"]) -> Float[Tensor, "b 32"]:
        code = (windows[:, CENTER, :, 0] - self.level[0]) / self.level[1]
        near = FARTHEST_CODE * torch.tanh(code / FARTHEST_CODE)
        return self.straight(near) + self.layers(near)

    @staticmethod
    def level_of(features: Float[Tensor, "f k 1"]) -> Float[Tensor, "2 k"]:
        """The level of these codes."""
        return torch.stack([features[..., 0].mean(0), deviations(features[..., 0])])


def conditioning_encoder(conditioning: Conditioning) -> SpeechEncoder | LipCodeEncoder:
    """A fresh encoder for a kind of conditioning."""
    match conditioning.kind:
        case "audio":
            return SpeechEncoder(conditioning.channels)
        case "lip_codes":
            return LipCodeEncoder(conditioning.channels)
