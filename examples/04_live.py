"""Speak live: sound goes in piece by piece, packets of frames come out, and the head nods.

python examples/04_live.py me.avatar speech.wav
"""

import math
import sys
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

import instag
from instag.media.reader import read_sound
from instag.synthesis.controls import ControlSource, FrameControls
from instag.synthesis.synthesizer import controls_of

NOD_RADIANS, NOD_FRAMES = math.radians(3), 50
PIECE = 3_200
"""Samples that a microphone gives at once: 0.2 s at 16 kHz."""


class Nodding(ControlSource):
    """Another source's controls, with a nod every two seconds."""

    def __init__(self, source: ControlSource) -> None:
        self._source = source

    def __call__(self, frames: Int[Tensor, " f"]) -> FrameControls:
        """Turns the head about its own x axis; poses are world to camera."""
        controls = self._source(frames)
        angle = NOD_RADIANS * torch.sin(2 * math.pi * frames / NOD_FRAMES)
        nod = torch.eye(4).repeat(len(frames), 1, 1)
        nod[:, 1, 1], nod[:, 1, 2] = angle.cos(), -angle.sin()
        nod[:, 2, 1], nod[:, 2, 2] = angle.sin(), angle.cos()
        return replace(controls, head_pose=controls.head_pose @ nod.to(controls.head_pose))


def main(avatar: str, sound: str) -> int:
    """Returns the number of frames; a live program would show them."""
    opened = instag.Avatar.open(avatar)
    samples, shown = read_sound(sound, rate=16_000), 0
    controls = Nodding(controls_of(opened, instag.SpeakOptions()))
    with instag.Synthesizer(opened, controls=controls) as synthesizer:
        for start in range(0, len(samples), PIECE):
            synthesizer.push_audio(samples[start : start + PIECE])
            for packet in synthesizer:  # what can be made of the sound so far
                shown += len(packet)
                print(f"frames {packet.first} to {shown - 1}, {packet.frames.shape[1:]}")
        synthesizer.end_of_audio()
        for packet in synthesizer:  # the rest
            shown += len(packet)
    return shown


if __name__ == "__main__":
    main(*sys.argv[1:])
