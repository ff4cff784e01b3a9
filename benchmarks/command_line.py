"""What the command lines of several benchmarks have in common."""

import argparse
from pathlib import Path


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """One whose help is the benchmark's docstring, as it is."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_speech(parser: argparse.ArgumentParser) -> None:
    """An avatar, and what it says: see benchmarks/spoken_sound.py."""
    parser.add_argument("avatar", type=Path)
    parser.add_argument("sound", type=Path, nargs="?")
