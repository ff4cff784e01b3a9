"""`instag export-clip`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_clip
from instag.cli.terminal import Terminal
from instag.errors import BadArgument

LAYOUTS = ("instag", "talkinggaussian", "radnerf", "ernerf")


def export_clip(
    clip: options.ClipFolder,
    folder: Annotated[Path, typer.Argument(help="The folder to write.")],
    terminal: Terminal,
    layout: Annotated[
        str,
        typer.Option(help=f"Whose trainer is to read it: {', '.join(LAYOUTS)}.", metavar="NAME"),
    ] = "instag",
    surface_frames: Annotated[
        int,
        typer.Option(
            help="How many frames of geometry priors to write, 2.6 MB each at 512x512.", min=0
        ),
    ] = 250,
) -> None:
    """Write a clip in the layout that InsTaG, TalkingGaussian, ER-NeRF and RAD-NeRF train on."""
    refuse_clip(clip)
    if layout not in LAYOUTS:
        raise BadArgument(f"There is no layout {layout!r}. Choose one of: {', '.join(LAYOUTS)}.")
    options.refuse_folder(folder)
    from instag.data.clip import Clip
    from instag.interop.adnerf import export_clip as adnerf
    from instag.interop.adnerf.layout import Layout

    opened = Clip.open(clip)
    with terminal.progress(f"Exporting {clip.name}", "frames") as report:
        exported = adnerf.export_clip(
            opened, folder, layout=Layout(layout), surface_frames=surface_frames, report=report
        )
    for note in exported.notes:
        terminal.note(note)
    train, test = len(exported.train), len(exported.test)
    terminal.result(
        f"{folder}: {train} frames to learn from, {test} to test on.",
        {
            "folder": folder,
            "frames": exported.frames,
            "train": train,
            "test": test,
            "notes": list(exported.notes),
        },
    )
