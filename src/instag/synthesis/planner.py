"""The planner: sound goes in, the inputs of batches of frames come out."""

from collections import deque
from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.media.sound_queue import SampleQueue
from instag.runtime.device_copy import to_device_async
from instag.speech.front_end import FrontEnd
from instag.synthesis.controls import ControlSource
from instag.synthesis.head_renderer import FrameInputs
from instag.synthesis.speech_windows import SpeechWindows
from instag.types import EXPRESSION_UNITS, SAMPLES, Condition


@final
@dataclass(frozen=True, kw_only=True)
class PlannedFrames:
    """A batch that can be rendered. sound: 640 samples a frame, 16 kHz."""

    inputs: FrameInputs
    sound: Float[np.ndarray, " samples"]


@final
@dataclass(frozen=True, kw_only=True)
class _Recording:
    """Sound that waits to be spoken."""

    windows: SpeechWindows
    sound: SampleQueue = field(default_factory=SampleQueue)


@final
class Planner:
    """Joins speech and controls into the inputs of successive frames, for one recording after the
    other."""

    def __init__(
        self,
        front_end: FrontEnd,
        controls: ControlSource,
        device: torch.device,
        *,
        batch: int,
        piece: int | None = None,
        calibrate: bool = True,
        units: tuple[str, ...] = EXPRESSION_UNITS,
    ) -> None:
        """batch: frames at most. piece, calibrate: as in FeatureStream. units: names of the
        expression's columns."""
        self._front_end, self._controls, self._device = front_end, controls, device
        self._batch, self._piece, self._calibrate = batch, piece, calibrate
        self._units = units
        self._recordings: deque[_Recording] = deque()
        self._next = 0

    def push(self, waveform: Float[np.ndarray, " samples"]) -> None:
        """More of the recording that has not ended, or the first of another; mono, 16 kHz."""
        if not self._recordings or self._recordings[-1].windows.ended:
            windows = SpeechWindows(
                self._front_end, self._device, piece=self._piece, calibrate=self._calibrate
            )
            self._recordings.append(_Recording(windows=windows))
        self._recordings[-1].windows.push(torch.from_numpy(waveform))
        self._recordings[-1].sound.push(waveform)

    def end(self) -> None:
        """The recording is complete."""
        if self._recordings:
            self._recordings[-1].windows.end()

    def restart(self, frame: int) -> None:
        """Drop all sound; the next frame has this number."""
        self._recordings.clear()
        self._next = frame

    def take(self) -> PlannedFrames | None:
        """The next frames, or None until there is enough sound for them."""
        while self._recordings:
            recording = self._recordings[0]
            speech = recording.windows.take(self._batch)
            if speech is not None:
                sound = recording.sound.take(len(speech) * SAMPLES)
                return PlannedFrames(inputs=self._inputs(speech), sound=sound)
            if not recording.windows.exhausted:
                return None
            self._recordings.popleft()
        return None

    def _inputs(self, speech: Float[Tensor, "b 8 channels steps"]) -> FrameInputs:
        """Controls are computed on the host: a GPU would have to be waited for, and has nothing to
        win there."""
        first, self._next = self._next, self._next + len(speech)
        controls = self._controls(torch.arange(first, self._next))
        expression = to_device_async(controls.merged_expression(self._units), self._device)
        return FrameInputs(
            first=first,
            condition=Condition(speech=speech, expression=expression),
            viewmats=to_device_async(controls.head_pose, self._device),
            torso=controls.torso.tolist(),
        )
