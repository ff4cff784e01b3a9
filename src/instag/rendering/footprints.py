"""Footprints: projected splats of many pictures, one after another, painted by gsplat in one pass.

Pictures of the layers and frames of a head need not have as many splats, and how many tiles are
sorted is waited for once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, final

from jaxtyping import Float, Int
from torch import Tensor

from instag.rendering.gsplat_renderer import TILE, finite_opacities, gsplat
from instag.rendering.projection import DILATION, NEAR
from instag.types import Camera, Splats


@final
@dataclass(frozen=True, kw_only=True)
class Footprints:
    """Where splats lie in their pictures. pictures: the number of each one's picture. radii: half
    extents in pixels, 0 for a culled splat."""

    means2d: Float[Tensor, "n 2"]
    conics: Float[Tensor, "n 3"]
    opacities: Float[Tensor, " n"]
    colors: Float[Tensor, "n c"]
    depths: Float[Tensor, " n"]
    radii: Int[Tensor, "n 2"]
    pictures: Int[Tensor, " n"]

    def tables(self) -> tuple[Tensor, ...]:
        """In the order of the fields."""
        return tuple(vars(self).values())

    @classmethod
    def of_tables(cls, tables: Sequence[Tensor]) -> "Footprints":
        """The inverse of `tables`."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, tables, strict=True)))

    def first(self, count: int) -> "Footprints":
        """The first of them alone."""
        return Footprints.of_tables([table[:count] for table in self.tables()])


@final
class FootprintRenderer:
    """Float32 on an NVIDIA GPU, without gradients."""

    def __init__(self) -> None:
        self._gsplat: Any = gsplat()

    def project(
        self,
        splats: Splats,
        colors: Float[Tensor, "b n c"],
        camera: Camera,
        pictures: Int[Tensor, "b n"],
    ) -> Footprints:
        """pictures: the number of each splat's picture."""
        opacities = finite_opacities(splats)
        radii, means2d, depths, conics, *_ = self._gsplat.fully_fused_projection(
            splats.means,
            None,
            splats.quats,
            splats.scales,
            camera.viewmats[:, None],
            camera.Ks[:, None],
            camera.width,
            camera.height,
            eps2d=DILATION,
            near_plane=NEAR,
            opacities=opacities,
        )
        return Footprints(
            means2d=means2d.flatten(0, 2),
            conics=conics.flatten(0, 2),
            opacities=opacities.flatten(),
            colors=colors.flatten(0, 1),
            depths=depths.flatten(),
            radii=radii.flatten(0, 2),
            pictures=pictures.flatten(),
        )

    def fill(
        self, splats: Footprints, pictures: int, width: int, height: int
    ) -> tuple[Float[Tensor, "p h w c"], Float[Tensor, "p h w"]]:
        """Colours, multiplied by their alphas, and alphas of so many pictures. Waits for the device
        once."""
        columns, rows = -(-width // TILE), -(-height // TILE)
        _, crossings, members = self._gsplat.isect_tiles(
            splats.means2d,
            splats.radii,
            splats.depths,
            TILE,
            columns,
            rows,
            packed=True,
            n_images=pictures,
            image_ids=splats.pictures,
            gaussian_ids=splats.pictures,
        )
        offsets = self._gsplat.isect_offset_encode(crossings, pictures, columns, rows)
        colors, alphas = self._gsplat.rasterize_to_pixels(
            splats.means2d,
            splats.conics,
            splats.colors,
            splats.opacities,
            width,
            height,
            TILE,
            offsets,
            members,
            packed=True,
        )
        return colors, alphas[..., 0]
