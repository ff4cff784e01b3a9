"""Augmented speech features, so that a field gets more than it could learn by heart.

Of one person's few seconds: mixtures of two frames, another loudness, another colour of voice, a
little noise, and a fade toward silence: what the lips do in silence is hardly ever in a few seconds
of a speaker; that they come to rest as the voice fades is taught here. Of many people: another
voice, so that a field does not learn from what tells people apart.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LOUDNESS, NOISE, COLOR = 0.3, 0.25, 0.4
"""Standard deviations of what is added, in those of the features: to a frame as a whole; to each
value; smoothly over the channels."""
COLOR_KNOTS = 9
MIXED, FADED = 0.5, 0.35
"""Shares of the frames that are mixed with another one, and that are faded, by any amount up to
silence."""
PLAIN_SHARE = 0.3
"""Of the frames of many people: those that keep their own voice."""


@dataclass(frozen=True, kw_only=True)
class AugmentedSpeech:
    """features: what the field gets. meant: the same before it was faded, which says what the lips
    do. left: how much the fade left of it, from 1 to 0."""

    features: Float[Tensor, "b 8 channels steps"]
    meant: Float[Tensor, "b 8 channels steps"]
    left: Float[Tensor, " b"]


def augment_speech(
    speech: Float[Tensor, "b 8 channels steps"],
    other: Float[Tensor, "b 8 channels steps"],
    level: Float[Tensor, " 2"],
    silence: Float[Tensor, "channels steps"],
    generator: torch.Generator,
) -> AugmentedSpeech:
    """Mix two sets of speech windows and change the mixture. level: mean and deviation of the
    features; silence: the window of a silent frame.

    Windows outside the recording stay zero. The generator is of the device of `speech`.
    """
    frames, windows, channels, _ = speech.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=speech.device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=speech.device) * level[1]

    share = torch.where(draw(frames) < MIXED, draw(frames), 1.0)[:, None, None, None]
    inside, other_inside = (
        windows.abs().amax((2, 3), keepdim=True) > 0 for windows in (speech, other)
    )
    mixture = torch.where(inside & other_inside, speech * share + other * (1 - share), speech)
    color = _over_channels(normal(frames, 1, COLOR_KNOTS), channels)
    changed = mixture + LOUDNESS * normal(frames, 1, 1, 1) + COLOR * color
    noise = NOISE * normal(frames, windows, channels, speech.shape[-1])
    left = torch.where(draw(frames) < FADED, draw(frames) * 1.5 - 0.5, 1.0).clamp(0, 1)
    faded = silence + (changed - silence) * left[:, None, None, None]
    return AugmentedSpeech(
        features=torch.where(inside, faded + noise, mixture),
        meant=torch.where(inside, changed + noise, mixture),
        left=left,
    )


def augment_voice(
    speech: Float[Tensor, "b 8 channels steps"],
    level: Float[Tensor, " 2"],
    generator: torch.Generator,
) -> Float[Tensor, "b 8 channels steps"]:
    """Speech windows as another voice would have them: louder or fainter, of another colour, with
    noise. level: mean and deviation of the features. Windows outside the recording stay zero.

    The generator is of the device of `speech`.
    """
    frames, windows, channels, steps = speech.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=speech.device) * level[1]

    changed = (
        torch.rand(frames, 1, 1, 1, generator=generator, device=speech.device) >= PLAIN_SHARE
    ) & (speech.abs().amax((2, 3), keepdim=True) > 0)
    color = _over_channels(normal(frames, 1, COLOR_KNOTS), channels)
    voice = (
        LOUDNESS * normal(frames, 1, 1, 1)
        + COLOR * color
        + NOISE * normal(frames, windows, channels, steps)
    )
    return speech + voice * changed


def _over_channels(knots: Float[Tensor, "b 1 k"], channels: int) -> Float[Tensor, "b 1 channels 1"]:
    """Smoothly from knot to knot."""
    return torch.nn.functional.interpolate(knots, channels, mode="linear", align_corners=True)[
        ..., None
    ]
