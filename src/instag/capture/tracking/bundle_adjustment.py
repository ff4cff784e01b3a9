"""Bundle adjustment of one rigid head: shape, focal length and poses that explain its landmarks, by
Gauss-Newton.

Head to camera, OpenGL style: X = R s + t, x right, y up, camera looking along -z. A point lands at
u = cx - f X/Z, v = cy + f Y/Z pixels. Poses are updated by R <- exp(w) R, t <- t + dt, and stand as
[w, dt] in all 6-vectors here. Robust weights (Cauchy) are set anew in each iteration.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve, solveh_banded
from scipy.spatial.transform import Rotation

from instag.ops.rigid_poses import Poses
from instag.runtime.progress import Report, silent

OUTLIER_SCALE = 2.4
"""Residuals of this many standard deviations get half the weight (Cauchy)."""
TURN_SCALE = 3.0
"""Second differences this many times the median's size are pulled with half the force."""
FLOW_SIGMA = 0.15
"""Pixels that a flow vector errs by, at least."""
FLOW_SHARE = 10.0
"""A flow vector counts so much, as landmarks of neighbouring frames err together and flow does
not."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rigid shape in metres and the camera that sees it; centre and focal length in pixels."""

    shape: Float[np.ndarray, "p 3"]
    focal: float
    centre: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is believed before looking: the shape within `shape_sigma` metres, the focal length
    within `focal_sigma` (natural logarithm).

    point_sigma: pixels a landmark errs by. Its errors stay for several frames, so that a frame
    counts `frame_weight` times.
    """

    shape: Float[np.ndarray, "p 3"]
    focal: float
    shape_sigma: float = 0.004
    focal_sigma: float = 0.25
    point_sigma: float = 1.0
    frame_weight: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen of the rigid points in a whole clip, in pixels.

    points: landmarks. found: 0 where a frame's landmarks are not to be believed. flow: motion from
    each frame to the next, NaN where unknown.
    """

    points: Float[np.ndarray, "f p 2"]
    found: Float[np.ndarray, " f"]
    flow: Float[np.ndarray, "g p 2"]


@dataclass(frozen=True, kw_only=True)
class PhotometricPriors:
    """What pictures themselves say: a pose for each frame and the information of it (normal
    equations of [w, dt]), zero where a picture says nothing."""

    poses: Poses
    information: Float[np.ndarray, "f 6 6"]


def project(rig: Rig, poses: Poses) -> Float[np.ndarray, "f p 2"]:
    """Where the shape's points land, in pixels."""
    seen = rig.shape @ poses.rotations.transpose(0, 2, 1) + poses.translations[:, None]
    return rig.centre + rig.focal * seen[..., :2] / -seen[..., 2:] * np.array([1, -1])


def robust_weights(residuals: Float[np.ndarray, "f p 2"]) -> Float[np.ndarray, "f p"]:
    """Cauchy weights over each point's own variance, in 1/px^2: points that flutter (brows, jaw)
    count little."""
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
    prior: Prior,
    *,
    iterations: int = 12,
    report: Report = silent,
) -> tuple[Rig, Poses]:
    """Fit shape, focal length and poses together: poses are eliminated (Schur complement), the rest
    is solved at once."""
    count = len(rig.shape)
    shape_information = np.concatenate(
        [np.full(3 * count, prior.shape_sigma**-2.0), [prior.focal_sigma**-2.0]]
    )
    for iteration in range(iterations):
        report(iteration, iterations)
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
                np.einsum("fp,fpij,fpi->pj", weights, shape_jacobian, residuals).ravel()
                + ((prior.shape - rig.shape) * prior.shape_sigma**-2.0).ravel(),
                [
                    np.einsum("fp,fpi,fpi->", weights, focal_jacobian, residuals)
                    + np.log(prior.focal / rig.focal) * prior.focal_sigma**-2.0
                ],
            ]
        )
        solved = np.linalg.solve(
            pose_hessian, np.concatenate([mixed, pose_gradient[..., None]], -1)
        )
        reduced = hessian - np.einsum("fij,fik->jk", mixed, solved[..., :-1], optimize=True)
        step = cho_solve(
            cho_factor(reduced), gradient - np.einsum("fij,fi->j", mixed, solved[..., -1])
        )
        step[-1] = np.clip(step[-1], -0.2, 0.2)
        pose_steps = solved[..., -1] - solved[..., :-1] @ step
        rig = Rig(
            shape=rig.shape + step[:-1].reshape(-1, 3),
            focal=float(rig.focal * np.exp(step[-1])),
            centre=rig.centre,
        )
        poses = poses.moved(pose_steps)
        if np.abs(step).max() < 1e-6 and np.abs(pose_steps).max() < 1e-6:
            break
    return rig, poses


