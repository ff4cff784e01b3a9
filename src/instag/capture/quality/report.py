"""The verdict on a clip: how good a head it can become, and what its user can do about it.

Limits were set so that 21 clips of broadcasts, webcams and demos are not called bad without a
reason, and the same clips blurred, darkened, made small, covered, shaken, overloaded or drowned in
noise are.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, final

from instag.capture.quality.audio import AudioMeasures, measure_audio
from instag.capture.quality.video import VideoMeasures, measure_video
from instag.data.clip import Clip, ClipInfo
from instag.media.timecode import clock
from instag.runtime.progress import Report, silent
from instag.speech.lips.audio_offset import MIN_FRAMES, SURE_MARGIN


class Grade(StrEnum):
    """good: nothing to better. fair: a head comes of it, less well. poor: expect little."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that could be better. says: what, and what its user can do."""

    aspect: str
    grade: Grade
    says: str


@final
@dataclass(frozen=True, kw_only=True)
class Quality:
    """All that could be better, worst first, and what was measured."""

    findings: tuple[Finding, ...]
    measured: dict[str, float | None]

    @property
    def grade(self) -> Grade:
        return self.findings[0].grade if self.findings else Grade.GOOD

    def as_json(self) -> dict[str, object]:
        """As clip.json keeps it."""
        return {
            "grade": self.grade.value,
            "findings": [asdict(finding) for finding in self.findings],
            "measured": self.measured,
        }


@final
@dataclass(frozen=True, kw_only=True)
class Limit:
    """From where a measured number is no longer good; `fair` and `poor` in the direction that gets
    worse. says: a format of the number."""

    aspect: str
    value: Callable[[VideoMeasures, AudioMeasures], float | None]
    fair: float
    poor: float
    says: str

    def judge(self, seen: VideoMeasures, heard: AudioMeasures) -> Finding | None:
        value = self.value(seen, heard)
        way = 1 if self.poor > self.fair else -1
        if value is None or way * value < way * self.fair:
            return None
        return Finding(
            aspect=self.aspect,
            grade=Grade.POOR if way * value >= way * self.poor else Grade.FAIR,
            says=self.says.format(value),
        )


