"""The `deepspeech` front end, the paper's: letters' logits of DeepSpeech 0.1.0 over MFCC with
context, 50 a second (docs/method.md#speech-features)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.assets.tf_graph import constants
from instag.errors import AssetDamaged
from instag.runtime.untrusted import check_array, parsing
from instag.speech.front_end import FrontEnd
from instag.speech.mfcc import STEP, mfcc
from instag.speech.windows import (
    SAMPLES_PER_STEP,
    STEPS,
    WINDOW_REACH_S,
    fit_to_steps,
    windows_at_50_hz,
)
from instag.types import FPS, SAMPLES

INPUTS, LETTERS = 494, 29
CLIP = 20.0
"""The clipped ReLU's upper end."""
FORGET_BIAS = 1.0
"""Added to the forget gate's bias by TensorFlow's cell when it runs; not in the file."""
LAYERS = ("1", "2", "3", "5", "6")
CELL = "bidirectional_rnn/{}/basic_lstm_cell/{}"
GATES = (0, 2, 1, 3)
"""Torch's order of gates (input, forget, cell, output) in TensorFlow's (input, cell, forget,
output)."""


@final
class DeepSpeechNetwork(nn.Module):
    """Contexts of 19 steps of 26 MFCC, at 50 Hz, to logits of 28 letters and the blank. Frozen."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for number in LAYERS:
            inputs, outputs = weights[f"h{number}"].shape
            layer = nn.Linear(inputs, outputs)
            layer.weight.data, layer.bias.data = (
                weights[f"h{number}"].T.contiguous(),
                weights[f"b{number}"],
            )
            self.add_module(f"layer{number}", layer)
        inputs, width = (
            self.get_submodule("layer3").out_features,
            weights[CELL.format("fw", "bias")].numel() // 4,
        )
        self.lstm = nn.LSTM(inputs, width, bidirectional=True)
        for direction, suffix in (("fw", "l0"), ("bw", "l0_reverse")):
            kernel = _gates(weights[CELL.format(direction, "kernel")].T)
            bias = _gates(weights[CELL.format(direction, "bias")]).clone()
            bias[width : 2 * width] += FORGET_BIAS
            for part, value in (
                ("weight_ih", kernel[:, :inputs]),
                ("weight_hh", kernel[:, inputs:]),
                ("bias_ih", bias),
                ("bias_hh", torch.zeros_like(bias)),
            ):
                getattr(self.lstm, f"{part}_{suffix}").data = value.contiguous()
        self.requires_grad_(False)

    def forward(self, steps: Float[Tensor, "n 494"]) -> Float[Tensor, "n letters"]:
        flow = steps.to(self.get_submodule("layer1").get_parameter("weight").device)
        for number in LAYERS[:3]:
            flow = self._clipped(number, flow)
        flow, _ = self.lstm(flow)
        return self.get_submodule("layer6")(self._clipped("5", flow))

    def _clipped(self, number: str, values: Tensor) -> Tensor:
        return self.get_submodule(f"layer{number}")(values).clamp(0, CLIP)


def _gates(values: Tensor) -> Tensor:
    """The four blocks of rows in torch's order."""
    blocks = values.chunk(4)
    return torch.cat([blocks[gate] for gate in GATES])


AGAIN = "Get it again: instag assets get deepspeech"


def load_frozen(path: Path) -> DeepSpeechNetwork:
    """The network of an `output_graph.pb`. Raises AssetDamaged where it is damaged or another
    graph."""
    found = constants(path)
    wanted = [f"{kind}{number}" for number in LAYERS for kind in "hb"]
    wanted += [
        CELL.format(direction, part) for direction in ("fw", "bw") for part in ("kernel", "bias")
    ]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise AssetDamaged(
            f"{path} is not DeepSpeech 0.1.0: its graph has no constant {missing[0]}, as those of "
            "later versions. Get it again: instag assets get deepspeech"
        )
    for name, shape in _shapes(found).items():
        if found[name].shape != shape:
            is_, wanted_ = ("x".join(map(str, each)) for each in (found[name].shape, shape))
            raise AssetDamaged(
                f"{path} is not DeepSpeech 0.1.0: its {name} is {is_}, and should be {wanted_}. "
                "Get it again: instag assets get deepspeech"
            )
    with parsing(path, "DeepSpeech 0.1.0", AGAIN, error=AssetDamaged):
        for name in wanted:
            check_array(name, found[name], found[name].shape, largest=math.inf)
    return DeepSpeechNetwork(
        {name: torch.from_numpy(found[name].astype(np.float32, copy=False)) for name in wanted}
    ).eval()


