"""The CPU renderer: numba on as many cores as torch uses."""

from typing import final

import numpy as np
import torch
from jaxtyping import Float
from numba import njit, prange
from torch import Tensor

from instag.rendering.cpu.projection import PARTS, array, check_features, project_fast
from instag.rendering.cpu.rasterize import (
    GEOMETRY,
    RECORD,
    ROW,
    draw_tile,
    rasterize_tile_backward,
    record,
    tile_corner,
)
from instag.rendering.cpu.tiles import HEIGHT, WIDTH, cover
from instag.rendering.renderer import Renderer
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch
from instag.types import Camera, Rendering, Splats


@final
class CpuRenderer(Renderer):
    """Float32 on the CPU. The same input gives the same picture and gradients, bit for bit, on any
    number of cores."""

    def render(
        self,
        splats: Splats,
        colors: Float[Tensor, "b n c"],
        camera: Camera,
        detached: Float[Tensor, "b n k"] | None = None,
    ) -> Rendering:
        """See Renderer.render. Raises RenderingFailed, ValueError where shapes contradict."""
        if detached is None:
            detached = colors[..., :0]
        check_features(splats, colors)
        check_features(splats, detached)
        projection = project_fast(splats, camera)
        if projection.means2d.requires_grad:
            projection.means2d.retain_grad()
        rendered, detached_rendered, alphas, depths = _Rasterize.apply(
            *(
                projection.means2d,
                projection.conics,
                projection.depths,
                splats.opacities,
                colors,
                detached,
                projection.extents,
            ),
            (camera.width, camera.height),
        )  # pyright: ignore[reportGeneralTypeIssues]
        radii = projection.extents.amax(-1)
        return Rendering(
            colors=rendered,
            detached=detached_rendered,
            alphas=alphas,
            depths=depths,
            means2d=projection.means2d,
            radii=radii,
        )


class _Rasterize(torch.autograd.Function):
    """Projected splats to pictures."""

    @staticmethod
    def forward(ctx, means2d, conics, depths, opacities, colors, detached, extents, size):
        width, height = size
        frames, count = depths.shape
        tiles = cover(
            array(means2d), array(extents), array(depths), width, height, numba_threads_like_torch()
        )
        channels = colors.shape[-1] + detached.shape[-1] + 1
        records, features = (
            np.empty((frames * count, RECORD), np.float32),
            np.empty((frames * count, channels), np.float32),
        )
        _pack(
            tuple(map(array, (means2d, conics, depths, opacities, colors, detached, extents))),
            records,
            features,
        )
        outputs = tuple(
            torch.empty(frames, height, width, *rest)
            for rest in (colors.shape[-1:], detached.shape[-1:], (), ())
        )
        _rasterize(
            (tiles.schedule_starts, tiles.schedule, tiles.starts, tiles.members),
            records,
            features,
            tuple(map(array, outputs)),
        )
        ctx.save_for_backward(*outputs)
        ctx.kept = tiles, records, features, count
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    def backward(ctx, *gradients):
        numba_threads_like_torch()
        tiles, records, features, count = ctx.kept
        colors, detached, alphas, depths = ctx.saved_tensors
        outer = (
            torch.zeros_like(picture) if given is None else given
            for given, picture in zip(gradients, ctx.saved_tensors, strict=True)
        )
        pairs = np.zeros((len(tiles.members), GEOMETRY + features.shape[1]), np.float32)
        work = tiles.schedule_starts, tiles.schedule, tiles.starts, tiles.members, tiles.slots
        _rasterize_backward(
            work,
            records,
            features,
            gradients[3] is not None,
            tuple(map(array, (colors, alphas, depths))),
            tuple(map(array, outer)),
            pairs,
        )
        results = tuple(
            torch.empty(len(alphas), count, *rest)
            for rest in ((2,), (3,), (), (), colors.shape[-1:], detached.shape[-1:])
        )
        _unpack(tiles.slot_starts, pairs, tuple(map(array, results)))
        return *results, None, None


@parallel_njit(error_model="numpy")
def _pack(inputs, records, features):
    """Fill a RECORD and all channels (colors, depth, detached) of each visible splat."""
    means2d, conics, depths, opacities, colors, detached, extents = inputs
    frames, count = depths.shape
    wide = colors.shape[2]
    for splat in prange(frames * count):
        frame, index = splat // count, splat % count
        if extents[frame, index, 0] > 0:
            record(
                means2d[frame, index],
                conics[frame, index],
                opacities[frame, index],
                extents[frame, index],
                records[splat],
            )
            for channel in range(wide):
                features[splat, channel] = colors[frame, index, channel]
            features[splat, wide] = depths[frame, index]
            for channel in range(detached.shape[2]):
                features[splat, wide + 1 + channel] = detached[frame, index, channel]


