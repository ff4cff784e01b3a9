"""`instag import-clip`, `export-clip` and `split`: clips from and for the trainers of the AD-NeRF
family, and what is kept for testing."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.terminal import Terminal, exit_on_error
from instag.errors import BadArgument

NOTHING_WRITTEN = "Nothing was written."
LAYOUTS = ("instag", "talkinggaussian", "radnerf", "ernerf")
TestSeconds = Annotated[
    float, typer.Option("--seconds", help="How much of the end is kept for testing.", min=0.0)
]
ClipFolder = Annotated[
    Path, typer.Argument(help="A clip that `prepare` or `import-clip` wrote.", show_default=False)
]


def import_clip(
    folder: Annotated[
        Path,
        typer.Argument(
            help=(
                "A folder that process.py of InsTaG, TalkingGaussian, ER-NeRF or RAD-NeRF prepared."
            ),
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The clip to write, for example me.clip.", show_default=False
        ),
    ],
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make a clip of data that was prepared for InsTaG or its relatives: poses, masks, landmarks,
    action units and features are kept."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(NOTHING_WRITTEN):
        from instag.interop.adnerf.import_clip import import_clip as work

        with terminal.progress(f"Importing {folder.name}") as report:
            imported = work(folder, output, report=report)
        for note in imported.notes:
            terminal.note(note)
        kept = imported.clip.info.test_frames
        values = {
            "clip": output,
            "frames": len(imported.clip),
            "test_frames": kept,
            "notes": list(imported.notes),
        }
        terminal.result(f"{output}: {len(imported.clip)} frames.", values)


def export_clip(
    clip: ClipFolder,
    folder: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
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
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Write a clip in the layout that InsTaG, TalkingGaussian, ER-NeRF and RAD-NeRF train on."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error("Run the same command again: it writes all anew."):
        if layout not in LAYOUTS:
            raise BadArgument(
                f"There is no layout {layout!r}. Choose one of: {', '.join(LAYOUTS)}."
            )
        from instag.data.clip import Clip
        from instag.interop.adnerf.export_clip import export_clip as work
        from instag.interop.adnerf.layout import Layout

        opened = Clip.open(clip)
        with terminal.progress(f"Exporting {clip.name}", "frames") as report:
            exported = work(
                opened, folder, layout=Layout(layout), surface_frames=surface_frames, report=report
            )
        for note in exported.notes:
            terminal.note(note)
        values = {
            "folder": folder,
            "frames": exported.frames,
            "train": len(exported.taught),
            "test": len(exported.tested),
            "notes": list(exported.notes),
        }
        terminal.result(
            f"{folder}: {len(exported.taught)} frames to learn from, {len(exported.tested)} to "
            "test on.",
            values,
        )


def split(
    clip: ClipFolder,
    seconds: TestSeconds = 12.0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Keep the last seconds of a clip for testing: `adapt` never learns from them, `export-clip`
    writes them as transforms_val."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(NOTHING_WRITTEN):
        from dataclasses import replace

        from instag.data.clip import Clip
        from instag.data.splits import split as divide
        from instag.types import FPS

        opened = Clip.open(clip)
        kept = round(seconds * FPS)
        chosen = divide(len(opened), n_views=None, kept=kept)
        opened.save_info(replace(opened.info, test_frames=kept))
        values = {"clip": clip, "train": len(chosen.train), "test": len(chosen.test)}
        terminal.result(
            f"{clip}: {len(chosen.train)} frames to learn from, the last {len(chosen.test)} are "
            "kept for testing.",
            values,
        )
