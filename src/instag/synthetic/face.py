"""The skin of a synthetic head: a control cage of face, skull and mouth cavity, which muscle
weights deform.

The cage starts as MediaPipe's canonical face (Google, Apache-2.0; bundled), so its first 468 points
are MediaPipe's landmarks. Shapes in this package are in centimetres in the head's frame: x right,
y up, z out of the face.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Int

from instag.synthetic.expression import Expression
from instag.synthetic.face_points import (
    EYE_LOWER,
    EYE_RADIUS,
    EYE_UPPER,
    LOWER_INNER,
    UPPER_INNER,
)
from instag.synthetic.looks import Looks
from instag.synthetic.muscles import muscle_weights
from instag.synthetic.subdivision import harmonic_interpolation, loop_matrix

CANONICAL_FACE = Path(__file__).parents[1] / "bundled" / "canonical_face.npz"
JAW_AXIS = np.array([0.0, -0.3, -2.2])
SKULL_CENTER, SKULL_RADII = np.array([0.0, 2.0, -1.6]), np.array([7.9, 9.9, 9.4])


@dataclass(frozen=True, kw_only=True)
class Face:
    """One person's skin.

    cage: control points at rest. refine: the subdivision matrix from cage to surface points.
    triangles: of the surface. lining: which of them line the mouth. eyes: centres of the eyeballs,
    the viewer's left one first. weights: how strongly each muscle moves each cage point. lip_gap:
    the linear weights of cage points whose sum is the gap between the lips.
    """

    cage: Float[np.ndarray, "n 3"]
    refine: sparse.csr_matrix
    triangles: Int[np.ndarray, "t 3"]
    lining: np.ndarray
    eyes: Float[np.ndarray, "2 3"]
    weights: dict[str, np.ndarray]
    lip_gap: Float[np.ndarray, " n"]

    def surface(self, expression: Expression) -> Float[np.ndarray, "m 3"]:
        """The surface points under an expression; the first 468 are the landmarks."""
        return self.refine @ self.deformed_cage(expression)

    def deformed_cage(self, e: Expression) -> Float[np.ndarray, "n 3"]:
        """The cage under an expression, deformed in this order: lips shaped, jaw turned, lips
        pressed together, lids turned, brows moved."""
        weight, points = self.weights, self.cage.copy()
        side = np.sign(points[:, 0])
        points[:, 0] += (
            side * weight["corner"] * (0.55 * e.spread - 0.75 * e.rounding + 0.45 * e.smile)
        )
        points[:, 1] += weight["corner"] * 0.55 * e.smile + weight["cheek"] * 0.35 * e.smile
        points[:, 2] += weight["lips"] * 0.75 * e.rounding - weight["corner"] * (
            0.25 * e.smile + 0.15 * e.spread
        )
        points[:, 1] += (
            weight["upper_lip"] * (0.32 * e.upper_raise + 0.10 * e.rounding)
            - weight["lower_lip"] * 0.12 * e.rounding
        )
        points[:, 1] += weight["lower_lip"] * 0.25 * e.tuck
        points[:, 2] -= weight["lower_lip"] * 0.45 * e.tuck
        points = turn_x(points, JAW_AXIS, e.jaw * weight["jaw"])
        together = 0.7 * weight["lower_lip"] - 0.3 * weight["upper_lip"]
        for axis, overlap in ((1, 0.02), (2, 0.0)):
            points[:, axis] += (
                e.press
                * (self.lip_gap @ points[:, axis] + overlap)
                / -(self.lip_gap @ together)
                * together
            )
        points[:, 2] -= e.press * 0.10 * (weight["lower_lip"] + weight["upper_lip"])
        for number in range(2):
            gaze = 0.30 * e.gaze_pitch
            angle = (
                weight[f"upper_lid{number}"] * (e.blink - gaze * (1 - e.blink))
                - 0.4 * weight[f"lower_lid{number}"] * gaze
            )
            squint = weight[f"lower_lid{number}"] * (0.25 * e.smile + 0.12 * e.blink)
            points = turn_x(points, self.eyes[number], angle - squint)
        points[:, 1] += weight["brow_inner"] * (0.75 * e.brow_inner - 0.45 * e.frown) + weight[
            "brow_outer"
        ] * (0.65 * e.brow_outer - 0.2 * e.frown)
        points[:, 0] -= side * weight["brow_inner"] * 0.28 * e.frown
        return points


def turn_x(
    points: Float[np.ndarray, "n 3"],
    center: Float[np.ndarray, "3"],
    angle: Float[np.ndarray, " n"] | float,
) -> Float[np.ndarray, "n 3"]:
    """Points rotated about the x axis through `center` by radians; positive angles move the front
    down."""
    y, z = points[:, 1] - center[1], points[:, 2] - center[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack(
        [points[:, 0], center[1] + cosine * y - sine * z, center[2] + sine * y + cosine * z], 1
    )


def build_face(looks: Looks, levels: int = 2) -> Face:
    """The face of a person. levels: of subdivision, 1 for tiny pictures, 2 for 256 pixels and
    more."""
    with np.load(CANONICAL_FACE) as stored:
        points, triangles = (
            stored["vertices"].astype(np.float64),
            stored["triangles"].astype(np.int64),
        )
    points = _apply_proportions(points, looks)
    points, eyes = _open_eyelids(points, triangles, looks)
    points = _close_lips(points, triangles)
    triangles = _remove_triangles(triangles, {*UPPER_INNER, *LOWER_INNER})
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        triangles = _remove_triangles(triangles, {*upper, *lower})
    points, triangles, lining_start, lining_end = _mouth_lining(points, triangles)
    for number, (upper, lower) in enumerate(zip(EYE_UPPER, EYE_LOWER, strict=True)):
        ring = _boundary_loop(triangles, upper[0])
        assert set(ring) == {*upper, *lower}
        points, triangles, _ = _extrude(
            points, triangles, ring, eyes[number] + 0.90 * (points[ring] - eyes[number])
        )
    points, triangles = _skull(points, triangles)
    weights = muscle_weights(points, triangles, eyes)
    refine, fine_triangles = loop_matrix(triangles, len(points), levels)
    lining = np.zeros(len(triangles), bool)
    lining[lining_start:lining_end] = True
    lip_gap = (refine[13] - refine[14]).toarray()[0]
    cage = points
    for _ in range(4):
        cage = cage + 0.8 * (points - refine[: len(points)] @ cage)
    return Face(
        cage=cage,
        refine=refine,
        triangles=fine_triangles,
        lining=np.tile(lining, 4**levels),
        eyes=eyes,
        weights=weights,
        lip_gap=lip_gap,
    )


def _gaussian(points: np.ndarray, center: tuple[float, float], radius: float) -> np.ndarray:
    return np.exp(-((points[:, :2] - center) ** 2).sum(1) / radius**2)


def _apply_proportions(points: np.ndarray, looks: Looks) -> np.ndarray:
    """The canonical face with the proportions of `looks` and a slight random asymmetry."""
    points = points.copy()
    points[:, 0] *= looks.face_width
    low = np.clip((-1.5 - points[:, 1]) / 6, 0, 1)
    points[:, 0] *= 1 + (looks.jaw_width - 1) * low
    points[:, 1] -= looks.chin_drop * np.clip((-4.8 - points[:, 1]) / 3, 0, 1)
    nose = _gaussian(points, (0, -0.9), 2.2)
    tip = np.array([0, -0.6, 4.6])
    points += (looks.nose_size - 1) * nose[:, None] * (points - tip)
    mouth = np.exp(-(((points[:, 1] + 4.27) / 1.1) ** 2) - (points[:, 0] / 2.6) ** 4)
    points[:, 1] += (looks.lip_fullness - 1) * mouth * (points[:, 1] + 4.27)
    random = np.random.default_rng(looks.seed + 99)
    for _ in range(10):
        center = random.uniform((-5, -8), (5, 6))
        points += _gaussian(points, (float(center[0]), float(center[1])), 2.5)[
            :, None
        ] * random.normal(0, 0.045, 3)
    return points


def _open_eyelids(
    points: np.ndarray, triangles: np.ndarray, looks: Looks
) -> tuple[np.ndarray, np.ndarray]:
    """Open the lids and move them onto the eyeballs; returns the points and the eyes' centres."""
    eyes = []
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        ring = [*upper, *lower[1:-1]]
        middle = (points[upper[4]] + points[lower[4]]) / 2
        center = np.array(
            [
                (points[upper[0], 0] + points[upper[-1], 0]) / 2,
                middle[1],
                middle[2] - EYE_RADIUS - 0.02,
            ]
        )
        eyes.append(center)
        near = np.linalg.norm(points - center, axis=1) < 3.2
        opened = np.zeros(len(points))
        for row, amount in ((upper, 0.30), (lower, 0.08)):
            shape = 1 - np.abs(np.linspace(-1, 1, len(row))) ** 2.5
            opened[row] = amount * shape * (1 if row is upper else -1) * looks.eye_opening
        fixed = {int(i): 0.0 for i in np.flatnonzero(~near)} | {
            int(i): float(opened[i]) for i in ring
        }
        points = points.copy()
        points[:, 1] += harmonic_interpolation(triangles, len(points), fixed) * np.where(
            near, 0.62, 0
        )
        away = points[ring] - center
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        points[ring] = center + away / distance * np.maximum(
            distance * 0.35 + 0.65 * (EYE_RADIUS + 0.10), EYE_RADIUS + 0.10
        )
    return points, np.array(eyes)