@parallel_njit(error_model="numpy")
def _rasterize(shares, records, features, pictures):
    """Rasterize all tiles, each worker its own."""
    schedule_starts, schedule, starts, members = shares
    colors, detached, alphas, depths = pictures
    _, height, width, _ = colors.shape
    for worker in prange(len(schedule_starts) - 1):
        deep = (1 + features.shape[1]) * ROW
        tile, flags = np.empty(HEIGHT * deep, np.float32), np.empty(WIDTH, np.bool_)
        for step in range(schedule_starts[worker], schedule_starts[worker + 1]):
            number = schedule[step]
            frame, top, left = tile_corner(number, width, height)
            if not draw_tile(
                number, starts, members, records, features, width, height, tile, flags
            ):
                colors[frame, top : top + HEIGHT, left : left + WIDTH] = 0
                detached[frame, top : top + HEIGHT, left : left + WIDTH] = 0
                alphas[frame, top : top + HEIGHT, left : left + WIDTH] = 0
                depths[frame, top : top + HEIGHT, left : left + WIDTH] = 0
                continue
            _write_pixels(tile, deep, frame, top, left, pictures)


@njit(cache=True, error_model="numpy")
def _write_pixels(tile, deep, frame, top, left, pictures):
    """Write a tile, as `rasterize_tile` leaves it, to its place in the pictures."""
    colors, detached, alphas, depths = pictures
    _, height, width, wide = colors.shape
    for y in range(top, min(top + HEIGHT, height)):
        for x in range(left, min(left + WIDTH, width)):
            at = (y - top) * deep + x - left
            alpha = 1 - abs(tile[at])
            alphas[frame, y, x] = alpha
            for channel in range(wide):
                colors[frame, y, x, channel] = tile[at + (1 + channel) * ROW]
            depths[frame, y, x] = tile[at + (1 + wide) * ROW] / alpha if alpha > 0 else 0
            for channel in range(detached.shape[3]):
                detached[frame, y, x, channel] = tile[at + (2 + wide + channel) * ROW]


@parallel_njit(error_model="numpy")
def _rasterize_backward(shares, records, features, with_depths, pictures, outer, pairs):
    """Fill the derivatives of each pair of splat and tile."""
    schedule_starts, schedule, starts, members, slots = shares
    _, height, width, wide = pictures[0].shape
    for worker in prange(len(schedule_starts) - 1):
        deep = (3 + features.shape[1]) * ROW
        tile, flags = np.zeros(HEIGHT * deep, np.float32), np.empty(WIDTH, np.bool_)
        weights = np.empty(WIDTH * HEIGHT, np.float32)
        for step in range(schedule_starts[worker], schedule_starts[worker + 1]):
            number = schedule[step]
            if starts[number] == starts[number + 1]:
                continue
            frame, top, left = tile_corner(number, width, height)
            _read_derivatives(tile, deep, frame, top, left, with_depths, pictures, outer)
            some = slice(starts[number], starts[number + 1])
            rasterize_tile_backward(
                members[some],
                slots[some],
                records,
                features,
                wide + with_depths,
                left,
                top,
                width,
                height,
                tile,
                flags,
                weights,
                pairs,
            )


@njit(cache=True, error_model="numpy")
def _read_derivatives(tile, deep, frame, top, left, with_depths, pictures, outer):
    """Fill a tile with what `rasterize_tile_backward` needs on entry. pictures: colours, alphas and
    depths as rendered. outer: the derivatives by colours, detached channels, alphas and depths."""
    colors, alphas, depths = pictures
    by_colors, by_detached, by_alphas, by_depths = outer
    _, height, width, wide = colors.shape
    for y in range(top, min(top + HEIGHT, height)):
        for x in range(left, min(left + WIDTH, width)):
            at = (y - top) * deep + x - left
            alpha, by_alpha = alphas[frame, y, x], by_alphas[frame, y, x]
            seen = by_alpha * alpha
            for channel in range(wide):
                by_color = by_colors[frame, y, x, channel]
                seen += by_color * colors[frame, y, x, channel]
                tile[at + (3 + channel) * ROW] = by_color
            if with_depths:
                by_depth = by_depths[frame, y, x] / alpha if alpha > 0 else np.float32(0)
                tile[at + (3 + wide) * ROW] = by_depth
                by_alpha -= by_depth * depths[frame, y, x]
            tile[at + ROW], tile[at + 2 * ROW] = seen, by_alpha
            for channel in range(by_detached.shape[3]):
                tile[at + (4 + wide + channel) * ROW] = by_detached[frame, y, x, channel]


@parallel_njit()
def _unpack(slot_starts, pairs, results):
    """Add up the pairs of each splat, in the order of their slots."""
    by_means2d, by_conics, by_depths, by_opacities, by_colors, by_detached = results
    frames, count = by_depths.shape
    wide = by_colors.shape[2]
    parts = PARTS
    for part in prange(parts):
        sums = np.empty(pairs.shape[1], np.float32)
        for splat in range(frames * count * part // parts, frames * count * (part + 1) // parts):
            frame, index = splat // count, splat % count
            sums[:] = 0
            for slot in range(slot_starts[splat], slot_starts[splat + 1]):
                for entry in range(len(sums)):
                    sums[entry] += pairs[slot, entry]
            by_means2d[frame, index, 0], by_means2d[frame, index, 1] = sums[0], sums[1]
            by_conics[frame, index, 0], by_conics[frame, index, 1], by_conics[frame, index, 2] = (
                sums[2],
                sums[3],
                sums[4],
            )
            by_opacities[frame, index] = sums[5]
            for channel in range(wide):
                by_colors[frame, index, channel] = sums[GEOMETRY + channel]
            by_depths[frame, index] = sums[GEOMETRY + wide]
            for channel in range(by_detached.shape[2]):
                by_detached[frame, index, channel] = sums[GEOMETRY + 1 + wide + channel]
