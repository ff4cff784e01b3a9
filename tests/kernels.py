"""Compiled kernels, made before the tests by all processes of a run, each its share: two processes
that need the same kernel at once would both compile it, which takes a minute."""

import torch

from instag.models.triplane import TriPlane
from instag.ops.ssim_numba import ssim_map_fast
from instag.rendering.cpu.renderer import CpuRenderer
from instag.synthetic import Speaker, perform, recording
from rendering.scenes import ready, render, scene


def render_splats() -> None:
    """Forward and backward."""
    values = ready(scene(0, width=16, height=16), torch.float32)
    render(CpuRenderer(), values, 16, 16).colors.sum().backward()


def draw_speaker() -> None:
    perform(Speaker(0, size=32), recording(), seconds=0.04, size=32).frame(0)


def compare_and_encode() -> None:
    picture = torch.rand(1, 16, 16, 3, requires_grad=True)
    ssim_map_fast(picture, torch.rand(1, 16, 16, 3)).sum().backward()
    TriPlane(4, 8, levels=2)(torch.zeros(5, 3, requires_grad=True)).sum().backward()


SHARES = ((render_splats,), (draw_speaker, compare_and_encode))


def compile_share(process: int) -> None:
    """process: its number, from 0."""
    for work in SHARES[process] if process < len(SHARES) else ():
        work()
