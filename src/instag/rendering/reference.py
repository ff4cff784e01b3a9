"""The reference renderer: plain torch, slow and simple. The fast ones are tested against it."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from instag.rendering.projection import (
    FINISH_UNDER,
    LARGEST_ALPHA,
    SKIP_UNDER,
    Projection,
    project,
)
from instag.rendering.renderer import Renderer
from instag.types import Camera, Rendering, Splats


@final
@dataclass(frozen=True, kw_only=True)
class ReferenceRenderer(Renderer):
    """Evaluates every splat at every pixel. Any device, float32 or float64.

    skip_under, finish_under: the two thresholds of 3DGS, which tests vary to find pixels that
    depend on rounding. chunk: pairs of pixel and splat in memory at a time, at most.
    """

    skip_under: float = SKIP_UNDER
    finish_under: float = FINISH_UNDER
    chunk: int = 4_000_000

    def render(
        self,
        splats: Splats,
        colors: Float[Tensor, "b n c"],
        camera: Camera,
        detached: Float[Tensor, "b n k"] | None = None,
    ) -> Rendering:
        """See Renderer.render."""
        if detached is None:
            detached = colors[..., :0]
        projection = project(splats, camera)
        if projection.means2d.requires_grad:
            projection.means2d.retain_grad()
        frames = [
            self._frame(projection, splats.opacities, colors, detached, camera, frame)
            for frame in range(len(colors))
        ]
        rendered = torch.stack(frames).unflatten(1, (camera.height, camera.width))
        count = colors.shape[-1]
        alphas = rendered[..., -1]
        depths = torch.where(
            alphas > 0, rendered[..., -2] / torch.where(alphas > 0, alphas, 1.0), 0.0
        )
        return Rendering(
            colors=rendered[..., :count],
            detached=rendered[..., count:-2],
            alphas=alphas,
            depths=depths,
            means2d=projection.means2d,
            radii=projection.extents.amax(-1),
        )

    def _frame(
        self,
        projection: Projection,
        opacities: Tensor,
        colors: Tensor,
        detached: Tensor,
        camera: Camera,
        frame: int,
    ) -> Float[Tensor, "p channels"]:
        """All channels, the sum of weight x depth and alpha for each pixel of one frame."""
        seen = projection.extents[frame, :, 0] > 0
        order = torch.argsort(projection.depths[frame].detach(), stable=True)
        order = order[seen[order]]
        depths = projection.depths[frame, order]
        moving = torch.cat([colors[frame, order], depths[:, None]], -1)
        means2d, conics, apart = (
            projection.means2d[frame, order],
            projection.conics[frame, order],
            detached[frame, order],
        )
        step = max(1, self.chunk // max(1, len(order)))
        pixels = torch.arange(camera.height * camera.width, device=colors.device)
        parts = []
        for some in pixels.split(step):
            centers = (
                torch.stack([some % camera.width, some // camera.width], -1).to(colors.dtype) + 0.5
            )
            arguments = (centers, means2d, conics, opacities[frame, order], moving, apart)
            parts.append(
                checkpoint(self._pixels, *arguments, use_reentrant=False)
                if step < len(pixels)
                else self._pixels(*arguments)
            )
        rendered = torch.cat(parts)
        count = colors.shape[-1]
        return torch.cat(
            [
                rendered[:, :count],
                rendered[:, count + 1 : -1],
                rendered[:, count : count + 1],
                rendered[:, -1:],
            ],
            -1,
        )

    def _pixels(
        self,
        centers: Tensor,
        means2d: Tensor,
        conics: Tensor,
        opacities: Tensor,
        moving: Tensor,
        detached: Tensor,
    ) -> Tensor:
        x, y = (centers[:, None] - means2d).unbind(-1)
        power = 0.5 * (conics[:, 0] * x * x + conics[:, 2] * y * y) + conics[:, 1] * x * y
        alphas = (opacities * torch.exp(-power)).clamp(max=LARGEST_ALPHA)
        alphas = torch.where(alphas >= self.skip_under, alphas, 0.0)
        logs = torch.log1p(-alphas)
        after = torch.cumsum(logs, 1)
        weights = torch.where(
            torch.exp(after) > self.finish_under, alphas * torch.exp(after - logs), 0.0
        )
        return torch.cat(
            [weights @ moving, weights.detach() @ detached, weights.sum(1, keepdim=True)], -1
        )
