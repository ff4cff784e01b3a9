"""What the lip networks get from sound that goes on: for each frame, the last LIVE_S seconds of it,
which end a look-ahead after the frame's middle."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.speech.lips.network import MARGIN_FRAMES, STEPS_PER_FRAME, LipModel
from instag.speech.whisper import STEP, WhisperEncoder
from instag.types import SAMPLE_RATE, SAMPLES

LIVE_S = 1.2
"""Sound that a live front end keeps: more tells it no more."""
LIVE_STEPS = round(LIVE_S * SAMPLE_RATE / STEP)
LIVE_SAMPLES = LIVE_STEPS * STEP
LEAST_STEPS = 4
"""The least look-ahead, steps of 20 ms."""
SIDE_FRAMES = 2
"""Frames to either side whose hidden features come with a frame's, for sharpening it."""
BATCH = 16
"""Frames that are encoded together."""


def look_ahead_steps(look_ahead_s: float) -> int:
    """A look-ahead in steps of the encoder: 20 ms."""
    return round(look_ahead_s * SAMPLE_RATE / STEP)


def live_hidden(
    encoder: WhisperEncoder,
    model: LipModel,
    windows: Float[Tensor, "b samples"],
    look_ahead: int,
) -> Float[Tensor, "b 5 n"]:
    """Hidden features of the frames in which windows of LIVE_SAMPLES end, and of SIDE_FRAMES to
    either side.

    windows: at the common loudness; each ends `look_ahead` steps after its frame's middle.
    """
    steps = encoder.encode_live(windows).to(model.feature_mean.device)
    found = ((steps - model.feature_mean) @ model.components).mT
    between = (found[..., :-1] + found[..., 1:]) / 2
    around = SIDE_FRAMES + MARGIN_FRAMES
    # The frame's middle is `look_ahead` steps before the end, and steps lie between two samples.
    first = LIVE_STEPS - look_ahead - STEPS_PER_FRAME * around - 1
    count = STEPS_PER_FRAME * (2 * around + 1)
    heard = pad(between, (max(0, -first), count))[..., max(0, first) :][..., :count]
    return model.hidden_of(heard)


def live_hidden_of(
    encoder: WhisperEncoder,
    model: LipModel,
    waveform: Float[Tensor, " samples"],
    look_ahead: int,
    frames: range,
) -> Float[Tensor, "f 5 n"]:
    """The same for one or more frames of a waveform: each as if nothing beyond its look-ahead were
    known."""
    first = frames.start * SAMPLES + SAMPLES // 2 + look_ahead * STEP - LIVE_SAMPLES
    end = frames[-1] * SAMPLES + SAMPLES // 2 + look_ahead * STEP
    padded = pad(waveform, (-first, max(0, end - len(waveform))))
    windows = padded.unfold(0, LIVE_SAMPLES, frames.step * SAMPLES)[: len(frames)]
    return torch.cat(
        [live_hidden(encoder, model, part, look_ahead) for part in windows.split(BATCH)]
    )
