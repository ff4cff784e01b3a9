"""Triangle meshes of a synthetic figure beside its skin: eyes, lashes, teeth, tongue, ears, neck
and clothes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from instag.synthetic.face_points import EYE_LOWER, EYE_RADIUS, EYE_UPPER
from instag.synthetic.looks import Looks
from instag.synthetic.shading import Material


@dataclass(frozen=True, kw_only=True)
class Part:
    """A mesh at rest. points: in the head's frame, centimetres. uv: in [0, 1]. colors: linear RGB,
    multiplied by the texture."""

    points: Float[np.ndarray, "n 3"]
    triangles: Int[np.ndarray, "t 3"]
    uv: Float[np.ndarray, "n 2"]
    colors: Float[np.ndarray, "n 3"]
    material: Material


def skin_uv(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
    """Texture coordinates of the skin: u around the head's axis, v from y = 13 cm down to -19
    cm."""
    around = np.arctan2(points[:, 0], points[:, 2] + 3.0)
    return np.stack([0.5 + around / 4.8, (13 - points[:, 1]) / 32], 1)


def grid_triangles(rows: int, columns: int, closed: bool = False) -> Int[np.ndarray, "t 3"]:
    """Triangles of a rows x columns grid of points; `closed` joins the last column to the first."""
    row, column = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    a = (row * columns + column).ravel()
    b = (row * columns + (column + 1) % columns).ravel()
    return np.concatenate(
        [np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)]
    )


def _uniform(count: int, color: tuple[float, float, float]) -> np.ndarray:
    return np.tile(np.array(color, float), (count, 1))


def eyeball(center: np.ndarray) -> Part:
    """A ball with a slight cornea; its texture is projected along its own z axis."""
    polar, around = np.meshgrid(
        np.linspace(0.001, 0.62 * np.pi, 22), np.linspace(0, 2 * np.pi, 33)[:-1], indexing="ij"
    )
    direction = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1
    ).reshape(-1, 3)
    cornea = 1 + 0.045 * np.exp(-((polar / 0.42) ** 4)).reshape(-1, 1)
    uv = 0.5 + 0.5 * direction[:, :2] * (1, -1)
    return Part(
        points=center + EYE_RADIUS * direction * cornea,
        triangles=grid_triangles(22, 32, True),
        uv=uv,
        colors=_uniform(len(uv), (1, 1, 1)),
        material=Material.EYE,
    )


LASHES = 46
"""Lashes of one lid."""


def lashes(
    points: Float[np.ndarray, "m 3"], eyes: Float[np.ndarray, "2 3"]
) -> Float[np.ndarray, "n 3"]:
    """Three points for each lash, on the lids' present position. points: of the skin, the landmarks
    first. eyes: centres of the eyeballs. All in cm."""
    blades = []
    for number in range(2):
        for row, length, sign in ((EYE_UPPER[number], 0.42, 1.0), (EYE_LOWER[number], 0.16, -1.0)):
            place = np.linspace(0.6, len(row) - 1.35, LASHES)
            ring = np.stack(
                [np.interp(place, np.arange(len(row)), points[row, k]) for k in range(3)], 1
            )
            outward = ring - eyes[number]
            outward /= np.linalg.norm(outward, axis=1, keepdims=True)
            fan = np.linspace(1, -1, LASHES) * (1 if ring[0, 0] > ring[-1, 0] else -1)
            direction = outward * 0.75 + np.stack(
                [0.45 * fan, np.full(LASHES, 0.42 * sign), np.full(LASHES, 0.25)], 1
            )
            width = np.gradient(ring, axis=0) * 0.30
            root = ring + outward * 0.03
            blades.append(
                np.stack([root - width, root + width, root + length * direction], 1).reshape(-1, 3)
            )
    return np.concatenate(blades)


def lash_part(points: np.ndarray, eyes: np.ndarray, looks: Looks) -> Part:
    """The lashes as a mesh, one triangle each."""
    blades = lashes(points, eyes)
    dark = 0.25 * np.array(looks.hair) + 0.006
    return Part(
        points=blades,
        triangles=np.arange(len(blades)).reshape(-1, 3),
        uv=np.zeros((len(blades), 2)),
        colors=_uniform(len(blades), tuple(dark)),
        material=Material.LASH,
    )


def teeth(upper: bool) -> Part:
    """A row of ten crowns on a parabolic arch and the gum above them."""
    columns, rows = 10 * 9, 9
    place = np.linspace(-5, 5, columns)
    widths = np.cumsum([0.0, 0.60, 0.62, 0.58, 0.42, 0.42 if upper else 0.40])
    x = np.sign(place) * np.interp(np.abs(place), np.arange(6), widths) * (0.86 if upper else 0.78)
    front = 4.62 if upper else 4.38
    z = front - 0.36 * x**2 - 0.004 * x**4
    within = np.abs(place - np.floor(place) - 0.5) * 2
    height = np.interp(np.abs(place), [0, 1, 2, 3, 5], [1.0, 1.0, 0.94, 1.02, 0.92])
    down = np.linspace(0, 1, rows)[:, None]
    bulge = 0.10 * np.sqrt(np.clip(1 - within**2, 0, 1)) * np.sin(
        np.pi * np.clip(down, 0.12, 0.92)
    ) - 0.10 * (down > 0.99)
    edge = height - 0.10 * within**4
    if upper:
        y = -3.42 - down * 1.14 * edge
    else:
        y = -5.42 + down * 0.94 * edge
    grid = np.stack([np.broadcast_to(x, y.shape), y, z + bulge], -1)
    shade = (
        (1 - 0.60 * np.clip((within - 0.80) / 0.2, 0, 1))
        * np.interp(np.abs(x), [0, 1.2, 2.4], [1.0, 0.85, 0.45])
        * (0.72 + 0.28 * down)
    )
    gum = np.clip((0.22 - down) / 0.08, 0, 1)[..., None]
    colors = (
        (np.array([0.80, 0.74, 0.62]) * (1 - gum) + gum * np.array([0.42, 0.13, 0.12]))
        * shade[..., None]
        * (1 if upper else 0.85)
    )
    return Part(
        points=grid.reshape(-1, 3),
        triangles=grid_triangles(rows, columns),
        uv=np.zeros((rows * columns, 2)),
        colors=colors.reshape(-1, 3),
        material=Material.TOOTH,
    )


def tongue() -> Part:
    """A flat ellipsoid with a groove along its middle; darker toward the throat."""
    polar, around = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, 12), np.linspace(0, 2 * np.pi, 21)[:-1], indexing="ij"
    )
    ball = np.stack(
        [np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], -1
    ).reshape(-1, 3)
    groove = 0.12 * np.exp(-((ball[:, 0] / 0.25) ** 2)) * (ball[:, 1] > 0)
    points = (
        np.array([0, -5.42, 2.35])
        + ball * (1.65, 0.62, 1.85)
        - np.stack([0 * groove, groove, 0 * groove], 1)
    )
    shade = np.clip(0.35 + 0.65 * (points[:, 2] - 0.8) / 3.2, 0.1, 1)[:, None]
    return Part(
        points=points,
        triangles=grid_triangles(12, 20, True),
        uv=np.zeros((240, 2)),
        colors=np.array([0.46, 0.15, 0.14]) * shade,
        material=Material.TONGUE,
    )


def ear(side: int, covered: bool) -> Part:
    """An outer ear: a leaf shape with a raised rim, an inner ridge and a hollow. side: -1 is the
    viewer's left. covered: hair presses it flat."""
    rows, columns = 16, 40
    out, around = np.meshgrid(
        np.linspace(0, 1, rows), np.linspace(0, 2 * np.pi, columns + 1)[:-1], indexing="ij"
    )
    height = np.sin(around)
    length = 1.55 + 1.30 * np.clip(height, 0, 1) ** 1.3 + 1.15 * np.clip(-height, 0, 1) ** 1.5
    length = length * (1 - 0.30 * np.clip(-np.cos(around), 0, 1) * (height > -0.6))
    forward, up = -out * length * np.cos(around) * 0.98, out * length * height
    rim = (
        np.exp(-(((out - 0.93) / 0.09) ** 2))
        * np.interp(height, [-1, -0.75, -0.4, 1], [0.1, 0.15, 1, 1])
        * np.clip(1.3 + np.cos(around + 0.3) * -1.1, 0.25, 1)
    )
    ridge = (
        0.75
        * np.exp(-(((out - 0.66) / 0.10) ** 2))
        * np.clip(0.4 + height * 0.5 + np.cos(around) * 0.6, 0, 1)
    )
    hollow = (
        -0.85 * np.exp(-((out / 0.42) ** 2))
        + 0.35 * np.exp(-(((out - 0.35) / 0.15) ** 2)) * np.clip(-np.cos(around) - 0.55, 0, 1) * 2
    )
    raised = 0.42 * rim + 0.45 * ridge + 0.75 * hollow + 0.25
    raised = np.where(out > 0.985, raised - 0.35, raised)
    flare = 0.42 + 0.20 * (height > 0) * out
    depth = -forward
    outward = raised * 0.9 + (depth * 0.5 + 0.55) * flare * 1.2
    outward = outward * (0.15 if covered else 0.85)
    points = np.stack(
        [
            side * (7.25 + outward),
            up + 0.55 + 0.25 * depth * 0.3,
            -3.45 - depth * 0.85 + raised * 0.15,
        ],
        -1,
    ).reshape(-1, 3)
    triangles = grid_triangles(rows, columns, True)
    if side > 0:
        triangles = triangles[:, ::-1]
    hollow_shade = 1 - 0.55 * np.clip(-raised + 0.1, 0, 1)
    colors = (np.array([1.03, 0.86, 0.82]) * hollow_shade[..., None]).reshape(-1, 3)
    return Part(
        points=points,
        triangles=triangles,
        uv=np.tile([[0.5, 0.52]], (len(points), 1)) + 0.01 * points[:, 1:],
        colors=colors,
        material=Material.SKIN,
    )


