"""What becomes of frames in which no face was found."""

import numpy as np
import pytest

from instag.errors import FaceLost, NoFace
from instag.perception.face_mesh import IBUG_68, fill_gaps, longest_gap, longest_seen, sixty_eight
from instag.perception.skin_flow import SKIN


def walk(frames: int, missing: set[int]) -> list[np.ndarray | None]:
    """Landmarks that move evenly by one pixel a frame."""
    return [
        None if frame in missing else np.full((478, 3), frame, np.float32)
        for frame in range(frames)
    ]


def fill(seen: list[np.ndarray | None]):
    return fill_gaps(seen, np.zeros((len(seen), len(SKIN), 2), np.float32), "me.mp4")


def test_short_gaps_are_filled_along_a_line() -> None:
    landmarks = fill(walk(30, {4, 5, 6, 20}))
    np.testing.assert_allclose(landmarks.points[:, 0, 0], np.arange(30), atol=1e-5)
    np.testing.assert_array_equal(np.flatnonzero(~landmarks.found), [4, 5, 6, 20])


def test_ends_repeat_the_nearest() -> None:
    landmarks = fill(walk(10, {0, 1, 9}))
    np.testing.assert_allclose(landmarks.points[[0, 1, 9], 0, 0], [2, 2, 8])


def test_long_gap_says_when() -> None:
    with pytest.raises(
        FaceLost, match=r"lost in 12 of 100 frames of me\.mp4 \(0:02\.0 to 0:02\.5\)"
    ):
        fill(walk(100, {*range(50, 62)}))


def test_no_face_at_all() -> None:
    with pytest.raises(NoFace, match="100 frames"):
        fill(walk(100, set(range(100))))


def test_longest_gap() -> None:
    assert longest_gap(np.array([True, False, False, True, False])) == 2
    assert longest_gap(np.ones(3, bool)) == 0


def test_sixty_eight_points_in_order() -> None:
    points = np.arange(478, dtype=np.float32)[None, :, None] * np.ones(3, np.float32)
    assert len(set(IBUG_68)) == 68
    np.testing.assert_array_equal(sixty_eight(points)[0, :, 1], IBUG_68)


def test_longest_seen_part_leaves_out_long_gaps_alone() -> None:
    found = np.ones(100, bool)
    found[[3, 4, 30, 31]] = False
    assert longest_seen(found) == (0, 100)
    found[20:26] = found[90:] = False
    assert longest_seen(found) == (26, 90)
    assert longest_seen(np.zeros(9, bool)) == (0, 0)
