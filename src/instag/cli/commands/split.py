"""`instag split`."""

from typing import Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_clip
from instag.cli.terminal import Terminal


def split(
    clip: options.ClipFolder,
    terminal: Terminal,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            help="How much of the end is kept for testing; if not given, a fifth, at least 1 s and "
            "at most 12 s.",
            min=0.0,
        ),
    ] = None,
) -> None:
    """Keep the last seconds of a clip for testing: `adapt` never learns from them, `export-clip`
    writes them as transforms_val."""
    refuse_clip(clip)
    from dataclasses import replace

    from instag.data import splits
    from instag.data.clip import Clip
    from instag.observed import FPS

    opened = Clip.open(clip)
    kept = splits.held_back(len(opened)) if seconds is None else round(seconds * FPS)
    chosen = splits.split(len(opened), n_views=None, kept=kept)
    opened.save_info(replace(opened.info, test_frames=kept))
    train, test = len(chosen.train), len(chosen.test)
    terminal.result(
        f"{clip}: {train} frames to learn from, the last {test} are kept for testing.",
        {"clip": clip, "train": train, "test": test},
    )