def smooth_poses(
    seen: Evidence,
    rig: Rig,
    poses: Poses,
    *,
    stiffness: float,
    flow_share: float = FLOW_SHARE,
    sights: PhotometricPriors | None = None,
    iterations: int = 4,
    report: Report = silent,
) -> Poses:
    """Fit every pose to its landmarks, to its picture where there are `sights`, and to the flow
    between neighbours, moving evenly: no lag, as the clip is solved at once.

    The second differences of the poses are pulled toward zero with `stiffness` times what landmarks
    and picture of a typical frame know about a pose. Without flow this acts as the zero-phase low
    pass 1 / (1 + stiffness (2 - 2 cos w)^2) on a motion of w radians a frame. Large second
    differences (a turn, a nod) are pulled with less force (Cauchy). Frames that were not found
    follow their neighbours alone.
    """
    frames = len(seen.points)
    if frames < 3:
        return poses
    loose = np.full(frames - 2, 1e-3)
    still = np.zeros(seen.flow.shape[:2])
    for iteration in range(iterations):
        report(iteration, 3 * iterations)
        weights = robust_weights(seen.points - project(rig, poses)) * seen.found[:, None]
        system = Chain.of(seen, weights, still, rig, poses, sights)
        poses = poses.moved(system.solve(second_differences(poses), loose))
    # From here the landmarks' weights stand: a head that moves fast must not look like a frame full
    # of outliers.
    weights = robust_weights(seen.points - project(rig, poses)) * seen.found[:, None]
    forces = np.full(frames - 2, stiffness)
    for iteration in range(2 * iterations):
        report(iterations + iteration, 3 * iterations)
        system = Chain.of(
            seen, weights, _flow_weights(seen, rig, poses, flow_share), rig, poses, sights
        )
        poses = poses.moved(system.solve(second_differences(poses), forces))
        forces = forces_on(second_differences(poses), system.typical, stiffness)
    return poses


def forces_on(
    bends: Float[np.ndarray, "h 6"], typical: Float[np.ndarray, "6 6"], stiffness: float
) -> Float[np.ndarray, " h"]:
    """How strongly second differences are pulled toward zero: `stiffness`, but less those far
    larger than most (Cauchy)."""
    size = np.einsum("fi,ij,fj->f", bends, typical, bends)
    return stiffness / (1 + size / (TURN_SCALE**2 * max(float(np.median(size)), 1e-12)))