def _shapes(found: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Shapes that the constants must have; the widths of the layers are those of their biases."""
    first, second, third, fifth = (found[f"b{number}"].size for number in "1235")
    cell = found[CELL.format("fw", "bias")].size // 4
    ends = {
        "1": (INPUTS, first),
        "2": (first, second),
        "3": (second, third),
        "5": (2 * cell, fifth),
        "6": (fifth, LETTERS),
    }
    shapes = {f"h{number}": shape for number, shape in ends.items()} | {
        f"b{number}": shape[1:] for number, shape in ends.items()
    }
    for direction in ("fw", "bw"):
        shapes |= {
            CELL.format(direction, "kernel"): (third + cell, 4 * cell),
            CELL.format(direction, "bias"): (4 * cell,),
        }
    return shapes


COEFFICIENTS, CONTEXT = 26, 9
"""MFCC of a step, and how many steps before and after it the network sees with it."""
LSTM_CONTEXT_S = 4.0
"""Sound to either side that is taken to matter to the LSTM. It has no bound; a cell forgets a
little with every step of 20 ms."""
CHUNK = 60 * FPS * SAMPLES

Network = Callable[[Float[Tensor, "n 494"]], Float[Tensor, "n letters"]]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean and deviation of the network's inputs, over all steps and their contexts."""

    mean: float
    deviation: float


@final
class DeepSpeech(FrontEnd):
    """Frame t gets steps 2t-8 .. 2t+7. network: torch's or ONNX's. spread: of the whole recording's
    inputs; None: of the waveform of the call."""

    name = "deepspeech"
    channels = 29
    steps = STEPS
    lookback = lookahead = LSTM_CONTEXT_S + CONTEXT * 0.02 + WINDOW_REACH_S

    def __init__(self, network: Network, *, spread: Spread | None = None) -> None:
        self.network = network
        self.spread = spread

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "DeepSpeech":
        """Set to the mean and deviation of a recording's inputs."""
        return DeepSpeech(self.network, spread=spread_of(coefficients(waveform)))

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 29 16"]:
        cepstra = coefficients(waveform)
        spread = spread_of(cepstra) if self.spread is None else self.spread
        inputs = (torch.from_numpy(in_context(cepstra)).float() - spread.mean) / spread.deviation
        logits = self.network(inputs).to(waveform.device)
        steps = max(1, round(len(waveform) / SAMPLES_PER_STEP))
        return windows_at_50_hz(
            fit_to_steps(logits, steps), max(1, math.ceil(len(waveform) / SAMPLES))
        )


def coefficients(waveform: Float[Tensor, " samples"]) -> Float[np.ndarray, "steps 26"]:
    """Every second step of the MFCC: 50 a second."""
    parts, samples = [], waveform.numpy()
    for start in range(0, max(1, len(samples)), CHUNK):
        # A step more at both ends: the pre-emphasis reaches back by a sample, and the last windows
        # reach on.
        first, last = max(0, start - 2 * STEP), min(len(samples), start + CHUNK)
        end = min(len(samples), last + 2 * STEP)
        part = mfcc(samples[first:end], COEFFICIENTS)[(start - first) // STEP :]
        parts.append(part if end == last else part[: CHUNK // STEP])
    return np.concatenate(parts)[::2]


def in_context(cepstra: Float[np.ndarray, "steps 26"]) -> Float[np.ndarray, "steps 494"]:
    """Each step with its neighbours, earliest first; zeros outside."""
    padded = np.pad(cepstra, ((CONTEXT, CONTEXT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * CONTEXT + 1, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(cepstra), -1).copy()


def spread_of(cepstra: Float[np.ndarray, "steps 26"]) -> Spread:
    """Of `in_context(cepstra)`, without making it: each step counts as often as it is in a
    context."""
    count, index = len(cepstra), np.arange(len(cepstra))
    times = np.minimum(index, CONTEXT) + np.minimum(count - 1 - index, CONTEXT) + 1
    values, total = cepstra.astype(np.float64), count * (2 * CONTEXT + 1) * COEFFICIENTS
    mean = float((values.sum(1) * times).sum() / total)
    square = float((np.square(values).sum(1) * times).sum() / total)
    return Spread(mean=mean, deviation=max(math.sqrt(max(square - mean**2, 0.0)), 1e-6))