_BODY = np.array(
    [  # y, half width, half depth, middle z, power
        (-3.0, 5.5, 5.0, -4.6, 2.0),
        (-9.0, 5.6, 5.1, -4.8, 2.0),
        (-11.0, 5.9, 5.3, -5.1, 2.0),
        (-12.6, 6.9, 5.7, -5.5, 2.0),
        (-14.0, 9.4, 6.3, -5.8, 2.1),
        (-15.2, 13.2, 7.2, -6.0, 2.2),
        (-16.6, 17.0, 8.3, -6.1, 2.3),
        (-18.5, 19.6, 9.4, -6.1, 2.4),
        (-22.0, 21.0, 10.4, -6.0, 2.5),
        (-34.0, 21.8, 11.4, -6.0, 2.5),
    ]
)


def _body_point(y: np.ndarray, around: np.ndarray, grow: float) -> np.ndarray:
    half_width, half_depth, middle, power = (
        np.interp(-y, -_BODY[:, 0], _BODY[:, k]) for k in (1, 2, 3, 4)
    )
    cosine, sine = np.cos(around), np.sin(around)
    radius = (np.abs(cosine) ** power + np.abs(sine) ** power) ** (-1 / power)
    return np.stack(
        [(half_width + grow) * radius * cosine, y, middle + (half_depth + grow) * radius * sine], -1
    )


