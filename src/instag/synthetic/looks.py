"""The looks of a synthetic person: every number that depends on the seed."""

from dataclasses import dataclass

import numpy as np

Rgb = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Looks:
    """One person. Colours are linear-light RGB in [0, 1]; lengths in centimetres; scales relative
    to the average face."""

    seed: int
    skin: Rgb
    lips: Rgb
    hair: Rgb
    iris: Rgb
    cloth: Rgb
    stripe: Rgb
    wall: Rgb
    hairstyle: str
    face_width: float
    jaw_width: float
    chin_drop: float
    nose_size: float
    eye_opening: float
    lip_fullness: float
    brow_weight: float
    freckles: float
    stubble: float
    striped: bool
    neckline: float


_SKINS: list[Rgb] = [
    (0.66, 0.40, 0.29),
    (0.34, 0.175, 0.10),
    (0.74, 0.49, 0.37),
    (0.50, 0.28, 0.17),
    (0.16, 0.075, 0.042),
    (0.60, 0.37, 0.24),
]
_HAIRS: list[Rgb] = [
    (0.085, 0.036, 0.015),
    (0.012, 0.009, 0.008),
    (0.20, 0.047, 0.014),
    (0.022, 0.012, 0.008),
    (0.30, 0.19, 0.08),
    (0.26, 0.25, 0.24),
]
_IRISES: list[Rgb] = [
    (0.10, 0.17, 0.12),
    (0.045, 0.02, 0.01),
    (0.09, 0.16, 0.26),
    (0.08, 0.038, 0.014),
    (0.12, 0.10, 0.04),
]
_CLOTHS: list[Rgb] = [
    (0.035, 0.11, 0.17),
    (0.45, 0.33, 0.11),
    (0.10, 0.16, 0.09),
    (0.30, 0.05, 0.05),
    (0.42, 0.42, 0.40),
    (0.06, 0.05, 0.11),
]
_WALLS: list[Rgb] = [
    (0.30, 0.33, 0.34),
    (0.22, 0.29, 0.27),
    (0.37, 0.31, 0.25),
    (0.20, 0.24, 0.33),
    (0.34, 0.27, 0.28),
]
_STYLES = ["bob", "short", "long", "curls", "swept"]
_FIRST_SEEDS = [
    (0, 0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1),
    (2, 2, 2, 2, 2, 2),
    (4, 1, 1, 3, 3, 3),
    (3, 3, 3, 4, 4, 4),
]
"""Numbers of skin, hair, iris, cloth, wall and style for the first five seeds, chosen to differ;
later seeds sample them."""


def sample_looks(seed: int) -> Looks:
    """The person of a seed: the same numbers on every machine."""
    random = np.random.default_rng(seed + 7_001)
    options = (_SKINS, _HAIRS, _IRISES, _CLOTHS, _WALLS, _STYLES)
    sampled = tuple(int(random.integers(len(option))) for option in options)
    skin, hair, iris, cloth, wall, style = (
        _FIRST_SEEDS[seed] if 0 <= seed < len(_FIRST_SEEDS) else sampled
    )
    bearded = _STYLES[style] in ("short", "swept")
    tint = 1 + 0.06 * random.standard_normal(3)

    def normal(mean: float, spread: float) -> float:
        return float(mean + spread * np.clip(random.standard_normal(), -1.6, 1.6))

    def tinted(color: Rgb) -> Rgb:
        r, g, b = (
            float(np.clip(channel * factor, 0, 1))
            for channel, factor in zip(color, tint, strict=True)
        )
        return r, g, b

    base = _SKINS[skin]
    return Looks(
        seed=seed,
        skin=base,
        lips=(
            0.72 * base[0] + (0.02 if bearded else 0.06),
            (0.50 if bearded else 0.40) * base[1],
            (0.55 if bearded else 0.50) * base[2],
        ),
        hair=_HAIRS[hair],
        iris=_IRISES[iris],
        cloth=tinted(_CLOTHS[cloth]),
        stripe=tinted(_CLOTHS[(cloth + 4) % len(_CLOTHS)]),
        wall=tinted(_WALLS[wall]),
        hairstyle=_STYLES[style],
        face_width=normal(0.985, 0.018),
        jaw_width=normal(1.0 if bearded else 0.95, 0.025),
        chin_drop=normal(0.0, 0.18),
        nose_size=normal(1.0 if bearded else 0.93, 0.05),
        eye_opening=normal(1.0, 0.06),
        lip_fullness=normal(0.92 if bearded else 1.08, 0.06),
        brow_weight=normal(1.25 if bearded else 0.9, 0.1),
        freckles=float(np.clip(normal(0.9 if skin in (0, 2) else 0.25, 0.3), 0.1, 1.5)),
        stubble=float(random.uniform(0.4, 0.9)) if bearded else 0.0,
        striped=bool(random.random() < 0.5),
        neckline=normal(0.5, 0.4),
    )
