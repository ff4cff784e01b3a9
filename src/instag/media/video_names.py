"""The names of videos that can be written. It loads no library, so that a wrong name is refused at
once."""

from pathlib import Path

from instag.errors import BadArgument

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""FFmpeg's name of the format, by the ending of the file's name."""


def muxer_of(path: Path) -> str:
    """FFmpeg's name of the format that a file name asks for. Raises BadArgument."""
    if path.suffix.lower() not in MUXERS:
        raise BadArgument(
            f"{path}: a video is written as {', '.join(MUXERS)}. Give the output one of these "
            "endings."
        )
    return MUXERS[path.suffix.lower()]
