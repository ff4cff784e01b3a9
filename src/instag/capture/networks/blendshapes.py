"""Action units from the 52 blendshape scores that MediaPipe's network computes from the face mesh.

A score is a sigmoid whose offset depends on the person, so intensities are proportional to the
score's logit minus its median over the clip. The network's cheekSquint stays at zero, and its jaw
and lips follow speech less well than landmarks do: AU06, AU25 and AU26 come from landmarks.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from instag.data.clip import Clip
from instag.perception.action_units import FULL_BLINK, JITTER_FRAMES, action_units
from instag.perception.bundled_network import BundledNetwork
from instag.runtime.progress import Report, silent

SCORES = {
    "AU01": ("browInnerUp",),
    "AU02": ("browOuterUpLeft", "browOuterUpRight"),
    "AU04": ("browDownLeft", "browDownRight"),
    "AU05": ("eyeWideLeft", "eyeWideRight"),
    "AU07": ("eyeSquintLeft", "eyeSquintRight"),
    "AU45": ("eyeBlinkLeft", "eyeBlinkRight"),
}
NUMBERS = {
    "browDownLeft": 1,
    "browDownRight": 2,
    "browInnerUp": 3,
    "browOuterUpLeft": 4,
    "browOuterUpRight": 5,
    "eyeBlinkLeft": 9,
    "eyeBlinkRight": 10,
    "eyeSquintLeft": 19,
    "eyeSquintRight": 20,
    "eyeWideLeft": 21,
    "eyeWideRight": 22,
}
"""The position of each score in the network's output."""
INPUT_POINTS = np.array(
    [
        *[0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63],
        *[65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91],
        *[93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145],
        *[146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160],
        *[161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195],
        *[197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283],
        *[284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311],
        *[312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356],
        *[361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382],
        *[384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405],
        *[409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475],
        *[476, 477],
    ]
)
"""The points of the face mesh that are the network's input."""
PER_LOGIT = {"AU01": 0.45, "AU02": 0.45, "AU04": 0.6, "AU05": 0.6, "AU07": 0.8}
"""Intensity for each unit of logit above the median: gives the range of the action units from
landmarks."""
BLINK_FROM, BLINK_TO = 0.3, 1.7
"""Logits above the median at which a blink begins and is complete."""
TINY = 1e-5


def blendshape_action_units(clip: Clip, report: Report = silent) -> None:
    """Write au.csv: AU01 to AU05, AU07 and AU45 from blendshapes, the others from track.npz."""
    track = clip.track()
    scores = blendshape_scores(track.landmarks, report)
    measured = action_units(track, clip.info.width, clip.info.height)
    clip.save_action_units({**measured, **from_scores(scores)}, track.found)


def from_scores(scores: dict[str, Float[np.ndarray, " f"]]) -> dict[str, Float[np.ndarray, " f"]]:
    """AU01, 02, 04, 05, 07 in 0..5 and AU45 in 0..2.5 from blendshape scores in 0..1 by name."""
    table = {}
    for unit, names in SCORES.items():
        logit = np.mean(
            [np.log((scores[name] + TINY) / (1 - scores[name] + TINY)) for name in names], axis=0
        )
        above = logit - np.median(logit)
        if unit == "AU45":
            value = FULL_BLINK * np.clip((above - BLINK_FROM) / (BLINK_TO - BLINK_FROM), 0, 1)
        else:
            value = np.clip(
                gaussian_filter1d(np.maximum(above, 0), JITTER_FRAMES) * PER_LOGIT[unit], 0, 5
            )
        table[unit] = value.astype(np.float32)
    return table


def blendshape_scores(
    landmarks: Float[np.ndarray, "f 478 3"], report: Report = silent
) -> dict[str, Float[np.ndarray, " f"]]:
    """Scores in 0..1 by name for each frame, from the face mesh's points in pixels."""
    network = BundledNetwork("face_blendshapes")
    table = np.zeros((len(landmarks), len(NUMBERS)), np.float32)
    for index, points in enumerate(landmarks):
        output = network(points[None, INPUT_POINTS, :2].astype(np.float32))[0]
        table[index] = output.ravel()[list(NUMBERS.values())]
        report(index + 1, len(landmarks))
    return dict(zip(NUMBERS, table.T, strict=True))