def _close_lips(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Close the gap of the canonical face's lips, half by each lip; the rest of the face follows
    smoothly."""
    line = (points[UPPER_INNER, 1] + points[LOWER_INNER, 1]) / 2
    depth = (points[UPPER_INNER, 2] + points[LOWER_INNER, 2]) / 2
    keep = {
        int(i): 0.0
        for i in np.flatnonzero(
            (points[:, 1] > -2.4) | (points[:, 1] < -6.2) | (np.abs(points[:, 0]) > 3.4)
        )
    }
    for axis, target in ((1, line), (2, depth)):
        fixed = dict(keep)
        for row, sign in ((UPPER_INNER, 0.008), (LOWER_INNER, -0.008)):
            for i, value in zip(row, target, strict=True):
                fixed[i] = float(value + (sign if axis == 1 else 0) - points[i, axis])
        points = points.copy()
        points[:, axis] += harmonic_interpolation(triangles, len(points), fixed)
    return points


def _remove_triangles(triangles: np.ndarray, ring: set[int]) -> np.ndarray:
    return triangles[~np.isin(triangles, list(ring)).all(1)]


def _boundary_loop(triangles: np.ndarray, start: int) -> list[int]:
    """The boundary loop through point `start`, in the direction of its triangles."""
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in directed}
    following = {a: b for a, b in present if (b, a) not in present}
    ring = [start]
    while following[ring[-1]] != start:
        ring.append(following[ring[-1]])
    return ring


def _extrude(
    points: np.ndarray, triangles: np.ndarray, ring: list[int], onto: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Extrude a boundary loop: a band of triangles from `ring` to new points `onto`, one for each.

    Returns points, triangles and the new boundary loop.
    """
    fresh = list(range(len(points), len(points) + len(ring)))
    a, b = np.array(ring), np.roll(ring, -1)
    c, d = np.array(fresh), np.roll(fresh, -1)
    band = np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])
    return np.concatenate([points, onto]), np.concatenate([triangles, band]), fresh


