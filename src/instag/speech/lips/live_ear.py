"""The live ear: sound goes in as it comes, and for each frame its lip code comes out, a look-ahead
later (docs/live.md#the-ear)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.errors import BadArgument
from instag.media.sound_queue import SampleQueue
from instag.speech.lips.adapter_batch import AdapterBatch, AdapterTables
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_features import (
    LEAST_STEPS,
    LIVE_SAMPLES,
    SIDE_FRAMES,
    look_ahead_steps,
)
from instag.speech.lips.live_network import LiveNetwork
from instag.speech.lips.quiet_rest import QuietRest
from instag.speech.running_loudness import RunningLoudness
from instag.speech.whisper import STEP
from instag.types import LIP_CODES, SAMPLE_RATE, SAMPLES

LEAST_LOOK_AHEAD_S = LEAST_STEPS * STEP / SAMPLE_RATE
LOOK_AHEAD_S, MOST_LOOK_AHEAD_S = 0.2, 0.2
"""Seconds of sound after a frame's middle that its code may depend on."""
UNHEARD_SHARE = 0.8
"""Of the code before it, what a frame has that there was no time to hear."""
VOICED = 0.5
"""Share of the code that the lips follow from which somebody counts as speaking."""


@final
@dataclass(frozen=True, kw_only=True)
class HeardFrame:
    """One frame of sound and how the lips move in it. voice: 0 where nobody speaks, 1 where
    somebody does."""

    sound: Float[np.ndarray, " 640"]
    code: Float[Tensor, " 12"]
    voice: float


@final
class LiveEar:
    """Keeps the last 1.2 s of a recording, and its sound that waits to be heard by `listen`.

    front_end: of the person, with its look-ahead. network: of the front end, shared with other
    ears. adaptive: whether the gain follows the voice, and lips rest in its pauses; else the gain
    is the front end's.
    """

    def __init__(
        self, front_end: LipCodeFrontEnd, network: LiveNetwork, *, adaptive: bool = True
    ) -> None:
        """Raises BadArgument for a look-ahead that is no live one."""
        seconds = front_end.look_ahead_s
        if seconds is None or not LEAST_LOOK_AHEAD_S <= seconds <= MOST_LOOK_AHEAD_S:
            raise BadArgument(
                f"A live voice is heard {LEAST_LOOK_AHEAD_S} to {MOST_LOOK_AHEAD_S} s ahead, not "
                f"{seconds}."
            )
        self.front_end, self.network = front_end, network
        self.adapter = AdapterTables.of(front_end.adapter)
        # Samples from a frame's first to the last that its code depends on.
        self.ahead = look_ahead_steps(seconds) * STEP + SAMPLES // 2
        self._loudness = RunningLoudness() if adaptive else None
        self.restart()

    @property
    def waiting(self) -> int:
        """Samples of the frames that were not heard yet."""
        return self._pushed - self._frame * SAMPLES

    @property
    def finished(self) -> bool:
        """Whether the whole recording was heard."""
        return self._ended and self.waiting <= 0

    @property
    def ended(self) -> bool:
        """Whether the recording is complete."""
        return self._ended

    @property
    def ready(self) -> bool:
        """Whether there is enough sound for the next frame."""
        if self.waiting <= 0:
            return False
        return self._ended or self._pushed >= self._frame * SAMPLES + self.ahead

    def restart(self) -> None:
        """Drop all sound and begin another recording; before it was silence. The loudness stays."""
        self._queue, self._ended = SampleQueue(), False
        self._last = np.zeros(LIVE_SAMPLES, np.float32)
        self._frame = self._pushed = 0
        self._spoken, self._rest = False, QuietRest()
        self._code = torch.zeros(LIP_CODES)
        self._known: dict[int, Tensor] = {}

    def push(self, samples: Float[np.ndarray, " n"]) -> None:
        """The next samples of the recording that has not ended; nobody may change them any more."""
        assert not self._ended, "another recording begins with restart"
        self._queue.push(samples)
        self._pushed += len(samples)

    def end(self) -> None:
        """The recording is complete: its last frames need no more sound."""
        self._ended = True

    def window(self) -> Float[Tensor, " samples"]:
        """The last 1.2 s of sound at the common loudness, up to the look-ahead after the next
        frame's middle."""
        fresh = self._queue.take(SAMPLES if self._frame else self.ahead)
        self._last = np.concatenate([self._last[len(fresh) :], fresh])
        if self._loudness is None:
            return torch.from_numpy(self._last) * self.front_end.gain
        self._loudness.follow(fresh, spoken=self._spoken)
        return torch.from_numpy(self._last) * self._loudness.gain

    def skip(self) -> None:
        """Drop the next frame, which is ready, unheard."""
        self.window()
        self._frame += 1

    def pass_on(self) -> HeardFrame:
        """The next frame, which is ready, with the lips of the one before it on their way to rest:
        there is no time to hear it."""
        self.window()
        self._code = self._code * UNHEARD_SHARE
        return self._frame_with(self._code, float(self._spoken))

    def known(self) -> Float[Tensor, "5 n"] | None:
        """Hidden features of the next frame, where they came with those of a frame before it."""
        return self._known.pop(self._frame, None)

    def keep(self, hidden: Float[Tensor, "m n"]) -> Float[Tensor, "5 n"]:
        """Those of the next frame, from what the network gives; the others wait to be `known`."""
        around = 2 * SIDE_FRAMES + 1
        of_frames = [hidden[start : start + around] for start in range(self.network.frames)]
        self._known = {self._frame + later: each for later, each in enumerate(of_frames) if later}
        return of_frames[0]

    def heard(self, code: Float[Tensor, " 12"], voice: float) -> HeardFrame:
        """The next frame, from the code and the voice that the networks find in its window."""
        if self._loudness is not None:
            voice *= self._rest(self._last[LIVE_SAMPLES - self.ahead :], self._loudness.level)
        self._spoken, self._code = voice > VOICED, code * voice
        return self._frame_with(self._code, voice)

    def _frame_with(self, code: Float[Tensor, " 12"], voice: float) -> HeardFrame:
        """The frame in whose window the ear is; it moves on."""
        self._frame += 1
        start = LIVE_SAMPLES - self.ahead
        sound = self._last[start : start + SAMPLES].copy()
        return HeardFrame(sound=sound, code=code, voice=voice)


