"""Tiles: each splat in each tile that its box touches, front to back, once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instag.rendering.cpu.tiles import HEIGHT, WIDTH, cover


@given(
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.sampled_from([0, 1, 50]),
    st.integers(1, 200),
    st.integers(1, 100),
    st.integers(1, 4),
)
def test_members_are_the_boxes_that_touch(
    seed: int, frames: int, count: int, width: int, height: int, workers: int
):
    random = np.random.default_rng(seed)
    means2d = (random.uniform(-0.2, 1.2, (frames, count, 2)) * [width, height]).astype(np.float32)
    extents = (
        random.uniform(0, 40, (frames, count, 2)) * (random.random((frames, count, 1)) < 0.9)
    ).astype(np.float32)
    depths = random.integers(1, 20, (frames, count)).astype(np.float32) / 7  # with equal ones
    tiles = cover(means2d, extents, depths, width, height, workers)
    columns, rows = -(-width // WIDTH), -(-height // HEIGHT)
    assert sorted(tiles.schedule) == list(range(frames * rows * columns))
    assert tiles.schedule_starts[0] == 0
    assert len(tiles.schedule_starts) == workers + 1
    assert sorted(tiles.slots) == list(range(len(tiles.members)))
    for tile in range(frames * rows * columns):
        frame, left, top = (
            tile // (rows * columns),
            tile % columns * WIDTH,
            tile // columns % rows * HEIGHT,
        )
        low, high = (
            means2d[frame] - np.float32(0.5) - extents[frame],
            means2d[frame] - np.float32(0.5) + extents[frame],
        )
        first, last = np.ceil(low), np.floor(high)
        touches = (extents[frame, :, 0] > 0) & (first <= last).all(-1)
        touches &= (
            (first[:, 0] < left + WIDTH)
            & (last[:, 0] >= left)
            & (first[:, 1] < top + HEIGHT)
            & (last[:, 1] >= top)
        )
        members = tiles.members[tiles.starts[tile] : tiles.starts[tile + 1]]
        assert set(frame * count + np.flatnonzero(touches)) <= set(members)
        order = np.argsort(depths[frame], kind="stable")
        assert list(members) == [
            frame * count + index for index in order if frame * count + index in set(members)
        ]
        slots = tiles.slots[tiles.starts[tile] : tiles.starts[tile + 1]]
        assert all(
            tiles.slot_starts[splat] <= slot < tiles.slot_starts[splat + 1]
            for splat, slot in zip(members, slots, strict=True)
        )
