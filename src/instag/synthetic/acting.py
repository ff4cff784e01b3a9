"""Acting: the expression and pose of every frame, computed from phonemes.

Lips and jaw follow visemes, one target for each class of phonemes, blended with Gaussian dominance
functions (Cohen and Massaro 1993): neighbouring sounds influence each other, but lips still close
where they must. Brows, eyes and head follow smooth random curves; the head also nods on open
vowels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from instag.assets.sample_speech import Phoneme
from instag.synthetic.expression import Expression
from instag.synthetic.figure import Pose

CAMERA_DISTANCE_M = 0.90
"""From the camera to the head's origin."""
_HEAD_RAISE_M = 0.015
"""Height of the head's origin above the camera's axis."""
_NECK_JOINT = np.array([0.0, -0.055, -0.035])
"""Where the head turns on the neck, in the head's frame, metres."""
_TO_CAMERA = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, kw_only=True)
class Viseme:
    """The target shape of the mouth for a phoneme (see Expression), and the weight of this
    target."""

    jaw: float = 0.0
    spread: float = 0.0
    rounding: float = 0.0
    press: float = 0.0
    upper_raise: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    strength: float = 1.0


_SILENT = Viseme(strength=1.4)
_CLOSED = Viseme(jaw=0.02, press=1.0, strength=2.6)
_TOOTH_LIP = Viseme(jaw=0.045, tuck=1.0, upper_raise=0.35, strength=2.0)
_ROUND = Viseme(jaw=0.055, rounding=1.0, upper_raise=0.1, strength=1.3)
_ROUND_OPEN = Viseme(jaw=0.125, rounding=0.65, upper_raise=0.15)
_OPEN = Viseme(jaw=0.175, spread=0.2, upper_raise=0.35)
_MIDDLE = Viseme(jaw=0.105, spread=0.35, upper_raise=0.3)
_NEUTRAL = Viseme(jaw=0.075, spread=0.1, upper_raise=0.15, strength=0.7)
_SPREAD = Viseme(jaw=0.062, spread=0.9, upper_raise=0.3)
_HISS = Viseme(jaw=0.030, spread=0.35, upper_raise=0.4, strength=1.2)
_HUSH = Viseme(jaw=0.040, rounding=0.6, upper_raise=0.4, strength=1.2)
_TONGUE_TIP = Viseme(jaw=0.065, spread=0.15, upper_raise=0.2, tongue=1.0, strength=0.8)
_TONGUE_BACK = Viseme(jaw=0.07, upper_raise=0.15, strength=0.5)
_RHOTIC = Viseme(jaw=0.06, rounding=0.5, upper_raise=0.15, strength=0.8)

_VISEMES: dict[str, tuple[Viseme, ...]] = {
    "_": (_SILENT,), ";": (_SPREAD,), "h": (_NEUTRAL,),
    **dict.fromkeys(["p", "b", "m"], (_CLOSED,)),
    **dict.fromkeys(["f", "v"], (_TOOTH_LIP,)),
    **dict.fromkeys(["w", "u:", "u", "U"], (_ROUND,)),
    **dict.fromkeys(["O:", "O", "O2", "0", "o:", "A@", "O@"], (_ROUND_OPEN,)),
    **dict.fromkeys(["A:", "A", "a", "aa", "V"], (_OPEN,)),
    **dict.fromkeys(["E", "e", "e@", "3", "3:", "I2"], (_MIDDLE,)),
    **dict.fromkeys(["@", "@2", "@-", "a#", "I#", "@L"], (_NEUTRAL,)),
    **dict.fromkeys(["i:", "i", "I", "j", "i@"], (_SPREAD,)),
    **dict.fromkeys(["s", "z"], (_HISS,)),
    **dict.fromkeys(["S", "Z", "tS", "dZ"], (_HUSH,)),
    **dict.fromkeys(["t", "d", "n", "l", "T", "D", "t#", "t2"], (_TONGUE_TIP,)),
    **dict.fromkeys(["k", "g", "N", "x"], (_TONGUE_BACK,)),
    **dict.fromkeys(["r", "r-", "r/"], (_RHOTIC,)),
    "aI": (_OPEN, _SPREAD), "eI": (_MIDDLE, _SPREAD), "OI": (_ROUND_OPEN, _SPREAD),
    "aU": (_OPEN, _ROUND), "oU": (_ROUND_OPEN, _ROUND),
}  # fmt: skip
_CHANNELS = ("jaw", "spread", "rounding", "press", "upper_raise", "tuck", "tongue")


