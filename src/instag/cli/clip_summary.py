"""The summary of a clip on the command line: the part of the video that it shows, and its
quality."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instag.data.clip_info import ClipInfo

NOTEWORTHY_MS = 20
"""Least corrected delay that is mentioned: half a frame."""


def summary_lines(info: "ClipInfo") -> list[str]:
    """Sentences about the used part of the video, corrections and quality."""
    from instag.capture.quality.report import DAMAGE_FAIR, quality_lines
    from instag.capture.shots import Shot

    lines = []
    if info.shots:
        used = Shot(first=info.first_frame, end=info.first_frame + info.frame_count)
        first, end = info.asked_for
        shot = Shot(first=first, end=end)
        number = sum(begin <= first for begin, _ in info.shots)
        if len(info.shots) > 1:
            lines.append(
                f"The video is cut into {len(info.shots)} shots; shot {number} was used ({shot}). "
                "For another one: --shot N"
            )
        if len(used) < len(shot):
            lines.append(
                f"Only {used} was used: around it the face is lost for too long to be interpolated."
            )
    if info.delay_found is not None and abs(info.delay_ms) >= NOTEWORTHY_MS:
        sooner = "later than the lips" if info.delay_ms > 0 else "earlier than the lips"
        lines.append(
            f"The sound is {abs(info.delay_ms)} ms {sooner}: corrected. To leave it as it is: "
            "--delay 0"
        )
    lines += [
        str(message)
        for flaws in info.flaws.values()
        for _, share, message in flaws
        if isinstance(share, float | int) and share <= DAMAGE_FAIR
    ]
    return lines + quality_lines(info)
