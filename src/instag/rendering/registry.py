"""The choice of a renderer for a device."""

import torch

from instag.rendering.renderer import Renderer


def renderer_for(device: torch.device | str) -> Renderer:
    """The renderer for tensors on `device`: numba's on the CPU, gsplat's on an NVIDIA GPU,
    elsewhere plain torch."""
    kind = torch.device(device).type
    if kind == "cpu":
        from instag.rendering.cpu.renderer import CpuRenderer

        return CpuRenderer()
    if kind == "cuda":
        from instag.rendering.gsplat_renderer import GsplatRenderer

        return GsplatRenderer()
    from instag.rendering.reference import ReferenceRenderer

    return ReferenceRenderer()
