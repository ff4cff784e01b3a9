"""Action units: how far brows, lids, cheeks, lips and jaw are from rest, in OpenFace's units (0
none .. 5 strongest).

Each is a distance in the head's own frame, so that a turn of the head is no expression: landmarks
are put back on the posed rest shape's depth, moved into the head's frame, and compared with the
clip's rest.
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
"""Metres from rest that count as 5 (but for the bend of `_intensity`), after the ranges that the
Facial Action Coding System describes."""
FULL_BLINK = 2.5
"""AU45 of closed eyes."""
BLINK_ONSET, BLINK_CLOSED = 0.75, 0.2
"""Opening of the eyes over the clip's usual one at which a blink begins and is complete."""
JITTER_FRAMES = 0.8
"""Standard deviation in frames of the smoothing of all but the blink."""
CHUNK_FRAMES = 500
"""Frames that are brought into the head's frame together."""
ROUNDED = 0.01
"""By so much units that are read from a file differ from the same before they were written."""
CLOSED_LIPS = 0.0015
"""Metres that MediaPipe's inner lips are apart, at most, when the mouth is shut."""


def action_units(track: Track, width: int, height: int) -> dict[str, Float[np.ndarray, " f"]]:
    """AU01, 02, 04, 05, 06, 07, 25, 26 in 0..5 and AU45 in 0..2.5, for each frame of a picture of
    width x height pixels."""
    measures = _measured(track, width, height)
    inner, outer, frown, upper, lower = (
        measures[name] for name in ("inner", "outer", "frown", "upper", "lower")
    )
    opening = upper - lower
    typical = float(np.quantile(opening, 0.6))
    closed = np.clip((BLINK_ONSET - opening / typical) / (BLINK_ONSET - BLINK_CLOSED), 0, 1)
    lips, jaw = measures["lips"], measures["jaw"]
    shifts = {
        "AU01": _over_rest(inner),
        "AU02": _over_rest(outer),
        "AU04": 0.7 * _over_rest(-inner) + 0.6 * _over_rest(frown),
        "AU05": (opening - typical) * (1 - closed),
        "AU06": _over_rest(measures["cheeks"]),
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
    """Whether a clip's expression units are those that `action_units` finds in its landmarks;
    OpenFace's are not."""
    measured = action_units(track, width, height)
    return all(
        name in units and np.abs(units[name] - measured[name]).max() <= ROUNDED
        for name in EXPRESSION_UNITS
    )


def _measured(track: Track, width: int, height: int) -> dict[str, Float[np.ndarray, " f"]]:
    """Heights and distances on the face in metres in the head's frame, for each frame; worked out
    in pieces, as all landmarks of a long clip are large."""
    poses = head_to_camera(track)
    pieces = []
    for start in range(0, len(track.landmarks), CHUNK_FRAMES):
        some = slice(start, start + CHUNK_FRAMES)
        face = landmarks_in_head_frame(
            replace(track, landmarks=track.landmarks[some]),
            poses.select(np.arange(len(track.landmarks))[some]),
            width,
            height,
        )
        pieces.append(
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
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _intensity(share: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """0..5 from shares of the strongest: in proportion while small, and never quite at 5."""
    return (5 * np.tanh(np.maximum(share, 0))).astype(np.float32)


def landmarks_in_head_frame(
    track: Track, poses: Poses, width: int, height: int
) -> Float[np.ndarray, "f 478 3"]:
    """The landmarks in metres in the head's frame of reference, each at the depth of its point of
    the posed rest shape."""
    depth = (track.identity @ poses.rotations.transpose(0, 2, 1))[..., 2] + poses.translations[
        :, None, 2
    ]
    offset = (
        (track.landmarks[..., :2] - [width / 2, height / 2])
        * [1, -1]
        * (-depth / track.focal)[..., None]
    )
    measures = np.concatenate([offset, depth[..., None]], -1)
    return (measures - poses.translations[:, None]) @ poses.rotations


def _height(face: Float[np.ndarray, "f 478 3"], points: tuple[int, ...]) -> Float[np.ndarray, " f"]:
    return face[:, list(points), 1].mean(1)


def _over_rest(signal: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
    """How far a signal is above its usual value; a face is at rest for most of a clip."""
    return signal - np.median(signal)
