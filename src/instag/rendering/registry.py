"""The renderers, and the one that suits a device."""

import torch

from instag.assets.backend import Backend, named
from instag.rendering.renderer import Renderer


def _numba() -> Renderer:
    from instag.rendering.cpu.renderer import CpuRenderer

    return CpuRenderer()


def _gsplat() -> Renderer:
    from instag.rendering.gsplat_renderer import GsplatRenderer

    return GsplatRenderer()


def _reference() -> Renderer:
    from instag.rendering.reference import ReferenceRenderer

    return ReferenceRenderer()


RENDERERS: tuple[Backend[Renderer], ...] = (
    Backend(name="numba", help="compiled kernels for the CPU", load=_numba),
    Backend(name="gsplat", help="CUDA kernels for an NVIDIA GPU", load=_gsplat, extra="gpu"),
    Backend(name="reference", help="plain torch, slow, on any device", load=_reference),
)
BY_DEVICE = {"cpu": "numba", "cuda": "gsplat"}
"""The renderer of each kind of device; the reference serves all others."""


def renderer_for(device: torch.device | str) -> Renderer:
    """The fastest renderer for tensors on `device`. Raises what its constructor raises."""
    name = BY_DEVICE.get(torch.device(device).type, "reference")
    return named(RENDERERS, name, noun="renderer").load()
