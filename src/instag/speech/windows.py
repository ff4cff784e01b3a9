"""Windows at 50 Hz: frame t gets the steps 2t-8 .. 2t+7 of a sequence of 50 steps a second, zeros
outside (docs/method.md#speech-features)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.types import WINDOWS

STEPS = 16
SAMPLES_PER_STEP = 320
"""At 16 kHz."""
WINDOW_REACH_S = STEPS / 2 / 50 + 0.02
"""Seconds from a frame's middle to the end of the farthest step of its window."""


def windows_at_50_hz(
    sequence: Float[Tensor, "n channels"], frames: int
) -> Float[Tensor, "frames channels 16"]:
    """One window a frame; steps beyond the end of the sequence are zeros, as those before its
    start."""
    inside = sequence[: 2 * frames + STEPS]
    after = 2 * frames + STEPS - STEPS // 2 - len(inside)
    padded = torch.nn.functional.pad(inside.T, (STEPS // 2, max(0, after)))
    return padded.unfold(1, STEPS, 2)[:, :frames].transpose(0, 1).contiguous()


def fit_to_steps(
    sequence: Float[Tensor, "n channels"], steps: int
) -> Float[Tensor, "steps channels"]:
    """Cut to `steps`, or its last step repeated."""
    if len(sequence) >= steps:
        return sequence[:steps]
    return torch.cat([sequence, sequence[-1:].expand(steps - len(sequence), -1)])


def windows(
    features: Float[Tensor, "f channels steps"], frames: Int[Tensor, " b"]
) -> Float[Tensor, "b 8 channels steps"]:
    """Gather the windows of some frames; a frame outside the recording is all zeros."""
    index = frames[:, None] + torch.arange(WINDOWS, device=frames.device) - WINDOWS // 2
    inside = (index >= 0) & (index < len(features))
    return features[index.clamp(0, len(features) - 1)] * inside[..., None, None]
