"""A live session: one head that idles, listens and speaks until it is closed."""

import threading
import time
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from instag.models.avatar import Avatar
from instag.speech.lips.live_ear import VOICED, HeardFrame, LiveEar
from instag.synthesis.live.lip_fade import LipFade
from instag.synthesis.live.metrics import SessionMetrics
from instag.synthesis.live.motion import LiveMotion
from instag.synthesis.live.output import LiveOutput, State
from instag.synthesis.live.painter import PlannedFrame
from instag.synthesis.live.voice_line import VoiceLine
from instag.types import LIP_CODES

LISTENS_S = 0.5
"""How long after its last sound a microphone counts as there."""
PAUSE_FRAMES = 15
"""Frames without a voice after which speaking has ended: pauses between words are shorter."""
EARLY_S, MOST_EARLY_S = 0.08, 0.24
"""Seconds of a microphone's sound that may wait: beyond the first a silent frame of it is dropped,
beyond the second any."""
MOST_HEARD_S = 2.0
"""Of a microphone's sound that waits: what comes on top of it is dropped."""


@final
@dataclass(frozen=True, kw_only=True)
class LiveFrame:
    """A frame with its sound; None where nothing is said."""

    planned: PlannedFrame
    sound: Float[np.ndarray, " 640"] | None


@final
class LiveSession:
    """What is pushed is said, in its order; a microphone's sound is said at once where nothing else
    is. Methods may be called by any thread.

        session.push_audio(samples)   # mono, 16 kHz, as it comes
        session.end_of_audio()        # its last words need no more sound
        session.clear_buffer()        # somebody interrupts
    """

    def __init__(self, name: str, avatar: Avatar, ear: LiveEar, motion: LiveMotion) -> None:
        """ear: of the avatar's person."""
        self.name, self.size, self.metrics = name, avatar.info.size, SessionMetrics()
        self._voice = VoiceLine(ear)
        self._motion, self._fade = motion, LipFade()
        self._lock = threading.RLock()
        self._outputs: list[LiveOutput] = []
        self._number, self._unvoiced = 0, PAUSE_FRAMES
        self._state: State = "idle"
        self._from_microphone = self._said_last = False
        self._microphone_at = -LISTENS_S
        self._clears = self._turn = 0
        self.used_at = time.monotonic()
        self.closed = False

    @property
    def state(self) -> State:
        """What the head does."""
        return self._state

    @property
    def number(self) -> int:
        """Of the next frame."""
        return self._number

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that were not said yet."""
        return self._voice.waiting_s

    @property
    def is_shown(self) -> bool:
        """Whether anybody looks."""
        return bool(self._outputs)

    def push_audio(self, samples: Float[np.ndarray, " n"]) -> None:
        """The next samples to say: mono, 16 kHz, in [-1, 1]."""
        with self._lock:
            if self._from_microphone:
                self._voice.end()
            self._from_microphone = False
            self._used()
            self._voice.push(np.require(samples, np.float32, ["C"]))

    def end_of_audio(self) -> None:
        """What was pushed is complete."""
        self._voice.end()

    def push_microphone(self, samples: Float[np.ndarray, " n"]) -> None:
        """The same of a microphone: dropped while pushed sound is being said, and where more of it
        comes than is said."""
        with self._lock:
            self._microphone_at = time.monotonic()
            self._used()
            if self._voice.waiting_s > (MOST_HEARD_S if self._from_microphone else 0):
                return
            self._from_microphone = True
            self._voice.push(np.require(samples, np.float32, ["C"]))

    def clear_buffer(self) -> None:
        """Drop all sound that was not said; the lips close within 120 ms."""
        with self._lock:
            self._voice.clear()
            self._fade.cut()
            self._clears += 1
            self._used()
            for output in self._outputs:
                output.cleared(self._number)

    def attach(self, output: LiveOutput) -> None:
        """Give it the frames from now on."""
        with self._lock:
            self._used()
            self._outputs.append(output)
            output.state(self._state)

    def detach(self, output: LiveOutput) -> None:
        """Give it no more frames."""
        with self._lock:
            self._used()
            if output in self._outputs:
                self._outputs.remove(output)

    def close(self) -> None:
        """End it; its outputs are told."""
        with self._lock:
            self.closed = True
            outputs, self._outputs = self._outputs, []
        for output in outputs:
            output.closed()

    def ear_with_a_frame(self) -> LiveEar | None:
        """Its ear, where that has sound for the frame that is due."""
        with self._lock:
            self._turn = self._clears
            has_frame = self._voice.take_turn()
            if has_frame and self._from_microphone:
                self._voice.skip_surplus(most_s=EARLY_S if self._unvoiced else MOST_EARLY_S)
            return self._voice.ear if has_frame else None

    def plan(self, heard: HeardFrame | None) -> LiveFrame:
        """The frame that is due, whose sound goes out here. heard: what it says, None for
        nothing."""
        with self._lock:
            # Whoever interrupts while a frame is heard does not want that one either.
            frame = self._planned(heard if self._turn == self._clears else None)
            self._number += 1
            outputs = list(self._outputs)
        self.metrics.sounded(frame.planned.number)
        for output in outputs:
            if frame.sound is None:
                output.silence(frame.planned.number)
            else:
                output.sound(frame.planned.number, frame.sound)
        return frame

    def show(self, number: int, picture: np.ndarray) -> None:
        """A painted frame goes out, unless a later one did."""
        if self.metrics.shown(number):
            for output in list(self._outputs):
                output.picture(number, picture)

    def _planned(self, heard: HeardFrame | None) -> LiveFrame:
        if (heard is not None) != self._said_last:
            self._fade.cut()
            self._said_last = heard is not None
        code = torch.zeros(LIP_CODES) if heard is None else heard.code
        self._go_into(heard)
        planned = PlannedFrame(
            number=self._number,
            code=self._fade(code),
            moment=self._motion.next_moment(speaking=self._state == "speaking"),
        )
        return LiveFrame(planned=planned, sound=None if heard is None else heard.sound)

    def _go_into(self, heard: HeardFrame | None) -> None:
        """The state that follows."""
        voiced = heard is not None and heard.voice > VOICED
        self._unvoiced = 0 if voiced else self._unvoiced + 1
        if self._unvoiced < PAUSE_FRAMES and (heard is not None or self._state == "speaking"):
            state: State = "speaking"
        else:
            listens = time.monotonic() - self._microphone_at < LISTENS_S
            state = "listening" if listens else "idle"
        if state != self._state:
            self._state = state
            for output in self._outputs:
                output.state(state)

    def _used(self) -> None:
        self.used_at = time.monotonic()
