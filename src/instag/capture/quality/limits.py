"""Limits of what is measured of a clip, and the findings where it is beyond them.

They are set so that 21 clips of broadcasts, webcams and demos pass, and the same clips blurred,
darkened, reduced, covered, shaken, overloaded or with noise do not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import final

from instag.capture.quality.audio import AudioMeasures
from instag.capture.quality.video import VideoMeasures


class Grade(StrEnum):
    """good: nothing to improve. fair: the head will be less good. poor: expect little."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """One defect of a clip. message: what it is, and what its user can do."""

    aspect: str
    grade: Grade
    message: str


@final
@dataclass(frozen=True, kw_only=True)
class Limit:
    """Thresholds of a measured number; from `fair` to `poor` it gets worse. message: a format
    string of the number."""

    aspect: str
    value: Callable[[VideoMeasures, AudioMeasures], float | None]
    fair: float
    poor: float
    message: str

    def judge(self, video: VideoMeasures, audio: AudioMeasures) -> Finding | None:
        value = self.value(video, audio)
        way = 1 if self.poor > self.fair else -1
        if value is None or way * value < way * self.fair:
            return None
        return Finding(
            aspect=self.aspect,
            grade=Grade.POOR if way * value >= way * self.poor else Grade.FAIR,
            message=self.message.format(value),
        )


LIMITS = (
    Limit(
        aspect="face size",
        value=lambda video, _: video.face_px,
        fair=140,
        poor=80,
        message=(
            "The face is {:.0f} pixels high; 200 make a sharp head. Film from nearer, or "
            "at a higher resolution."
        ),
    ),
    Limit(
        aspect="blur",
        value=lambda video, _: video.sharpness,
        fair=0.054,
        poor=0.04,
        message=(
            "The face is blurred (detail {:.3f}; sharp ones have 0.06 to 0.15). Clean the "
            "lens, focus on the face, give more light, or use the original file."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda video, _: video.brightness,
        fair=70,
        poor=48,
        message="The face is dark (brightness {:.0f} of 255). Turn toward a window or a lamp.",
    ),
    Limit(
        aspect="light",
        value=lambda video, _: video.brightness,
        fair=205,
        poor=225,
        message=(
            "The face is overexposed (brightness {:.0f} of 255). Take away light or lower "
            "the exposure."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda video, _: video.lost,
        fair=0.06,
        poor=0.2,
        message=(
            "{:.0%} of the face is pure white or black, without detail. Use softer, more "
            "even light."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda video, _: video.one_sided,
        fair=0.5,
        poor=0.25,
        message="One half of the face has {:.0%} of the other's light. Light both.",
    ),
    Limit(
        aspect="light",
        value=lambda video, _: video.flicker,
        fair=0.08,
        poor=0.2,
        message=(
            "The light on the face changes by {:.0%}. Fix the exposure, or use a part with "
            "even light."
        ),
    ),
    Limit(
        aspect="occlusion",
        value=lambda video, _: video.hidden,
        fair=0.12,
        poor=0.22,
        message=(
            "In a tenth of the frames {:.0%} of the face or more is covered or unlike "
            "itself. Keep hands, hair and microphones from the face."
        ),
    ),
    Limit(
        aspect="occlusion",
        value=lambda video, _: video.eyes,
        fair=0.09,
        poor=0.05,
        message=(
            "The eyes are hardly seen (contrast {:.2f}; open ones have 0.14 to 0.5): something "
            "covers them. Take off sunglasses, or use a video without bars."
        ),
    ),
    Limit(
        aspect="framing",
        value=lambda video, _: video.outside,
        fair=0.03,
        poor=0.15,
        message=(
            "{:.0%} of the face lies outside the picture. Film the whole head, with room around it."
        ),
    ),
    Limit(
        aspect="framing",
        value=lambda video, _: video.tilt,
        fair=30,
        poor=60,
        message=(
            "The head lies {:.0f} degrees from upright. Turn the video first: ffmpeg -i FILE -vf "
            "transpose=1 upright.mp4 (by 90 degrees; twice for 180)."
        ),
    ),
    Limit(
        aspect="head turns",
        value=lambda video, _: video.turn,
        fair=27,
        poor=42,
        message=(
            "The head is turned away by {:.0f} degrees in a tenth of the frames. Look at "
            "the camera, or use a more frontal part."
        ),
    ),
    Limit(
        aspect="jitter",
        value=lambda video, _: video.trembling,
        fair=0.008,
        poor=0.016,
        message=(
            "The face is followed unsteadily ({:.1%} of its height). Use a sharper, "
            "brighter, less compressed video."
        ),
    ),
    Limit(
        aspect="camera",
        value=lambda video, _: video.camera,
        fair=0.03,
        poor=0.12,
        message=(
            "What is behind the person moves by {:.0%} of the picture: backdrop and "
            "shoulders will be unsteady. Put the camera on a stand."
        ),
    ),
    Limit(
        aspect="sound level",
        value=lambda _, audio: audio.level,
        fair=-36,
        poor=-52,
        message="The sound is faint ({:.0f} dB). Speak nearer to the microphone.",
    ),
    Limit(
        aspect="noise",
        value=lambda _, audio: audio.span,
        fair=17,
        poor=9,
        message=(
            "The voice stands only {:.0f} dB above the noise or music; 20 are good. Record "
            "in a quieter room, or take the music away."
        ),
    ),
    Limit(
        aspect="clipping",
        value=lambda _, audio: audio.clipped,
        fair=0.002,
        poor=0.05,
        message="{:.1%} of the sound is overloaded. Record at a lower level.",
    ),
)
