"""Speech windows: for frame t those of frames t-4 .. t+3, zeros outside the recording (METHOD 3)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.models.speech_encoder import WINDOWS


def windows(features: Float[Tensor, "f channels steps"], frames: Int[Tensor, " b"]) -> Float[Tensor, "b 8 channels steps"]:
    """Gather the windows of some frames; a frame outside the recording is all zeros."""
    index = frames[:, None] + torch.arange(WINDOWS, device=frames.device) - WINDOWS // 2
    inside = (index >= 0) & (index < len(features))
    return features[index.clamp(0, len(features) - 1)] * inside[..., None, None]
