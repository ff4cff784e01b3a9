"""The speech encoder: eight windows of features around a frame become one 32-vector (METHOD 3; AD-NeRF, ICCV 2021)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

WINDOWS = 8
"""Windows seen for frame t: those of frames t-4 .. t+3."""
WIDTH = 32


class SpeechEncoder(nn.Module):
    """Convolutions over time inside each window, then attention over the eight windows.

    Features are first brought to mean 0 and deviation 1 by `level`, the mean and deviation of the speech it learns from; it is part of its state.
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
            *(layer for inner, outer in ((WIDTH, 16), (16, 8), (8, 4), (4, 2), (2, 1)) for layer in (nn.Conv1d(inner, outer, 3, padding=1), nn.LeakyReLU(0.02)))
        )
        self.weights = nn.Linear(WINDOWS, WINDOWS)

    def forward(self, windows: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b 32"]:
        frames = windows.shape[0]
        inside = windows.abs().amax((2, 3), keepdim=True) > 0
        levelled = (windows - self.level[0]) / self.level[1] * inside
        each = self.projection(self.convolutions(levelled.flatten(0, 1))[..., 0]).view(frames, WINDOWS, WIDTH)
        attention = torch.softmax(self.weights(self.scores(each.transpose(1, 2))[:, 0]), dim=-1)
        return (attention[..., None] * each).sum(1)

    @staticmethod
    def level_of(features: Float[Tensor, "f channels steps"]) -> Float[Tensor, " 2"]:
        """Mean and deviation of these features."""
        return torch.stack([features.mean(), features.std().clamp_min(1e-3)])
