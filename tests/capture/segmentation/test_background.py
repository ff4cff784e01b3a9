import cv2
import numpy as np

from instag.capture.segmentation.background import (
    FarFrames,
    build_backdrop,
    distance_from_person,
    fill_from_nearest,
    median_of_far,
)
from instag.types import Region
from painted_head import COLORS, painted_clip


def test_what_a_moving_person_uncovers_is_found_exactly() -> None:
    rng = np.random.default_rng(0)
    true = cv2.GaussianBlur(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8), (0, 0), 3)
    far = FarFrames.empty(64, 96)
    covered = np.ones((64, 96), bool)
    for number, x in enumerate(range(20, 76, 4)):
        regions = np.zeros((64, 96), np.uint8)
        cv2.circle(regions, (x, 32), 12, (Region.FACE.value,), -1)
        frame = np.where(regions[..., None] > 0, np.uint8(255), true)
        far.add(frame, distance_from_person(regions), number)
        covered &= distance_from_person(regions) < 4
    backdrop, known = median_of_far(far)
    assert known[~covered].all()
    np.testing.assert_array_equal(backdrop[known], true[known])


def test_a_passer_by_in_one_frame_is_outvoted() -> None:
    far = FarFrames.empty(32, 32)
    distance = np.full((32, 32), 2, np.float32)
    for number in range(5):
        far.add(np.full((32, 32, 3), 250 if number == 2 else 100, np.uint8), distance, number)
    assert (median_of_far(far)[0] == 100).all()


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
