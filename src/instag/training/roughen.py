"""Roughened speech: another loudness, a little noise, so that a few seconds of a voice are not learned by heart."""

from dataclasses import replace

import torch

from instag.models.condition import Condition

LOUDNESS = 0.4
"""Standard deviation of a shift of all bands of a frame's windows; 0.4 of mel's scale are 5 dB."""
NOISE = 0.3


def roughened(condition: Condition, generator: torch.Generator) -> Condition:
    """The condition with changed speech; windows outside the recording stay silent."""
    speech = condition.speech
    louder = torch.randn(len(speech), 1, 1, 1, generator=generator) * LOUDNESS
    noise = torch.randn(speech.shape, generator=generator) * NOISE
    inside = speech.abs().amax((2, 3), keepdim=True) > 0
    return replace(condition, speech=speech + (louder + noise) * inside)
