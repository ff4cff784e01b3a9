"""How a video is observed, as options of the library; the command line unfolds them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from instag.capture import backends
from instag.errors import BadArgument
from instag.media.timecode import seconds_of
from instag.options import check_limits, option

SIZES = (64, 2048)
"""Smallest and largest side of a clip's frames in pixels."""


def _backend(choice: backends.Choice) -> Any:
    """An option that chooses a row of a table."""
    metavar = "NAME" if choice.file is None else f"NAME|{choice.file.name}"
    return option(choice.default, choice.full_help, metavar=metavar)


@final
@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """What to observe of a video, and by which backends.

    speech: the front end whose features the clip keeps. seconds: observe no more of the shot.
    Raises BadArgument where a number is outside its limits.
    """

    delay: int | None = option(
        None,
        "Milliseconds by which the sound lags behind the lips; if not given, found where lips and "
        "voice show it clearly.",
    )
    crop: tuple[float, float, float] | None = option(
        None,
        "The square to observe, in pixels of the video; if not given, found around the head.",
        metavar="X,Y,SIZE",
    )
    shot: int | None = option(
        None,
        "Which stretch between the video's cuts, from 1; if not given, the one that shows a face "
        "longest.",
        minimum=1,
    )
    since: str | None = option(
        None,
        "Where to begin in the video: seconds, or minutes:seconds.",
        flag="--from",
        metavar="TIME",
    )
    until: str | None = option(
        None, "Where to end in the video, likewise.", flag="--to", metavar="TIME"
    )
    sound: Path | None = option(
        None,
        "A file with the video's sound, where that lies apart; both begin at the same time.",
        metavar="FILE",
    )
    size: int = option(
        512,
        "Width and height of the observed square in pixels.",
        minimum=SIZES[0],
        maximum=SIZES[1],
    )
    au: str = _backend(backends.ACTION_UNITS)
    parsing: str = _backend(backends.PARSERS)
    teeth: str = _backend(backends.TEETH)
    hair: str = _backend(backends.HAIR)
    arms: str = _backend(backends.ARMS)
    surface: str = _backend(backends.GEOMETRY)
    points: str = _backend(backends.LANDMARKS_68)
    tracker: str = _backend(backends.TRACKERS)
    speech: str = "mel"
    seconds: float | None = None

    def __post_init__(self) -> None:
        for choice in backends.CHOICES:
            name = backends.current_name(getattr(self, choice.option))
            object.__setattr__(self, choice.option, name)
        if not SIZES[0] <= self.size <= SIZES[1] or self.size % 2:
            raise BadArgument(
                f"--size {self.size}: give an even number of pixels from {SIZES[0]} to {SIZES[1]}, "
                "for example 512."
            )
        check_limits(self)
        if self.seconds is not None and not self.seconds > 0:
            raise BadArgument(f"--seconds {self.seconds:g}: give a time that is longer than 0.")
        first, end = self.window
        if first >= end:
            raise BadArgument(f"--from {self.since} --to {self.until}: nothing lies between them.")
        if self.crop is not None and self.crop[2] <= 0:
            raise BadArgument(f"--crop: the size {self.crop[2]:g} is not positive.")

    @property
    def window(self) -> tuple[float, float]:
        """The part of the video to observe, in seconds. Raises BadArgument."""
        return (
            0.0 if self.since is None else seconds_of(self.since),
            math.inf if self.until is None else seconds_of(self.until),
        )


DEFAULTS = CaptureOptions()


def check_backends(options: CaptureOptions) -> None:
    """Check that every chosen backend exists and its files are on this machine, before any work.
    Raises BadArgument, AssetMissing."""
    for choice in backends.CHOICES:
        choice.paths(getattr(options, choice.option))