LIMITS = (
    Limit(
        aspect="face size",
        value=lambda seen, _: seen.face_px,
        fair=140,
        poor=80,
        says=(
            "The face is {:.0f} pixels high; 200 make a sharp head. Film from nearer, or "
            "at a higher resolution."
        ),
    ),
    Limit(
        aspect="blur",
        value=lambda seen, _: seen.sharpness,
        fair=0.054,
        poor=0.04,
        says=(
            "The face is blurred (detail {:.3f}; sharp ones have 0.06 to 0.15). Clean the "
            "lens, focus on the face, give more light, or use the original file."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda seen, _: seen.brightness,
        fair=70,
        poor=48,
        says="The face is dark (brightness {:.0f} of 255). Turn toward a window or a lamp.",
    ),
    Limit(
        aspect="light",
        value=lambda seen, _: seen.brightness,
        fair=205,
        poor=225,
        says=(
            "The face is overexposed (brightness {:.0f} of 255). Take away light or lower "
            "the exposure."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda seen, _: seen.lost,
        fair=0.06,
        poor=0.2,
        says=(
            "{:.0%} of the face is pure white or black, without detail. Use softer, more "
            "even light."
        ),
    ),
    Limit(
        aspect="light",
        value=lambda seen, _: seen.one_sided,
        fair=0.5,
        poor=0.25,
        says="One half of the face has {:.0%} of the other's light. Light both.",
    ),
    Limit(
        aspect="light",
        value=lambda seen, _: seen.flicker,
        fair=0.08,
        poor=0.2,
        says=(
            "The light on the face changes by {:.0%}. Fix the exposure, or use a part with "
            "even light."
        ),
    ),
    Limit(
        aspect="occlusion",
        value=lambda seen, _: seen.hidden,
        fair=0.12,
        poor=0.22,
        says=(
            "In a tenth of the frames {:.0%} of the face or more is covered or unlike "
            "itself. Keep hands, hair and microphones from the face."
        ),
    ),
    Limit(
        aspect="head turns",
        value=lambda seen, _: seen.turn,
        fair=27,
        poor=42,
        says=(
            "The head is turned away by {:.0f} degrees in a tenth of the frames. Look at "
            "the camera, or use a more frontal part."
        ),
    ),
    Limit(
        aspect="jitter",
        value=lambda seen, _: seen.trembling,
        fair=0.008,
        poor=0.016,
        says=(
            "The face is followed unsteadily ({:.1%} of its height). Use a sharper, "
            "brighter, less compressed video."
        ),
    ),
    Limit(
        aspect="camera",
        value=lambda seen, _: seen.camera,
        fair=0.03,
        poor=0.12,
        says=(
            "What is behind the person moves by {:.0%} of the picture: backdrop and "
            "shoulders will be unsteady. Put the camera on a stand."
        ),
    ),
    Limit(
        aspect="sound level",
        value=lambda _, heard: heard.level,
        fair=-36,
        poor=-52,
        says="The sound is faint ({:.0f} dB). Speak nearer to the microphone.",
    ),
    Limit(
        aspect="noise",
        value=lambda _, heard: heard.span,
        fair=17,
        poor=9,
        says=(
            "The voice stands only {:.0f} dB above the noise or music; 20 are good. Record "
            "in a quieter room, or take the music away."
        ),
    ),
    Limit(
        aspect="clipping",
        value=lambda _, heard: heard.clipped,
        fair=0.002,
        poor=0.05,
        says="{:.1%} of the sound is overloaded. Record at a lower level.",
    ),
)


def assess(clip: Clip, report: Report = silent) -> Quality:
    """Measure and judge a clip that has all of its stages. Raises NotAnArtefact."""
    seen, heard = measure_video(clip, report), measure_audio(clip.speech())
    measured = {
        name: None if value is None else round(float(value), 4)
        for name, value in (vars(seen) | vars(heard)).items()
    }
    return Quality(findings=judge(clip.info, seen, heard), measured=measured)


def quality_lines(info: ClipInfo) -> list[str]:
    """What clip.json keeps of the verdict, as lines for a person; none where there is no
    verdict."""
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


def judge(info: ClipInfo, seen: VideoMeasures, heard: AudioMeasures) -> tuple[Finding, ...]:
    """What could be better, worst first."""
    found = [limit.judge(seen, heard) for limit in LIMITS]
    found += [_length(info), _gaps(info, seen), _jumps(info), _lip_sync(info)]
    return tuple(
        sorted(
            (one for one in found if one is not None), key=lambda one: one.grade is not Grade.POOR
        )
    )


def _length(info: ClipInfo) -> Finding | None:
    seconds = info.frame_count / info.fps
    if seconds >= 4.8:
        return None
    says = f"The clip has {seconds:.1f} s; 5 s and more make a good head. Record longer."
    return Finding(aspect="length", grade=Grade.FAIR if seconds >= 3 else Grade.POOR, says=says)


def _gaps(info: ClipInfo, seen: VideoMeasures) -> Finding | None:
    """Frames of the chosen shot in which no face was found, whether they were left out or filled
    in."""
    shot = next(
        (end - first for first, end in info.shots if first <= info.first_frame < end),
        info.frame_count,
    )
    share = 1 - info.frame_count * (1 - seen.missing) / max(shot, 1)
    if share < 0.02:
        return None
    says = (
        f"No face was found in {share:.0%} of the frames. Keep the whole face in the "
        "picture and turned to the camera."
    )
    return Finding(
        aspect="missing face", grade=Grade.POOR if share > 0.3 else Grade.FAIR, says=says
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
    says = f"The picture jumps at {places} of the video, as after a cut. Use a part without."
    return Finding(aspect="jumps", grade=Grade.FAIR, says=says)


def _lip_sync(info: ClipInfo) -> Finding | None:
    """Whether lips and sound belong together; nothing where the user said the delay, or the clip is
    too short to tell."""
    found, asked = info.delay_found, info.stages.get("sound")
    if found is None:
        if (
            info.frame_count < MIN_FRAMES
            or asked is None
            or asked.settings.get("delay_ms") is not None
        ):
            return None
        says = (
            "Too little of lips and voice was found to compare them. Check that the "
            "speaker talks and is heard."
        )
        return Finding(aspect="lip sync", grade=Grade.POOR, says=says)
    if found["margin"] > SURE_MARGIN and found["fit"] > 2 * SURE_MARGIN:
        return None
    if found["fit"] < SURE_MARGIN:
        says = (
            f"The lips do not follow the sound (fit {found['fit']:.2f}; 0.4 and more are "
            "usual). Check that the speaker's own voice is heard."
        )
        return Finding(aspect="lip sync", grade=Grade.POOR, says=says)
    says = (
        "How much the sound lags the lips can not be told surely (margin "
        f"{found['margin']:.2f}). If it does, say how much with --delay."
    )
    return Finding(aspect="lip sync", grade=Grade.FAIR, says=says)
