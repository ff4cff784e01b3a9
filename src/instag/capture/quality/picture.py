"""Quality of a single picture of a face, by the limits of the quality report."""

import math

import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.quality.audio import AudioMeasures
from instag.capture.quality.limits import LIMITS, Finding, Grade
from instag.capture.quality.video import VideoMeasures, measure_picture, outside, tilts
from instag.perception.head_coordinates import OVAL

ASPECTS = ("face size", "light", "framing")
"""What a single, compressed picture can tell."""
NO_SOUND = AudioMeasures(level=0.0, span=math.inf, clipped=0.0)


def judge_picture(
    image: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "478 3"], scale: float = 1.0
) -> list[Finding]:
    """The findings of an RGB picture, worst first. scale: pixels of the source over those of the
    picture."""
    measured = measure_picture(image, landmarks)
    video = VideoMeasures(
        face_px=float(np.ptp(landmarks[OVAL, 1])) * scale,
        sharpness=measured.sharpness,
        brightness=measured.brightness,
        lost=measured.lost,
        flicker=0.0,
        one_sided=measured.one_sided,
        turn=0.0,
        trembling=0.0,
        hidden=0.0,
        camera=None,
        missing=0.0,
        outside=float(outside(landmarks[None, :, :2], (image.shape[1], image.shape[0]))[0]),
        tilt=float(tilts(landmarks[None])[0]),
        eyes=measured.eyes,
    )
    found = [limit.judge(video, NO_SOUND) for limit in LIMITS if limit.aspect in ASPECTS]
    return sorted(
        (each for each in found if each is not None), key=lambda each: each.grade is not Grade.POOR
    )
