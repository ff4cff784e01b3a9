"""The options that several commands share and that are not the library's: what to do with outputs,
and how many threads to use."""

import os
from pathlib import Path
from typing import Annotated

import typer

from instag.errors import BadArgument
from instag.options import MACHINE
from instag.runtime.files import sweep
from instag.runtime.write_errors import check_writable
from instag.speech.registry import choices
from instag.training.options import DEVICE

Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace an output that exists.", rich_help_panel=MACHINE),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="How many threads to use; all cores, or $OMP_NUM_THREADS, if not given.",
        min=1,
        rich_help_panel=MACHINE,
    ),
]
LiveThreads = Annotated[
    int | None,
    typer.Option(
        help="How many threads paint; half of the cores if not given.",
        min=1,
        rich_help_panel=MACHINE,
    ),
]
Device = Annotated[
    str,
    typer.Option(help=DEVICE, metavar="NAME", rich_help_panel=MACHINE),
]
Video = Annotated[Path, typer.Argument(help="A video of one person who speaks.")]
ClipFolder = Annotated[
    Path, typer.Argument(help="A clip that `prepare`, `create` or `import-clip` wrote.")
]
NewAvatar = Annotated[
    Path, typer.Option("--output", "-o", help="The avatar to write, for example me.avatar.")
]
NewClip = Annotated[
    Path, typer.Option("--output", "-o", help="The folder to write, for example me.clip.")
]
NewPrior = Annotated[
    Path, typer.Option("--output", "-o", help="The prior to write, for example my.prior.")
]
Speech = Annotated[
    str,
    typer.Option(
        "--speech",
        metavar="NAME",
        help=f"The speech front end: {choices()}.",
    ),
]

VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"}
ARTEFACTS = {".avatar", ".clip", ".prior", ".training"}
OF_OTHERS = VIDEOS | ARTEFACTS | {".wav", ".mp3", ".m4a", ".png", ".jpg", ".html"}
"""Endings that promise something else than an artefact, or another one."""


def refuse_ending(output: Path, noun: str, ending: str) -> None:
    """An artefact is not called like something else: who gives out.mp4 waits for a video. Raises
    BadArgument."""
    if output.suffix.lower() in OF_OTHERS - {ending}:
        raise BadArgument(
            f"{output}: {noun} is written there, and its name says something else. Give "
            f"-o {output.with_suffix(ending)}"
        )


def refuse_existing(output: Path, overwrite: bool, *inputs: Path | None) -> None:
    """An output that exists is replaced only when asked for, and never where it is one of the
    inputs, or could not be written; what killed runs left beside it goes. Raises BadArgument,
    NotWritable."""
    check_writable(output)
    sweep(output.parent)
    if any(given is not None and _is_same(output, given) for given in inputs):
        raise BadArgument(f"{output} is read here, and would be lost. Give another -o.")
    if output.is_dir():
        raise BadArgument(f"{output} is a folder. Give the name of a file to write.")
    if output.exists() and not overwrite:
        raise BadArgument(
            f"{output} exists already. Give another -o, or --overwrite to replace it."
        )


def refuse_folder(output: Path, *, new: bool = False, empty: bool = False) -> None:
    """A folder that something is written into has to be one, or new or empty where that is asked
    for. Raises BadArgument, NotWritable."""
    check_writable(output / "any" if output.is_dir() else output)
    if os.path.lexists(output) and new:
        raise BadArgument(f"{output} exists already. Give the name of a new folder.")
    if os.path.lexists(output) and not output.is_dir():
        raise BadArgument(f"{output} is a file. Give the name of a folder.")
    if empty and output.is_dir() and any(output.iterdir()):
        raise BadArgument(f"{output} exists already. Give another -o, or remove it.")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names lead to one file, by links too."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
