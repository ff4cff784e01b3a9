"""The GPU renderer: gsplat's kernels, one call for a whole batch of frames (Ye et al., JMLR
2025)."""

import contextlib
import io
import os
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.errors import BadArgument
from instag.rendering.projection import DILATION, NEAR
from instag.rendering.renderer import Renderer
from instag.types import Camera, Rendering, Splats

TILE = 16
"""Side of the tiles in pixels that gsplat sorts splats into."""
WARP = 32
"""Threads that a GPU runs in lockstep."""


@final
class GsplatRenderer(Renderer):
    """Float32 on an NVIDIA GPU. Sums run in any order, so that gradients are reproducible up to
    rounding only."""

    def __init__(self) -> None:
        self._gsplat = gsplat()

    def render(
        self,
        splats: Splats,
        colors: Float[Tensor, "b n c"],
        camera: Camera,
        detached: Float[Tensor, "b n k"] | None = None,
    ) -> Rendering:
        """See Renderer.render. The detached channels are rendered in a second pass over the same
        sorted splats, whose geometry has no gradient."""
        frames, count, channels = colors.shape
        if not count:
            return _empty_rendering(colors, camera, detached)
        numbers = (
            splats.means.sum(-1) + splats.scales.sum(-1) + splats.quats.sum(-1) + splats.opacities
        )
        opacities = torch.where(numbers.isfinite(), splats.opacities, 0.0)
        radii, means2d, depths, conics = self._projected(splats, opacities, camera)
        if means2d.requires_grad:
            means2d.retain_grad()
        columns, rows = -(-camera.width // TILE), -(-camera.height // TILE)
        _, crossings, members = self._gsplat.isect_tiles(
            means2d, radii, depths, TILE, columns, rows
        )
        offsets = self._gsplat.isect_offset_encode(crossings, frames, columns, rows)

        def rasterize(
            means2d: Tensor, conics: Tensor, channels: Tensor, opacities: Tensor
        ) -> tuple[Tensor, Tensor]:
            return self._gsplat.rasterize_to_pixels(
                means2d,
                conics,
                channels,
                opacities,
                camera.width,
                camera.height,
                TILE,
                offsets,
                members,
            )

        rendered, alphas = rasterize(
            means2d, conics, torch.cat([colors, depths[..., None]], -1), opacities
        )
        alphas = alphas[..., 0]
        detached_rendered = (
            rasterize(means2d.detach(), conics.detach(), detached, opacities.detach())[0]
            if detached is not None and detached.shape[-1]
            else rendered[..., :0]
        )
        return Rendering(
            colors=rendered[..., :channels],
            detached=detached_rendered,
            alphas=alphas,
            depths=rendered[..., channels] / alphas.clamp_min(1e-10),
            means2d=means2d,
            radii=radii.amax(-1).float(),
        )

    def _projected(
        self, splats: Splats, opacities: Float[Tensor, "b n"], camera: Camera
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Radii, means2d, depths and conics.

        gsplat 1.5.3 sums gradients over the 32 lanes of a warp without checking that they belong to
        the same frame. Where a warp could hold two frames whose sums matter, each frame is padded
        to whole warps with invisible splats.
        """
        frames, count = opacities.shape
        missing = (
            -count % WARP if frames > 1 and (count < WARP or camera.viewmats.requires_grad) else 0
        )
        values = splats.means, splats.quats, splats.scales
        if missing:
            values = tuple(pad(value, (0, 0, 0, missing), value=1.0) for value in values)
            opacities = pad(opacities, (0, missing))
        means, quats, scales = values
        # gsplat takes several cameras for each set of splats: here one.
        viewmats, Ks = camera.viewmats[:, None], camera.Ks[:, None]
        projected = self._gsplat.fully_fused_projection(
            means,
            None,
            quats,
            scales,
            viewmats,
            Ks,
            camera.width,
            camera.height,
            eps2d=DILATION,
            near_plane=NEAR,
            opacities=opacities,
        )
        radii, means2d, depths, conics = (value[:, 0, :count] for value in projected[:4])
        return radii, means2d, depths, conics


def _empty_rendering(
    colors: Float[Tensor, "b 0 c"], camera: Camera, detached: Float[Tensor, "b 0 k"] | None
) -> Rendering:
    """The rendering of no splats, which gsplat's kernels cannot compute."""
    blank = colors.new_zeros(len(colors), camera.height, camera.width)
    channels = 0 if detached is None else detached.shape[-1]
    return Rendering(
        colors=blank[..., None].expand(-1, -1, -1, colors.shape[-1]),
        detached=blank[..., None].expand(-1, -1, -1, channels),
        alphas=blank,
        depths=blank,
        means2d=colors.new_zeros(len(colors), 0, 2),
        radii=colors.new_zeros(len(colors), 0),
    )


def gsplat() -> Any:
    """The gsplat package with its kernels loaded, which compiles them the first time (minutes) with
    its messages hidden. Raises BadArgument where they cannot be loaded or compiled."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            os.environ.setdefault(
                "TORCH_CUDA_ARCH_LIST", ".".join(map(str, torch.cuda.get_device_capability()))
            )
            import gsplat
            from gsplat.cuda._backend import _C
    except (ImportError, RuntimeError, OSError) as error:
        raise BadArgument(
            f"gsplat, which renders on the GPU, cannot be loaded: {error}. See instag doctor, or "
            "use --device cpu."
        ) from error
    if _C is None:
        raise BadArgument(
            "gsplat projected no CUDA toolkit to build its kernels with. See instag doctor, or use "
            "--device cpu."
        )
    return gsplat
