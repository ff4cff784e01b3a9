"""The choice of a renderer for a device."""

import torch

from instag.rendering.cpu import CpuRenderer
from instag.rendering.renderer import Renderer
from instag.rendering.torch_oracle import TorchOracle


def renderer_for(device: torch.device | str) -> Renderer:
    """The fastest renderer for tensors on `device`: numba on the CPU, elsewhere plain torch."""
    return CpuRenderer() if torch.device(device).type == "cpu" else TorchOracle()
