"""The quality report of a clip: how good a head it gives, and what its user can do about it."""

from dataclasses import dataclass
from typing import Any, final

from instag.capture.quality.audio import AudioMeasures, measure_audio
from instag.capture.quality.limits import LIMITS, Finding, Grade
from instag.capture.quality.video import VideoMeasures, measure_video
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo
from instag.media.timecode import clock
from instag.runtime.progress import Report, silent
from instag.speech.lips.audio_offset import MIN_FRAMES, SURE_MARGIN

DAMAGE_FAIR, DAMAGE_POOR = 0.01, 0.1
"""Shares of the time that are missing or damaged in the source file."""


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
