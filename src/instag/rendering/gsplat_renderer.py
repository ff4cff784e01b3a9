"""The GPU renderer: gsplat's kernels, one call for a whole batch of frames (Ye et al., JMLR
2025)."""

import contextlib
import io
import os
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from instag.errors import BadArgument
from instag.rendering.projection import DILATION, NEAR
from instag.rendering.renderer import Drawing, Renderer
from instag.types import Camera, Rendering, Splats

TILE = 16
"""Side of the tiles in pixels that gsplat sorts splats into."""
WARP = 32
"""Threads that a GPU runs in lockstep."""


@dataclass(frozen=True, kw_only=True)
class Projected:
    """Splats on the picture plane with their channels, of which depth is the last: what tiles are
    filled with. radii: half extents in pixels, 0 for a culled splat."""

    means2d: Float[Tensor, "b n 2"]
    conics: Float[Tensor, "b n 3"]
    opacities: Float[Tensor, "b n"]
    channels: Float[Tensor, "b n c"]
    detached: Float[Tensor, "b n k"] | None
    depths: Float[Tensor, "b n"]
    radii: Int[Tensor, "b n 2"]
    width: int
    height: int

    def leaves(self) -> "Projected":
        """The same values, cut off from what they were computed from; gradients end here."""
        return replace(
            self,
            **{
                name: value.detach().requires_grad_(value.requires_grad)
                for name, value in vars(self).items()
                if isinstance(value, Tensor)
            },
        )

    def differentiable(self) -> list[Tensor]:
        """What a gradient can reach of what is filled in."""
        parts = (self.means2d, self.conics, self.opacities, self.channels, self.detached)
        return [part for part in parts if part is not None and part.requires_grad]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Tiles put together: sums of weight x channel, and of weights."""

    channels: Float[Tensor, "b h w c"]
    detached: Float[Tensor, "b h w k"] | None
    alphas: Float[Tensor, "b h w 1"]

    def tensors(self) -> list[Tensor]:
        """Those that are there."""
        return [each for each in (self.channels, self.detached, self.alphas) if each is not None]


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
        if not colors.shape[1]:
            return _empty_rendering(colors, camera, detached)
        projected = self.project(
            Drawing(splats=splats, colors=colors, camera=camera, detached=detached)
        )
        if projected.means2d.requires_grad:
            projected.means2d.retain_grad()
        return rendering_of(projected, self.fill(projected))

    def project(self, drawing: Drawing) -> Projected:
        """Everything before tiles are filled; of at least one splat."""
        splats, camera = drawing.splats, drawing.camera
        opacities = finite_opacities(splats)
        radii, means2d, depths, conics = self._projected(splats, opacities, camera)
        detached = drawing.detached
        return Projected(
            means2d=means2d,
            conics=conics,
            opacities=opacities,
            channels=torch.cat([drawing.colors, depths[..., None]], -1),
            detached=detached if detached is not None and detached.shape[-1] else None,
            depths=depths,
            radii=radii,
            width=camera.width,
            height=camera.height,
        )

    def fill(self, projected: Projected) -> Filled:
        """Sort splats into tiles and fill these. How much there is to sort decides how much memory
        is taken, so this waits for the device."""
        columns, rows = -(-projected.width // TILE), -(-projected.height // TILE)
        _, crossings, members = self._gsplat.isect_tiles(
            projected.means2d, projected.radii, projected.depths, TILE, columns, rows
        )
        frames = len(projected.means2d)
        offsets = self._gsplat.isect_offset_encode(crossings, frames, columns, rows)

        def rasterize(
            means2d: Tensor, conics: Tensor, channels: Tensor, opacities: Tensor
        ) -> tuple[Tensor, Tensor]:
            return self._gsplat.rasterize_to_pixels(
                means2d,
                conics,
                channels,
                opacities,
                projected.width,
                projected.height,
                TILE,
                offsets,
                members,
            )

        means2d, conics, opacities = projected.means2d, projected.conics, projected.opacities
        channels, alphas = rasterize(means2d, conics, projected.channels, opacities)
        detached = projected.detached
        return Filled(
            channels=channels,
            detached=None
            if detached is None
            else rasterize(means2d.detach(), conics.detach(), detached, opacities.detach())[0],
            alphas=alphas,
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


def finite_opacities(splats: Splats) -> Float[Tensor, "b n"]:
    """The opacities, 0 where a splat has a number that is none."""
    numbers = splats.means.sum(-1) + splats.scales.sum(-1) + splats.quats.sum(-1) + splats.opacities
    return torch.where(numbers.isfinite(), splats.opacities, 0.0)


def rendering_of(projected: Projected, filled: Filled) -> Rendering:
    """What was asked for, from filled tiles."""
    alphas = filled.alphas[..., 0]
    colors, depths = filled.channels.split([filled.channels.shape[-1] - 1, 1], dim=-1)
    return Rendering(
        colors=colors,
        detached=colors[..., :0] if filled.detached is None else filled.detached,
        alphas=alphas,
        depths=depths[..., 0] / alphas.clamp_min(1e-10),
        means2d=projected.means2d,
        radii=projected.radii.amax(-1).float(),
    )


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
            "gsplat found no CUDA toolkit to build its kernels with. See instag doctor, or use "
            "--device cpu."
        )
    return gsplat
