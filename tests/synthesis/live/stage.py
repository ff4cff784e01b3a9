"""A studio without threads, and an output that keeps what it gets, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch

from instag.assets.sample_speech import recording
from instag.synthesis.live.output import LiveOutput, State
from instag.synthesis.live.studio import Studio
from instag.types import SAMPLES


class Kept(LiveOutput):
    """All frames."""

    def __init__(self) -> None:
        self.sounds: list[np.ndarray] = []
        self.numbers: list[int] = []
        self.pictures: dict[int, np.ndarray] = {}
        self.states: list[State] = []
        self.cleared_at: list[int] = []
        self.is_closed = False

    def sound(self, number, samples) -> None:
        self.numbers.append(number)
        self.sounds.append(samples)

    def picture(self, number, picture) -> None:
        self.pictures[number] = picture

    def state(self, state) -> None:
        self.states.append(state)

    def cleared(self, number) -> None:
        self.cleared_at.append(number)

    def closed(self) -> None:
        self.is_closed = True

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.float32), *self.sounds])


@cache
def _shared() -> Studio:
    return Studio(most_sessions=4)


@contextmanager
def quiet_studio(*, most_sessions: int = 4, idle_s: float = 60.0) -> Iterator[Studio]:
    """A studio whose frames are planned and painted when a test asks for it; its networks and
    painters are those of the tests before."""
    studio = _shared()
    studio.most_sessions, studio.idle_s = most_sessions, idle_s
    studio._paint.clear()
    try:
        yield studio
    finally:
        for session in studio.sessions:
            studio.end(session.name)


def play(studio: Studio, frames: int, *, paint: bool = True) -> None:
    for _ in range(frames):
        studio.plan_frame()
        if paint:
            studio.paint_planned()


def speech(frames: int) -> np.ndarray:
    return recording("speech_one").waveform[: frames * SAMPLES].astype(np.float32)


def noise(frames: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(frames * SAMPLES, generator=generator) * 0.1).numpy()
