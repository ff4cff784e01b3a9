"""Bundle adjustment of one rigid head: shape, focal length and poses that explain its landmarks, by Gauss-Newton.

Head to camera, OpenGL style: X = R s + t, x right, y up, camera looking along -z. A point lands at
u = cx - f X/Z, v = cy + f Y/Z pixels. Poses are updated by R <- exp(w) R, t <- t + dt, and stand as [w, dt] in all
6-vectors here. Robust weights (Cauchy) are set anew in each iteration.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve, solveh_banded
from scipy.spatial.transform import Rotation

OUTLIER_SCALE = 2.4
"""Residuals of this many standard deviations get half the weight (Cauchy)."""


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Head to camera: rotations and translations in metres."""

    rotations: Float[np.ndarray, "f 3 3"]
    translations: Float[np.ndarray, "f 3"]

    def moved(self, steps: Float[np.ndarray, "f 6"]) -> "Poses":
        """The poses after the updates [w, dt]."""
        return Poses(rotations=Rotation.from_rotvec(steps[:, :3]).as_matrix() @ self.rotations, translations=self.translations + steps[:, 3:])

    def taken(self, index: np.ndarray) -> "Poses":
        return Poses(rotations=self.rotations[index], translations=self.translations[index])


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rigid shape in metres and the camera that sees it; centre and focal length in pixels."""

    shape: Float[np.ndarray, "p 3"]
    focal: float
    centre: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is believed before looking: the shape within `shape_sigma` metres, the focal length within `focal_sigma` (natural logarithm).

    point_sigma: pixels a landmark errs by. Its errors stay for several frames, so that a frame counts `frame_weight` times.
    """

    shape: Float[np.ndarray, "p 3"]
    focal: float
    shape_sigma: float = 0.004
    focal_sigma: float = 0.25
    point_sigma: float = 1.0
    frame_weight: float = 0.05


def project(rig: Rig, poses: Poses) -> Float[np.ndarray, "f p 2"]:
    """Where the shape's points land, in pixels."""
    seen = rig.shape @ poses.rotations.transpose(0, 2, 1) + poses.translations[:, None]
    return rig.centre + rig.focal * seen[..., :2] / -seen[..., 2:] * np.array([1, -1])


def robust_weights(residuals: Float[np.ndarray, "f p 2"]) -> Float[np.ndarray, "f p"]:
    """Cauchy weights over each point's own variance, in 1/px^2: points that flutter (brows, jaw) count little."""
    squared = (residuals**2).sum(-1)
    variance = np.maximum(np.median(squared, axis=0) / (2 * np.log(2)), 0.05)
    return 1 / (variance * (1 + squared / variance / (2 * OUTLIER_SCALE**2)))


def align(points: Float[np.ndarray, "f p 3"], shape: Float[np.ndarray, "p 3"]) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f 3 3"]]:
    """Scales and rotations with points ~ scale R shape, both about their centroids (Umeyama)."""
    points, shape = points - points.mean(1, keepdims=True), shape - shape.mean(0)
    left, _, right = np.linalg.svd(points.transpose(0, 2, 1) @ shape)
    signs = np.ones((len(points), 3))
    signs[:, 2] = np.linalg.det(left @ right)
    rotations = (left * signs[:, None]) @ right
    scales = np.einsum("fpi,fij,pj->f", points, rotations, shape) / (shape**2).sum()
    return scales, rotations


def adjust(points: Float[np.ndarray, "f p 2"], rig: Rig, poses: Poses, prior: Prior, iterations: int = 12) -> tuple[Rig, Poses]:
    """Fit shape, focal length and poses together: poses are eliminated (Schur complement), the rest is solved at once."""
    count = len(rig.shape)
    shape_information = np.concatenate([np.full(3 * count, prior.shape_sigma**-2.0), [prior.focal_sigma**-2.0]])
    for _ in range(iterations):
        residuals = points - project(rig, poses)
        weights = robust_weights(residuals) * prior.frame_weight * prior.point_sigma**-2.0
        pose_jacobian, shape_jacobian, focal_jacobian = _jacobians(rig, poses)
        weighted = pose_jacobian * weights[..., None, None]
        pose_hessian = np.einsum("fpij,fpik->fjk", weighted, pose_jacobian) + 1e-6 * np.eye(6)
        pose_gradient = np.einsum("fpij,fpi->fj", weighted, residuals)
        mixed = np.concatenate(
            [
                np.einsum("fpij,fpik->fjpk", weighted, shape_jacobian).reshape(len(points), 6, -1),
                np.einsum("fpij,fpi->fj", weighted, focal_jacobian)[:, :, None],
            ],
            -1,
        )
        hessian = np.diag(shape_information)
        points_hessian = np.einsum("fp,fpij,fpik->pjk", weights, shape_jacobian, shape_jacobian)
        for point in range(count):
            here = slice(3 * point, 3 * point + 3)
            hessian[here, here] += points_hessian[point]
        cross = np.einsum("fp,fpij,fpi->pj", weights, shape_jacobian, focal_jacobian).ravel()
        hessian[:-1, -1] += cross
        hessian[-1, :-1] += cross
        hessian[-1, -1] += np.einsum("fp,fpi,fpi->", weights, focal_jacobian, focal_jacobian)
        gradient = np.concatenate(
            [
                np.einsum("fp,fpij,fpi->pj", weights, shape_jacobian, residuals).ravel() + ((prior.shape - rig.shape) * prior.shape_sigma**-2.0).ravel(),
                [np.einsum("fp,fpi,fpi->", weights, focal_jacobian, residuals) + np.log(prior.focal / rig.focal) * prior.focal_sigma**-2.0],
            ]
        )
        solved = np.linalg.solve(pose_hessian, np.concatenate([mixed, pose_gradient[..., None]], -1))
        reduced = hessian - np.einsum("fij,fik->jk", mixed, solved[..., :-1], optimize=True)
        step = cho_solve(cho_factor(reduced), gradient - np.einsum("fij,fi->j", mixed, solved[..., -1]))
        step[-1] = np.clip(step[-1], -0.2, 0.2)
        pose_steps = solved[..., -1] - solved[..., :-1] @ step
        rig = Rig(shape=rig.shape + step[:-1].reshape(-1, 3), focal=float(rig.focal * np.exp(step[-1])), centre=rig.centre)
        poses = poses.moved(pose_steps)
        if np.abs(step).max() < 1e-6 and np.abs(pose_steps).max() < 1e-6:
            break
    return rig, poses


