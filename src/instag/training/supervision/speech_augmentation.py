"""Speech made up from the speech of a few seconds, so that a field hears more than it could learn
by heart.

Mixtures of two frames, another loudness, another colour of voice, a little noise, and a fade toward
silence: what the lips do in silence is hardly ever in a few seconds of a speaker; that they come to
rest as the voice fades is taught here.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LOUDNESS, NOISE, COLOUR = 0.3, 0.25, 0.4
"""Standard deviations of what is added, in those of the features: to a frame as a whole; to each
value; smoothly over the channels."""
COLOUR_KNOTS = 9
MIXED, FADED = 0.5, 0.35
"""Shares of the frames that are mixed with another one, and that are faded, by any amount up to
silence."""


@dataclass(frozen=True, kw_only=True)
class Roughened:
    """heard: what the field hears. meant: the same before it was faded, which says what the lips
    do. left: how much the fade left of it, from 1 to 0."""

    heard: Float[Tensor, "b 8 channels steps"]
    meant: Float[Tensor, "b 8 channels steps"]
    left: Float[Tensor, " b"]


def roughened(
    speech: Float[Tensor, "b 8 channels steps"],
    other: Float[Tensor, "b 8 channels steps"],
    level: Float[Tensor, " 2"],
    silence: Float[Tensor, "channels steps"],
    generator: torch.Generator,
) -> Roughened:
    """Mix two sets of speech windows and change the mixture. level: mean and deviation of the
    features; silence: what is heard where nothing sounds.

    Windows outside the recording stay zero. The generator is of the device of `speech`.
    """
    frames, windows, channels, _ = speech.shape
    draw = lambda *shape: torch.rand(shape, generator=generator, device=speech.device)  # noqa: E731
    normal = lambda *shape: torch.randn(shape, generator=generator, device=speech.device) * level[1]  # noqa: E731
    share = torch.where(draw(frames) < MIXED, draw(frames), 1.0)[:, None, None, None]
    inside, other_inside = (
        windows.abs().amax((2, 3), keepdim=True) > 0 for windows in (speech, other)
    )
    mixture = torch.where(inside & other_inside, speech * share + other * (1 - share), speech)
    colour = torch.nn.functional.interpolate(
        normal(frames, 1, COLOUR_KNOTS), channels, mode="linear", align_corners=True
    )[..., None]
    changed = mixture + LOUDNESS * normal(frames, 1, 1, 1) + COLOUR * colour
    noise = NOISE * normal(frames, windows, channels, speech.shape[-1])
    left = torch.where(draw(frames) < FADED, draw(frames) * 1.5 - 0.5, 1.0).clamp(0, 1)
    faded = silence + (changed - silence) * left[:, None, None, None]
    return Roughened(
        heard=torch.where(inside, faded + noise, mixture),
        meant=torch.where(inside, changed + noise, mixture),
        left=left,
    )