def _mouth_lining(
    points: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Extrude the lips inward and close the mouth cavity behind them.

    Returns points, triangles, and the first and last + 1 triangle of the lining.
    """
    ring = _boundary_loop(triangles, 78)
    assert set(ring) == {*UPPER_INNER, *LOWER_INNER}
    away = np.array([0.0 if i in (78, 308) else 1.0 if i in UPPER_INNER else -1.0 for i in ring])[
        :, None
    ]
    edge = points[ring]
    line = np.array([0.0, 1.0, 0.0])
    points, triangles, ring = _extrude(
        points, triangles, ring, edge * (0.98, 1, 1) + away * 0.16 * line - (0, 0, 0.28)
    )
    points, triangles, ring = _extrude(
        points, triangles, ring, edge * (0.97, 1, 1) + away * 0.42 * line - (0, 0, 0.62)
    )
    start = len(triangles)
    for shrink, height, back in ((0.98, 1.3, 1.1), (0.9, 1.8, 2.4), (0.6, 1.4, 4.0)):
        target = edge * (shrink, 1, 1) + away * height * line * np.sqrt(
            np.clip(1 - (edge[:, :1] / 2.6) ** 2, 0.05, 1)
        )
        target[:, 2] = edge[:, 2] - back * np.clip(1 - 0.5 * (edge[:, 0] / 2.6) ** 2, 0, 1)
        points, triangles, ring = _extrude(points, triangles, ring, target)
    points, triangles = _cap(points, triangles, ring, points[ring].mean(0) - (0, 0, 0.3))
    return points, triangles, start, len(triangles)


def _cap(
    points: np.ndarray, triangles: np.ndarray, ring: list[int], pole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.array(ring), np.roll(ring, -1)
    fan = np.stack([b, a, np.full(len(ring), len(points))], 1)
    return np.concatenate([points, pole[None]]), np.concatenate([triangles, fan])


def _skull(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Close the cage behind the face: five rings on the skull's ellipsoid, and a pole."""
    ring = _boundary_loop(triangles, 10)
    relative = (points[ring] - SKULL_CENTER) / SKULL_RADII
    azimuth = np.arctan2(relative[:, 1], relative[:, 0])
    polar = np.arctan2(np.hypot(relative[:, 0], relative[:, 1]), relative[:, 2])
    length = np.linalg.norm(relative, axis=1)
    for k in range(1, 6):
        angle = polar + (np.pi - polar) * k / 6
        radius = 1 + (length - 1) * np.clip(1 - k / 3, 0, 1)
        direction = np.stack(
            [np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], 1
        )
        points, triangles, ring = _extrude(
            points, triangles, ring, SKULL_CENTER + SKULL_RADII * radius[:, None] * direction
        )
    return _cap(points, triangles, ring, SKULL_CENTER + SKULL_RADII * (0, 0, -1))
