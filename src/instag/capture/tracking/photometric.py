"""Photometric alignment: the pose of one picture from a known texture, by Gauss-Newton.

The conventions are those of `bundle_adjustment`: X = R s + t, OpenGL axes, poses updated by R <-
exp(w) R, t <- t + dt, 6-vectors [w, dt]. The picture's contrast against the texture is estimated in
each iteration; residuals have Cauchy weights (Lucas and Kanade 1981; Baker and Matthews 2004,
forwards compositional).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from numba import njit
from scipy.spatial.transform import Rotation

from instag.capture.tracking.skin_features import OUTLIER_SCALE, Detail, SkinPoints, Texture

CONTRAST_RANGE = (0.5, 2.0)
"""Least and greatest contrast of a picture over the texture's."""
MIN_COSINE = 0.25
"""Cosine between a point's normal and the line of sight above which the point is visible; its
weight rises to 1 over the next 0.35."""


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """Focal length and principal point in pixels."""

    focal: float
    centre: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One pose, head to camera: rotation matrix, translation in metres."""

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]

    def updated(self, step: Float[np.ndarray, "6"]) -> "Pose":
        return Pose(
            rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ self.rotation,
            translation=self.translation + step[3:],
        )


@dataclass(frozen=True, kw_only=True)
class Linearization:
    """Residuals of a picture against a texture in one pose, linearized in the pose.

    values, weights: each point's band-passed brightness over the picture's contrast, and its
    visibility in [0, 1]. hessian, gradient: the normal equations of [w, dt]. cost: mean robust
    residual, 0 where picture and texture agree.
    """

    values: Float[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]
    hessian: Float[np.ndarray, "6 6"]
    gradient: Float[np.ndarray, "6"]
    cost: float


@dataclass(frozen=True, kw_only=True)
class ImageGradients:
    """A picture's band-passed brightness and its derivatives by x and y (Scharr)."""

    detail: Detail
    by_x: Float[np.ndarray, "h w"]
    by_y: Float[np.ndarray, "h w"]

    @classmethod
    def of(cls, detail: Detail) -> "ImageGradients":
        across, down = (
            cv2.Scharr(detail.image, cv2.CV_32F, *order, scale=1 / 32) for order in ((1, 0), (0, 1))
        )
        return cls(detail=detail, by_x=across, by_y=down)


def linearize(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture,
    pose: Pose,
    intrinsics: Intrinsics,
) -> Linearization:
    """Compare a picture with a texture in a pose, and differentiate by the pose."""
    count = len(points.positions)
    values, weights, jacobian = np.zeros(count), np.zeros(count), np.zeros((count, 6))
    here = gradients.detail
    camera = np.array(
        [intrinsics.focal, intrinsics.centre[0] - here.left, intrinsics.centre[1] - here.top]
    )
    _sample(
        here.image,
        gradients.by_x,
        gradients.by_y,
        pose.rotation,
        pose.translation,
        points.positions,
        points.normals,
        camera,
        values,
        weights,
        jacobian,
    )
    hessian, gradient = np.zeros((6, 6)), np.zeros(6)
    contrast, cost = _compare(
        values,
        weights,
        jacobian,
        texture.values,
        texture.variances,
        np.array(CONTRAST_RANGE),
        hessian,
        gradient,
    )
    return Linearization(
        values=values / contrast, weights=weights, hessian=hessian, gradient=gradient, cost=cost
    )


def align_image(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture,
    pose: Pose,
    intrinsics: Intrinsics,
    *,
    iterations: int,
) -> Pose:
    """The pose after `iterations` steps of Gauss-Newton; it converges from within about two
    pixels."""
    for _ in range(iterations):
        found = linearize(gradients, points, texture, pose, intrinsics)
        damping = 1e-5 * np.diag(np.diag(found.hessian)) + 1e-9 * np.eye(6)
        pose = pose.updated(np.linalg.solve(found.hessian + damping, found.gradient))
    return pose


@njit(cache=True, nogil=True)
def _sample(
    image,
    by_x,
    by_y,
    rotation,
    translation,
    positions,
    normals,
    intrinsics,
    values,
    weights,
    jacobian,
):  # pragma: no cover - compiled
    """Project each point, sample the picture there (bilinear), and differentiate the sample by the
    pose."""
    height, width = image.shape
    for s in range(len(positions)):
        rotated = np.zeros(3)
        normal = np.zeros(3)
        for i in range(3):
            for j in range(3):
                rotated[i] += rotation[i, j] * positions[s, j]
                normal[i] += rotation[i, j] * normals[s, j]
        x, y, z = (
            rotated[0] + translation[0],
            rotated[1] + translation[1],
            -(rotated[2] + translation[2]),
        )
        if z < 1e-3:
            continue
        cosine = (normal[2] * z - normal[0] * x - normal[1] * y) / np.sqrt(x * x + y * y + z * z)
        scale = intrinsics[0] / z
        u, v = intrinsics[1] + scale * x - 0.5, intrinsics[2] - scale * y - 0.5
        if cosine < MIN_COSINE or not (0 <= u < width - 1 and 0 <= v < height - 1):
            continue
        column, row = int(u), int(v)
        right, low = u - column, v - row
        seen, across, down = 0.0, 0.0, 0.0
        for i in range(2):
            for j in range(2):
                share = (low if i else 1 - low) * (right if j else 1 - right)
                seen += share * image[row + i, column + j]
                across += share * by_x[row + i, column + j]
                down += share * by_y[row + i, column + j]
        by_x_camera, by_y_camera, by_z_camera = (
            scale * across,
            -scale * down,
            scale * (across * x - down * y) / z,
        )
        jacobian[s, 0] = rotated[1] * by_z_camera - rotated[2] * by_y_camera
        jacobian[s, 1] = rotated[2] * by_x_camera - rotated[0] * by_z_camera
        jacobian[s, 2] = rotated[0] * by_y_camera - rotated[1] * by_x_camera
        jacobian[s, 3], jacobian[s, 4], jacobian[s, 5] = by_x_camera, by_y_camera, by_z_camera
        values[s] = seen
        weights[s] = min(1.0, (cosine - MIN_COSINE) / 0.35)


@njit(cache=True, nogil=True)
def _compare(
    values, weights, jacobian, texture, variances, limits, hessian, gradient
):  # pragma: no cover - compiled
    """The picture's contrast against the texture and the mean cost; accumulates the normal
    equations of the pose."""
    both, alone = 0.0, 0.0
    for s in range(len(values)):
        if weights[s] > 0 and np.isfinite(variances[s]):
            both += weights[s] / variances[s] * values[s] * texture[s]
            alone += weights[s] / variances[s] * texture[s] * texture[s]
    contrast = min(max(both / alone, limits[0]), limits[1]) if alone > 0 else 1.0
    cost, total = 0.0, 0.0
    for s in range(len(values)):
        if weights[s] <= 0 or not np.isfinite(variances[s]):
            continue
        residual = contrast * texture[s] - values[s]
        variance = variances[s] * contrast * contrast
        normalized = residual * residual / variance / OUTLIER_SCALE**2
        cost += weights[s] * np.log1p(normalized)
        total += weights[s]
        weight = weights[s] / variance / (1 + normalized)
        for i in range(6):
            gradient[i] += weight * jacobian[s, i] * residual
            for j in range(i + 1):
                hessian[i, j] += weight * jacobian[s, i] * jacobian[s, j]
    for i in range(6):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return contrast, cost / max(total, 1e-9)