def visemes_of(phoneme: str) -> tuple[Viseme, ...]:
    """The visemes of a phoneme in order; a neutral one for a phoneme that is not in the table."""
    return _VISEMES.get(phoneme, (_NEUTRAL,))


def mouth_curves(
    phonemes: tuple[Phoneme, ...], times: Float[np.ndarray, " f"]
) -> dict[str, Float[np.ndarray, " f"]]:
    """The mouth's channels of an Expression at `times` (seconds).

    A channel is the mean of the visemes' targets, weighted by their dominance at that time. After
    the last phoneme the mouth is silent.
    """
    targets = [(viseme, start, end) for p in phonemes for viseme, start, end in _spans(p)]
    targets.append((_SILENT, phonemes[-1].end if phonemes else 0.0, float(times[-1]) + 2.0))
    totals = {channel: np.zeros(len(times)) for channel in _CHANNELS}
    weights = np.full(len(times), 1e-6)
    for viseme, start, end in targets:
        half = (end - start) / 2
        distance = np.maximum(np.abs(times - (start + end) / 2) - 0.55 * half, 0)
        weight = viseme.strength * np.exp(-((distance / (0.025 + 0.40 * min(half, 0.08))) ** 2))
        weights += weight
        for channel in _CHANNELS:
            totals[channel] += weight * getattr(viseme, channel)
    curves = {channel: total / weights for channel, total in totals.items()}
    curves["press"] = np.clip(1.7 * curves["press"] - 0.25, 0, 1)
    return curves


def _spans(phoneme: Phoneme) -> list[tuple[Viseme, float, float]]:
    visemes = visemes_of(phoneme.name)
    edges = np.linspace(phoneme.start, phoneme.end, len(visemes) + 1)
    return [
        (viseme, float(start), float(end))
        for viseme, start, end in zip(visemes, edges, edges[1:], strict=False)
    ]


def _smooth_noise(
    random: np.random.Generator, times: np.ndarray, spacing: float, size: float
) -> np.ndarray:
    """A smooth random curve with a knot about every `spacing` seconds; `size` is the standard
    deviation of the knots."""
    knots = np.arange(-2 * spacing, times[-1] + 3 * spacing, spacing)
    knots = knots + random.uniform(-0.25, 0.25, len(knots)) * spacing
    return PchipInterpolator(knots, size * random.standard_normal(len(knots)).clip(-1.7, 1.7))(
        times
    )


def _blinks(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Closure of the lids, 0 to 1: a blink about every 2.6 s, 80 ms down, 40 ms shut, 170 ms up."""
    curve, start = np.zeros(len(times)), random.uniform(0.5, 1.1)
    while start < times[-1]:
        curve = np.maximum(
            curve,
            np.interp(
                times - start, [0, 0.08, 0.12, 0.20, 0.29], [0, 1, 1, 0.35, 0], left=0, right=0
            ),
        )
        start += random.uniform(1.5, 3.7)
    return curve


def _glances(random: np.random.Generator, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Yaw and pitch of the gaze in radians: mostly toward the camera, sometimes aside."""
    yaw, pitch, start = np.zeros(len(times)), np.zeros(len(times)), random.uniform(0.8, 1.6)
    while start < times[-1]:
        length = random.uniform(0.35, 0.9)
        shape = np.interp(
            times, [start, start + 0.05, start + length, start + length + 0.05], [0, 1, 1, 0]
        )
        yaw += shape * random.choice([-1, 1]) * random.uniform(0.10, 0.26)
        pitch += shape * random.uniform(-0.14, 0.08)
        start += length + random.uniform(1.0, 2.4)
    return yaw, pitch


def rotation(yaw: float, pitch: float, roll: float) -> Float[np.ndarray, "3 3"]:
    """The head's rotation from angles in radians, applied roll first: yaw to the viewer's right,
    pitch down, roll toward the viewer's left."""
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return about_y @ about_x @ np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])


