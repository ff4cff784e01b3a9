"""Poses of a whole clip, refined by the face's own texture."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from capture.heads import head_poses, nodding
from capture.painted_face import DISTANCE, INTRINSICS, SIZE, face_at_rest, paint, pose_of
from instag.capture.tracking import pose_refinement
from instag.capture.tracking.bundle_adjustment import Rig, project
from instag.capture.tracking.pose_refinement import KeptDetails, inlier_frames, refine_poses
from instag.capture.tracking.skin_features import Detail
from instag.ops.rigid_poses import Poses, head_to_camera
from instag.perception.face_mesh import Landmarks, sixty_eight
from instag.perception.skin_flow import SKIN
from instag.types import Track

FRAMES = 40
TRUE = head_poses(nodding(FRAMES, 0.15), DISTANCE)
HIDDEN = slice(20, 23)


def trembling(poses: Poses) -> Poses:
    """Poses with the errors of a tracker: some that stay for frames, some that do not."""
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(FRAMES, 6))
    slow = np.stack(
        [
            np.convolve(np.pad(column, 5, mode="reflect"), np.ones(11) / 3.3, "valid")
            for column in noise.T
        ],
        -1,
    )
    return poses.updated((slow + noise) * [0.012, 0.012, 0.006, 0.0006, 0.0006, 0.004] / 1.4)


def track_of(poses: Poses) -> tuple[Track, Landmarks]:
    backward = poses.rotations.transpose(0, 2, 1)
    points = np.concatenate(
        [
            project(
                Rig(shape=face_at_rest(), focal=INTRINSICS.focal, center=INTRINSICS.center), poses
            ),
            np.zeros((FRAMES, 478, 1)),
        ],
        -1,
    ).astype(np.float32)
    landmarks = Landmarks(
        points=points,
        found=np.ones(FRAMES, bool),
        flow=np.full((FRAMES, len(SKIN), 2), np.nan, np.float32),
    )
    track = Track(
        rotations=backward.astype(np.float32),
        translations=-np.einsum("fij,fj->fi", backward, poses.translations).astype(np.float32),
        landmarks=points,
        landmarks68=sixty_eight(points),
        identity=face_at_rest().astype(np.float32),
        found=landmarks.found,
        focal=INTRINSICS.focal,
    )
    return track, landmarks


def turn_errors(poses: Poses) -> np.ndarray:
    """Degrees between poses and the true ones, less what all frames share."""
    between = Rotation.from_matrix(poses.rotations) * Rotation.from_matrix(TRUE.rotations).inv()
    return np.degrees((between.mean().inv() * between).magnitude())


def frame(index: int) -> np.ndarray:
    return paint(pose_of(TRUE, index))


def test_refined_poses_are_nearer_the_truth() -> None:
    start = trembling(TRUE)
    track, landmarks = track_of(start)
    refined = refine_poses(track, landmarks, frame, (SIZE, SIZE))
    before, after = turn_errors(start), turn_errors(head_to_camera(refined))
    assert before.mean() > 0.7
    assert after.mean() < 0.3 * before.mean()
    assert refined.focal == track.focal
    np.testing.assert_array_equal(refined.landmarks, track.landmarks)


def test_pictures_that_show_something_else_are_rejected() -> None:
    """Where the face is hidden the pose stays near the landmarks' and their neighbours'."""
    start = trembling(TRUE)
    track, landmarks = track_of(start)
    noise = np.random.default_rng(1).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
    hidden = range(FRAMES)[HIDDEN]
    refined = refine_poses(
        track, landmarks, lambda index: noise if index in hidden else frame(index), (SIZE, SIZE)
    )
    after = turn_errors(head_to_camera(refined))
    assert after[HIDDEN].max() < 1.5 * max(1.0, turn_errors(start)[HIDDEN].max())
    assert np.delete(after, hidden).mean() < 0.4 * turn_errors(start).mean()


def test_a_grey_wall_changes_next_to_nothing() -> None:
    track, landmarks = track_of(TRUE)
    refined = refine_poses(
        track, landmarks, lambda _: np.full((SIZE, SIZE, 3), 90, np.uint8), (SIZE, SIZE)
    )
    assert turn_errors(head_to_camera(refined)).max() < 0.2


def test_larger_pictures_are_reduced() -> None:
    """The same clip at five times the size is refined alike."""
    track, landmarks = track_of(trembling(TRUE))
    factor = 5
    larger = replace(
        track,
        landmarks=track.landmarks * factor,
        landmarks68=track.landmarks68 * factor,
        focal=track.focal * factor,
    )
    refined = refine_poses(
        larger,
        landmarks,
        lambda index: np.kron(frame(index), np.ones((factor, factor, 1), np.uint8)),
        (SIZE * factor, SIZE * factor),
    )
    assert turn_errors(head_to_camera(refined)).mean() < 0.4 * turn_errors(trembling(TRUE)).mean()


def test_what_is_believed() -> None:
    start = TRUE
    far = np.zeros((FRAMES, 6))
    far[3, 1], far[4, 3] = 0.3, 0.1
    before, after = np.full(FRAMES, 0.3), np.full(FRAMES, 0.2)
    after[1], before[1] = 0.31, 0.3
    after[2], before[2] = 3.0, 3.5
    assert np.flatnonzero(~inlier_frames(start, start.updated(far), before, after)).tolist() == [
        1,
        2,
        3,
        4,
    ]


def test_pictures_are_read_once_as_far_as_they_may_be_kept(monkeypatch) -> None:
    read: list[int] = []

    def picture(index: int) -> Detail:
        read.append(index)
        return Detail(image=np.full((4, 4), index, np.float32), left=0, top=0)

    monkeypatch.setattr(pose_refinement, "MOST_KEPT", 100)
    kept = KeptDetails(picture)
    assert [kept(index).detail.image[0, 0] for index in (3, 5, 7, 3, 5, 7)] == [3, 5, 7, 3, 5, 7]
    assert read == [3, 5, 7, 7]
