"""The skin of a synthetic head: one cage from the chin over the skull into the mouth, and how
muscles move it.

The cage starts as MediaPipe's canonical face (Google, Apache-2.0; bundled), so its first 468 points
are MediaPipe's landmarks. Lengths in this package's shapes are centimetres, x right, y up, z out of
the face.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Int

from instag.synthetic.expression import Expression
from instag.synthetic.looks import Looks
from instag.synthetic.subdivision import loop_matrix, spread

CANONICAL_FACE = Path(__file__).parents[1] / "bundled" / "canonical_face.npz"
LANDMARKS = 468
EYE_RADIUS = 1.28
JAW_AXIS = np.array([0.0, -0.3, -2.2])
SKULL_CENTRE, SKULL_RADII = np.array([0.0, 2.0, -1.6]), np.array([7.9, 9.9, 9.4])

UPPER_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
UPPER_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
LOWER_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
EYE_UPPER = (
    [33, 246, 161, 160, 159, 158, 157, 173, 133],
    [263, 466, 388, 387, 386, 385, 384, 398, 362],
)
EYE_LOWER = (
    [33, 7, 163, 144, 145, 153, 154, 155, 133],
    [263, 249, 390, 373, 374, 380, 381, 382, 362],
)
BROW_INNER, BROW_OUTER = (
    ([107, 55, 66, 65], [336, 285, 296, 295]),
    ([70, 46, 63, 53], [300, 276, 293, 283]),
)


@dataclass(frozen=True, kw_only=True)
class Face:
    """One person's skin. cage: points at rest. refine: cage to fine points. triangles: of the fine
    points. inside: which fine triangles line the mouth. eyes: centres of the eyeballs, the viewer's
    left one first. fields: how strongly each muscle moves each cage point. lip_gap: the cage's
    weights of the gap between the lips."""

    cage: Float[np.ndarray, "n 3"]
    refine: sparse.csr_matrix
    triangles: Int[np.ndarray, "t 3"]
    inside: np.ndarray
    eyes: Float[np.ndarray, "2 3"]
    fields: dict[str, np.ndarray]
    lip_gap: Float[np.ndarray, " n"]

    def fine(self, expression: Expression) -> Float[np.ndarray, "m 3"]:
        """The fine points under an expression; the first 468 are landmarks."""
        return self.refine @ self.moved(expression)

    def moved(self, e: Expression) -> Float[np.ndarray, "n 3"]:
        """The cage under an expression: the lips shaped, then the jaw turned, the lips pressed, the
        lids and brows moved."""
        field, points = self.fields, self.cage.copy()
        side = np.sign(points[:, 0])
        points[:, 0] += (
            side * field["corner"] * (0.55 * e.spread - 0.75 * e.rounding + 0.45 * e.smile)
        )
        points[:, 1] += field["corner"] * 0.55 * e.smile + field["cheek"] * 0.35 * e.smile
        points[:, 2] += field["lips"] * 0.75 * e.rounding - field["corner"] * (
            0.25 * e.smile + 0.15 * e.spread
        )
        points[:, 1] += (
            field["upper_lip"] * (0.32 * e.upper_raise + 0.10 * e.rounding)
            - field["lower_lip"] * 0.12 * e.rounding
        )
        points[:, 1] += field["lower_lip"] * 0.25 * e.tuck
        points[:, 2] -= field["lower_lip"] * 0.45 * e.tuck
        points = turn_x(points, JAW_AXIS, e.jaw * field["jaw"])
        together = 0.7 * field["lower_lip"] - 0.3 * field["upper_lip"]
        for axis, overlap in ((1, 0.02), (2, 0.0)):
            points[:, axis] += (
                e.press
                * (self.lip_gap @ points[:, axis] + overlap)
                / -(self.lip_gap @ together)
                * together
            )
        points[:, 2] -= e.press * 0.10 * (field["lower_lip"] + field["upper_lip"])
        for number in range(2):
            look = 0.30 * e.gaze_pitch
            angle = (
                field[f"upper_lid{number}"] * (e.blink - look * (1 - e.blink))
                - 0.4 * field[f"lower_lid{number}"] * look
            )
            squint = field[f"lower_lid{number}"] * (0.25 * e.smile + 0.12 * e.blink)
            points = turn_x(points, self.eyes[number], angle - squint)
        points[:, 1] += field["brow_inner"] * (0.75 * e.brow_inner - 0.45 * e.frown) + field[
            "brow_outer"
        ] * (0.65 * e.brow_outer - 0.2 * e.frown)
        points[:, 0] -= side * field["brow_inner"] * 0.28 * e.frown
        return points


def turn_x(
    points: Float[np.ndarray, "n 3"],
    centre: Float[np.ndarray, "3"],
    angle: Float[np.ndarray, " n"] | float,
) -> Float[np.ndarray, "n 3"]:
    """Points turned about the x axis through `centre`: positive angles carry the front down."""
    y, z = points[:, 1] - centre[1], points[:, 2] - centre[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack(
        [points[:, 0], centre[1] + cosine * y - sine * z, centre[2] + sine * y + cosine * z], 1
    )


def build_face(looks: Looks, levels: int = 2) -> Face:
    """The face of a person. levels: 1 for tiny pictures, 2 for 256 pixels and more."""
    with np.load(CANONICAL_FACE) as stored:
        points, triangles = (
            stored["vertices"].astype(np.float64),
            stored["triangles"].astype(np.int64),
        )
    points = _shaped(points, looks)
    points, eyes = _eyelids(points, triangles, looks)
    points = _lips_closed(points, triangles)
    triangles = _without(triangles, {*UPPER_INNER, *LOWER_INNER})
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        triangles = _without(triangles, {*upper, *lower})
    points, triangles, inside_from, inside_to = _mouth_lining(points, triangles)
    for number, (upper, lower) in enumerate(zip(EYE_UPPER, EYE_LOWER, strict=True)):
        ring = _border(triangles, upper[0])
        assert set(ring) == {*upper, *lower}
        points, triangles, _ = _grow(
            points, triangles, ring, eyes[number] + 0.90 * (points[ring] - eyes[number])
        )
    points, triangles = _skull(points, triangles)
    fields = _fields(points, triangles, eyes)
    refine, fine_triangles = loop_matrix(triangles, len(points), levels)
    inside = np.zeros(len(triangles), bool)
    inside[inside_from:inside_to] = True
    lip_gap = (refine[13] - refine[14]).toarray()[0]
    cage = points
    for _ in range(4):
        cage = cage + 0.8 * (points - refine[: len(points)] @ cage)
    return Face(
        cage=cage,
        refine=refine,
        triangles=fine_triangles,
        inside=np.tile(inside, 4**levels),
        eyes=eyes,
        fields=fields,
        lip_gap=lip_gap,
    )


def _bump(points: np.ndarray, centre: tuple[float, float], radius: float) -> np.ndarray:
    return np.exp(-((points[:, :2] - centre) ** 2).sum(1) / radius**2)


def _shaped(points: np.ndarray, looks: Looks) -> np.ndarray:
    """The canonical face with this person's proportions and a little asymmetry."""
    points = points.copy()
    points[:, 0] *= looks.face_width
    low = np.clip((-1.5 - points[:, 1]) / 6, 0, 1)
    points[:, 0] *= 1 + (looks.jaw_width - 1) * low
    points[:, 1] -= looks.chin_drop * np.clip((-4.8 - points[:, 1]) / 3, 0, 1)
    nose = _bump(points, (0, -0.9), 2.2)
    tip = np.array([0, -0.6, 4.6])
    points += (looks.nose_size - 1) * nose[:, None] * (points - tip)
    mouth = np.exp(-(((points[:, 1] + 4.27) / 1.1) ** 2) - (points[:, 0] / 2.6) ** 4)
    points[:, 1] += (looks.lip_fullness - 1) * mouth * (points[:, 1] + 4.27)
    random = np.random.default_rng(looks.seed + 99)
    for _ in range(10):
        centre = random.uniform((-5, -8), (5, 6))
        points += _bump(points, (float(centre[0]), float(centre[1])), 2.5)[:, None] * random.normal(
            0, 0.045, 3
        )
    return points


