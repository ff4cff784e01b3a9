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
from scipy.linalg import cho_factor, cho_solve

from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, silent

OUTLIER_SCALE = 2.4
"""Scale of the Cauchy weights, in standard deviations of a residual."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rigid shape (metres, head's frame) and the camera: focal length and principal point in
    pixels."""

    shape: Float[np.ndarray, "p 3"]
    focal: float
    center: Float[np.ndarray, "2"]


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


def project(rig: Rig, poses: Poses) -> Float[np.ndarray, "f p 2"]:
    """The shape's points in each frame, in pixels."""
    camera = rig.shape @ poses.rotations.transpose(0, 2, 1) + poses.translations[:, None]
    return rig.center + rig.focal * camera[..., :2] / -camera[..., 2:] * np.array([1, -1])


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
            center=rig.center,
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
        by_pose, by_point, by_focal = jacobians(rig, poses)
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


def jacobians(
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
