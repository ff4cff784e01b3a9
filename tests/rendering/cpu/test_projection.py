"""The two projections against each other."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.rendering.cpu.projection import project_fast
from instag.rendering.projection import project
from instag.types import Camera, Splats
from rendering.scenes import ready, scene


@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([0, 1, 200]))
def test_twins(seed: int, frames: int, count: int):
    values = {
        name: value.float().double()
        for name, value in scene(seed, frames=frames, count=count).items()
    }
    results, gradients = [], []
    for projector, dtype in ((project, torch.float64), (project_fast, torch.float32)):
        mine = ready(values, dtype)
        splats = Splats(
            means=mine["means"],
            quats=mine["quats"],
            scales=mine["scales"],
            opacities=mine["opacities"],
        )
        seen = projector(
            splats, Camera(viewmats=mine["viewmats"], Ks=mine["Ks"], width=40, height=30)
        )
        results.append([seen.means2d, seen.conics, seen.depths, seen.extents])
        random = torch.Generator().manual_seed(seed)
        visible = seen.extents[..., :1] > 0
        outer = [
            torch.randn(tensor.shape, generator=random).to(dtype)
            for tensor in (seen.means2d, seen.conics, seen.depths)
        ]
        total = (
            (seen.means2d * outer[0] * visible).sum()
            + (seen.conics * outer[1] * visible).sum()
            + (seen.depths * outer[2] * visible[..., 0]).sum()
        )
        total.backward()
        gradients.append([mine[name].grad for name in ("means", "quats", "scales", "viewmats")])
    for there, here in zip(results[0] + gradients[0], results[1] + gradients[1], strict=True):
        scale = there.abs().amax() if there.numel() else 1
        assert not there.numel() or (here - there).abs().amax() <= 2e-6 * scale
