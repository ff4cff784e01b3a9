"""Tracking on a head of points whose shape, poses and camera are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.heads import SIZE, head_poses, head_shape, nodding, seen
from instag.capture.tracking.fit_head import (
    EYE_DISTANCE,
    NOSE_TIP,
    NOSE_TIP_Z,
    fit_head,
    reprojection_errors,
)
from instag.ops.rigid_poses import head_to_camera
from instag.perception.landmark_pairs import OUTER_EYES

FOCAL = 600.0


def angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between rotations, less their constant part."""
    between = Rotation.from_matrix(first) * Rotation.from_matrix(second).inv()
    return np.degrees((between.mean().inv() * between).magnitude())


def test_exact_landmarks_are_explained() -> None:
    track = fit_head(seen(head_shape(), head_poses(nodding(60)), FOCAL), SIZE, SIZE)
    assert reprojection_errors(track, SIZE, SIZE).mean() < 0.1
    assert angles(head_to_camera(track).rotations, head_poses(nodding(60)).rotations).mean() < 0.3


def test_head_frame_is_as_promised() -> None:
    """Eyes 0.092 apart and level, nose tip on the z axis at 0.075, the camera before the face."""
    track = fit_head(seen(head_shape(), head_poses(nodding(60)), FOCAL, jitter=0.3), SIZE, SIZE)
    left, right = track.identity[list(OUTER_EYES)]
    assert np.linalg.norm(right - left) == pytest.approx(EYE_DISTANCE, rel=1e-4)
    assert right[0] > 0 > left[0]
    assert track.identity[NOSE_TIP, 2] == pytest.approx(NOSE_TIP_Z, abs=1e-5)
    assert abs(track.identity[NOSE_TIP, 0]) < 0.004
    assert (track.translations[:, 2] > 0.5).all()
    shape = head_shape()
    assert np.linalg.norm(track.identity - shape, axis=-1).mean() < 0.005
    np.testing.assert_allclose(np.linalg.det(track.rotations), 1, atol=1e-4)


@pytest.mark.parametrize("focal", [450.0, 900.0])
def test_focal_length_follows_the_motion(focal: float) -> None:
    """A head that turns far shows how strong the perspective is; the estimate moves from the prior
    toward the truth."""
    distance = 0.8 * focal / FOCAL
    track = fit_head(seen(head_shape(), head_poses(nodding(120, 0.5), distance), focal), SIZE, SIZE)
    assert abs(np.log(track.focal / focal)) < abs(np.log(FOCAL / focal))


def test_still_head_gives_a_sensible_camera() -> None:
    track = fit_head(
        seen(head_shape(), head_poses(np.zeros((50, 3))), FOCAL, jitter=0.3), SIZE, SIZE
    )
    assert 0.5 * FOCAL < track.focal < 2 * FOCAL
    assert reprojection_errors(track, SIZE, SIZE).mean() < 1


def test_flow_removes_jitter() -> None:
    """Landmarks that tremble by a pixel leave a head that moves as smoothly as it did."""
    poses = head_poses(nodding(100))
    landmarks = seen(head_shape(), poses, FOCAL, jitter=1.0)
    blind = replace(landmarks, flow=np.full_like(landmarks.flow, np.nan))
    errors = []
    for evidence in (landmarks, blind):
        turns = Rotation.from_matrix(head_to_camera(fit_head(evidence, SIZE, SIZE)).rotations)
        truth = Rotation.from_matrix(poses.rotations)
        steps, true_steps = (
            (turns[1:] * turns[:-1].inv()).magnitude(),
            (truth[1:] * truth[:-1].inv()).magnitude(),
        )
        errors.append(np.degrees(np.abs(steps - true_steps)).mean())
    assert errors[0] < 0.3 * errors[1]


def test_fast_turn_is_followed_without_lag() -> None:
    turns = np.zeros((80, 3))
    turns[:, 1] = 0.4 / (1 + np.exp(-(np.arange(80) - 40) * 1.5))
    poses = head_poses(turns)
    track = fit_head(seen(head_shape(), poses, FOCAL, jitter=0.3), SIZE, SIZE)
    assert angles(head_to_camera(track).rotations, poses.rotations).max() < 1.5


def test_frames_that_were_not_found_follow_their_neighbours() -> None:
    poses = head_poses(nodding(60))
    landmarks = seen(head_shape(), poses, FOCAL, jitter=0.3)
    points, found, flow = landmarks.points.copy(), landmarks.found.copy(), landmarks.flow.copy()
    points[30:34, :, 0] += 40
    found[30:34], flow[30:35] = False, np.nan
    track = fit_head(replace(landmarks, points=points, found=found, flow=flow), SIZE, SIZE)
    assert angles(head_to_camera(track).rotations, poses.rotations)[28:36].max() < 2


def test_outliers_do_not_move_the_head() -> None:
    poses = head_poses(nodding(60))
    landmarks = seen(head_shape(), poses, FOCAL, jitter=0.3)
    points = landmarks.points.copy()
    points[20:30, [151, 9, 8, 10]] += 15
    track = fit_head(replace(landmarks, points=points), SIZE, SIZE)
    assert angles(head_to_camera(track).rotations, poses.rotations).max() < 1.5
