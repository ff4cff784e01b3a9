"""Compiled passes over the points of a picture: where they lie in it, what it shows there, and how
that is turned into a step of their pose.

Each pass is a loop without branches, or one that only gathers, so that the compiler vectorizes it;
they call no other passes and no LAPACK, so that it takes few seconds.
Poses are rotations [3 3] and translations [3], head to camera; intrinsics are focal length and
principal point, x and y, in the table's pixels.
"""

import math

import numpy as np
from numba import njit

from instag.capture.tracking.skin_features import OUTLIER_SCALE

CONTRAST_RANGE = (0.5, 2.0)
"""Least and greatest contrast of a picture over the texture's."""
MIN_COSINE = 0.25
"""Cosine between a point's normal and the line of sight above which the point is visible; its
weight rises to 1 over the next 0.35."""
DAMPING = (1e-5, 1e-9)
"""Of the normal equations: a share of their diagonal, and what is added to it."""
REORDERED = {"reassoc", "contract", "nsz"}
"""Sums may be added up in any order; infinities stay what they are."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDERED)
def project(
    positions, normals, rotation, translation, intrinsics, size, columns, rows, scales, weights
):  # pragma: no cover - compiled
    """Write where in a picture (width, height) points lie, in pixels from the middle of its first
    one, the pixels of a metre there, and how visible they are, 0 to 1; all 0 where they are not."""
    r, t = rotation, translation
    eye_x = -(r[0, 0] * t[0] + r[1, 0] * t[1] + r[2, 0] * t[2])
    eye_y = -(r[0, 1] * t[0] + r[1, 1] * t[1] + r[2, 1] * t[2])
    eye_z = -(r[0, 2] * t[0] + r[1, 2] * t[1] + r[2, 2] * t[2])
    focal, middle_x, middle_y = intrinsics[0], intrinsics[1] - 0.5, intrinsics[2] - 0.5
    right, low = size[0] - 1, size[1] - 1
    for s in range(len(weights)):
        a, b, c = positions[s, 0], positions[s, 1], positions[s, 2]
        x = r[0, 0] * a + r[0, 1] * b + r[0, 2] * c + t[0]
        y = r[1, 0] * a + r[1, 1] * b + r[1, 2] * c + t[1]
        z = -(r[2, 0] * a + r[2, 1] * b + r[2, 2] * c + t[2])
        facing = (
            normals[s, 0] * (eye_x - a) + normals[s, 1] * (eye_y - b) + normals[s, 2] * (eye_z - c)
        )
        cosine = facing / math.sqrt(x * x + y * y + z * z)
        scale = focal / z
        u, v = middle_x + scale * x, middle_y - scale * y
        seen = (z >= 1e-3) & (cosine > MIN_COSINE) & (u >= 0) & (u < right) & (v >= 0) & (v < low)
        columns[s] = u if seen else 0.0
        rows[s] = v if seen else 0.0
        scales[s] = scale if seen else 0.0
        weights[s] = min(1.0, (cosine - MIN_COSINE) / 0.35) if seen else 0.0


@njit(cache=True, nogil=True, fastmath=REORDERED)
def interpolate(table, columns, rows, values, across, down):  # pragma: no cover - compiled
    """Write the three channels of a table [h w 3] between pixels (bilinear): brightness, and its
    derivatives by x and y."""
    one = np.float32(1)
    for s in range(len(columns)):
        column, row = int(columns[s]), int(rows[s])
        right, low = np.float32(columns[s] - column), np.float32(rows[s] - row)
        a, b = (one - low) * (one - right), (one - low) * right
        c, d = low * (one - right), low * right
        upper, lower, after = table[row], table[row + 1], column + 1
        values[s] = (
            a * upper[column, 0] + b * upper[after, 0] + c * lower[column, 0] + d * lower[after, 0]
        )
        across[s] = (
            a * upper[column, 1] + b * upper[after, 1] + c * lower[column, 1] + d * lower[after, 1]
        )
        down[s] = (
            a * upper[column, 2] + b * upper[after, 2] + c * lower[column, 2] + d * lower[after, 2]
        )


@njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDERED)
def differentiate(
    positions, rotation, translation, scales, across, down, jacobian
):  # pragma: no cover - compiled
    """Write the derivatives [6 n] of what points show by the pose, from those by x and y."""
    r, t = rotation, translation
    for s in range(len(scales)):
        a, b, c = positions[s, 0], positions[s, 1], positions[s, 2]
        x = r[0, 0] * a + r[0, 1] * b + r[0, 2] * c
        y = r[1, 0] * a + r[1, 1] * b + r[1, 2] * c
        z = r[2, 0] * a + r[2, 1] * b + r[2, 2] * c
        by_x, by_y = scales[s] * across[s], -scales[s] * down[s]
        by_z = -(by_x * (x + t[0]) + by_y * (y + t[1])) / (z + t[2])
        jacobian[0, s] = y * by_z - z * by_y
        jacobian[1, s] = z * by_x - x * by_z
        jacobian[2, s] = x * by_y - y * by_x
        jacobian[3, s], jacobian[4, s], jacobian[5, s] = by_x, by_y, by_z


@njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDERED, inline="always")
def contrast_of(values, weights, texture, variances):  # pragma: no cover - compiled
    """A picture's contrast against a texture."""
    both, alone = 0.0, 0.0
    for s in range(len(values)):
        weight = weights[s] / variances[s] * texture[s]
        both += weight * values[s]
        alone += weight * texture[s]
    low, high = CONTRAST_RANGE
    return min(max(both / alone, low), high) if alone > 0 else 1.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDERED)
