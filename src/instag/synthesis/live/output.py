"""A live output: where the frames of a live session go."""

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from instag.types import SAMPLES

State = Literal["idle", "listening", "speaking"]


class LiveOutput(ABC):
    """Called by the threads of the studio, which it must not keep waiting. Frame n lasts from
    n x 40 ms on the session's own clock; its sound comes first, its picture once it is painted,
    and never where it is late."""

    @abstractmethod
    def sound(self, number: int, samples: Float[np.ndarray, " 640"]) -> None:
        """What is heard in this frame, 16 kHz, due now."""

    def silence(self, number: int) -> None:
        """The same where nothing is said."""
        self.sound(number, np.zeros(SAMPLES, np.float32))

    @abstractmethod
    def picture(self, number: int, picture: UInt8[np.ndarray, "h w 3"]) -> None:
        """What is seen in this frame."""

    def cleared(self, number: int) -> None:  # noqa: B027 - most keep nothing
        """Somebody interrupts: drop what was not played yet of the frames before this one."""

    def state(self, state: State) -> None:  # noqa: B027 - most do not show it
        """What the head does from now on."""

    def closed(self) -> None:  # noqa: B027
        """The session has ended."""
