"""A flaw of a sound or video file: what was read otherwise than it stands there, said in one
sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """aspect: what it concerns. share: of the picture's frames, or of the sound's time, that it
    touches; 0 where it only explains a choice. message: a sentence for the user."""

    aspect: Literal["picture", "sound"]
    share: float = 0.0
    message: str


Notice = Callable[[Flaw], None]
"""Called with each flaw once it is known, at the end of the reading at the latest."""


def unnoticed(flaw: Flaw) -> None:
    """The notice of a caller that wants none."""
