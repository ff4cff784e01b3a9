"""`instag speak`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.device_notes import announce_compilation
from instag.cli.given_files import refuse_avatar, refuse_sound, refuse_swapped
from instag.cli.terminal import Terminal
from instag.media.flaws import Flaw
from instag.synthesis.options import SpeakOptions
from instag.synthesis.sink_choice import sink_for


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
            help="The video to write, for example out.mp4; a name without an ending, for a folder "
            "of PNG files and a WAV file; /dev/videoN, for a camera of v4l2loopback; or -, for raw "
            "RGB frames on standard output, 25 a second.",
        ),
    ],
    speaking: SpeakOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Let an avatar say what a sound file holds; the video has the sound in it."""
    refuse_swapped("speak", avatar, sound)
    refuse_avatar(avatar)
    refuse_sound(sound)
    sink = sink_for(output)
    if sink == "video" or (sink == "frames" and output.is_file()):
        options.refuse_existing(output, overwrite, avatar, sound)
    elif sink == "frames":
        options.refuse_folder(output, new=True)
    import instag
    from instag.runtime.threads import set_threads

    set_threads(threads)
    announce_compilation(terminal, device)
    started = time.monotonic()
    opened = instag.Avatar.open(avatar)
    if opened.baked is not None and not opened.baked.near_enough and not speaking.exact:
        terminal.note(
            f"No baked head is near enough to this one ({opened.baked.psnr:.1f} dB): it is painted "
            "with its fields, which is slower."
        )
    with terminal.progress(f"Speaking {sound.name}", "frames") as report:
        flaws: list[Flaw] = []
        path = instag.speak(
            opened,
            sound,
            output,
            sink=sink,
            device=device,
            report=report,
            notice=flaws.append,
            **vars(speaking),
        )
    for flaw in flaws:
        terminal.note(flaw.message)
    took, side = round(time.monotonic() - started, 2), opened.info.size
    if sink == "pipe":
        sentence = f"Frames of {side} x {side} pixels in {took:.1f} s."
        terminal.result(sentence, {"size": side, "seconds": took}, beside_output=True)
    else:
        terminal.result(f"{path}", {sink: path, "seconds": took})
