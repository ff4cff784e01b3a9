"""The derivatives and the linear algebra under head tracking."""

import numpy as np

from capture.heads import head_poses, head_shape, nodding
from instag.capture.tracking.bundle_adjustment import (
    Rig,
    align,
    jacobians,
    project,
    robust_weights,
)

RIG = Rig(shape=head_shape()[::40], focal=600.0, center=np.array([128.0, 128.0]))
POSES = head_poses(nodding(5))


def test_jacobians_are_the_derivatives() -> None:
    by_pose, by_point, by_focal = jacobians(RIG, POSES)
    step = 1e-6
    for axis in range(6):
        updated = POSES.updated(np.eye(6)[axis] * np.full((5, 1), step))
        np.testing.assert_allclose(
            (project(RIG, updated) - project(RIG, POSES)) / step,
            by_pose[..., axis],
            rtol=1e-3,
            atol=0.05,
        )
    for axis in range(3):
        updated = Rig(shape=RIG.shape + step * np.eye(3)[axis], focal=RIG.focal, center=RIG.center)
        np.testing.assert_allclose(
            (project(updated, POSES) - project(RIG, POSES)) / step,
            by_point[..., axis],
            rtol=1e-3,
            atol=0.05,
        )
    zoomed = Rig(shape=RIG.shape, focal=RIG.focal * np.exp(step), center=RIG.center)
    np.testing.assert_allclose(
        (project(zoomed, POSES) - project(RIG, POSES)) / step, by_focal, rtol=1e-3, atol=0.05
    )


def test_align_finds_scale_and_turn() -> None:
    shape = head_shape()
    scales, rotations = align(3.0 * shape @ POSES.rotations.transpose(0, 2, 1) + 7.0, shape)
    np.testing.assert_allclose(scales, 3.0)
    np.testing.assert_allclose(rotations, POSES.rotations, atol=1e-9)


def test_outliers_weigh_little() -> None:
    residuals = np.random.default_rng(0).normal(size=(50, 4, 2))
    residuals[7, 2] = 40
    weights = robust_weights(residuals)
    assert weights[7, 2] < 0.01 * np.median(weights)
