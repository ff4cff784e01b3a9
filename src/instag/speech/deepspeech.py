"""The `deepspeech` front end, the paper's: letters' logits of DeepSpeech 0.1.0 over MFCC with context, 50 a second (METHOD 8)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import SAMPLES, FrontEnd
from instag.speech.mfcc import STEP, mfcc
from instag.speech.windows_at_50_hz import REACH_S, SAMPLES_PER_STEP, STEPS, held_to, windows_at_50_hz
from instag.types import FPS

COEFFICIENTS, CONTEXT = 26, 9
"""MFCC of a step, and how many steps before and after it the network sees with it."""
HEARING_S = 4.0
"""How far the LSTM is taken to listen to either side. It has no bound; a cell forgets a little with every step of 20 ms."""
AT_ONCE = 60 * FPS * SAMPLES

Network = Callable[[Float[Tensor, "n 494"]], Float[Tensor, "n letters"]]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean and deviation of the network's inputs, over all steps and their contexts."""

    mean: float
    deviation: float


@final
class DeepSpeech(FrontEnd):
    """Frame t hears steps 2t-8 .. 2t+7. network: torch's or ONNX's. spread: of the whole recording's inputs; of the waveform that is given where it is None."""

    name = "deepspeech"
    channels = 29
    steps = STEPS
    lookback = lookahead = HEARING_S + CONTEXT * 0.02 + REACH_S

    def __init__(self, network: Network, *, spread: Spread | None = None) -> None:
        self.network = network
        self.spread = spread

    def tuned(self, waveform: Float[Tensor, " samples"]) -> "DeepSpeech":
        """Set to the mean and deviation of a recording's inputs."""
        return DeepSpeech(self.network, spread=spread_of(coefficients(waveform)))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 29 16"]:
        heard = coefficients(waveform)
        spread = spread_of(heard) if self.spread is None else self.spread
        inputs = (torch.from_numpy(in_context(heard)).float() - spread.mean) / spread.deviation
        logits = self.network(inputs).to(waveform.device)
        steps = max(1, round(len(waveform) / SAMPLES_PER_STEP))
        return windows_at_50_hz(held_to(logits, steps), max(1, math.ceil(len(waveform) / SAMPLES)))


def coefficients(waveform: Float[Tensor, " samples"]) -> Float[np.ndarray, "steps 26"]:
    """Every second step of the MFCC: 50 a second."""
    parts, samples = [], waveform.numpy()
    for start in range(0, max(1, len(samples)), AT_ONCE):
        # A step more at both ends: the pre-emphasis reaches back by a sample, and the last windows reach on.
        first, last = max(0, start - 2 * STEP), min(len(samples), start + AT_ONCE)
        end = min(len(samples), last + 2 * STEP)
        part = mfcc(samples[first:end], COEFFICIENTS)[(start - first) // STEP :]
        parts.append(part if end == last else part[: AT_ONCE // STEP])
    return np.concatenate(parts)[::2]


def in_context(heard: Float[np.ndarray, "steps 26"]) -> Float[np.ndarray, "steps 494"]:
    """Each step with its neighbours, earliest first; zeros outside."""
    padded = np.pad(heard, ((CONTEXT, CONTEXT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * CONTEXT + 1, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(heard), -1).copy()


def spread_of(heard: Float[np.ndarray, "steps 26"]) -> Spread:
    """Of `in_context(heard)`, without making it: each step counts as often as it is in a context."""
    count, index = len(heard), np.arange(len(heard))
    times = np.minimum(index, CONTEXT) + np.minimum(count - 1 - index, CONTEXT) + 1
    values, total = heard.astype(np.float64), count * (2 * CONTEXT + 1) * COEFFICIENTS
    mean = float((values.sum(1) * times).sum() / total)
    square = float((np.square(values).sum(1) * times).sum() / total)
    return Spread(mean=mean, deviation=max(math.sqrt(max(square - mean**2, 0.0)), 1e-6))
