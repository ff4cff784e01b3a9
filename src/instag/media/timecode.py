"""Times in a video, as a person reads and writes them."""

import math

from instag.errors import BadArgument
from instag.observed import FPS


def clock(frame: int) -> str:
    """Minutes and seconds of a frame: 0:02.4."""
    tenths = round(10 * frame / FPS)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def seconds_of(text: str) -> float:
    """Seconds of a time: 12.5, 0:12.5 or 1:02:03. Raises BadArgument."""
    parts = text.strip().split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = [-1.0]
    if len(parts) > 3 or min(numbers) < 0 or not all(map(math.isfinite, numbers)):
        raise BadArgument(f"{text!r} is no time. Give seconds, or minutes:seconds, as 0:12.5.")
    return sum(number * 60**place for place, number in enumerate(reversed(numbers)))