def _eyelids(
    points: np.ndarray, triangles: np.ndarray, looks: Looks
) -> tuple[np.ndarray, np.ndarray]:
    """Lids laid on eyeballs and opened. Returns the points and the eyes' centres."""
    eyes = []
    for upper, lower in zip(EYE_UPPER, EYE_LOWER, strict=True):
        ring = [*upper, *lower[1:-1]]
        middle = (points[upper[4]] + points[lower[4]]) / 2
        centre = np.array(
            [
                (points[upper[0], 0] + points[upper[-1], 0]) / 2,
                middle[1],
                middle[2] - EYE_RADIUS - 0.02,
            ]
        )
        eyes.append(centre)
        near = np.linalg.norm(points - centre, axis=1) < 3.2
        opened = np.zeros(len(points))
        for row, amount in ((upper, 0.30), (lower, 0.08)):
            shape = 1 - np.abs(np.linspace(-1, 1, len(row))) ** 2.5
            opened[row] = amount * shape * (1 if row is upper else -1) * looks.eye_opening
        fixed = {int(i): 0.0 for i in np.flatnonzero(~near)} | {
            int(i): float(opened[i]) for i in ring
        }
        points = points.copy()
        points[:, 1] += spread(triangles, len(points), fixed) * np.where(near, 0.62, 0)
        away = points[ring] - centre
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        points[ring] = centre + away / distance * np.maximum(
            distance * 0.35 + 0.65 * (EYE_RADIUS + 0.10), EYE_RADIUS + 0.10
        )
    return points, np.array(eyes)


