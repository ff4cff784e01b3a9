"""The derivatives and the linear algebra under head tracking."""

import numpy as np

from capture.heads import head_poses, head_shape, nodding
from instag.capture.tracking.bundle_adjustment import (
    Observations,
    PoseSystem,
    Rig,
    _jacobians,
    align,
    project,
    robust_weights,
    second_differences,
)

RIG = Rig(shape=head_shape()[::40], focal=600.0, centre=np.array([128.0, 128.0]))
POSES = head_poses(nodding(5))


def test_jacobians_are_the_derivatives() -> None:
    by_pose, by_point, by_focal = _jacobians(RIG, POSES)
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
        updated = Rig(shape=RIG.shape + step * np.eye(3)[axis], focal=RIG.focal, centre=RIG.centre)
        np.testing.assert_allclose(
            (project(updated, POSES) - project(RIG, POSES)) / step,
            by_point[..., axis],
            rtol=1e-3,
            atol=0.05,
        )
    zoomed = Rig(shape=RIG.shape, focal=RIG.focal * np.exp(step), centre=RIG.centre)
    np.testing.assert_allclose(
        (project(zoomed, POSES) - project(RIG, POSES)) / step, by_focal, rtol=1e-3, atol=0.05
    )


def test_pose_system_solves_the_whole_system() -> None:
    """The banded solution is that of the dense normal equations, built row by row."""
    generator = np.random.default_rng(0)
    count = len(RIG.shape)
    projected = project(RIG, POSES)
    observations = Observations(
        points=projected + generator.normal(size=projected.shape),
        confidence=np.ones(5),
        flow=np.diff(projected, axis=0) + generator.normal(size=(4, count, 2)),
    )
    weights, flow_weights, stiffnesses = (
        generator.uniform(0.5, 1, (5, count)),
        generator.uniform(0.5, 1, (4, count)),
        generator.uniform(0.5, 1, 3),
    )
    system = PoseSystem.linearize(observations, weights, flow_weights, RIG, POSES)
    jacobian = _jacobians(RIG, POSES)[0].reshape(5, -1, 6)
    matrix, right = np.zeros((30, 30)), np.zeros(30)

    def add(parts: dict[int, np.ndarray], weight: np.ndarray, target: np.ndarray) -> None:
        jacobian_rows = np.zeros((len(target), 30))
        for frame, part in parts.items():
            jacobian_rows[:, 6 * frame : 6 * frame + 6] = part
        matrix[:] += jacobian_rows.T @ weight @ jacobian_rows
        right[:] += jacobian_rows.T @ weight @ target

    for frame in range(5):
        add(
            {frame: jacobian[frame]},
            np.diag(np.repeat(weights[frame], 2)),
            (observations.points - projected)[frame].ravel(),
        )
    for frame in range(4):
        flow_residuals = (observations.flow - np.diff(projected, axis=0))[frame].ravel()
        add(
            {frame: -jacobian[frame], frame + 1: jacobian[frame + 1]},
            np.diag(np.repeat(flow_weights[frame], 2)),
            flow_residuals,
        )
    accelerations = second_differences(POSES)
    for frame in range(3):
        add(
            {frame: np.eye(6), frame + 1: -2 * np.eye(6), frame + 2: np.eye(6)},
            stiffnesses[frame] * system.mean_information,
            -accelerations[frame],
        )
    np.testing.assert_allclose(
        system.solve(accelerations, stiffnesses).ravel(),
        np.linalg.solve(matrix, right),
        rtol=1e-5,
        atol=1e-9,
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
