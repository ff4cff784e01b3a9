"""`instag speak`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.device_notes import announce_compilation
from instag.cli.terminal import Terminal
from instag.media.flaws import Flaw
from instag.synthesis.options import SpeakOptions


def speak(
    avatar: Annotated[Path, typer.Argument(help="An avatar that `create` or `adapt` wrote.")],
    sound: Annotated[
        Path,
        typer.Argument(
            help="What it says: a sound file, or a video with sound. Any length, any sample rate."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The video to write, for example out.mp4; or -, for raw RGB frames on standard "
            "output, 25 a second.",
        ),
    ],
    speaking: SpeakOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Let an avatar say what a sound file holds; the video has the sound in it."""
    options.refuse_existing(output, overwrite)
    import instag
    from instag.runtime.device import keep_freed_memory, set_threads

    set_threads(threads)
    keep_freed_memory()
    announce_compilation(terminal, device)
    started = time.monotonic()
    opened = instag.Avatar.open(avatar)
    with terminal.progress(f"Speaking {sound.name}", "frames") as report:
        flaws: list[Flaw] = []
        path = instag.speak(
            opened,
            sound,
            output,
            device=device,
            report=report,
            notice=flaws.append,
            **vars(speaking),
        )
    for flaw in flaws:
        terminal.note(flaw.message)
    took = time.monotonic() - started
    if str(output) == "-":  # nothing else may stand between or after the frames
        terminal.note(f"Frames of {opened.info.size} x {opened.info.size} pixels in {took:.1f} s.")
        return
    terminal.result(f"{path}", {"video": path, "seconds": round(took, 2)})