def _lips_closed(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Lips that meet: half the canonical face's gap each, the rest of the face following."""
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
        points[:, axis] += spread(triangles, len(points), fixed)
    return points


def _without(triangles: np.ndarray, ring: set[int]) -> np.ndarray:
    return triangles[~np.isin(triangles, list(ring)).all(1)]


def _border(triangles: np.ndarray, start: int) -> list[int]:
    """The border through point `start`, along the triangles' own direction."""
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in directed}
    following = {a: b for a, b in present if (b, a) not in present}
    ring = [start]
    while following[ring[-1]] != start:
        ring.append(following[ring[-1]])
    return ring


def _grow(
    points: np.ndarray, triangles: np.ndarray, ring: list[int], onto: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """A band of triangles from a border to new points, one for each of the border's. Returns the
    new border too."""
    fresh = list(range(len(points), len(points) + len(ring)))
    a, b = np.array(ring), np.roll(ring, -1)
    c, d = np.array(fresh), np.roll(fresh, -1)
    band = np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])
    return np.concatenate([points, onto]), np.concatenate([triangles, band]), fresh


def _mouth_lining(
    points: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """The lips rolled inward and the bag behind them. Returns also where the lining's triangles
    begin and end."""
    ring = _border(triangles, 78)
    assert set(ring) == {*UPPER_INNER, *LOWER_INNER}
    away = np.array([0.0 if i in (78, 308) else 1.0 if i in UPPER_INNER else -1.0 for i in ring])[
        :, None
    ]
    edge = points[ring]
    line = np.array([0.0, 1.0, 0.0])
    points, triangles, ring = _grow(
        points, triangles, ring, edge * (0.98, 1, 1) + away * 0.16 * line - (0, 0, 0.28)
    )
    points, triangles, ring = _grow(
        points, triangles, ring, edge * (0.97, 1, 1) + away * 0.42 * line - (0, 0, 0.62)
    )
    start = len(triangles)
    for shrink, height, back in ((0.98, 1.3, 1.1), (0.9, 1.8, 2.4), (0.6, 1.4, 4.0)):
        target = edge * (shrink, 1, 1) + away * height * line * np.sqrt(
            np.clip(1 - (edge[:, :1] / 2.6) ** 2, 0.05, 1)
        )
        target[:, 2] = edge[:, 2] - back * np.clip(1 - 0.5 * (edge[:, 0] / 2.6) ** 2, 0, 1)
        points, triangles, ring = _grow(points, triangles, ring, target)
    points, triangles = _cap(points, triangles, ring, points[ring].mean(0) - (0, 0, 0.3))
    return points, triangles, start, len(triangles)


def _cap(
    points: np.ndarray, triangles: np.ndarray, ring: list[int], pole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.array(ring), np.roll(ring, -1)
    fan = np.stack([b, a, np.full(len(ring), len(points))], 1)
    return np.concatenate([points, pole[None]]), np.concatenate([triangles, fan])


def _skull(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cage closed behind the face's border: five rings over an ellipsoid, and a pole."""
    ring = _border(triangles, 10)
    relative = (points[ring] - SKULL_CENTRE) / SKULL_RADII
    azimuth = np.arctan2(relative[:, 1], relative[:, 0])
    polar = np.arctan2(np.hypot(relative[:, 0], relative[:, 1]), relative[:, 2])
    length = np.linalg.norm(relative, axis=1)
    for k in range(1, 6):
        angle = polar + (np.pi - polar) * k / 6
        radius = 1 + (length - 1) * np.clip(1 - k / 3, 0, 1)
        direction = np.stack(
            [np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], 1
        )
        points, triangles, ring = _grow(
            points, triangles, ring, SKULL_CENTRE + SKULL_RADII * radius[:, None] * direction
        )
    return _cap(points, triangles, ring, SKULL_CENTRE + SKULL_RADII * (0, 0, -1))


def _fields(points: np.ndarray, triangles: np.ndarray, eyes: np.ndarray) -> dict[str, np.ndarray]:
    """How strongly each muscle moves each cage point: given at some points, harmonic between
    them."""
    count, x, y = len(points), np.abs(points[:, 0]), points[:, 1]
    lining = np.flatnonzero(
        (np.arange(count) >= LANDMARKS) & (x < 3) & (points[:, 2] > -1.0) & (y < -2) & (y > -7.5)
    )
    lining = lining[lining < LANDMARKS + 20 * 5 + 1]
    upper_lining = lining[y[lining] > points[13, 1]]
    profile = 1 - np.clip(np.abs(points[UPPER_INNER, 0]) / np.abs(points[78, 0]), 0, 1) ** 2.1

    def given(values: dict[int, float], zero: np.ndarray) -> np.ndarray:
        return spread(triangles, count, {int(i): 0.0 for i in np.flatnonzero(zero)} | values)

    back = points[:, 2] < -2.6
    upper = {i: float(0.42 * (1 - p)) for i, p in zip(UPPER_INNER, profile, strict=True)}
    lower = {i: float(0.42 + 0.58 * p) for i, p in zip(LOWER_INNER, profile, strict=True)}
    chin = {int(i): 1.0 for i in np.flatnonzero((y < -6.6) & (x < 3.0) & (points[:, 2] > 0.5))}
    jaw_lining = {int(i): 0.0 for i in upper_lining} | {
        int(i): 0.9 for i in np.setdiff1d(lining, upper_lining)
    }
    jawline = (
        (149, 378, 0.95),
        (150, 379, 0.82),
        (136, 365, 0.64),
        (172, 397, 0.42),
        (58, 288, 0.22),
    )
    chin |= {i: weight for *pair, weight in jawline for i in pair}
    jaw = given(
        {**chin, **jaw_lining, **lower, **upper}, ((y > -2.3) & (x < 2.2)) | (y > 0.3) | back
    )

    around = (y > -2.2) | (y < -6.3) | (x > 4.0) | back
    row = zip(UPPER_INNER, LOWER_INNER, profile, strict=True)
    ups, downs = {}, {}
    for up, down, p in row:
        ups[up], downs[down] = float(p), float(p)
    outer_up = {i: 0.72 * ups[j] for i, j in zip(UPPER_OUTER, UPPER_INNER, strict=True)}
    outer_down = {i: 0.72 * downs[j] for i, j in zip(LOWER_OUTER, LOWER_INNER, strict=True)}
    zero_lining = {int(i): 0.0 for i in lining[60:]}
    fields = {
        "jaw": jaw,
        "upper_lip": given(
            {**zero_lining, **dict.fromkeys(LOWER_INNER, 0.0), **outer_up, **ups}, around
        ),
        "lower_lip": given(
            {**zero_lining, **dict.fromkeys(UPPER_INNER, 0.0), **outer_down, **downs}, around
        ),
        "lips": given(
            {
                **zero_lining,
                **dict.fromkeys(
                    (*UPPER_INNER, *LOWER_INNER, *UPPER_OUTER[2:-2], *LOWER_OUTER[2:-2]), 1.0
                ),
            },
            around,
        ),
        "corner": given(
            dict.fromkeys((61, 291, 78, 308), 1.0),
            (y > -1.5) | (y < -8) | (x > 6) | (x < 0.05) | back,
        ),
        "cheek": given(
            dict.fromkeys((50, 280, 205, 425), 1.0),
            (y > 1.6) | (y < -3.5) | (x < 1.5) | (x > 6.5) | back,
        ),
    }
    fields |= _lid_fields(points, eyes, given)
    quiet = (y < 3.2) | (y > 7.6) | back
    fields["brow_inner"] = given(
        {i: 1.0 for side in BROW_INNER for i in side}
        | {i: 0.15 for side in BROW_OUTER for i in side},
        quiet | (x > 6),
    )
    fields["brow_outer"] = given(
        {i: 1.0 for side in BROW_OUTER for i in side}
        | {i: 0.15 for side in BROW_INNER for i in side},
        quiet | (x > 7),
    )
    return fields


def _lid_fields(points: np.ndarray, eyes: np.ndarray, given) -> dict[str, np.ndarray]:
    """Angles in radians by which lid points turn about the eye to close it."""
    fields = {}
    for number in range(2):
        centre, upper, lower = eyes[number], EYE_UPPER[number], EYE_LOWER[number]
        elevation = np.arctan2(points[:, 1] - centre[1], points[:, 2] - centre[2])
        closing = {
            i: float(elevation[i] - elevation[j] + 0.08)
            for i, j in zip(upper[1:-1], lower[1:-1], strict=True)
        }
        rims = np.flatnonzero(
            (np.arange(len(points)) >= LANDMARKS)
            & (np.linalg.norm(points - centre, axis=1) < 1.3 * EYE_RADIUS)
        )
        inner_up = {}
        for rim in rims:
            nearest = min(
                (*upper, *lower),
                key=lambda i: float(
                    np.linalg.norm(points[i] - centre - (points[rim] - centre) / 0.9)
                ),
            )
            inner_up[int(rim)] = closing.get(nearest, 0.0)
        far = np.linalg.norm(points - centre, axis=1) > 2.7
        still = far | (points[:, 1] > centre[1] + 1.75)
        fields[f"upper_lid{number}"] = given(
            {**inner_up, **dict.fromkeys(lower, 0.0), **closing}, still
        )
        opening = {
            j: float(elevation[i] - elevation[j])
            for i, j in zip(upper[1:-1], lower[1:-1], strict=True)
        }
        fields[f"lower_lid{number}"] = given(
            {**dict.fromkeys(upper, 0.0), **opening}, still | (points[:, 1] < centre[1] - 1.9)
        )
    return fields
