"""Times in a video, as a person reads them."""

from instag.types import FPS


def clock(frame: int) -> str:
    """Minutes and seconds of a frame: 0:02.4."""
    tenths = round(10 * frame / FPS)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
