"""Hair: thousands of thin ribbons that grow from the scalp along a style's flow, over a dark
cap."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from instag.synthetic.face import SKULL_CENTER, SKULL_RADII
from instag.synthetic.looks import Looks
from instag.synthetic.parts import Part, grid_triangles
from instag.synthetic.shading import Material


@dataclass(frozen=True, kw_only=True)
class _Style:
    """A hairstyle.

    length: least and greatest, cm. thickness: of the whole hair, cm. gravity, curl: change of a
    strand's direction at each step, relative to its unit length. sweep: direction of the roots (x,
    y, z). parting: its x, cm. temples: y down to which hair grows at the sides, cm. strands: about
    how many there are. steps: points along a strand.
    """

    length: tuple[float, float]
    thickness: float
    gravity: float
    curl: float
    sweep: tuple[float, float, float]
    parting: float
    temples: float
    strands: int
    steps: int


CAP_ROWS, CAP_COLUMNS = 64, 96
HIDES_EARS = ("bob", "long")
_STYLES = {
    "bob": _Style(
        length=(13, 18),
        thickness=1.3,
        gravity=0.50,
        curl=0.05,
        sweep=(0.9, 0.0, -0.35),
        parting=2.2,
        temples=-1.5,
        strands=7000,
        steps=13,
    ),
    "short": _Style(
        length=(1.8, 3.6),
        thickness=1.0,
        gravity=0.03,
        curl=0.10,
        sweep=(0.25, 0.55, 0.35),
        parting=0.0,
        temples=0.3,
        strands=11000,
        steps=5,
    ),
    "long": _Style(
        length=(20, 26),
        thickness=1.5,
        gravity=0.50,
        curl=0.13,
        sweep=(0.9, 0.0, -0.35),
        parting=-1.2,
        temples=-1.5,
        strands=7000,
        steps=17,
    ),
    "curls": _Style(
        length=(6, 9),
        thickness=3.2,
        gravity=0.06,
        curl=1.0,
        sweep=(0.3, 0.5, -0.3),
        parting=0.0,
        temples=0.0,
        strands=7000,
        steps=14,
    ),
    "swept": _Style(
        length=(5, 8),
        thickness=1.7,
        gravity=0.10,
        curl=0.07,
        sweep=(0.65, 0.30, -0.85),
        parting=-3.2,
        temples=0.2,
        strands=8000,
        steps=9,
    ),
}


def _hairline_distance(points: np.ndarray, style: _Style) -> np.ndarray:
    """Signed distance of scalp points from the hairline in cm, positive on the hairy side. The line
    runs high over the forehead, around the ears and down to the nape."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    limit = np.interp(x, [0, 2.5, 5.0, 6.6, 7.6], [8.0, 8.3, 7.1, 4.6, style.temples])
    limit = limit - np.clip(-z - 2.2, 0, 20) * np.where(x > 4, 1.5, 1.0)
    ear = (x > 5.2) & (z > -6.6) & (z < -0.8)
    return y - np.maximum(limit, np.where(ear, 3.4, -7.0))


def _fibonacci_sphere(count: int) -> np.ndarray:
    """Evenly distributed unit directions (a Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * number / count), np.pi * (1 + 5**0.5) * number
    return np.stack(
        [np.cos(around) * np.sin(polar), np.cos(polar), np.sin(around) * np.sin(polar)], 1
    )


def _push_out(points: np.ndarray, least: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Move points out of the skull to at least `least` cm above it, away from the neck, and to
    their `side` of the face (sign of x)."""
    relative = (points - SKULL_CENTER) / SKULL_RADII
    length = np.linalg.norm(relative, axis=1)
    target = 1 + least / SKULL_RADII.mean()
    x, y, z = (
        SKULL_CENTER
        + SKULL_RADII
        * relative
        * np.where(length < target, target / np.maximum(length, 1e-6), 1)[:, None]
    ).T
    out, reach = (
        np.hypot(x, z + 3.5),
        np.interp(-y, [1, 4, 9, 14, 20], [7.4, 7.0, 6.2, 6.6, 11.0]) + least,
    )
    grow = np.where((y < -1) & (out < reach), reach / np.maximum(out, 1e-6), 1)
    x, z = x * grow, (z + 3.5) * grow - 3.5
    clearance = (
        np.interp(y, [-16, -8, 0, 4, 6.5, 7.6], [6.6, 7.0, 7.4, 6.9, 5.4, 0.0]) + 0.6 * least
    )
    before = (z > -1.0) & (y < 7.6) & (np.abs(x) < clearance)
    return np.stack(
        [
            np.where(before, np.sign(side) * clearance, x),
            y,
            np.where(before, np.minimum(z, 2.5 - 0.25 * np.clip(3 - y, 0, 9)), z),
        ],
        1,
    )


