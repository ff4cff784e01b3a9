"""`instag demo`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.terminal import Terminal


def demo(
    terminal: Terminal,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write into.")
    ] = Path("instag-demo"),
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open the report in a browser.")
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Learn a synthetic speaker from 6 seconds of video, let it speak, and show both in a report.

    Needs no file and no network."""
    options.refuse_folder(output)
    from instag.demo.run import run
    from instag.runtime.threads import set_threads

    set_threads(threads)
    page = run(
        output,
        open_page=not no_open,
        device=device,
        progress=terminal.progress,
        note=terminal.note,
    )
    terminal.result(f"{page}", {"report": page})
