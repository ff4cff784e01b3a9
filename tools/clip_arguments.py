"""The arguments by which tools that learn from many people choose clips."""

import argparse
from pathlib import Path


def add_clips(parser: argparse.ArgumentParser) -> None:
    """A folder of clips, and which of them to leave out."""
    parser.add_argument("clips", type=Path, help="a folder of prepared clips")
    parser.add_argument("--without", nargs="*", default=[], help="clips to leave out, by name")


def add_together(parser: argparse.ArgumentParser) -> None:
    """Which clips show one person, so that they are left out together."""
    parser.add_argument(
        "--together",
        nargs="*",
        default=[],
        help="the beginnings of names of clips that show one person",
    )


def chosen_clips(chosen: argparse.Namespace) -> list[Path]:
    """The folders that were chosen, by name."""
    return [
        folder
        for folder in sorted(chosen.clips.glob("*.clip"))
        if folder.stem not in chosen.without
    ]
