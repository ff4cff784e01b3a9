"""Photometric alignment: the pose of one picture from a known texture, by Gauss-Newton.

The conventions are those of `bundle_adjustment`: X = R s + t, OpenGL axes, poses updated by R <-
exp(w) R, t <- t + dt, 6-vectors [w, dt]. The picture's contrast against the texture is estimated in
each iteration; residuals have Cauchy weights (Lucas and Kanade 1981; Baker and Matthews 2004,
forwards compositional).
"""

from dataclasses import dataclass
from typing import final

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
    samples = _Samples.of(len(points.positions))
    samples.take(gradients, points, pose, intrinsics)
    equations = samples.compare(texture, with_cost=True)
    return Linearization(
        values=samples.values / equations.contrast,
        weights=samples.weights,
        hessian=equations.hessian,
        gradient=equations.gradient,
        cost=equations.cost,
    )


def align_image(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture,
    pose: Pose,
    intrinsics: Intrinsics,
    *,
    iterations: int,
    first: Linearization | None = None,
) -> Pose:
    """The pose after `iterations` steps of Gauss-Newton; it converges from within about two pixels.
    first: the linearization in `pose`, where it is known."""
    samples = _Samples.of(len(points.positions))
    for step in range(iterations):
        found = first if step == 0 else None
        if found is None:
            samples.take(gradients, points, pose, intrinsics)
            found = samples.compare(texture, with_cost=False)
        pose = pose.updated(np.linalg.solve(_damped(found.hessian), found.gradient))
    return pose


def _damped(hessian: Float[np.ndarray, "6 6"]) -> Float[np.ndarray, "6 6"]:
    damped = hessian.copy()
    damped.flat[::7] += 1e-5 * hessian.diagonal() + 1e-9
    return damped


@final
@dataclass(frozen=True, kw_only=True)
class _Equations:
    """The normal equations of a pose, the picture's contrast against the texture, and the mean
    robust residual, 0 where it was not asked for."""

    hessian: Float[np.ndarray, "6 6"]
    gradient: Float[np.ndarray, "6"]
    contrast: float
    cost: float


@final
@dataclass(frozen=True, kw_only=True)
class _Samples:
    """What a picture shows at each point, overwritten for each pose: its value, its visibility and
    its derivatives by the pose (undefined where it is not visible)."""

    values: Float[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]
    jacobian: Float[np.ndarray, "s 6"]

    @classmethod
    def of(cls, count: int) -> "_Samples":
        return cls(values=np.empty(count), weights=np.empty(count), jacobian=np.empty((count, 6)))

    def take(
        self, gradients: ImageGradients, points: SkinPoints, pose: Pose, intrinsics: Intrinsics
    ) -> None:
        here = gradients.detail
        left, top = intrinsics.centre[0] - here.left, intrinsics.centre[1] - here.top
        _sample(
            here.image,
            gradients.by_x,
            gradients.by_y,
            pose.rotation,
            pose.translation,
            points.positions,
            points.normals,
            np.array([intrinsics.focal, left, top]),
            self.values,
            self.weights,
            self.jacobian,
        )

    def compare(self, texture: Texture, *, with_cost: bool) -> _Equations:
        hessian, gradient = np.zeros((6, 6)), np.zeros(6)
        contrast, cost = _compare(
            self.values,
            self.weights,
            self.jacobian,
            texture.values,
            texture.variances,
            np.array(CONTRAST_RANGE),
            with_cost,
            hessian,
            gradient,
        )
        return _Equations(hessian=hessian, gradient=gradient, contrast=contrast, cost=cost)


@njit(cache=True, nogil=True)
def _turned(rotation, points, s):  # pragma: no cover - compiled
    """A row of `points`, turned."""
    x, y, z = points[s, 0], points[s, 1], points[s, 2]
    return (
        rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z,
        rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z,
        rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z,
    )


@njit(cache=True, nogil=True)
def _between(image, row, column, shares):  # pragma: no cover - compiled
    """The picture at a place between four pixels, of which the upper left one is given."""
    return (
        shares[0] * image[row, column]
        + shares[1] * image[row, column + 1]
        + shares[2] * image[row + 1, column]
        + shares[3] * image[row + 1, column + 1]
    )


@njit(cache=True, nogil=True, error_model="numpy")
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
        values[s] = weights[s] = 0.0
        right_of, above, before = _turned(rotation, positions, s)
        x, y, z = (
            right_of + translation[0],
            above + translation[1],
            -(before + translation[2]),
        )
        if z < 1e-3:
            continue
        normal = _turned(rotation, normals, s)
        cosine = (normal[2] * z - normal[0] * x - normal[1] * y) / np.sqrt(x * x + y * y + z * z)
        scale = intrinsics[0] / z
        u, v = intrinsics[1] + scale * x - 0.5, intrinsics[2] - scale * y - 0.5
        if cosine < MIN_COSINE or not (0 <= u < width - 1 and 0 <= v < height - 1):
            continue
        column, row = int(u), int(v)
        right, low = u - column, v - row
        shares = (
            (1 - low) * (1 - right),
            (1 - low) * right,
            low * (1 - right),
            low * right,
        )
        across = _between(by_x, row, column, shares)
        down = _between(by_y, row, column, shares)
        by_x_camera, by_y_camera, by_z_camera = (
            scale * across,
            -scale * down,
            scale * (across * x - down * y) / z,
        )
        jacobian[s, 0] = above * by_z_camera - before * by_y_camera
        jacobian[s, 1] = before * by_x_camera - right_of * by_z_camera
        jacobian[s, 2] = right_of * by_y_camera - above * by_x_camera
        jacobian[s, 3], jacobian[s, 4], jacobian[s, 5] = by_x_camera, by_y_camera, by_z_camera
        values[s] = _between(image, row, column, shares)
        weights[s] = min(1.0, (cosine - MIN_COSINE) / 0.35)


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(
    values, weights, jacobian, texture, variances, limits, with_cost, hessian, gradient
):  # pragma: no cover - compiled
    """The picture's contrast against the texture and, where asked for, the mean cost; accumulates
    the normal equations of the pose."""
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
        if with_cost:
            cost += weights[s] * np.log1p(normalized)
            total += weights[s]
        weight = weights[s] / variance / (1 + normalized)
        for i in range(6):
            pulled = weight * jacobian[s, i]
            gradient[i] += pulled * residual
            for j in range(i + 1):
                hessian[i, j] += pulled * jacobian[s, j]
    for i in range(6):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return contrast, cost / max(total, 1e-9)