def _flow_weights(seen: Evidence, rig: Rig, poses: Poses, share: float) -> Float[np.ndarray, "g p"]:
    """Cauchy weights of the flow in 1/px^2, over the scatter within each pair of frames; 0 where
    there is none."""
    known = np.isfinite(seen.flow).all(-1)
    squared = np.where(
        known, ((seen.flow - np.diff(project(rig, poses), axis=0)) ** 2).sum(-1), np.nan
    )
    variance = np.full(len(squared), FLOW_SIGMA**2)
    some = known.sum(1) >= 6
    variance[some] = np.maximum(
        np.nanmedian(squared[some], axis=1) / (2 * np.log(2)), FLOW_SIGMA**2
    )
    weights = share / (
        variance[:, None] * (1 + squared / variance[:, None] / (2 * OUTLIER_SCALE**2))
    )
    return np.where(known & some[:, None], weights, 0)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The normal equations of all poses of a clip: each frame with itself, with the next, and the
    right-hand side. typical: what a frame knows of its pose."""

    own: Float[np.ndarray, "f 6 6"]
    following: Float[np.ndarray, "g 6 6"]
    gradient: Float[np.ndarray, "f 6"]
    typical: Float[np.ndarray, "6 6"]

    @classmethod
    def of(
        cls,
        seen: Evidence,
        weights: Float[np.ndarray, "f p"],
        flow_weights: Float[np.ndarray, "g p"],
        rig: Rig,
        poses: Poses,
        sights: PhotometricPriors | None = None,
    ) -> "Chain":
        jacobian = _jacobians(rig, poses)[0]
        landed: np.ndarray = project(rig, poses)
        rows = jacobian.reshape(len(jacobian), -1, 6)
        weighted = (jacobian * weights[..., None, None]).reshape(rows.shape).transpose(0, 2, 1)
        own = weighted @ rows
        gradient = np.einsum(
            "fij,fj->fi", weighted, (seen.points - landed).reshape(len(landed), -1)
        )
        if sights is not None:
            own += sights.information
            gradient += np.einsum("fij,fj->fi", sights.information, poses.steps_to(sights.poses))
        typical = own[weights.sum(1) > 0].mean(0)
        surprise = np.nan_to_num(seen.flow - (landed[1:] - landed[:-1])).reshape(
            len(landed) - 1, -1
        )
        pair = np.repeat(flow_weights, 2, axis=1)[..., None]
        before, after = rows[:-1], rows[1:]
        pulled_before, pulled_after = (
            (pair * before).transpose(0, 2, 1),
            (pair * after).transpose(0, 2, 1),
        )
        own[:-1] += pulled_before @ before
        own[1:] += pulled_after @ after
        gradient[:-1] -= np.einsum("fij,fj->fi", pulled_before, surprise)
        gradient[1:] += np.einsum("fij,fj->fi", pulled_after, surprise)
        return cls(
            own=own,
            following=np.negative(pulled_before @ after),
            gradient=gradient,
            typical=typical,
        )

    def solve(
        self, bends: Float[np.ndarray, "h 6"], forces: Float[np.ndarray, " h"]
    ) -> Float[np.ndarray, "f 6"]:
        """The steps of all poses, second differences pulled toward zero (a block-pentadiagonal
        system)."""
        frames = len(self.own)
        blocks = np.zeros((3, frames, 6, 6))
        blocks[0] = self.own + 1e-9 * np.eye(6)
        blocks[1, :-1] = self.following
        right = self.gradient.copy()
        pattern = (1.0, -2.0, 1.0)
        pull = forces[:, None] * (bends @ self.typical)
        for first in range(3):
            right[first : frames - 2 + first] -= pattern[first] * pull
            for second in range(first, 3):
                blocks[second - first, first : frames - 2 + first] += (
                    pattern[first] * pattern[second] * forces
                )[:, None, None] * self.typical
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
    """How far each pose (but the first and last) is from lying midway between its neighbours, as
    [w, dt]."""
    turns = Rotation.from_matrix(poses.rotations)
    steps = (turns[1:] * turns[:-1].inv()).as_rotvec()
    return np.concatenate([steps[1:] - steps[:-1], np.diff(poses.translations, n=2, axis=0)], -1)


def _jacobians(
    rig: Rig, poses: Poses
) -> tuple[Float[np.ndarray, "f p 2 6"], Float[np.ndarray, "f p 2 3"], Float[np.ndarray, "f p 2"]]:
    """Derivatives of the projected points: by pose [w, dt], by the point itself, and by the
    logarithm of the focal length."""
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
