"""Bundle adjustment of one rigid head: shape, focal length and poses that explain its landmarks, by
Gauss-Newton (docs/method.md#observation).

Head to camera, OpenGL axes: X = R s + t in metres, x right, y up, the camera looks along -z. A
point projects to u = cx - f X/Z, v = cy + f Y/Z pixels. Poses are updated on the left, R <- exp(w)
R, t <- t + dt; every 6-vector is [w, dt] (radians, metres). Cauchy weights are recomputed in each
iteration (iteratively reweighted least squares; Triggs et al., "Bundle Adjustment - A Modern
Synthesis", 2000).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve, solveh_banded
from scipy.spatial.transform import Rotation

from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, silent

OUTLIER_SCALE = 2.4
"""Scale of the Cauchy weights, in standard deviations of a residual."""
ACCELERATION_OUTLIER_SCALE = 3.0
"""Second differences of the poses this many times the median size are penalised half as much."""
FLOW_SIGMA = 0.15
"""Smallest standard deviation of a flow vector in pixels."""
FLOW_WEIGHT = 10.0
"""Weight of a flow vector against a landmark: errors of landmarks are correlated from frame to
frame, those of flow are not."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rigid shape (metres, head's frame) and the camera: focal length and principal point in
    pixels."""

    shape: Float[np.ndarray, "p 3"]
    focal: float
    centre: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class ShapePrior:
    """A Gaussian prior of shape (`shape_sigma` in metres) and focal length (`focal_sigma` of its
    natural logarithm).

    point_sigma: standard deviation of a landmark in pixels. frame_weight: weight of a frame below
    1, because landmark errors are correlated over several frames.
    """

    shape: Float[np.ndarray, "p 3"]
    focal: float
    shape_sigma: float = 0.004
    focal_sigma: float = 0.25
    point_sigma: float = 1.0
    frame_weight: float = 0.05


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


def project(rig: Rig, poses: Poses) -> Float[np.ndarray, "f p 2"]:
    """The shape's points in each frame, in pixels."""
    camera = rig.shape @ poses.rotations.transpose(0, 2, 1) + poses.translations[:, None]
    return rig.centre + rig.focal * camera[..., :2] / -camera[..., 2:] * np.array([1, -1])


def robust_weights(residuals: Float[np.ndarray, "f p 2"]) -> Float[np.ndarray, "f p"]:
    """Cauchy weights over each point's own variance, in 1/px^2: points that move against the skull
    (brows, jaw) weigh little."""
    squared = (residuals**2).sum(-1)
    variance = np.maximum(np.median(squared, axis=0) / (2 * np.log(2)), 0.05)
    return 1 / (variance * (1 + squared / variance / (2 * OUTLIER_SCALE**2)))


def align(
    points: Float[np.ndarray, "f p 3"], shape: Float[np.ndarray, "p 3"]
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f 3 3"]]:
    """Scales and rotations with points ~ scale R shape, both about their centroids (Umeyama)."""
    points, shape = points - points.mean(1, keepdims=True), shape - shape.mean(0)
    left, _, right = np.linalg.svd(points.transpose(0, 2, 1) @ shape)
    signs = np.ones((len(points), 3))
    signs[:, 2] = np.linalg.det(left @ right)
    rotations = (left * signs[:, None]) @ right
    scales = np.einsum("fpi,fij,pj->f", points, rotations, shape) / (shape**2).sum()
    return scales, rotations


def bundle_adjust(
    points: Float[np.ndarray, "f p 2"],
    rig: Rig,
    poses: Poses,
    prior: ShapePrior,
    *,
    iterations: int = 12,
    report: Report = silent,
) -> tuple[Rig, Poses]:
    """Shape, focal length and poses from landmarks in pixels: the poses are eliminated by the Schur
    complement, shape and focal length are solved together."""
    for iteration in range(iterations):
        report(iteration, iterations)
        shape_step, pose_steps = _BundleSystem.linearize(points, rig, poses, prior).solve()
        rig = Rig(
            shape=rig.shape + shape_step[:-1].reshape(-1, 3),
            focal=float(rig.focal * np.exp(shape_step[-1])),
            centre=rig.centre,
        )
        poses = poses.updated(pose_steps)
        if np.abs(shape_step).max() < 1e-6 and np.abs(pose_steps).max() < 1e-6:
            break
    return rig, poses


@dataclass(frozen=True, kw_only=True)
class _BundleSystem:
    """Normal equations of one Gauss-Newton step. Shared unknowns: the points, then the logarithm of
    the focal length. mixed: the blocks between a frame's pose and the shared unknowns."""

    pose_hessian: Float[np.ndarray, "f 6 6"]
    pose_gradient: Float[np.ndarray, "f 6"]
    mixed: Float[np.ndarray, "f 6 s"]
    hessian: Float[np.ndarray, "s s"]
    gradient: Float[np.ndarray, " s"]

    @classmethod
    def linearize(
        cls, points: Float[np.ndarray, "f p 2"], rig: Rig, poses: Poses, prior: ShapePrior
    ) -> "_BundleSystem":
        residuals = points - project(rig, poses)
        weights = robust_weights(residuals) * prior.frame_weight * prior.point_sigma**-2.0
        by_pose, by_point, by_focal = _jacobians(rig, poses)
        weighted = by_pose * weights[..., None, None]
        mixed = np.concatenate(
            [
                np.einsum("fpij,fpik->fjpk", weighted, by_point).reshape(len(points), 6, -1),
                np.einsum("fpij,fpi->fj", weighted, by_focal)[:, :, None],
            ],
            -1,
        )
        return cls(
            pose_hessian=np.einsum("fpij,fpik->fjk", weighted, by_pose) + 1e-6 * np.eye(6),
            pose_gradient=np.einsum("fpij,fpi->fj", weighted, residuals),
            mixed=mixed,
            hessian=_shared_hessian(weights, by_point, by_focal, prior),
            gradient=_shared_gradient(weights, by_point, by_focal, residuals, rig, prior),
        )

    def solve(self) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "f 6"]]:
        """The steps of the shared unknowns and of the poses; the focal length changes by at most
        exp(0.2)."""
        eliminated = np.linalg.solve(
            self.pose_hessian, np.concatenate([self.mixed, self.pose_gradient[..., None]], -1)
        )
        reduced = self.hessian - np.einsum(
            "fij,fik->jk", self.mixed, eliminated[..., :-1], optimize=True
        )
        step = cho_solve(
            cho_factor(reduced),
            self.gradient - np.einsum("fij,fi->j", self.mixed, eliminated[..., -1]),
        )
        step[-1] = np.clip(step[-1], -0.2, 0.2)
        return step, eliminated[..., -1] - eliminated[..., :-1] @ step


