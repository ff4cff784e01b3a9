"""Photometric alignment: the pose in which one picture shows a known texture where the face has it,
by Gauss-Newton.

The conventions are those of `bundle`: X = R s + t, OpenGL style, poses updated by R <- exp(w) R, t
<- t + dt, 6-vectors [w, dt]. The picture's contrast against the texture is found in each iteration;
weights are Cauchy's (Lucas and Kanade 1981; Baker and Matthews 2004, forwards compositional).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from numba import njit
from scipy.spatial.transform import Rotation

from instag.capture.tracking.skin_features import OUTLIER_SCALE, Detail, SkinPoints, Texture

CONTRAST = (0.5, 2.0)
"""How far a picture's contrast may lie from the texture's."""
GRAZING = 0.25
"""Cosine between a point's normal and the line of sight from which it is seen; 0.35 more, and it
counts in full."""


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Focal length and principal point in pixels."""

    focal: float
    centre: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Head to camera, metres."""

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]

    def moved(self, step: Float[np.ndarray, "6"]) -> "Pose":
        return Pose(
            rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ self.rotation,
            translation=self.translation + step[3:],
        )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a picture shows at the points of a face in a pose.

    values, weights: band-passed brightness over the picture's contrast, and how squarely each point
    is seen (0: not at all), [0, 1]. hessian, gradient: the normal equations of the pose. cost: mean
    robust residual, 0 where the texture is met.
    """

    values: Float[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]
    hessian: Float[np.ndarray, "6 6"]
    gradient: Float[np.ndarray, "6"]
    cost: float


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """A picture's detail and its derivatives by x and y."""

    detail: Detail
    by_x: Float[np.ndarray, "h w"]
    by_y: Float[np.ndarray, "h w"]

    @classmethod
    def of(cls, detail: Detail) -> "Slopes":
        across, down = (
            cv2.Scharr(detail.image, cv2.CV_32F, *order, scale=1 / 32) for order in ((1, 0), (0, 1))
        )
        return cls(detail=detail, by_x=across, by_y=down)


def look(slopes: Slopes, points: SkinPoints, texture: Texture, pose: Pose, lens: Lens) -> Look:
    """Compare a picture with a texture in a pose."""
    count = len(points.places)
    values, weights, jacobian = np.zeros(count), np.zeros(count), np.zeros((count, 6))
    here = slopes.detail
    place = np.array([lens.focal, lens.centre[0] - here.left, lens.centre[1] - here.top])
    _sample(
        here.image,
        slopes.by_x,
        slopes.by_y,
        pose.rotation,
        pose.translation,
        points.places,
        points.normals,
        place,
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
        np.array(CONTRAST),
        hessian,
        gradient,
    )
    return Look(
        values=values / contrast, weights=weights, hessian=hessian, gradient=gradient, cost=cost
    )


def align_picture(
    slopes: Slopes, points: SkinPoints, texture: Texture, pose: Pose, lens: Lens, *, iterations: int
) -> Pose:
    """The pose after `iterations` steps of Gauss-Newton from a guess that is right to about two
    pixels."""
    for _ in range(iterations):
        found = look(slopes, points, texture, pose, lens)
        damping = 1e-5 * np.diag(np.diag(found.hessian)) + 1e-9 * np.eye(6)
        pose = pose.moved(np.linalg.solve(found.hessian + damping, found.gradient))
    return pose


@njit(cache=True, nogil=True)
def _sample(
    image, by_x, by_y, rotation, translation, places, normals, lens, values, weights, jacobian
):  # pragma: no cover - compiled
    """Project each point, read the picture there, and differentiate what is read by the pose."""
    height, width = image.shape
    for s in range(len(places)):
        turned = np.zeros(3)
        normal = np.zeros(3)
        for i in range(3):
            for j in range(3):
                turned[i] += rotation[i, j] * places[s, j]
                normal[i] += rotation[i, j] * normals[s, j]
        x, y, z = (
            turned[0] + translation[0],
            turned[1] + translation[1],
            -(turned[2] + translation[2]),
        )
        if z < 1e-3:
            continue
        squarely = (normal[2] * z - normal[0] * x - normal[1] * y) / np.sqrt(x * x + y * y + z * z)
        scale = lens[0] / z
        u, v = lens[1] + scale * x - 0.5, lens[2] - scale * y - 0.5
        if squarely < GRAZING or not (0 <= u < width - 1 and 0 <= v < height - 1):
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
        by_seen_x, by_seen_y, by_seen_z = (
            scale * across,
            -scale * down,
            scale * (across * x - down * y) / z,
        )
        jacobian[s, 0] = turned[1] * by_seen_z - turned[2] * by_seen_y
        jacobian[s, 1] = turned[2] * by_seen_x - turned[0] * by_seen_z
        jacobian[s, 2] = turned[0] * by_seen_y - turned[1] * by_seen_x
        jacobian[s, 3], jacobian[s, 4], jacobian[s, 5] = by_seen_x, by_seen_y, by_seen_z
        values[s] = seen
        weights[s] = min(1.0, (squarely - GRAZING) / 0.35)


@njit(cache=True, nogil=True)
def _compare(
    values, weights, jacobian, texture, variances, limits, hessian, gradient
):  # pragma: no cover - compiled
    """The picture's contrast against the texture and the mean cost; adds up the normal equations of
    the pose."""
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
        surprise = residual * residual / variance / OUTLIER_SCALE**2
        cost += weights[s] * np.log1p(surprise)
        total += weights[s]
        weight = weights[s] / variance / (1 + surprise)
        for i in range(6):
            gradient[i] += weight * jacobian[s, i] * residual
            for j in range(i + 1):
                hessian[i, j] += weight * jacobian[s, i] * jacobian[s, j]
    for i in range(6):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
    return contrast, cost / max(total, 1e-9)
