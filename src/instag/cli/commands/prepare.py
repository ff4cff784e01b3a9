"""`instag prepare`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instag.capture.options import CaptureOptions
from instag.cli import options
from instag.cli.clip_summary import summary_lines
from instag.cli.terminal import Terminal

if TYPE_CHECKING:
    from instag.data.clip import Clip


def prepare(
    video: options.Video,
    output: options.NewClip,
    capture: CaptureOptions,
    terminal: Terminal,
    speech: options.Speech = "mel",
    only: Annotated[
        str | None, typer.Option(help="Run this one stage again.", metavar="STAGE")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", help="Run this stage and those after it again.", metavar="STAGE"),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Draw a contact sheet of all that was observed into the folder."
        ),
    ] = False,
    threads: options.Threads = None,
) -> None:
    """Observe the person in a video: frames, regions, head poses, action units, sound.

    Stages that are done are not done again; a run that was stopped goes on where it was.
    """
    from instag.runtime.device import set_threads

    set_threads(threads)
    chosen = replace(capture, speech=speech)
    clip, took = observe(terminal, video, output, chosen, only=only, start_from=start_from)
    values: dict[str, object] = {
        "clip": output,
        "frames": len(clip),
        "seconds": round(took, 2),
        "quality": clip.info.quality,
    }
    if preview:
        from instag.capture.preview import draw_preview

        sheet = output / "preview.png"
        draw_preview(clip, sheet)
        terminal.note(f"Contact sheet: {sheet}")
        values["preview"] = sheet
    terminal.result(f"{output}", values)


def observe(
    terminal: Terminal, video: Path, folder: Path, capture: CaptureOptions, **stages: Any
) -> tuple["Clip", float]:
    """Observe with progress; returns the Clip and the seconds that it took."""
    import instag

    started = time.monotonic()
    with terminal.progress(f"Observing {video.name}") as report:
        clip = instag.prepare(video, folder, capture, report=report, **stages)
    for sentence in summary_lines(clip.info):
        terminal.note(sentence)
    return clip, time.monotonic() - started
