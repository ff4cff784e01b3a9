"""A file's speech in pieces of a second: what hears it needs no more of it in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.media.flaws import Notice, unnoticed
from instag.media.sound_queue import SampleQueue
from instag.media.sound_reader import stream_sound
from instag.media.sound_track import SoundChoice
from instag.types import SAMPLE_RATE


@final
class SoundPieces:
    """Reads a file once, as `choice` says. samples: how many came so far."""

    def __init__(self, path: Path | str, choice: SoundChoice, notice: Notice = unnoticed) -> None:
        self._path, self._choice, self._notice = path, choice, notice
        self.samples = 0

    def tensors(self) -> Iterator[Float[Tensor, " samples"]]:
        """16 kHz, mono, in [-1, 1]. Raises what stream_sound raises."""
        waiting = SampleQueue()
        for piece in stream_sound(
            self._path, SAMPLE_RATE, choice=self._choice, notice=self._notice
        ):
            self.samples += len(piece)
            waiting.push(piece)
            if len(waiting) >= SAMPLE_RATE:
                yield torch.from_numpy(waiting.take(len(waiting)))
        if len(waiting):
            yield torch.from_numpy(waiting.take(len(waiting)))
