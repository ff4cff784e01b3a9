"""LPIPS with AlexNet features: how different two pictures look to people (Zhang et al., CVPR 2018),
over the published weights v0.1."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from instag.assets import store
from instag.errors import AssetDamaged
from instag.runtime.array_files import read_arrays
from instag.runtime.untrusted import check_array, parsing

WEIGHTS = store.LPIPS.file
LAYERS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))
"""Index in torchvision's `features`, stride, padding. The second and third are preceded by a 3 x 3
maximum with stride 2."""


class Lpips(nn.Module):
    """Distance of pairs of pictures. Frozen."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for index, _, _ in LAYERS:
            self.register_buffer(f"weight{index}", weights[f"features.{index}.weight"])
            self.register_buffer(f"bias{index}", weights[f"features.{index}.bias"])
        for number in range(len(LAYERS)):
            self.register_buffer(
                f"linear{number}", weights[f"lin{number}.model.1.weight"].reshape(-1)
            )
        self.register_buffer("mean", torch.tensor([-0.030, -0.088, -0.188]))
        self.register_buffer("deviation", torch.tensor([0.458, 0.448, 0.450]))

    def forward(
        self, first: Float[Tensor, "b h w 3"], second: Float[Tensor, "b h w 3"]
    ) -> Float[Tensor, " b"]:
        """Pictures in [0, 1], each side at least 32 pixels."""
        distance = first.new_zeros(len(first))
        for each in self.maps(first, second):
            distance = distance + each.mean((1, 2))
        return distance

    def maps(
        self, first: Float[Tensor, "b h w 3"], second: Float[Tensor, "b h w 3"]
    ) -> list[Float[Tensor, "b _ _"]]:
        """The distance in each cell of each layer; `forward` sums their means."""
        found = []
        for number, unit in enumerate(self.features(torch.cat([first, second]))):
            one, other = unit.chunk(2)
            weight = getattr(self, f"linear{number}")
            found.append(((one - other).square() * weight[:, None, None]).sum(1))
        return found

    def features(self, picture: Float[Tensor, "b h w 3"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Of each layer, of unit length at each pixel."""
        hidden = ((picture * 2 - 1 - self.mean) / self.deviation).permute(0, 3, 1, 2)
        found = []
        for number, (index, stride, padding) in enumerate(LAYERS):
            if number in (1, 2):
                hidden = max_pool2d(hidden, 3, 2)
            hidden = relu(
                nn.functional.conv2d(
                    hidden,
                    getattr(self, f"weight{index}"),
                    getattr(self, f"bias{index}"),
                    stride,
                    padding,
                )
            )
            found.append(hidden / (hidden.square().sum(1, keepdim=True) + 1e-10).sqrt())
        return found


def find_weights() -> Path | None:
    """The weights file where `instag assets get lpips` puts it; None where it is absent."""
    return store.find(store.LPIPS.name)


def load(path: Path) -> Lpips:
    """LPIPS over a weights file with torchvision's and lpips' own names. Raises AssetDamaged."""
    remedy = "Get it again: instag assets get lpips"
    with parsing(path, "the weights of LPIPS", remedy, error=AssetDamaged):
        stored = read_arrays(path)
        for name, shape in store.LPIPS.tensors.items():
            check_array(name, stored[name], shape)
        weights = {
            name: torch.from_numpy(value.astype(np.float32)) for name, value in stored.items()
        }
        return Lpips(weights).requires_grad_(False).eval()
