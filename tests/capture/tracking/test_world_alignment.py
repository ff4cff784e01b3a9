"""A resting face laid into another world: exact where that world is ours moved, turned and
scaled."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from capture.heads import SIZE, head_poses, head_shape, nodding, seen
from instag.capture.tracking.world_alignment import align_world
from instag.types import Track


def track(frames: int = 40, focal: float = 600.0) -> Track:
    poses = head_poses(nodding(frames))
    shape = head_shape()
    landmarks = seen(shape, poses, focal)
    backward = poses.rotations.transpose(0, 2, 1)
    return Track(
        rotations=backward.astype(np.float32),
        translations=-np.einsum("fij,fj->fi", backward, poses.translations).astype(np.float32),
        landmarks=landmarks.points,
        landmarks68=np.zeros((frames, 68, 2), np.float32),
        identity=shape.astype(np.float32),
        found=np.ones(frames, bool),
        focal=focal,
    )


def matrices_of(own: Track) -> np.ndarray:
    matrices = np.tile(np.eye(4), (len(own.rotations), 1, 1))
    matrices[:, :3, :3], matrices[:, :3, 3] = own.rotations, own.translations
    return matrices


def test_the_same_world_changes_nothing() -> None:
    own = track()
    laid = align_world(own, matrices_of(own), own.focal, (SIZE, SIZE))
    assert laid.error < 0.01
    np.testing.assert_allclose(laid.identity, own.identity, atol=1e-5)


def test_another_world_is_found() -> None:
    """The other tracker's world is turned, moved and three times as large."""
    own = track()
    turn, shift = (
        Rotation.from_euler("xyz", [0.1, -0.2, 0.05]).as_matrix(),
        np.array([0.01, -0.02, 0.03]),
    )
    theirs = matrices_of(own)
    theirs[:, :3, :3] = turn @ theirs[:, :3, :3]
    theirs[:, :3, 3] = 3 * theirs[:, :3, 3] @ turn.T + shift
    laid = align_world(own, theirs, own.focal, (SIZE, SIZE))
    assert abs(laid.unit - 3) < 0.01
    np.testing.assert_allclose(laid.identity, 3 * own.identity @ turn.T + shift, atol=1e-3)


def test_poses_of_another_video_are_noticed() -> None:
    own = track()
    laid = align_world(
        own,
        matrices_of(
            replace(own, rotations=own.rotations[::-1], translations=own.translations[::-1])
        ),
        own.focal,
        (SIZE, SIZE),
    )
    assert laid.error > 3
