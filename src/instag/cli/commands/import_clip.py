"""`instag import-clip`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_layout
from instag.cli.terminal import Terminal


def import_clip(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder that InsTaG, TalkingGaussian, ER-NeRF or RAD-NeRF prepared (process.py)."
        ),
    ],
    output: options.NewClip,
    terminal: Terminal,
) -> None:
    """Make a clip of data that was prepared for InsTaG or its relatives: poses, masks, landmarks,
    action units and features are kept."""
    options.refuse_folder(output, empty=True)
    options.refuse_ending(output, "a clip", ".clip")
    refuse_layout(folder)
    from instag.interop.adnerf import import_clip as adnerf

    with terminal.progress(f"Importing {folder.name}") as report:
        imported = adnerf.import_clip(folder, output, report=report)
    for note in imported.notes:
        terminal.note(note)
    values = {
        "clip": output,
        "frames": len(imported.clip),
        "test_frames": imported.clip.info.test_frames,
        "notes": list(imported.notes),
    }
    terminal.result(f"{output}: {len(imported.clip)} frames.", values)
