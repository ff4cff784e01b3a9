"""Roughened speech: another loudness, a little noise, a fade toward silence, so that a few seconds of a voice are not learned by heart.

What the lips do in silence is hardly ever in a few seconds of a speaker; that they come to rest as the voice fades is taught here.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.condition import Condition

LOUDNESS = 0.3
"""Standard deviation of a shift of all features of a frame, in standard deviations of the features."""
NOISE = 0.25
FADED = 0.35
"""Share of the frames that are faded, by any amount up to silence."""


@dataclass(frozen=True, kw_only=True)
class Roughened:
    """The changed condition, and how much of each frame's speech is left: 1 all, 0 silence."""

    condition: Condition
    left: Float[Tensor, " b"]


def roughened(condition: Condition, level: Float[Tensor, " 2"], silence: float, generator: torch.Generator) -> Roughened:
    """Change the speech of each frame. level: mean and deviation of the features; silence: their value where nothing sounds.

    Windows outside the recording stay zero.
    """
    speech, frames = condition.speech, len(condition.speech)
    faded = torch.rand(frames, generator=generator) < FADED
    left = torch.where(faded, torch.rand(frames, generator=generator) * 1.5 - 0.5, torch.ones(frames)).clamp(0, 1)
    louder = torch.randn(frames, 1, 1, 1, generator=generator) * LOUDNESS * level[1]
    noise = torch.randn(speech.shape, generator=generator) * NOISE * level[1]
    inside = speech.abs().amax((2, 3), keepdim=True) > 0
    changed = silence + (speech + louder - silence) * left[:, None, None, None] + noise
    return Roughened(condition=replace(condition, speech=torch.where(inside, changed, speech)), left=left)
