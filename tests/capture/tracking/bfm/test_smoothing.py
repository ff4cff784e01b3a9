"""Even motion: trembling goes, turns stay, and gaps follow their neighbours."""

import numpy as np
from scipy.spatial.transform import Rotation

from instag.capture.tracking.bfm.smoothing import smooth_track
from instag.ops.rigid_poses import Poses

KNOWN = np.diag([1e5, 1e5, 1e6, 1e8, 1e8, 1e6])


def poses(turns: np.ndarray) -> Poses:
    return Poses(
        rotations=Rotation.from_rotvec(turns).as_matrix(),
        translations=np.stack([turns[:, 1], turns[:, 0], np.full(len(turns), -0.8)], -1) * 0.1,
    )


def errors(first: Poses, second: Poses) -> np.ndarray:
    return np.degrees(
        (
            Rotation.from_matrix(first.rotations) * Rotation.from_matrix(second.rotations).inv()
        ).magnitude()
    )


def waving(frames: int = 80) -> np.ndarray:
    time = np.arange(frames) / 25
    return 0.3 * np.stack([np.sin(2 * time), np.sin(3 * time), np.zeros(frames)], -1)


def test_even_motion_stays() -> None:
    truth = poses(waving())
    assert errors(smooth_track(truth, np.tile(KNOWN, (80, 1, 1)), 0.5), truth).max() < 0.02


def test_trembling_goes() -> None:
    truth, shaken = (
        poses(waving()),
        poses(waving() + 0.01 * np.random.default_rng(0).normal(size=(80, 3))),
    )
    assert (
        errors(smooth_track(shaken, np.tile(KNOWN, (80, 1, 1)), 2.0), truth).mean()
        < 0.75 * errors(shaken, truth).mean()
    )


def test_a_fast_turn_is_not_rounded_off() -> None:
    turns = np.random.default_rng(0).normal(size=(80, 3)) * 1e-3
    turns[:, 1] += 0.4 / (1 + np.exp(-(np.arange(80) - 40) * 2.0))
    turning = poses(turns)
    assert errors(smooth_track(turning, np.tile(KNOWN, (80, 1, 1)), 0.5), turning).max() < 0.3


def test_frames_that_know_nothing_follow_their_neighbours() -> None:
    information, wrong = np.tile(KNOWN, (80, 1, 1)), waving()
    information[30:34], wrong[30:34] = 0, 1.0
    assert errors(smooth_track(poses(wrong), information, 0.5), poses(waving())).max() < 0.5


def test_little_is_left_as_it_is() -> None:
    truth = poses(waving(2))
    assert smooth_track(truth, np.tile(KNOWN, (2, 1, 1)), 0.5) is truth
    assert smooth_track(poses(waving(9)), np.zeros((9, 6, 6)), 0.5).rotations.shape == (9, 3, 3)
