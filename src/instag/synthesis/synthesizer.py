"""The synthesizer: sound goes in, frames with their sound come out."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.motion.blinks import blinks_rarely
from instag.runtime.closable import Closable
from instag.runtime.device_copy import PendingTensor
from instag.speech.front_end import FrontEnd
from instag.synthesis.background import Background, BackgroundCache
from instag.synthesis.batch_painter import BatchPainter, PaintedHead
from instag.synthesis.control_filters import EaseTurns
from instag.synthesis.controls import ControlSource, PoseFrom, Replay, Still, WithBlinks
from instag.synthesis.front_end import front_end_for
from instag.synthesis.head_renderer import HeadRenderer
from instag.synthesis.options import SpeakOptions
from instag.synthesis.packet import Packet
from instag.synthesis.planner import PlannedFrames, Planner

BATCH, GPU_BATCH = 4, 32
"""Frames rendered at once: enough to keep two cores busy, few enough to stay in their caches; on a
GPU, enough to hide the launches."""
AHEAD = 2
"""Batches whose torso frames are decoded before they are rendered."""


@final
class Synthesizer(Closable):
    """Lets one avatar speak, in constant memory.

        with Synthesizer(avatar) as synthesizer:
            synthesizer.push_audio(samples)
            synthesizer.end_of_audio()
            for packet in synthesizer:
                sink.write(packet)

    Iteration gives the packets that can be made of the sound so far, and ends where more is needed:
    push more and iterate again. After `end_of_audio` it gives all the rest. How the sound was cut
    when it was pushed changes no frame.

    A front end that depends on the whole recording, on its loudness above all, is calibrated to the
    first samples that are pushed, and to those after each `end_of_audio`: to speak exactly as for a
    file, push the whole of it at once, or hand over a `front_end` that is calibrated already.

    Used in a `with` block, which ends its threads, and by one thread at a time.
    """

    def __init__(
        self,
        avatar: Avatar,
        *,
        options: SpeakOptions | None = None,
        controls: ControlSource | None = None,
        background: Background | None = None,
        front_end: FrontEnd | None = None,
        device: torch.device | str = "cpu",
        batch: int | None = None,
        piece: int | None = None,
    ) -> None:
        """controls: moves the head, `options` if not given; turns far beyond those learned from are
        eased back (`control_filters.EaseTurns`). background: closed with the
        synthesizer; the avatar's torso and backdrop if not given. front_end: a calibrated one;
        the avatar's, calibrated as above, if not given. device: renders. batch: frames of a packet
        at most, what suits the device if not given. piece: frames whose features are computed at
        once, the front end's own number if not given; fewer wait for less sound.

        Raises what front_end_for raises.
        """
        self._device, options = torch.device(device), options or SpeakOptions()
        batch = batch or (BATCH if self._device.type == "cpu" else GPU_BATCH)
        self._planner = Planner(
            front_end or front_end_for(avatar, device=str(self._device)),
            controls_of(avatar, options)
            if controls is None
            else EaseTurns.to_seen(controls, avatar.viewmats.cpu()),
            self._device,
            batch=batch,
            piece=piece,
            calibrate=front_end is None,
            units=avatar.info.expression_units,
        )
        with torch.no_grad():
            renderer = HeadRenderer(
                avatar, self._device, dilate=options.dilate, exact=options.exact
            )
        background = background or BackgroundCache(avatar, self._device, least=(AHEAD + 1) * batch)
        self._head = PaintedHead(renderer=renderer, background=background)
        self._painter = BatchPainter(self._device)
        self._planned: deque[PlannedFrames] = deque()
        self._downloading: deque[_Downloading] = deque()
        self._given = 0

    def close(self) -> None:
        """End its threads; what is queued is dropped."""
        self.clear_buffer()
        self._head.background.close()

    def push_audio(self, samples: Float[np.ndarray, " n"] | Float[Tensor, " n"]) -> None:
        """The next samples to say: mono, 16 kHz, in [-1, 1]; any number. Nobody may change them any
        more. Nothing is computed yet."""
        # torch warns of arrays that it may not write
        self._planner.push(np.require(samples, np.float32, ["C", "W"]))

    def end_of_audio(self) -> None:
        """What was pushed is complete: its last frames need no more sound. Sound that is pushed
        later is another recording, whose frames follow."""
        self._planner.end()

    def clear_buffer(self) -> None:
        """Drop sound and frames that were not given yet, as for a listener who interrupts. The head
        goes on from the last frame that was given."""
        self._planned.clear()
        self._downloading.clear()
        self._planner.restart(self._given)

    def __iter__(self) -> Iterator[Packet]:
        while (packet := self._packet()) is not None:
            self._given = packet.first + len(packet)
            yield packet

    @torch.no_grad()
    def _packet(self) -> Packet | None:
        """A GPU renders a batch while the one before it comes to the host."""
        late = 0 if self._device.type == "cpu" else 1
        while len(self._downloading) <= late and (planned := self._plan()) is not None:
            self._downloading.append(
                _Downloading(
                    first=planned.inputs.first,
                    frames=self._painter.start([(self._head, planned.inputs)]),
                    sound=planned.sound,
                )
            )
        return self._downloading.popleft().packet() if self._downloading else None

    def _plan(self) -> PlannedFrames | None:
        """The next batch to render. Its torso frames were named a few batches ago, so that they are
        decoded by now."""
        while len(self._planned) <= AHEAD and (planned := self._planner.take()) is not None:
            self._head.background.prefetch(planned.inputs)
            self._planned.append(planned)
        return self._planned.popleft() if self._planned else None


def controls_of(avatar: Avatar, options: SpeakOptions) -> ControlSource:
    """What the options ask of an avatar: its recorded motion or none, and blinks where it has too
    few and can close its eyes."""
    recorded = {"viewmats": avatar.viewmats.cpu(), "expressions": avatar.expression.cpu()}
    sources: dict[str, ControlSource] = {"train": Replay(**recorded), "still": Still(**recorded)}
    source = sources[options.expression]
    if options.pose != options.expression:
        source = PoseFrom(pose=sources[options.pose], rest=source)
    if not options.blinks or not avatar.head.can_blink():
        return source
    units = avatar.info.expression_units
    if options.expression == "still" or blinks_rarely(recorded["expressions"], units):
        return WithBlinks(source=source, units=units)
    return source


@final
@dataclass(frozen=True, kw_only=True)
class _Downloading:
    """A batch on its way to the host."""

    first: int
    frames: PendingTensor
    sound: Float[np.ndarray, " samples"]

    def packet(self) -> Packet:
        frames: UInt8[np.ndarray, "b h w 3"] = self.frames.wait().numpy()
        return Packet(first=self.first, frames=frames, sound=self.sound)
