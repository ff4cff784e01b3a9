"""`instag inspect`, and what `prepare` and `create` say of a clip when they have made it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli import options
from instag.cli.terminal import Terminal, exit_on_error

if TYPE_CHECKING:
    from instag.data.clip import ClipInfo

NOTEWORTHY_MS = 20
"""A corrected delay that is said: half a frame."""


def inspect(
    clip: Annotated[
        Path,
        typer.Argument(
            help="A clip that `prepare`, `create` or `import-clip` wrote.", show_default=False
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Say what a clip holds and how good a head it can become, with what would make it better."""
    terminal = Terminal(as_json=as_json)
    with exit_on_error("Nothing was changed."):
        from dataclasses import asdict, replace

        from instag.capture.quality.report import assess
        from instag.data.clip import Clip

        opened = Clip.open(clip)
        info = (
            opened.info
            if opened.info.quality
            else replace(opened.info, quality=assess(opened).as_json())
        )
        length = (
            f"{info.source}: {info.frame_count} frames, {info.frame_count / info.fps:.1f} s,"
            f" {info.width} x {info.height}, sound delay {info.delay_ms} ms"
        )
        made = f"Stages: {', '.join(info.stages) or 'none'}"
        terminal.result("\n".join([length, made, *observed(info)]), asdict(info))


def observed(info: "ClipInfo") -> list[str]:
    """Which part of the video was taken, what was corrected, and the verdict."""
    from instag.capture.quality.report import quality_lines
    from instag.capture.shots import Shot

    said = []
    if info.shots:
        taken = Shot(first=info.first_frame, end=info.first_frame + info.frame_count)
        number, shot = next(
            (place, Shot(first=a, end=b))
            for place, (a, b) in enumerate(info.shots, 1)
            if a <= taken.first < b
        )
        if len(info.shots) > 1:
            said.append(
                f"The video is cut into {len(info.shots)} shots; shot {number} was taken ({shot}). "
                "For another one: --shot N"
            )
        if len(taken) < len(shot):
            said.append(
                f"Only {taken} was taken: around it the face is lost for longer than can be filled "
                "in."
            )
    if info.delay_found is not None and abs(info.delay_ms) >= NOTEWORTHY_MS:
        sooner = "later than the lips" if info.delay_ms > 0 else "earlier than the lips"
        said.append(
            f"The sound is {abs(info.delay_ms)} ms {sooner}: corrected. To leave it as it is: "
            "--delay 0"
        )
    return said + quality_lines(info)