def compare(
    values, weights, jacobian, texture, variances, hessian, gradient
):  # pragma: no cover - compiled
    """Write the normal equations of the pose; returns the picture's contrast against the
    texture."""
    count = len(values)
    contrast = contrast_of(values, weights, texture, variances)
    residuals, pulls, pulled = np.empty(count), np.empty(count), np.empty(count)
    for s in range(count):
        residual = contrast * texture[s] - values[s]
        variance = variances[s] * contrast * contrast
        residuals[s] = residual
        pulls[s] = weights[s] / (variance + residual * residual / OUTLIER_SCALE**2)
    for i in range(6):
        total = 0.0
        for s in range(count):
            pulled[s] = pulls[s] * jacobian[i, s]
            total += pulled[s] * residuals[s]
        gradient[i] = total
        for j in range(i + 1):
            total = 0.0
            for s in range(count):
                total += pulled[s] * jacobian[j, s]
            hessian[i, j] = hessian[j, i] = total
    return contrast


@njit(cache=True, nogil=True, error_model="numpy")
def mean_cost(values, weights, texture, variances, contrast):  # pragma: no cover - compiled
    """The mean robust residual of the visible points whose variance is finite."""
    cost, total = 0.0, 0.0
    for s in range(len(values)):
        if weights[s] > 0 and np.isfinite(variances[s]):
            residual = (contrast * texture[s] - values[s]) / (contrast * OUTLIER_SCALE)
            cost += weights[s] * np.log1p(residual * residual / variances[s])
            total += weights[s]
    return cost / max(total, 1e-9)


@njit(cache=True, nogil=True, error_model="numpy")
def step(hessian, gradient, rotation, translation):  # pragma: no cover - compiled
    """Update a pose by one damped step of Gauss-Newton (Cholesky): R <- exp(w) R, t <- t + dt."""
    lower, update = np.zeros((6, 6)), np.zeros(6)
    for i in range(6):
        for j in range(i + 1):
            rest = hessian[i, j]
            if i == j:
                rest += DAMPING[0] * hessian[i, i] + DAMPING[1]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(rest) if i == j else rest / lower[j, j]
        rest = gradient[i]
        for k in range(i):
            rest -= lower[i, k] * update[k]
        update[i] = rest / lower[i, i]
    for i in range(5, -1, -1):
        for k in range(i + 1, 6):
            update[i] -= lower[k, i] * update[k]
        update[i] /= lower[i, i]
    x, y, z = update[0], update[1], update[2]
    square = x * x + y * y + z * z
    angle = math.sqrt(square)
    sine, versine = 1.0, 0.5
    if angle > 1e-8:
        sine, versine = math.sin(angle) / angle, 2 * (math.sin(angle / 2) / angle) ** 2
    for column in range(3):
        a, b, c = rotation[0, column], rotation[1, column], rotation[2, column]
        along = versine * (x * a + y * b + z * c)
        still = 1 - versine * square
        rotation[0, column] = still * a + sine * (y * c - z * b) + along * x
        rotation[1, column] = still * b + sine * (z * a - x * c) + along * y
        rotation[2, column] = still * c + sine * (x * b - y * a) + along * z
    for axis in range(3):
        translation[axis] += update[3 + axis]
