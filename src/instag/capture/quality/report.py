"""The quality report of a clip: how good a head it gives, and what its user can do about it.

Limits are set so that 21 clips of broadcasts, webcams and demos pass, and the same clips blurred,
darkened, reduced, covered, shaken, overloaded or with noise do not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from instag.capture.quality.audio import AudioMeasures, measure_audio
from instag.capture.quality.video import VideoMeasures, measure_video
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo
from instag.media.timecode import clock
from instag.runtime.progress import Report, silent
from instag.speech.lips.audio_offset import MIN_FRAMES, SURE_MARGIN

DAMAGE_FAIR, DAMAGE_POOR = 0.01, 0.1
"""Shares of the time that are missing or damaged in the source file."""


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
class Quality:
    """All findings, worst first, and the measured numbers."""

    findings: tuple[Finding, ...]
    measured: dict[str, float | None]

    @property
    def grade(self) -> Grade:
        return self.findings[0].grade if self.findings else Grade.GOOD

    def as_json(self) -> dict[str, object]:
        """As clip.json keeps it."""
        return {
            "grade": self.grade.value,
            "findings": [
                {"aspect": each.aspect, "grade": each.grade, "says": each.message}
                for each in self.findings
            ],
            "measured": self.measured,
        }


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


def assess(clip: Clip, report: Report = silent) -> Quality:
    """Measure and grade a clip that has all of its stages. Raises NotAnArtefact."""
    video, audio = measure_video(clip, report), measure_audio(clip.speech())
    measured = {
        name: None if value is None else round(float(value), 4)
        for name, value in (vars(video) | vars(audio)).items()
    }
    return Quality(findings=judge(clip.info, video, audio), measured=measured)


def quality_lines(info: ClipInfo) -> list[str]:
    """The quality report in clip.json as lines for a person; none where there is no report."""
    quality: Any = info.quality
    if quality is None:
        return []
    return [
        f"Quality: {quality['grade']}",
        *(
            f"{finding['aspect']}, {finding['grade']}: {finding['says']}"
            for finding in quality["findings"]
        ),
    ]


def judge(info: ClipInfo, video: VideoMeasures, audio: AudioMeasures) -> tuple[Finding, ...]:
    """The findings, worst first."""
    found = [limit.judge(video, audio) for limit in LIMITS]
    found += [_length(info), _gaps(info, video), _jumps(info), _lip_sync(info)]
    found += _damages(info)
    return tuple(
        sorted(
            (one for one in found if one is not None), key=lambda one: one.grade is not Grade.POOR
        )
    )


def _length(info: ClipInfo) -> Finding | None:
    seconds = info.frame_count / info.fps
    if seconds >= 4.8:
        return None
    message = f"The clip has {seconds:.1f} s; 5 s and more make a good head. Record longer."
    return Finding(
        aspect="length", grade=Grade.FAIR if seconds >= 3 else Grade.POOR, message=message
    )


def _gaps(info: ClipInfo, video: VideoMeasures) -> Finding | None:
    """Frames that were to be observed and in which no face was found, whether they were left out or
    filled in."""
    first, end = info.asked_for
    share = 1 - info.frame_count * (1 - video.missing) / max(end - first, 1)
    if share < 0.02:
        return None
    message = (
        f"No face was found in {share:.0%} of the frames. Keep the whole face in the "
        "picture and turned to the camera."
    )
    return Finding(
        aspect="missing face", grade=Grade.POOR if share > 0.3 else Grade.FAIR, message=message
    )


def _jumps(info: ClipInfo) -> Finding | None:
    inside = [
        frame
        for frame in info.jumps
        if info.first_frame < frame < info.first_frame + info.frame_count
    ]
    if not inside:
        return None
    places = ", ".join(clock(frame) for frame in inside[:4])
    message = f"The picture jumps at {places} of the video, as after a cut. Use a part without."
    return Finding(aspect="jumps", grade=Grade.FAIR, message=message)


def _damages(info: ClipInfo) -> list[Finding]:
    """What is missing or damaged in the source file; a choice of what to read is none."""
    return [
        Finding(
            aspect=f"damaged {aspect}",
            grade=Grade.POOR if share > DAMAGE_POOR else Grade.FAIR,
            message=str(message),
        )
        for flaws in info.flaws.values()
        for aspect, share, message in flaws
        if isinstance(share, float | int) and share > DAMAGE_FAIR
    ]


def _lip_sync(info: ClipInfo) -> Finding | None:
    """Whether lips and sound fit together; None where the user gave the delay, or the clip is too
    short for a measurement."""
    found, asked = info.delay_found, info.stages.get("sound")
    if found is None:
        if (
            info.frame_count < MIN_FRAMES
            or asked is None
            or asked.settings.get("delay_ms") is not None
        ):
            return None
        message = (
            "Too little of lips and voice was found to compare them. Check that the "
            "speaker talks and is heard."
        )
        return Finding(aspect="lip sync", grade=Grade.POOR, message=message)
    if found["margin"] > SURE_MARGIN and found["fit"] > 2 * SURE_MARGIN:
        return None
    if found["fit"] < SURE_MARGIN:
        message = (
            f"The lips do not follow the sound (fit {found['fit']:.2f}; 0.4 and more are "
            "usual). Check that the speaker's own voice is heard."
        )
        return Finding(aspect="lip sync", grade=Grade.POOR, message=message)
    message = (
        "How much the sound lags the lips cannot be measured reliably (margin "
        f"{found['margin']:.2f}). If it does, say how much with --delay."
    )
    return Finding(aspect="lip sync", grade=Grade.FAIR, message=message)
