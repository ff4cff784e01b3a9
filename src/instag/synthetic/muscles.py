"""Muscles of a synthetic face: how strongly each moves every point of the cage; given at some
points, harmonic between them."""

import numpy as np

from instag.synthetic.face_points import (
    BROW_INNER,
    BROW_OUTER,
    EYE_LOWER,
    EYE_RADIUS,
    EYE_UPPER,
    JAWLINE,
    LANDMARKS,
    LOWER_INNER,
    LOWER_OUTER,
    UPPER_INNER,
    UPPER_OUTER,
)
from instag.synthetic.subdivision import harmonic_interpolation

BACK_Z = -2.6
"""Points behind this z do not move with the face."""


class _Interpolation:
    """Harmonic interpolation of weights that are given at some points of a cage."""

    def __init__(self, triangles: np.ndarray, count: int) -> None:
        self._triangles, self._count = triangles, count

    def __call__(self, values: dict[int, float], zero: np.ndarray) -> np.ndarray:
        """Weights of all points: `values` at these points, 0 where the mask `zero` is True."""
        fixed = {int(i): 0.0 for i in np.flatnonzero(zero)} | values
        return harmonic_interpolation(self._triangles, self._count, fixed)


def muscle_weights(
    points: np.ndarray, triangles: np.ndarray, eyes: np.ndarray
) -> dict[str, np.ndarray]:
    """By the muscles' names."""
    interpolate = _Interpolation(triangles, len(points))
    lining = _mouth_cavity(points)
    return (
        {"jaw": _jaw_weights(points, lining, interpolate)}
        | _lip_weights(points, lining, interpolate)
        | _lid_weights(points, eyes, interpolate)
        | _brow_weights(points, interpolate)
    )


def _mouth_cavity(points: np.ndarray) -> np.ndarray:
    """Numbers of the cage points of the mouth's lining."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    lining = np.flatnonzero(
        (np.arange(len(points)) >= LANDMARKS) & (x < 3) & (z > -1.0) & (y < -2) & (y > -7.5)
    )
    return lining[lining < LANDMARKS + 20 * 5 + 1]


def _lip_profile(points: np.ndarray) -> np.ndarray:
    """How far each point of the inner lips moves when the mouth opens: 0 at the corners, 1 in the
    middle."""
    return 1 - np.clip(np.abs(points[UPPER_INNER, 0]) / np.abs(points[78, 0]), 0, 1) ** 2.1


def _jaw_weights(points: np.ndarray, lining: np.ndarray, interpolate: _Interpolation) -> np.ndarray:
    """1 at the chin, less along the jawline toward the ears, 0 above the mouth."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    profile = _lip_profile(points)
    upper_lining = lining[y[lining] > points[13, 1]]
    upper = {i: float(0.42 * (1 - p)) for i, p in zip(UPPER_INNER, profile, strict=True)}
    lower = {i: float(0.42 + 0.58 * p) for i, p in zip(LOWER_INNER, profile, strict=True)}
    chin = {int(i): 1.0 for i in np.flatnonzero((y < -6.6) & (x < 3.0) & (z > 0.5))}
    jaw_lining = {int(i): 0.0 for i in upper_lining} | {
        int(i): 0.9 for i in np.setdiff1d(lining, upper_lining)
    }
    chin |= {i: weight for *pair, weight in JAWLINE for i in pair}
    return interpolate(
        {**chin, **jaw_lining, **lower, **upper},
        ((y > -2.3) & (x < 2.2)) | (y > 0.3) | (z < BACK_Z),
    )