def smooth_poses(points: Float[np.ndarray, "f p 2"], found: Float[np.ndarray, " f"], rig: Rig, poses: Poses, *, stiffness: float, iterations: int = 6) -> Poses:
    """Fit every pose to its landmarks while neighbours move evenly: no lag, as the whole clip is solved at once.

    The second differences of the poses are pulled toward zero with `stiffness` times what the landmarks of a typical frame
    know about a pose. On a pose that moves in time with angular frequency w a frame this acts as the zero-phase low pass
    1 / (1 + stiffness (2 - 2 cos w)^2). Large second differences (a turn, a nod) are pulled with less force (Cauchy).
    Frames with found = 0 follow their neighbours alone.
    """
    frames = len(points)
    if frames < 3:
        return poses
    for iteration in range(iterations):
        residuals = points - project(rig, poses)
        weights = robust_weights(residuals) * found[:, None]
        jacobian = _jacobians(rig, poses)[0]
        weighted = jacobian * weights[..., None, None]
        hessian = np.einsum("fpij,fpik->fjk", weighted, jacobian)
        gradient = np.einsum("fpij,fpi->fj", weighted, residuals)
        typical = hessian[found > 0].mean(0)
        bends = _second_differences(poses)
        forces = np.full(frames - 2, stiffness)
        if iteration > 0:
            size = np.einsum("fi,ij,fj->f", bends, typical, bends)
            forces /= 1 + size / (9 * max(np.median(size), 1e-12))
        poses = poses.moved(_solve_chain(hessian, gradient, bends, forces, typical))
    return poses


def _solve_chain(
    hessian: Float[np.ndarray, "f 6 6"],
    gradient: Float[np.ndarray, "f 6"],
    bends: Float[np.ndarray, "g 6"],
    forces: Float[np.ndarray, " g"],
    metric: Float[np.ndarray, "6 6"],
) -> Float[np.ndarray, "f 6"]:
    """The steps of all poses from the block-pentadiagonal system of data and second differences."""
    frames = len(hessian)
    blocks = np.zeros((3, frames, 6, 6))
    blocks[0] = hessian + 1e-9 * np.eye(6)
    right = gradient.copy()
    pattern = (1.0, -2.0, 1.0)
    pull = forces[:, None] * (bends @ metric)
    for first in range(3):
        right[first : frames - 2 + first] -= pattern[first] * pull
        for second in range(first, 3):
            blocks[second - first, first : frames - 2 + first] += (pattern[first] * pattern[second] * forces)[:, None, None] * metric
    banded = np.zeros((18, 6 * frames))
    for offset in range(3):
        for row in range(6):
            for column in range(6):
                below = 6 * offset + column - row
                if below >= 0:
                    banded[below, row : 6 * (frames - offset) : 6] = blocks[offset, : frames - offset, row, column]
    return solveh_banded(banded, right.ravel(), lower=True).reshape(frames, 6)


def _second_differences(poses: Poses) -> Float[np.ndarray, "g 6"]:
    """How far each pose (but the first and last) is from lying midway between its neighbours, as [w, dt]."""
    turns = Rotation.from_matrix(poses.rotations)
    steps = (turns[1:] * turns[:-1].inv()).as_rotvec()
    return np.concatenate([steps[1:] - steps[:-1], np.diff(poses.translations, n=2, axis=0)], -1)


def _jacobians(rig: Rig, poses: Poses) -> tuple[Float[np.ndarray, "f p 2 6"], Float[np.ndarray, "f p 2 3"], Float[np.ndarray, "f p 2"]]:
    """Derivatives of the projected points: by pose [w, dt], by the point itself, and by the logarithm of the focal length."""
    turned = rig.shape @ poses.rotations.transpose(0, 2, 1)
    seen = turned + poses.translations[:, None]
    scale = rig.focal / -seen[..., 2]
    by_seen = np.zeros((*seen.shape[:2], 2, 3))
    by_seen[..., 0, 0] = scale
    by_seen[..., 1, 1] = -scale
    by_seen[..., 0, 2] = scale * seen[..., 0] / -seen[..., 2]
    by_seen[..., 1, 2] = -scale * seen[..., 1] / -seen[..., 2]
    by_pose = np.concatenate([np.cross(turned[:, :, None], by_seen), by_seen], -1)
    by_focal = np.stack([scale * seen[..., 0], -scale * seen[..., 1]], -1)
    return by_pose, by_seen @ poses.rotations[:, None], by_focal