@torch.no_grad()
def listen(ears: Sequence[LiveEar]) -> list[HeardFrame]:
    """The next frame of each ear, all of which are ready. Ears with the same network are computed
    in one batch, also those of different people."""
    found: dict[int, HeardFrame] = {}
    for places in _alike([ear.network for ear in ears]):
        alike = [ears[place] for place in places]
        codes, voices = _codes(alike, _hidden(alike))
        for place, code, voice in zip(places, codes, voices.tolist(), strict=True):
            found[place] = ears[place].heard(code, voice)
    return [found[place] for place in range(len(ears))]


def _hidden(ears: Sequence[LiveEar]) -> Float[Tensor, "b 5 n"]:
    """Hidden features of the next frames of ears with the same network, and of their neighbours;
    those that are not known yet are computed in one batch."""
    windows, hidden = [ear.window() for ear in ears], [ear.known() for ear in ears]
    fresh = [place for place, known in enumerate(hidden) if known is None]
    if fresh:
        computed = ears[0].network(torch.stack([windows[place] for place in fresh]))
        for place, each in zip(fresh, computed, strict=True):
            hidden[place] = ears[place].keep(each)
    return torch.stack([each for each in hidden if each is not None])


def _codes(
    ears: Sequence[LiveEar], hidden: Float[Tensor, "b 5 n"]
) -> tuple[Float[Tensor, "b 12"], Float[Tensor, " b"]]:
    """See LipCodeFrontEnd.live_codes; of ears with the same networks."""
    front_end = ears[0].front_end
    if all(ear.front_end is front_end for ear in ears):
        return front_end.live_codes(hidden)
    together = AdapterBatch([ear.adapter for ear in ears])
    code = together.live_code(hidden, front_end.model.aperture)
    return code, front_end.voice(hidden[:, SIDE_FRAMES])


def _alike(parts: Sequence[object]) -> list[list[int]]:
    """The places of each part."""
    places: dict[int, list[int]] = {}
    for place, part in enumerate(parts):
        places.setdefault(id(part), []).append(place)
    return list(places.values())