def _lip_weights(
    points: np.ndarray, lining: np.ndarray, interpolate: _Interpolation
) -> dict[str, np.ndarray]:
    """Weights of the lips, their corners and the cheeks."""
    x, y, back = np.abs(points[:, 0]), points[:, 1], points[:, 2] < BACK_Z
    around = (y > -2.2) | (y < -6.3) | (x > 4.0) | back
    ups, downs = {}, {}
    for up, down, p in zip(UPPER_INNER, LOWER_INNER, _lip_profile(points), strict=True):
        ups[up], downs[down] = float(p), float(p)
    outer_up = {i: 0.72 * ups[j] for i, j in zip(UPPER_OUTER, UPPER_INNER, strict=True)}
    outer_down = {i: 0.72 * downs[j] for i, j in zip(LOWER_OUTER, LOWER_INNER, strict=True)}
    zero_lining = {int(i): 0.0 for i in lining[60:]}
    red = (*UPPER_INNER, *LOWER_INNER, *UPPER_OUTER[2:-2], *LOWER_OUTER[2:-2])
    return {
        "upper_lip": interpolate(
            {**zero_lining, **dict.fromkeys(LOWER_INNER, 0.0), **outer_up, **ups}, around
        ),
        "lower_lip": interpolate(
            {**zero_lining, **dict.fromkeys(UPPER_INNER, 0.0), **outer_down, **downs}, around
        ),
        "lips": interpolate({**zero_lining, **dict.fromkeys(red, 1.0)}, around),
        "corner": interpolate(
            dict.fromkeys((61, 291, 78, 308), 1.0),
            (y > -1.5) | (y < -8) | (x > 6) | (x < 0.05) | back,
        ),
        "cheek": interpolate(
            dict.fromkeys((50, 280, 205, 425), 1.0),
            (y > 1.6) | (y < -3.5) | (x < 1.5) | (x > 6.5) | back,
        ),
    }


def _brow_weights(points: np.ndarray, interpolate: _Interpolation) -> dict[str, np.ndarray]:
    """Weights of the brows' inner and outer ends."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    zero = (y < 3.2) | (y > 7.6) | (points[:, 2] < BACK_Z)
    inner, outer = ([i for side in brow for i in side] for brow in (BROW_INNER, BROW_OUTER))
    return {
        "brow_inner": interpolate(
            dict.fromkeys(inner, 1.0) | dict.fromkeys(outer, 0.15), zero | (x > 6)
        ),
        "brow_outer": interpolate(
            dict.fromkeys(outer, 1.0) | dict.fromkeys(inner, 0.15), zero | (x > 7)
        ),
    }


def _lid_weights(
    points: np.ndarray, eyes: np.ndarray, interpolate: _Interpolation
) -> dict[str, np.ndarray]:
    """The angles in radians by which lid points turn about the eye to close it."""
    weights = {}
    for number in range(2):
        center, upper, lower = eyes[number], EYE_UPPER[number], EYE_LOWER[number]
        elevation = np.arctan2(points[:, 1] - center[1], points[:, 2] - center[2])
        closing = {
            i: float(elevation[i] - elevation[j] + 0.08)
            for i, j in zip(upper[1:-1], lower[1:-1], strict=True)
        }
        rims = np.flatnonzero(
            (np.arange(len(points)) >= LANDMARKS)
            & (np.linalg.norm(points - center, axis=1) < 1.3 * EYE_RADIUS)
        )
        inner_up = {}
        for rim in rims:
            nearest = min(
                (*upper, *lower),
                key=lambda i: float(
                    np.linalg.norm(points[i] - center - (points[rim] - center) / 0.9)
                ),
            )
            inner_up[int(rim)] = closing.get(nearest, 0.0)
        far = np.linalg.norm(points - center, axis=1) > 2.7
        zero = far | (points[:, 1] > center[1] + 1.75)
        weights[f"upper_lid{number}"] = interpolate(
            {**inner_up, **dict.fromkeys(lower, 0.0), **closing}, zero
        )
        opening = {
            j: float(elevation[i] - elevation[j])
            for i, j in zip(upper[1:-1], lower[1:-1], strict=True)
        }
        weights[f"lower_lid{number}"] = interpolate(
            {**dict.fromkeys(upper, 0.0), **opening}, zero | (points[:, 1] < center[1] - 1.9)
        )
    return weights
