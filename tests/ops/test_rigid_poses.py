"""Rigid poses: updates and inverses."""

import numpy as np
from scipy.spatial.transform import Rotation

from instag.ops.rigid_poses import Poses, camera_to_head, head_to_camera
from shared_files import shared_clip


def some(seed: int) -> Poses:
    draw = np.random.default_rng(seed)
    return Poses(
        rotations=Rotation.from_quat(draw.normal(size=(5, 4))).as_matrix(),
        translations=draw.normal(size=(5, 3)),
    )


def test_updates_lead_from_poses_to_others() -> None:
    one, other = some(0), some(1)
    moved = one.updated(one.updates_to(other))
    np.testing.assert_allclose(moved.rotations, other.rotations, atol=1e-12)
    np.testing.assert_allclose(moved.translations, other.translations, atol=1e-12)


def test_no_update_is_no_change() -> None:
    np.testing.assert_allclose(some(0).updates_to(some(0)), 0, atol=1e-12)


def test_a_small_update_turns_about_its_axis() -> None:
    still = Poses(rotations=np.eye(3)[None], translations=np.zeros((1, 3)))
    turned = still.updated(np.array([[0, 0.1, 0, 0, 0, 2.0]]))
    np.testing.assert_allclose(turned.rotations[0] @ [0, 0, 1], [np.sin(0.1), 0, np.cos(0.1)])
    assert turned.translations[0].tolist() == [0, 0, 2]


def test_a_tracks_poses_come_back() -> None:
    track = shared_clip(frames=20).track()
    rotations, translations = camera_to_head(head_to_camera(track))
    np.testing.assert_allclose(rotations, track.rotations, atol=1e-6)
    np.testing.assert_allclose(translations, track.translations, atol=1e-6)
