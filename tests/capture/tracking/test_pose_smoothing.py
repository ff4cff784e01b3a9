"""The linear algebra of pose smoothing."""

import numpy as np

from capture.heads import head_poses, head_shape, nodding
from instag.capture.tracking.bundle_adjustment import (
    Rig,
    jacobians,
    project,
)
from instag.capture.tracking.pose_smoothing import Observations, PoseSystem, second_differences

RIG = Rig(shape=head_shape()[::40], focal=600.0, center=np.array([128.0, 128.0]))
POSES = head_poses(nodding(5))


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
    jacobian = jacobians(RIG, POSES)[0].reshape(5, -1, 6)
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
