"""What a clip says of itself, for tests that make the rest, or need none of it."""

from typing import Any

from instag.data.clip_info import ClipInfo


def bare_info(frames: int, *, width: int = 64, height: int = 64, **about: Any) -> ClipInfo:
    """The info of a clip of so many frames. about: further fields."""
    whole = (0.0, 0.0, float(max(width, height)))
    return ClipInfo(
        width=width,
        height=height,
        frame_count=frames,
        **{"source": "me.mp4", "source_sha256": "0", "crop": whole} | about,
    )
