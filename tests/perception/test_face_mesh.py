"""Where the mesh finds the synthetic speaker's face, and what becomes of frames in which no face
was found."""

import cv2
import numpy as np
import pytest

from instag.errors import FaceLost, NoFace
from instag.perception.face_mesh import (
    IBUG_68,
    FaceMesh,
    fill_gaps,
    longest_gap,
    longest_tracked_part,
    sixty_eight,
)
from instag.perception.skin_flow import SKIN
from shared_files import shared_clip


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


def test_longest_tracked_part_leaves_out_long_gaps_alone() -> None:
    found = np.ones(100, bool)
    found[[3, 4, 30, 31]] = False
    assert longest_tracked_part(found) == (0, 100)
    found[20:26] = found[90:] = False
    assert longest_tracked_part(found) == (26, 90)
    assert longest_tracked_part(np.zeros(9, bool)) == (0, 0)


SIZE = 192
NOTHING = np.full((SIZE, SIZE, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def speaker() -> tuple[list[np.ndarray], np.ndarray]:
    """Pictures of the synthetic speaker and where its points are."""
    clip = shared_clip(frames=40, size=SIZE)
    return [clip.frame(index) for index in range(40)], clip.track().landmarks


def opening(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, 13, :2] - points[:, 14, :2], axis=-1)


def test_the_mesh_lies_on_the_speakers_face(speaker: tuple[list[np.ndarray], np.ndarray]) -> None:
    pictures, true = speaker
    mesh = FaceMesh()
    found = np.stack([points for points in map(mesh.find, pictures) if points is not None])
    eyes = np.linalg.norm(true[0, 33, :2] - true[0, 263, :2])
    misses = np.linalg.norm(found[:, :468, :2] - true[:, :468, :2], axis=-1) / eyes
    assert misses.mean() < 0.04
    assert np.abs((found - true)[:, :468, :2].mean((0, 1))).max() < 0.01 * eyes
    assert np.corrcoef(opening(found), opening(true))[0, 1] > 0.98
    assert found[0, 1, 2] < found[0, [234, 454], 2].min()


def test_a_turned_picture_has_turned_points(speaker: tuple[list[np.ndarray], np.ndarray]) -> None:
    picture = speaker[0][0]
    turn = cv2.getRotationMatrix2D(((SIZE - 1) / 2, (SIZE - 1) / 2), 35, 1.0)
    mesh, other = FaceMesh(), FaceMesh()
    upright = mesh.find(picture)
    turned = other.find(
        cv2.warpAffine(picture, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    )
    assert upright is not None
    assert turned is not None
    moved = (upright[:, :2] - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    assert np.linalg.norm(turned[:, :2] - moved, axis=-1).mean() < 0.02 * SIZE


def test_a_lost_face_is_found_again_elsewhere(speaker: tuple[list[np.ndarray], np.ndarray]) -> None:
    picture = speaker[0][0]
    wide = [
        np.hstack([picture, NOTHING]),
        np.hstack([NOTHING, NOTHING]),
        np.hstack([NOTHING, picture]),
    ]
    mesh = FaceMesh()
    first, second, third, jumped = (mesh.find(each) for each in (*wide, wide[0]))
    assert second is None
    assert first is not None
    assert third is not None
    assert jumped is not None
    np.testing.assert_allclose(third[:, 0] - SIZE, first[:, 0], atol=3)
    np.testing.assert_allclose(jumped, first, atol=3)


def test_a_wall_has_no_face() -> None:
    mesh = FaceMesh()
    assert mesh.find(NOTHING) is None
    assert mesh.find(NOTHING[:20, :7]) is None