def act(
    phonemes: tuple[Phoneme, ...], frames: int, fps: int, seed: int
) -> tuple[list[Expression], list[Pose]]:
    """The expression and pose at the middle of each frame's time. fps: frames a second."""
    times = (np.arange(frames) + 0.5) / fps
    random = np.random.default_rng(seed + 17)
    mouth = mouth_curves(phonemes, times)
    stress = np.convolve(
        np.pad(mouth["jaw"], 4, mode="edge"), np.hanning(9) / np.hanning(9).sum(), mode="valid"
    )
    blink = _blinks(random, times)
    gaze_yaw, gaze_pitch = _glances(random, times)
    raised = np.clip(_smooth_noise(random, times, 0.8, 0.45), 0, 1) + np.clip(
        (stress - 0.09) * 4, 0, 0.5
    )
    outer = np.clip(raised + _smooth_noise(random, times, 0.9, 0.15), 0, 1.2)
    frown = np.clip(_smooth_noise(random, times, 1.1, 0.45), 0, 1)
    smile = np.clip(0.12 + _smooth_noise(random, times, 1.5, 0.16), 0, 0.5)
    yaw = _smooth_noise(random, times, 0.9, 0.085)
    pitch = _smooth_noise(random, times, 0.7, 0.040) + 0.55 * (stress - stress.mean())
    roll = _smooth_noise(random, times, 1.1, 0.035)
    shift = np.stack([_smooth_noise(random, times, 1.2, size) for size in (0.006, 0.004, 0.008)], 1)
    breath = 0.0015 * np.sin(2 * np.pi * times / 3.4 + random.uniform(0, 6))

    expressions, poses = [], []
    for i in range(frames):
        expressions.append(
            Expression(
                **{channel: float(curve[i]) for channel, curve in mouth.items()},
                smile=float(smile[i]),
                blink=float(blink[i]),
                gaze_yaw=float(np.clip(gaze_yaw[i] - 0.85 * yaw[i], -0.45, 0.45)),
                gaze_pitch=float(np.clip(gaze_pitch[i] + 0.85 * pitch[i], -0.3, 0.3)),
                brow_inner=float(np.clip(raised[i], 0, 1.2)),
                brow_outer=float(outer[i]),
                frown=float(frown[i]),
            )
        )
        torso = rotation(0.22 * yaw[i], 0.1 * pitch[i], 0.25 * roll[i])
        base = np.array([0.0, -_HEAD_RAISE_M, CAMERA_DISTANCE_M])
        poses.append(
            _pose(
                rotation(yaw[i], pitch[i], roll[i]),
                shift[i],
                torso,
                0.45 * shift[i] + (0, breath[i], 0),
                base,
            )
        )
    return expressions, poses


def _pose(
    head: np.ndarray,
    shift: np.ndarray,
    torso: np.ndarray,
    torso_shift: np.ndarray,
    base: np.ndarray,
) -> Pose:
    """The pose in the camera's frame: the head turned about the neck's joint and the shoulders
    about the hips, each then shifted (metres)."""
    hips = np.array([0.0, -0.35, -0.06])
    return Pose(
        rotation=_TO_CAMERA @ head,
        translation=_TO_CAMERA @ (_NECK_JOINT - head @ _NECK_JOINT + shift) + base,
        torso_rotation=_TO_CAMERA @ torso,
        torso_translation=_TO_CAMERA @ (hips - torso @ hips + torso_shift) + base,
    )