def _shared_hessian(
    weights: Float[np.ndarray, "f p"],
    by_point: Float[np.ndarray, "f p 2 3"],
    by_focal: Float[np.ndarray, "f p 2"],
    prior: ShapePrior,
) -> Float[np.ndarray, "s s"]:
    """Hessian of points and focal length: 3 x 3 blocks of the points, and one row and column of the
    focal length."""
    count = weights.shape[1]
    hessian = np.diag(
        np.concatenate([np.full(3 * count, prior.shape_sigma**-2.0), [prior.focal_sigma**-2.0]])
    )
    of_points = np.einsum("fp,fpij,fpik->pjk", weights, by_point, by_point)
    for point in range(count):
        block = slice(3 * point, 3 * point + 3)
        hessian[block, block] += of_points[point]
    cross = np.einsum("fp,fpij,fpi->pj", weights, by_point, by_focal).ravel()
    hessian[:-1, -1] += cross
    hessian[-1, :-1] += cross
    hessian[-1, -1] += np.einsum("fp,fpi,fpi->", weights, by_focal, by_focal)
    return hessian


def _shared_gradient(
    weights: Float[np.ndarray, "f p"],
    by_point: Float[np.ndarray, "f p 2 3"],
    by_focal: Float[np.ndarray, "f p 2"],
    residuals: Float[np.ndarray, "f p 2"],
    rig: Rig,
    prior: ShapePrior,
) -> Float[np.ndarray, " s"]:
    """Gradient of points and focal length, with the prior's."""
    return np.concatenate(
        [
            np.einsum("fp,fpij,fpi->pj", weights, by_point, residuals).ravel()
            + ((prior.shape - rig.shape) * prior.shape_sigma**-2.0).ravel(),
            [
                np.einsum("fp,fpi,fpi->", weights, by_focal, residuals)
                + np.log(prior.focal / rig.focal) * prior.focal_sigma**-2.0
            ],
        ]
    )


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
        jacobian = _jacobians(rig, poses)[0]
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


def _jacobians(
    rig: Rig, poses: Poses
) -> tuple[Float[np.ndarray, "f p 2 6"], Float[np.ndarray, "f p 2 3"], Float[np.ndarray, "f p 2"]]:
    """Derivatives of the projected points: by the pose [w, dt], by the point, and by the logarithm
    of the focal length."""
    rotated = rig.shape @ poses.rotations.transpose(0, 2, 1)
    camera = rotated + poses.translations[:, None]
    scale = rig.focal / -camera[..., 2]
    by_camera = np.zeros((*camera.shape[:2], 2, 3))
    by_camera[..., 0, 0] = scale
    by_camera[..., 1, 1] = -scale
    by_camera[..., 0, 2] = scale * camera[..., 0] / -camera[..., 2]
    by_camera[..., 1, 2] = -scale * camera[..., 1] / -camera[..., 2]
    by_pose = np.concatenate([np.cross(rotated[:, :, None], by_camera), by_camera], -1)
    by_focal = np.stack([scale * camera[..., 0], -scale * camera[..., 1]], -1)
    return by_pose, by_camera @ poses.rotations[:, None], by_focal
