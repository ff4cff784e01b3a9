"""Other voices: the same speech louder or fainter, of another colour, with noise, so that a field
does not listen to what tells people apart."""

import torch
from jaxtyping import Float
from torch import Tensor

from instag.training.supervision.speech_augmentation import COLOUR, COLOUR_KNOTS, LOUDNESS, NOISE

PLAIN_SHARE = 0.3
"""Of the frames: those that are heard as they are."""


def other_voices(
    speech: Float[Tensor, "b 8 channels steps"],
    level: Float[Tensor, " 2"],
    generator: torch.Generator,
) -> Float[Tensor, "b 8 channels steps"]:
    """Speech windows as another voice would have them. level: mean and deviation of the features.
    Windows outside the recording stay zero.

    The generator is of the device of `speech`.
    """
    frames, windows, channels, steps = speech.shape
    normal = lambda *shape: torch.randn(shape, generator=generator, device=speech.device) * level[1]  # noqa: E731
    changed = (
        torch.rand(frames, 1, 1, 1, generator=generator, device=speech.device) >= PLAIN_SHARE
    ) & (speech.abs().amax((2, 3), keepdim=True) > 0)
    colour = torch.nn.functional.interpolate(
        normal(frames, 1, COLOUR_KNOTS), channels, mode="linear", align_corners=True
    )[..., None]
    voice = (
        LOUDNESS * normal(frames, 1, 1, 1)
        + COLOUR * colour
        + NOISE * normal(frames, windows, channels, steps)
    )
    return speech + voice * changed
