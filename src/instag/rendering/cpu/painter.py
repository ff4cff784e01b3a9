"""The painter: splats of several layers become bytes over a background in one pass, for speaking.

A layer lies before the next one wherever their splats are, so that one list of splats, sorted by
layer and then by depth, gives the picture that layers rendered one by one and composited give. What
the layers before hide is not computed, and no picture of floats is written.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Float, UInt8
from numba import prange
from torch import Tensor

from instag.rendering.cpu.projection import array, check_features, project_fast
from instag.rendering.cpu.rasterize import RECORD, ROW, draw_tile, record, tile_corner
from instag.rendering.cpu.tiles import HEIGHT, WIDTH, cover
from instag.rendering.projection import Projection
from instag.runtime.parallel_kernel import parallel_njit
from instag.runtime.threads import numba_threads_like_torch
from instag.types import Camera, Splats

COLORS = 3


@final
class CpuPainter:
    """The same input gives the same bytes on any number of cores."""

    def paint(
        self,
        layers: Sequence[tuple[Splats, Float[Tensor, "b _ 3"]]],
        camera: Camera,
        background: UInt8[Tensor, "b h w 3"],
    ) -> UInt8[Tensor, "b h w 3"]:
        """layers: splats and their colours, the frontmost first. Raises RenderingFailed, ValueError
        where shapes contradict."""
        frames = len(camera.viewmats)
        if background.shape != (frames, camera.height, camera.width, 3):
            raise ValueError(f"a background of {tuple(background.shape)} does not fit the camera")
        for splats, colors in layers:
            check_features(splats, colors)
            if colors.shape[2] != COLORS:
                raise ValueError(f"{colors.shape[2]} channels are no colours")
        projections = [project_fast(splats, camera) for splats, _ in layers]
        records, features, tables = _joined(layers, projections)
        tiles = cover(*tables, camera.width, camera.height, numba_threads_like_torch())
        picture = background.contiguous().clone()
        _paint(
            (tiles.schedule_starts, tiles.schedule, tiles.starts, tiles.members),
            records,
            features,
            picture.numpy(),
        )
        return picture


def _joined(
    layers: Sequence[tuple[Splats, Float[Tensor, "b _ 3"]]], projections: Sequence[Projection]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Records, colours, and the centres, extents and depths of all layers' splats."""
    frames = len(projections[0].depths)
    count = sum(projection.depths.shape[1] for projection in projections)
    numba_threads_like_torch()
    records = np.empty((frames * count, RECORD), np.float32)
    features = np.empty((frames * count, COLORS), np.float32)
    centers, extents = (np.empty((frames, count, 2), np.float32) for _ in range(2))
    depths = np.empty((frames, count), np.float32)
    start, farthest = 0, 0.0
    for (splats, colors), projection in zip(layers, projections, strict=True):
        inputs = (
            projection.means2d,
            projection.conics,
            projection.depths,
            splats.opacities,
            colors,
            projection.extents,
        )
        _pack(
            tuple(map(array, inputs)),
            np.float32(farthest),
            start,
            (records, features, centers, extents, depths),
        )
        start += projection.depths.shape[1]
        farthest += float(projection.depths.max())
    return records, features, (centers, extents, depths)


@parallel_njit(error_model="numpy")
def _pack(inputs, behind, start, outputs):
    """Fill the places of one layer, from `start` on in each frame. behind: is added to depths, so
    that they are larger than those of the layers before."""
    means2d, conics, depths, opacities, colors, extents = inputs
    records, features, centers, all_extents, all_depths = outputs
    (frames, count), whole = depths.shape, all_depths.shape[1]
    for splat in prange(frames * count):
        frame, index = splat // count, splat % count
        at = start + index
        for axis in range(2):
            centers[frame, at, axis] = means2d[frame, index, axis]
            all_extents[frame, at, axis] = extents[frame, index, axis]
        all_depths[frame, at] = depths[frame, index] + behind
        if extents[frame, index, 0] > 0:
            row = frame * whole + at
            record(
                means2d[frame, index],
                conics[frame, index],
                opacities[frame, index],
                extents[frame, index],
                records[row],
            )
            for channel in range(3):
                features[row, channel] = colors[frame, index, channel]


@parallel_njit(error_model="numpy")
def _paint(shares, records, features, picture):
    """Rasterize all tiles, each worker its own, over what the picture holds."""
    schedule_starts, schedule, starts, members = shares
    _, height, width, _ = picture.shape
    deep, most = (1 + features.shape[1]) * ROW, np.float32(255)
    for worker in prange(len(schedule_starts) - 1):
        tile, flags = np.empty(HEIGHT * deep, np.float32), np.empty(WIDTH, np.bool_)
        for step in range(schedule_starts[worker], schedule_starts[worker + 1]):
            number = schedule[step]
            frame, top, left = tile_corner(number, width, height)
            if not draw_tile(
                number, starts, members, records, features, width, height, tile, flags
            ):
                continue
            for y in range(min(HEIGHT, height - top)):
                for x in range(min(WIDTH, width - left)):
                    at = y * deep + x
                    past = abs(tile[at])
                    if past == np.float32(1):  # no splat is seen there
                        continue
                    for channel in range(3):
                        behind = past * np.float32(picture[frame, top + y, left + x, channel])
                        light = np.rint(tile[at + (1 + channel) * ROW] * most + behind)
                        picture[frame, top + y, left + x, channel] = np.uint8(
                            min(max(light, np.float32(0)), most)
                        )