def _grow_strands(style: _Style, roots: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Strands [n, steps, 3] from roots [n, 3], cm: each step follows the flow, gravity and curl,
    and stays outside of the skull."""
    count = len(roots)
    normal = (roots - SKULL_CENTER) / SKULL_RADII**2
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    side = np.where(roots[:, 0] > style.parting + 0.25 * random.standard_normal(count), 1.0, -1.0)
    if style.parting == 0.0:
        side = np.tanh(roots[:, 0] / 2 + 0.5)
    sweep = np.stack(
        [side * style.sweep[0], np.full(count, style.sweep[1]), np.full(count, style.sweep[2])], 1
    )
    sweep[:, 1] -= style.gravity * np.clip(np.abs(roots[:, 0]) - 3, 0, 4) + style.gravity * np.clip(
        3 - roots[:, 1], 0, 6
    )
    sweep += 0.10 * random.standard_normal((count, 3))
    lock = np.round(roots / 1.3) @ np.array([12.9898, 78.233, 37.719])
    sweep += 0.14 * np.stack([np.sin(lock * k) for k in (1.0, 2.3, 3.1)], 1)
    sweep -= normal * (sweep * normal).sum(1, keepdims=True)
    sweep /= np.linalg.norm(sweep, axis=1, keepdims=True)
    layer = random.beta(1.6, 1.2, count) * style.thickness
    length = random.uniform(*style.length, count) * (0.75 + 0.25 * layer / style.thickness)
    step = (length / (style.steps - 1))[:, None]
    direction = (0.15 + 0.28 * layer[:, None]) * normal + sweep
    phase, points, strands = random.uniform(0, 6.3, count), roots, [roots]
    for k in range(1, style.steps):
        fall = np.array([0, -1.0, 0]) * style.gravity
        curl = style.curl * np.stack(
            [np.sin(phase + 1.7 * k), np.cos(1.3 * phase + 1.9 * k), np.sin(2.1 * phase + 1.5 * k)],
            1,
        )
        direction = direction + fall + curl - 0.06 * normal
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        points = _push_out(
            points + direction * step, layer * np.clip(k / 3, 0, 1) * 0.9 + 0.15, side
        )
        strands.append(points)
    return np.stack(strands, 1)


def hair(looks: Looks, detail: float = 1.0) -> Part:
    """All ribbons and the cap under them as one mesh; `hair_normals` gives its strands' directions.

    uv: x is the strength of a strand's highlight, y the share of light that passes the strands
    above it. detail: share of the strands.
    """
    style, random = _STYLES[looks.hairstyle], np.random.default_rng(looks.seed + 71)
    surface = SKULL_CENTER + SKULL_RADII * _fibonacci_sphere(int(style.strands * detail * 2.2))
    covered = _hairline_distance(surface, style)
    roots = surface[covered > 0.35 * random.random(len(surface)) ** 2]
    strands = _grow_strands(style, roots, random)
    count, steps = strands.shape[:2]
    along = np.gradient(strands, axis=1)
    outward = strands - SKULL_CENTER
    across = np.cross(along, outward)
    across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9
    across += 0.4 * random.standard_normal((count, 1, 3))
    taper = np.interp(np.arange(steps) / (steps - 1), [0, 0.1, 0.6, 1], [0.7, 1, 0.95, 0.45])
    half_width = (
        0.042 * detail**-0.5 * taper[None, :, None] * random.uniform(0.7, 1.3, (count, 1, 1))
    )
    ribbons = np.stack([strands - across * half_width, strands + across * half_width], 2)
    depth = np.clip(
        (np.linalg.norm((strands - SKULL_CENTER) / SKULL_RADII, axis=-1) - 1)
        * 8.5
        / style.thickness,
        0,
        1,
    )
    light = 0.38 + 0.62 * depth**0.8
    shade = random.normal(1, 0.16, (count, 1, 1)) * (
        1 + 0.10 * np.sin(3 * strands[:, :1, :1] + 2 * strands[:, :1, 2:])
    )
    colors = (
        np.array(looks.hair)
        * np.clip(shade, 0.5, 1.6)
        * np.linspace(0.85, 1.15, steps)[None, :, None]
    )
    quads = grid_triangles(steps, 2)
    triangles = (quads[None] + (np.arange(count) * steps * 2)[:, None, None]).reshape(-1, 3)
    highlight = random.uniform(0.4, 1.3, (count, 1)) * np.ones(steps)
    uv = np.stack([highlight, light], -1)
    part = Part(
        points=ribbons.reshape(-1, 3),
        triangles=triangles,
        uv=np.repeat(uv.reshape(-1, 2), 2, 0),
        colors=np.repeat(np.broadcast_to(colors, strands.shape).reshape(-1, 3), 2, 0),
        material=Material.HAIR,
    )
    return _with_cap(part, style, looks)


def _with_cap(ribbons: Part, style: _Style, looks: Looks) -> Part:
    rows, columns = CAP_ROWS, CAP_COLUMNS
    polar, around = np.meshgrid(
        np.linspace(0.0, np.pi, rows), np.linspace(0, 2 * np.pi, columns + 1)[:-1], indexing="ij"
    )
    direction = np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1
    ).reshape(-1, 3)
    scalp = SKULL_CENTER + SKULL_RADII * direction
    covered = np.clip(_hairline_distance(scalp, style) / 3.0, 0, 1)
    points = scalp + (0.06 + (0.08 + 0.07 * style.thickness) * covered)[:, None] * direction
    triangles = grid_triangles(rows, columns, True)
    keep = (_hairline_distance(points, style) > 0.15)[triangles].all(1)
    return Part(
        points=np.concatenate([points, ribbons.points]),
        triangles=np.concatenate([triangles[keep], ribbons.triangles + len(points)]),
        uv=np.concatenate([np.tile([[0.0, 0.34]], (len(points), 1)), ribbons.uv]),
        colors=np.concatenate(
            [np.tile(np.array(looks.hair) * 0.9, (len(points), 1)), ribbons.colors]
        ),
        material=Material.HAIR,
    )


def hair_normals(part: Part, hairstyle: str) -> Float[np.ndarray, "n 3"]:
    """The unit direction of the hair at each point: along its strand, or down the skull on the
    cap."""
    steps = _STYLES[hairstyle].steps
    cap = CAP_ROWS * CAP_COLUMNS
    strands = part.points[cap:].reshape(-1, steps, 2, 3)
    along = np.gradient(strands, axis=1).reshape(-1, 3)
    relative = part.points[:cap] - SKULL_CENTER
    down = np.stack([relative[:, 0] * 0.3, -np.abs(relative[:, 2]) - 1, relative[:, 2] * 0.2], 1)
    directions = np.concatenate([down, along])
    return directions / (np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9)
