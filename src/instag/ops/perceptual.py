"""The perceptual distance that heads are trained with: LPIPS with so few channels that its
weights travel in the package (docs/method.md#perceptual-distance).

Every head has this term of the loss. It is no metric: reports measure LPIPS itself (`ops.lpips`).
tools/bundle_perceptual_network.py makes the bundled file.
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
CHANNELS, READOUTS = (64, 192, 160, 112, 112), (16, 64, 80, 80, 80)
"""Of each layer of the bundled network: features, and directions among them along which pictures
are compared. Strides are LPIPS'."""
LEAST_SIDE = 32
"""Of a picture in pixels: below it nothing is left for the last layers."""
FIRST = "layers.0.weight"
"""Eight bits of these alone cost 0.04 of the gradients' cosine."""
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
        self, channels: tuple[int, ...] = CHANNELS, readouts: tuple[int, ...] = READOUTS
    ) -> None:
        """channels: of each layer. readouts: rows of its readout."""
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, padding)
            for inputs, outputs, kernel, (_, stride, padding) in zip(
                (3, *channels[:-1]), channels, KERNELS, LAYERS, strict=True
            )
        )
        self.readouts = nn.ParameterList(
            torch.eye(count, outputs) for count, outputs in zip(readouts, channels, strict=True)
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
    """From the tensors of a file, which tell the network's size: weights of eight bits with a
    unit for each row; the first layer's and the biases are in half precision."""
    numbers = range(len(LAYERS))
    network = PerceptualDistance(
        tuple(len(stored[f"layers.{number}.weight"]) for number in numbers),
        tuple(len(stored[f"readouts.{number}"]) for number in numbers),
    )
    state = {}
    for name, value in stored.items():
        if not name.endswith(".unit"):
            unit = stored.get(f"{name}.unit")
            state[name] = value.float() * (1.0 if unit is None else _for_rows(unit, value))
    network.load_state_dict(state)
    return network.requires_grad_(False).eval()


def stored_form(network: PerceptualDistance) -> dict[str, Tensor]:
    """The tensors of the file."""
    stored = {}
    for name, value in network.state_dict().items():
        if value.dim() == 1 or name == FIRST:
            stored[name] = value.half().contiguous()
            continue
        unit = (value.flatten(1).abs().amax(1) / 127).clamp_min(1e-12)
        stored[f"{name}.unit"] = unit
        whole = (value / _for_rows(unit, value)).round().clamp(-127, 127)
        stored[name] = whole.to(torch.int8).contiguous()
    return stored


def _for_rows(unit: Float[Tensor, " rows"], value: Tensor) -> Tensor:
    return unit.view(-1, *[1] * (value.dim() - 1))
