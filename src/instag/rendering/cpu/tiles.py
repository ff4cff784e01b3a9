"""Tiles: rectangles of a picture with the splats that cover them, front to back, and the worker
that rasterizes each."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit, prange

from instag.errors import RenderingFailed
from instag.runtime.parallel_kernel import parallel_njit

WIDTH, HEIGHT = 64, 16
"""Pixels of a tile."""
MOST_SIDE = 2**14
"""Pixels of a picture's side."""
MOST_PAIRS = 2**28
"""Of splats and tiles in a batch: 2 GiB of them. A head of 50,000 splats that all fill a picture of
1024 x 1024 has 2**25.6."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """All tiles of a batch of frames; a pair is a splat that touches a tile.

    starts: of each tile's pairs, which come front to back. members: the pair's splat, as frame * n
    + index. slots: where a pair writes its gradient, such that a splat's pairs are neighbours.
    slot_starts: of each splat's slots. schedule: the tiles in the order in which they are
    rasterized, worker by worker. schedule_starts: of each worker's tiles.
    """

    starts: Int32[np.ndarray, " tile_edges"]
    members: Int32[np.ndarray, " pairs"]
    slots: Int32[np.ndarray, " pairs"]
    slot_starts: Int32[np.ndarray, " splat_edges"]
    schedule: Int32[np.ndarray, " tiles"]
    schedule_starts: Int32[np.ndarray, " worker_edges"]


def cover(
    means2d: Float32[np.ndarray, "b n 2"],
    extents: Float32[np.ndarray, "b n 2"],
    depths: Float32[np.ndarray, "b n"],
    width: int,
    height: int,
    workers: int,
) -> Tiles:
    """Sort the splats by depth (equal depths by index) and list them for each tile that their box
    touches. Raises RenderingFailed where that would be more than MOST_PAIRS."""
    frames, count = depths.shape
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
        raise RenderingFailed(
            f"A picture of {width} x {height} pixels cannot be rendered: a side has from 1 to "
            f"{MOST_SIDE}. Choose another --size."
        )
    columns, rows = -(-width // WIDTH), -(-height // HEIGHT)
    boxes = np.empty((frames * count, 4), np.int16)
    orders = np.empty((frames, count), np.int32)
    starts = np.zeros(frames * rows * columns + 1, np.int64)
    slot_starts = np.zeros(frames * count + 1, np.int64)
    loads = np.zeros(frames * rows * columns, np.float32)
    _sort_and_count(
        means2d,
        extents,
        depths,
        columns,
        rows,
        boxes,
        orders,
        starts,
        slot_starts,
        loads,
        MOST_PAIRS,
    )
    if max(slot_starts[-1], frames * count) > MOST_PAIRS:
        raise RenderingFailed(
            f"{count} Gaussians cannot be rendered: in {frames} pictures of {width} x {height} "
            f"they touch {slot_starts[-1]:,} tiles, and may {MOST_PAIRS:,}. Learn the head again; "
            "if it is somebody else's, its file is damaged."
        )
    starts, slot_starts = starts.astype(np.int32), slot_starts.astype(np.int32)
    members, slots = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32)
    _list(orders, boxes, columns, rows, starts, slot_starts, members, slots)
    schedule, schedule_starts = _share(loads, workers)
    return Tiles(
        starts=starts,
        members=members,
        slots=slots,
        slot_starts=slot_starts,
        schedule=schedule,
        schedule_starts=schedule_starts,
    )


@njit(cache=True)
def _sort(keys, order, spare_keys, spare):
    """Fill `order` with the indices that sort positive floats, seen as the integers `keys`: radix
    sort, 11 bits a pass."""
    count = len(keys)
    for index in range(count):
        order[index] = index
    here, there, here_keys, there_keys = order, spare, keys, spare_keys
    for shift in (0, 11, 22):
        offsets = np.zeros(2049, np.int32)
        for index in range(count):
            offsets[((here_keys[index] >> shift) & 2047) + 1] += 1
        for digit in range(2048):
            offsets[digit + 1] += offsets[digit]
        for index in range(count):
            digit = (here_keys[index] >> shift) & 2047
            there[offsets[digit]], there_keys[offsets[digit]] = here[index], here_keys[index]
            offsets[digit] += 1
        here, there, here_keys, there_keys = there, here, there_keys, here_keys
    order[:] = here


@njit(cache=True, error_model="numpy")
def _sort_frame(
    frame, means2d, extents, depths, columns, rows, boxes, orders, starts, slot_starts, loads, most
):
    """Order one frame's splats, find the tiles that each touches (first and before-last column,
    then row), count, and estimate the work; beyond `most` pairs only count."""
    count, pairs = depths.shape[1], 0
    _sort(
        depths[frame].view(np.int32).copy(),
        orders[frame],
        np.empty(count, np.int32),
        np.empty(count, np.int32),
    )
    for index in range(count):
        splat = frame * count + index
        wide, high = extents[frame, index, 0], extents[frame, index, 1]
        if not wide > 0:
            boxes[splat] = 0
            continue
        x, y = (
            means2d[frame, index, 0] - np.float32(0.5),
            means2d[frame, index, 1] - np.float32(0.5),
        )
        left, right = _tiles(x - wide, x + wide, WIDTH, columns)
        top, bottom = _tiles(y - high, y + high, HEIGHT, rows)
        boxes[splat, 0], boxes[splat, 1], boxes[splat, 2], boxes[splat, 3] = (
            left,
            right,
            top,
            bottom,
        )
        slot_starts[splat + 1] = (right - left) * (bottom - top)
        pairs += slot_starts[splat + 1]
        if pairs > most:  # nothing of it will be rendered
            continue
        work = 2 + min(2 * high, HEIGHT) * (1 + min(2 * wide, WIDTH) / 16)
        for row in range(top, bottom):
            for column in range(left, right):
                tile = (frame * rows + row) * columns + column
                starts[tile + 1] += 1
                loads[tile] += work


@njit(cache=True, error_model="numpy")
def _tiles(low, high, size, count):
    """The tiles, from first to before last, that hold a pixel between two positions."""
    limit = np.float32(size * count)
    first = int(np.ceil(min(max(low, np.float32(0)), limit))) // size
    return first, max(
        first, int(np.floor(min(max(high, np.float32(-1)), limit - 1)) + size) // size
    )


@parallel_njit(error_model="numpy")
def _sort_and_count(
    means2d, extents, depths, columns, rows, boxes, orders, starts, slot_starts, loads, most
):
    frames, count = depths.shape
    # Waking the other cores for one frame costs more than it saves.
    if frames == 1:
        _sort_frame(
            0,
            means2d,
            extents,
            depths,
            columns,
            rows,
            boxes,
            orders,
            starts,
            slot_starts,
            loads,
            most,
        )
    else:
        for frame in prange(frames):
            _sort_frame(
                frame,
                means2d,
                extents,
                depths,
                columns,
                rows,
                boxes,
                orders,
                starts,
                slot_starts,
                loads,
                most,
            )
    for tile in range(len(loads)):
        starts[tile + 1] += starts[tile]
    for splat in range(frames * count):
        slot_starts[splat + 1] += slot_starts[splat]


@njit(cache=True)
def _list_frame(frame, orders, boxes, columns, rows, starts, slot_starts, members, slots):
    count = orders.shape[1]
    ends = starts[frame * rows * columns : (frame + 1) * rows * columns].copy()
    for rank in range(count):
        splat = frame * count + orders[frame, rank]
        left, right, top, bottom = boxes[splat]
        slot = slot_starts[splat]
        for row in range(top, bottom):
            for column in range(left, right):
                tile = row * columns + column
                members[ends[tile]], slots[ends[tile]] = splat, slot
                ends[tile] += 1
                slot += 1


@parallel_njit()
def _list(orders, boxes, columns, rows, starts, slot_starts, members, slots):
    frames = len(orders)
    if frames == 1:
        _list_frame(0, orders, boxes, columns, rows, starts, slot_starts, members, slots)
    else:
        for frame in prange(frames):
            _list_frame(frame, orders, boxes, columns, rows, starts, slot_starts, members, slots)


@njit(cache=True)
def _share(loads, workers):
    """Give the tiles, heaviest first, each to the worker with the least to do so far."""
    owners, sums = np.empty(len(loads), np.int32), np.zeros(workers, np.float32)
    counts = np.zeros(workers + 1, np.int32)
    order = np.argsort(-loads, kind="mergesort")
    for tile in order:
        owner = np.argmin(sums)
        owners[tile] = owner
        sums[owner] += loads[tile] + np.float32(20)
        counts[owner + 1] += 1
    starts = np.cumsum(counts).astype(np.int32)
    ends, schedule = starts[:-1].copy(), np.empty(len(loads), np.int32)
    for tile in order:
        schedule[ends[owners[tile]]] = tile
        ends[owners[tile]] += 1
    return schedule, starts
