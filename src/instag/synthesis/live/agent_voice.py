"""An agent's voice: what another program lets a live head say, segment by segment, and gets back
frame by frame as it is said, at its own rate."""

import math
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import final

import numpy as np
from jaxtyping import Int16

from instag.media.pcm import floats
from instag.media.pcm_resampler import PcmResampler, mono_frame
from instag.media.sound_queue import SampleQueue
from instag.synthesis.live.frame_mailbox import SoundFrame
from instag.synthesis.live.session import LiveSession
from instag.types import FPS, SAMPLE_RATE


@final
@dataclass(kw_only=True)
class _Segment:
    """Sound of one rate. waiting: what was not said yet. left: samples at 16 kHz that the ear is
    still to get for what was pushed."""

    rate: int
    waiting: SampleQueue = field(default_factory=SampleQueue)
    resampler: PcmResampler = field(default_factory=lambda: PcmResampler(SAMPLE_RATE))
    left: Fraction = Fraction(0)
    ended: bool = False

    def heard(self, mono: Int16[np.ndarray, " samples"]) -> Int16[np.ndarray, " heard"]:
        """The sound for the ear of what is pushed now."""
        self.waiting.push(mono.astype(np.float32))
        self.left += Fraction(len(mono) * SAMPLE_RATE, self.rate)
        heard = self.resampler(mono_frame(mono, self.rate))
        self.left -= len(heard)
        return heard

    def rest(self) -> Int16[np.ndarray, " heard"]:
        """The last sound for the ear: as long as what was pushed, to the sample."""
        self.ended = True
        rest = np.zeros(max(0, math.ceil(self.left)), np.int16)
        held = self.resampler(None)[: len(rest)]
        rest[: len(held)] = held
        return rest


@final
@dataclass(frozen=True, kw_only=True)
class SaidSound:
    """What is said in a frame: of a segment's last one, no more than there is. ends: whether the
    segment is complete with it."""

    samples: Int16[np.ndarray, " samples"]
    rate: int
    ends: bool


@final
class AgentVoice:
    """Used in one event loop, which also takes the session's frames in their order."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._segments: deque[_Segment] = deque()

    @property
    def speaks(self) -> bool:
        """Whether anything was not said yet."""
        return bool(self._segments)

    def push(self, samples: Int16[np.ndarray, "samples channels"], rate: int) -> None:
        """The next sound of the segment. rate: Hz."""
        mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(1).astype(np.int16)
        self._session.push_audio(floats(self._open_segment(rate).heard(mono)))

    def end(self) -> bool:
        """The segment is complete. False where there is none: nothing will be given back."""
        if not self._segments or self._segments[-1].ended:
            return False
        self._session.push_audio(floats(self._segments[-1].rest()))
        self._session.end_of_audio()
        return True

    def clear(self) -> None:
        """Somebody interrupts: nothing of all this is said any more."""
        self._segments.clear()
        self._session.clear_buffer()

    def said(self, frame: SoundFrame) -> SaidSound | None:
        """What is said in the session's next frame; None where that is nothing of this voice."""
        if not self._segments:
            return None
        segment = self._segments[0]
        rest = segment.ended and not self._session.waiting_s
        if not frame.said and not rest:
            return None
        # A pause within the segment may have shifted its frames: some samples are left over then.
        count = len(segment.waiting) if rest and not frame.said else segment.rate // FPS
        samples = segment.waiting.take(min(count, len(segment.waiting)))
        ends = segment.ended and not len(segment.waiting)
        if ends:
            self._segments.popleft()
        return SaidSound(samples=samples.astype(np.int16), rate=segment.rate, ends=ends)

    def _open_segment(self, rate: int) -> _Segment:
        """The last one, unless it has ended or has another rate."""
        if self._segments and not self._segments[-1].ended and self._segments[-1].rate != rate:
            self.end()
        if not self._segments or self._segments[-1].ended:
            self._segments.append(_Segment(rate=rate))
        return self._segments[-1]