def neck(looks: Looks) -> Part:
    """Neck and upper chest, with a hint of throat and muscles."""
    rows, columns = 34, 64
    y, around = np.meshgrid(
        np.linspace(-3, -24, rows), np.linspace(0, 2 * np.pi, columns + 1)[:-1], indexing="ij"
    )
    grid = _body_point(y, around, 0.0)
    slant = np.abs(np.abs(grid[..., 0]) - np.interp(-y, [8, 14.6], [3.6, 1.0]))
    muscle = (
        np.exp(-((slant / 0.8) ** 2))
        * (np.sin(around) > 0)
        * np.interp(-y, [8, 10.5, 13.5, 15], [0, 1, 1, 0])
    )
    throat = np.exp(-((grid[..., 0] / 0.9) ** 2) - ((y + 10.9) / 1.1) ** 2) * (np.sin(around) > 0)
    notch = -np.exp(-((grid[..., 0] / 1.0) ** 2) - ((y + 14.6) / 0.9) ** 2) * (np.sin(around) > 0)
    grid[..., 2] += 0.35 * muscle + (0.5 if looks.stubble else 0.2) * throat + 0.5 * notch
    points = grid.reshape(-1, 3)
    chin_shade = np.interp(-points[:, 1], [7, 10.5, 14], [0.62, 0.80, 1.0])
    colors = np.stack([chin_shade**0.8, chin_shade, chin_shade], 1)
    return Part(
        points=points,
        triangles=grid_triangles(rows, columns, True)[:, ::-1],
        uv=skin_uv(points),
        colors=colors,
        material=Material.NECK,
    )


def clothes(looks: Looks) -> Part:
    """A knitted top with a rolled collar, 0.4 cm off the body."""
    rows, columns = 60, 96
    share, around = np.meshgrid(
        np.linspace(0, 1, rows), np.linspace(0, 2 * np.pi, columns + 1)[:-1], indexing="ij"
    )
    front = np.clip(np.sin(around), 0, 1)
    start = -12.8 - (2.2 + 1.6 * looks.neckline) * front**2.2 - 0.3 * np.cos(around) ** 2
    y = start + (-34 - start) * share**1.25
    collar = np.exp(-(((share - 0.012) / 0.010) ** 2))
    rim = np.where(share < 1e-6, -0.28, 0.0)
    random = np.random.default_rng(looks.seed + 5)
    folds = sum(
        0.16 * np.sin(k * around * 2 + (3 + k) * y / 3 + random.uniform(0, 6)) for k in (1, 2, 3)
    ) * np.clip((share - 0.1) * 3, 0, 1)
    grid = _body_point(y, around, 0.0)
    center = np.stack([0 * y, y, np.interp(-y, -_BODY[:, 0], _BODY[:, 3])], -1)
    outward = grid - center
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True) + 1e-9
    outward[..., 1] += 0.35
    grid = grid + outward * (0.42 + 0.26 * collar + rim + folds)[..., None]
    points = grid.reshape(-1, 3)
    uv = np.stack([around / (2 * np.pi), share], -1).reshape(-1, 2)
    shade = np.where(share < 1e-6, 0.4, 1.0).reshape(-1, 1) * (1 + 0.15 * collar.reshape(-1, 1))
    return Part(
        points=points,
        triangles=grid_triangles(rows, columns, True)[:, ::-1],
        uv=uv,
        colors=np.ones((len(points), 3)) * shade,
        material=Material.CLOTH,
    )
