"""Action units from landmarks: how far brows, lids, cheeks, lips and jaw are from rest, on
OpenFace's scale (0 none .. 5 strongest).

Each is a distance in the head's frame, so that turning the head changes no unit. Landmarks get the
depth of the posed rest shape, are transformed into the head's frame, and compared with the clip's
rest. See docs/method.md#observation.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from instag.ops.rigid_poses import Poses, head_to_camera
from instag.types import EXPRESSION_UNITS, Track

INNER_BROWS = (55, 107, 65, 285, 336, 295)
OUTER_BROWS = (70, 63, 46, 53, 300, 293, 276, 283)
BROW_HEADS = ((107, 336), (55, 285))
UPPER_LIDS = (160, 159, 158, 387, 386, 385)
LOWER_LIDS = (144, 145, 153, 373, 374, 380)
CHEEKS = (117, 118, 101, 346, 347, 330)
UPPER_LIP = (82, 13, 312)
LOWER_LIP = (87, 14, 317)
CHIN = (148, 152, 377, 175)

FULL_SCALE_M = {
    "AU01": 0.008,
    "AU02": 0.008,
    "AU04": 0.007,
    "AU05": 0.004,
    "AU06": 0.005,
    "AU07": 0.004,
    "AU25": 0.022,
    "AU26": 0.025,
}
"""Metres from rest for an intensity of 5 (before the saturation in `_intensity`), after the ranges
that the Facial Action Coding System describes."""
FULL_BLINK = 2.5
"""AU45 of closed eyes."""
BLINK_ONSET, BLINK_CLOSED = 0.95, 0.2
"""Opening of the eyes over the clip's typical one at which a blink begins and is complete. Lids
that are half open blink by half."""
EARLIER_ONSET = 0.75
"""The onset of clips that were observed before December 2026."""
JITTER_FRAMES = 0.8
"""Standard deviation in frames of the Gaussian that smooths all units but the blink."""
CHUNK_FRAMES = 500
"""Frames that are transformed into the head's frame at once."""
ROUNDED = 0.01
"""Largest difference between units before writing and after reading them from a file."""
CLOSED_LIPS = 0.0015
"""Greatest distance in metres of MediaPipe's inner lips when the mouth is shut."""


def action_units(
    track: Track, width: int, height: int, *, blink_onset: float = BLINK_ONSET
) -> dict[str, Float[np.ndarray, " f"]]:
    """AU01, 02, 04, 05, 06, 07, 25, 26 in 0..5 and AU45 in 0..2.5 for each frame. width, height: of
    the frames in pixels. blink_onset: opening of the eyes over the typical one below which AU45
    begins."""
    return _units(_distances(track, width, height), blink_onset)


def _units(
    distances: dict[str, Float[np.ndarray, " f"]], blink_onset: float
) -> dict[str, Float[np.ndarray, " f"]]:
    inner, outer, frown, upper, lower = (
        distances[name] for name in ("inner", "outer", "frown", "upper", "lower")
    )
    opening = upper - lower
    typical = float(np.quantile(opening, 0.6))
    closed = np.clip((blink_onset - opening / typical) / (blink_onset - BLINK_CLOSED), 0, 1)
    lips, jaw = distances["lips"], distances["jaw"]
    shifts = {
        "AU01": _over_rest(inner),
        "AU02": _over_rest(outer),
        "AU04": 0.7 * _over_rest(-inner) + 0.6 * _over_rest(frown),
        "AU05": (opening - typical) * (1 - closed),
        "AU06": _over_rest(distances["cheeks"]),
        "AU07": _over_rest(lower) * (1 - closed),
        "AU25": lips - min(float(np.quantile(lips, 0.02)), CLOSED_LIPS),
        "AU26": np.quantile(jaw, 0.95) - jaw,
    }
    table = {
        name: _intensity(gaussian_filter1d(shift, JITTER_FRAMES) / FULL_SCALE_M[name])
        for name, shift in shifts.items()
    }
    return {**table, "AU45": (FULL_BLINK * closed).astype(np.float32)}


def are_measured(
    units: dict[str, Float[np.ndarray, " f"]], track: Track, width: int, height: int
) -> bool:
    """Whether a clip's expression units are those that `action_units` computes from its landmarks,
    today's or those of an earlier onset, and not OpenFace's."""
    if any(name not in units for name in EXPRESSION_UNITS):
        return False
    distances = _distances(track, width, height)
    alternatives = (_units(distances, onset) for onset in (BLINK_ONSET, EARLIER_ONSET))
    return any(
        all(np.abs(units[name] - measured[name]).max() <= ROUNDED for name in EXPRESSION_UNITS)
        for measured in alternatives
    )


def _distances(track: Track, width: int, height: int) -> dict[str, Float[np.ndarray, " f"]]:
    """Heights and distances on the face for each frame, in metres in the head's frame. Computed in
    chunks, because all landmarks of a long clip take much memory."""
    poses = head_to_camera(track)
    chunks = []
    for start in range(0, len(track.landmarks), CHUNK_FRAMES):
        chunk = slice(start, start + CHUNK_FRAMES)
        face = landmarks_in_head_frame(
            replace(track, landmarks=track.landmarks[chunk]),
            poses.select(np.arange(len(track.landmarks))[chunk]),
            width,
            height,
        )
        chunks.append(
            {
                "inner": _height(face, INNER_BROWS),
                "outer": _height(face, OUTER_BROWS),
                "frown": -np.mean(
                    [
                        np.linalg.norm(face[:, left] - face[:, right], axis=-1)
                        for left, right in BROW_HEADS
                    ],
                    axis=0,
                ),
                "upper": _height(face, UPPER_LIDS),
                "lower": _height(face, LOWER_LIDS),
                "cheeks": _height(face, CHEEKS),
                "lips": _height(face, UPPER_LIP) - _height(face, LOWER_LIP),
                "jaw": _height(face, CHIN),
            }
        )
    return {name: np.concatenate([part[name] for part in chunks]) for name in chunks[0]}


def _intensity(share: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """0..5 from shares of the full scale: linear for small shares, saturating at 5."""
    return (5 * np.tanh(np.maximum(share, 0))).astype(np.float32)


def landmarks_in_head_frame(
    track: Track, poses: Poses, width: int, height: int
) -> Float[np.ndarray, "f 478 3"]:
    """The landmarks in metres in the head's frame, each at the depth of its point on the posed rest
    shape. poses: head to camera. width, height: of the frames in pixels."""
    depth = (track.identity @ poses.rotations.transpose(0, 2, 1))[..., 2] + poses.translations[
        :, None, 2
    ]
    offset = (
        (track.landmarks[..., :2] - [width / 2, height / 2])
        * [1, -1]
        * (-depth / track.focal)[..., None]
    )
    in_camera = np.concatenate([offset, depth[..., None]], -1)
    return (in_camera - poses.translations[:, None]) @ poses.rotations


def _height(face: Float[np.ndarray, "f 478 3"], points: tuple[int, ...]) -> Float[np.ndarray, " f"]:
    return face[:, list(points), 1].mean(1)


def _over_rest(signal: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """A signal minus its median over the clip: a face is at rest in most frames."""
    return signal - np.median(signal)
