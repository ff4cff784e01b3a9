import cv2
import numpy as np

from instag.capture.segmentation.background import (
    build_backdrop,
    clear_of_person,
    fill_from_nearest,
    median_where_clear,
)
from instag.types import Region
from painted_head import COLORS, painted_clip


def test_what_a_moving_person_uncovers_is_found_exactly() -> None:
    rng = np.random.default_rng(0)
    true = cv2.GaussianBlur(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8), (0, 0), 3)
    frames, clear = [], []
    for x in range(20, 76, 4):
        regions = np.zeros((64, 96), np.uint8)
        cv2.circle(regions, (x, 32), 12, (Region.FACE.value,), -1)
        frames.append(np.where(regions[..., None] > 0, np.uint8(255), true))
        clear.append(clear_of_person(regions))
    backdrop, known = median_where_clear(frames, clear)
    np.testing.assert_array_equal(known, np.any(clear, 0))
    np.testing.assert_array_equal(backdrop[known], true[known])


def test_the_median_is_that_of_the_frames_in_which_a_pixel_is_clear() -> None:
    rng = np.random.default_rng(1)
    frames = list(rng.integers(0, 256, (9, 70, 5, 3), dtype=np.uint8))
    clear = list(rng.random((9, 70, 5)) < 0.4)
    median, known = median_where_clear(frames, clear)
    for row, column in np.argwhere(known):
        values = np.sort(
            [f[row, column] for f, c in zip(frames, clear, strict=True) if c[row, column]], 0
        )
        np.testing.assert_array_equal(median[row, column], values[(len(values) - 1) // 2])
    assert 0 < (~known).sum() < 20
    assert not median[~known].any()


def test_a_passer_by_in_some_frames_is_outvoted() -> None:
    frames = [
        np.full((32, 32, 3), 250 if number in (2, 3) else 100, np.uint8) for number in range(5)
    ]
    assert (median_where_clear(frames, [np.ones((32, 32), bool)] * 5)[0] == 100).all()


def test_a_shadow_that_goes_with_the_head_stays_in_the_backdrop() -> None:
    """Where the person is farthest for once, the wall is lit; most of the time it is not."""
    regions = np.zeros((64, 96), np.uint8)
    regions[:, 20:50] = Region.FACE
    shaded = np.full((64, 96, 3), 200, np.uint8)
    shaded[:, 50:70] = 120
    away = np.roll(regions, -18, 1), np.roll(shaded, -18, 1)
    looks = [(regions, shaded)] * 7 + [away] * 3
    backdrop, _ = median_where_clear(
        [frame for _, frame in looks], [clear_of_person(where) for where, _ in looks]
    )
    assert (backdrop[:, 54:68] == 120).all()


def test_holes_are_filled_between_their_neighbours_colours() -> None:
    image = np.full((64, 64, 3), 50, np.uint8)
    image[:, 32:] = 200
    known = np.ones((64, 64), bool)
    known[16:48, 16:48] = False
    filled = fill_from_nearest(np.where(known[..., None], image, np.uint8(0)), known)
    np.testing.assert_array_equal(filled[known], image[known])
    assert filled.min() >= 49
    assert filled.max() <= 201
    assert abs(int(filled[32, 18, 0]) - 50) < 30


def test_where_nothing_is_known_all_is_grey() -> None:
    assert (fill_from_nearest(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool)) == 128).all()


def test_the_backdrop_of_a_clip_holds_nothing_of_the_person(tmp_path) -> None:
    clip = painted_clip(tmp_path)
    build_backdrop(clip)
    difference = np.abs(clip.backdrop().astype(int) - COLORS[Region.BACKGROUND])
    assert difference.max() <= 12, "what JPEG does to flat colours"
