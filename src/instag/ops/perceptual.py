"""The perceptual distance that heads are trained with: a small network of our own, taught to give
LPIPS' distances and gradients (docs/method.md#perceptual-distance).

Its weights are in the package, so that every head has this term of the loss. It is no metric:
reports measure LPIPS itself (`ops.lpips`). tools/train_perceptual_network.py makes the bundled
file.
"""

from importlib.resources import files
from typing import final

import torch
from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, relu

from instag.ops.lpips import LAYERS

FILE = "perceptual.safetensors"
CHANNELS = (64, 80, 112, 96, 96)
"""Of the bundled network's layers, whose strides are LPIPS'."""
READOUTS = 32
"""Directions of a layer's features along which pictures are compared."""
LEAST_SIDE = 32
"""Of a picture in pixels: below it nothing is left for the last layers."""
KERNELS = (11, 5, 3, 3, 3)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, RGB, as AlexNet takes them."""
LEAST_NORM = 1e-5
"""A pixel's features are divided by their norm, or by this where all are zero."""


@final
class PerceptualDistance(nn.Module):
    """Distance of pairs of pictures."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, channels: tuple[int, ...] = CHANNELS, readouts: tuple[int, ...] | None = None
    ) -> None:
        """readouts: rows of each layer's readout; READOUTS, or the channels where these are fewer,
        where none are given."""
        super().__init__()
        rows = readouts or tuple(min(READOUTS, count) for count in channels)
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, padding)
            for inputs, outputs, kernel, (_, stride, padding) in zip(
                (3, *channels[:-1]), channels, KERNELS, LAYERS, strict=True
            )
        )
        self.readouts = nn.ParameterList(
            torch.eye(count, outputs) for count, outputs in zip(rows, channels, strict=True)
        )
        self.register_buffer("mean", torch.tensor(MEAN), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION), persistent=False)

    def forward(
        self, picture: Float[Tensor, "b h w 3"], target: Float[Tensor, "b h w 3"]
    ) -> Float[Tensor, " b"]:
        """Pictures in [0, 1], each side at least LEAST_SIDE pixels."""
        return self.by_layer(picture, target).sum(1)

    def by_layer(
        self, picture: Float[Tensor, "b h w 3"], target: Float[Tensor, "b h w 3"]
    ) -> Float[Tensor, "b layers"]:
        """What each layer adds to the distance."""
        return torch.stack(
            [
                conv2d(one - other, readout[:, :, None, None]).square().sum(1).mean((1, 2))
                for one, other, readout in zip(
                    self.features(picture), self.features(target), self.readouts, strict=True
                )
            ],
            dim=1,
        )

    def features(self, picture: Float[Tensor, "b h w 3"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Of each layer, of unit length at each pixel."""
        hidden = ((picture - self.mean) / self.deviation).permute(0, 3, 1, 2)
        found = []
        for number, layer in enumerate(self.layers):
            if number in (1, 2):
                hidden = max_pool2d(hidden, 3, 2)
            hidden = relu(layer(hidden))
            found.append(hidden / (hidden.square().sum(1, keepdim=True) + LEAST_NORM**2).sqrt())
        return found


def load_perceptual_distance() -> PerceptualDistance:
    """Read the bundled file. Frozen."""
    stored = load(files("instag").joinpath("bundled", FILE).read_bytes())
    return perceptual_distance_from(stored)


def perceptual_distance_from(stored: dict[str, Tensor]) -> PerceptualDistance:
    """From the tensors of a file, in half precision, which tell the network's size."""
    numbers = range(len(LAYERS))
    network = PerceptualDistance(
        tuple(len(stored[f"layers.{number}.weight"]) for number in numbers),
        tuple(len(stored[f"readouts.{number}"]) for number in numbers),
    )
    network.load_state_dict({name: value.float() for name, value in stored.items()})
    return network.requires_grad_(False).eval()


def stored_form(network: PerceptualDistance) -> dict[str, Tensor]:
    """The tensors of the file."""
    return {name: value.half().contiguous() for name, value in network.state_dict().items()}
