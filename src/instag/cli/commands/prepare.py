"""`instag prepare`."""

import time
from dataclasses import replace
from typing import Annotated

import typer

from instag.capture.options import CaptureOptions
from instag.cli import options
from instag.cli.clip_summary import summary_lines
from instag.cli.given_files import refuse_video
from instag.cli.terminal import Terminal
from instag.runtime.write_errors import check_writable


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
        typer.Option(
            "--from-stage", help="Run this stage and those after it again.", metavar="STAGE"
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Observe at most so many seconds.", show_default=False)
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Draw a contact sheet of all that was observed into the folder."
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
) -> None:
    """Observe the person in a video: frames, regions, head poses, action units, sound.

    Stages that are done are not done again; a run that was stopped goes on where it was.
    """
    import instag
    from instag.runtime.threads import set_threads

    refuse_video(video)
    if not output.is_dir():
        check_writable(output)
        options.refuse_ending(output, "a clip", ".clip")
    if threads is not None:  # set, it loads Torch, which else is loaded beside the video
        set_threads(threads)
    chosen = replace(capture, speech=speech, seconds=seconds)
    started = time.monotonic()
    with terminal.progress(f"Observing {video.name}") as report:
        clip = instag.prepare(
            video,
            output,
            chosen,
            only=only,
            start_from=start_from,
            overwrite=overwrite,
            report=report,
        )
    for sentence in summary_lines(clip.info):
        terminal.note(sentence)
    took = time.monotonic() - started
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
