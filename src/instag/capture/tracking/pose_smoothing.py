"""Pose smoothing: all poses of a clip at once, from landmarks, flow and, where given, photometric
observations of a known rigid head, by Gauss-Newton (docs/method.md#observation).

The conventions are those of `bundle_adjustment`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from instag.capture.tracking.bundle_adjustment import (
    OUTLIER_SCALE,
    Rig,
    jacobians,
    project,
    robust_weights,
)
from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, silent

ACCELERATION_OUTLIER_SCALE = 3.0
"""Second differences of the poses this many times the median size are penalised half as much."""
FLOW_SIGMA = 0.15
"""Smallest standard deviation of a flow vector in pixels."""
FLOW_WEIGHT = 10.0
"""Weight of a flow vector against a landmark: errors of landmarks are correlated from frame to
frame, those of flow are not."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """Measurements of the rigid points in a whole clip, in pixels.

    points: landmarks. confidence: weight of each frame's landmarks, 0 where no face was found.
    flow: motion from each frame to the next, NaN where unknown.
    """

    points: Float[np.ndarray, "f p 2"]
    confidence: Float[np.ndarray, " f"]
    flow: Float[np.ndarray, "g p 2"]


@dataclass(frozen=True, kw_only=True)
class PhotometricObservations:
    """A pose measured from each frame's image, with its information matrix over [w, dt]; zero where
    the image was rejected."""

    poses: Poses
    information: Float[np.ndarray, "f 6 6"]


def smooth_poses(
    observations: Observations,
    rig: Rig,
    poses: Poses,
    *,
    stiffness: float,
    flow_weight: float = FLOW_WEIGHT,
    photometric: PhotometricObservations | None = None,
    iterations: int = 4,
    report: Report = silent,
) -> Poses:
    """All poses of a clip from landmarks, flow and, where given, photometric observations, with a
    penalty on their second differences. The clip is solved at once, so there is no lag.

    The penalty is `stiffness` times the mean information that landmarks and image give about a
    pose. Without flow it is the zero-phase low pass 1 / (1 + stiffness (2 - 2 cos w)^2) of a motion
    of w radians a frame. Large second differences (a turn, a nod) are penalised less (Cauchy).
    Frames without a face depend on their neighbours alone.
    """
    frames = len(observations.points)
    if frames < 3:
        return poses
    weak = np.full(frames - 2, 1e-3)
    no_flow = np.zeros(observations.flow.shape[:2])
    for iteration in range(iterations):
        report(iteration, 3 * iterations)
        weights = _landmark_weights(observations, rig, poses)
        system = PoseSystem.linearize(observations, weights, no_flow, rig, poses, photometric)
        poses = poses.updated(system.solve(second_differences(poses), weak))
    # The landmarks' weights are fixed from here on: otherwise a head that moves fast would look
    # like a frame full of outliers.
    weights = _landmark_weights(observations, rig, poses)
    stiffnesses = np.full(frames - 2, stiffness)
    for iteration in range(2 * iterations):
        report(iterations + iteration, 3 * iterations)
        of_flow = _flow_weights(observations, rig, poses, flow_weight)
        system = PoseSystem.linearize(observations, weights, of_flow, rig, poses, photometric)
        poses = poses.updated(system.solve(second_differences(poses), stiffnesses))
        stiffnesses = robust_stiffness(
            second_differences(poses), system.mean_information, stiffness
        )
    return poses


def robust_stiffness(
    accelerations: Float[np.ndarray, "h 6"],
    mean_information: Float[np.ndarray, "6 6"],
    stiffness: float,
) -> Float[np.ndarray, " h"]:
    """The penalty of each second difference: `stiffness`, less where it is far larger than the
    median (Cauchy)."""
    size = np.einsum("fi,ij,fj->f", accelerations, mean_information, accelerations)
    return stiffness / (
        1 + size / (ACCELERATION_OUTLIER_SCALE**2 * max(float(np.median(size)), 1e-12))
    )


def _landmark_weights(
    observations: Observations, rig: Rig, poses: Poses
) -> Float[np.ndarray, "f p"]:
    residuals = observations.points - project(rig, poses)
    return robust_weights(residuals) * observations.confidence[:, None]


def _flow_weights(
    observations: Observations, rig: Rig, poses: Poses, weight: float
) -> Float[np.ndarray, "g p"]:
    """Cauchy weights of the flow in 1/px^2, over its variance within each pair of frames; 0 where
    it is unknown."""
    known = np.isfinite(observations.flow).all(-1)
    squared = np.where(
        known, ((observations.flow - np.diff(project(rig, poses), axis=0)) ** 2).sum(-1), np.nan
    )
    variance = np.full(len(squared), FLOW_SIGMA**2)
    some = known.sum(1) >= 6
    variance[some] = np.maximum(
        np.nanmedian(squared[some], axis=1) / (2 * np.log(2)), FLOW_SIGMA**2
    )
    weights = weight / (
        variance[:, None] * (1 + squared / variance[:, None] / (2 * OUTLIER_SCALE**2))
    )
    return np.where(known & some[:, None], weights, 0)


@dataclass(frozen=True, kw_only=True)
class PoseSystem:
    """The normal equations of all poses of a clip: the blocks of each frame, those between a frame
    and the next, and the right-hand side. mean_information: the mean block of a frame, without
    flow."""

    diagonal: Float[np.ndarray, "f 6 6"]
    off_diagonal: Float[np.ndarray, "g 6 6"]
    gradient: Float[np.ndarray, "f 6"]
    mean_information: Float[np.ndarray, "6 6"]

    @classmethod
    def linearize(
        cls,
        observations: Observations,
        weights: Float[np.ndarray, "f p"],
        flow_weights: Float[np.ndarray, "g p"],
        rig: Rig,
        poses: Poses,
        photometric: PhotometricObservations | None = None,
    ) -> "PoseSystem":
        jacobian = jacobians(rig, poses)[0]
        projected: np.ndarray = project(rig, poses)
        jacobian_rows = jacobian.reshape(len(jacobian), -1, 6)
        weighted = (
            (jacobian * weights[..., None, None]).reshape(jacobian_rows.shape).transpose(0, 2, 1)
        )
        diagonal = weighted @ jacobian_rows
        gradient = np.einsum(
            "fij,fj->fi", weighted, (observations.points - projected).reshape(len(projected), -1)
        )
        if photometric is not None:
            diagonal += photometric.information
            gradient += np.einsum(
                "fij,fj->fi", photometric.information, poses.updates_to(photometric.poses)
            )
        mean_information = diagonal[weights.sum(1) > 0].mean(0)
        flow_residuals = np.nan_to_num(
            observations.flow - (projected[1:] - projected[:-1])
        ).reshape(len(projected) - 1, -1)
        pair = np.repeat(flow_weights, 2, axis=1)[..., None]
        before, after = jacobian_rows[:-1], jacobian_rows[1:]
        weighted_before, weighted_after = (
            (pair * before).transpose(0, 2, 1),
            (pair * after).transpose(0, 2, 1),
        )
        diagonal[:-1] += weighted_before @ before
        diagonal[1:] += weighted_after @ after
        gradient[:-1] -= np.einsum("fij,fj->fi", weighted_before, flow_residuals)
        gradient[1:] += np.einsum("fij,fj->fi", weighted_after, flow_residuals)
        return cls(
            diagonal=diagonal,
            off_diagonal=np.negative(weighted_before @ after),
            gradient=gradient,
            mean_information=mean_information,
        )

    def solve(
        self, accelerations: Float[np.ndarray, "h 6"], stiffnesses: Float[np.ndarray, " h"]
    ) -> Float[np.ndarray, "f 6"]:
        """The steps of all poses, with their second differences penalised: a block-pentadiagonal
        system, solved by a banded Cholesky factorisation."""
        frames = len(self.diagonal)
        blocks = np.zeros((3, frames, 6, 6))
        blocks[0] = self.diagonal + 1e-9 * np.eye(6)
        blocks[1, :-1] = self.off_diagonal
        right = self.gradient.copy()
        pattern = (1.0, -2.0, 1.0)
        pull = stiffnesses[:, None] * (accelerations @ self.mean_information)
        for first in range(3):
            right[first : frames - 2 + first] -= pattern[first] * pull
            for second in range(first, 3):
                blocks[second - first, first : frames - 2 + first] += (
                    pattern[first] * pattern[second] * stiffnesses
                )[:, None, None] * self.mean_information
        banded = np.zeros((18, 6 * frames))
        for offset in range(3):
            for row in range(6):
                for column in range(6):
                    below = 6 * offset + column - row
                    if below >= 0:
                        banded[below, row : 6 * (frames - offset) : 6] = blocks[
                            offset, : frames - offset, row, column
                        ]
        return solveh_banded(banded, right.ravel(), lower=True).reshape(frames, 6)


def second_differences(poses: Poses) -> Float[np.ndarray, "g 6"]:
    """Second differences of the poses in time, as [w, dt]; none for the first and last frame."""
    turns = Rotation.from_matrix(poses.rotations)
    steps = (turns[1:] * turns[:-1].inv()).as_rotvec()
    return np.concatenate([steps[1:] - steps[:-1], np.diff(poses.translations, n=2, axis=0)], -1)
