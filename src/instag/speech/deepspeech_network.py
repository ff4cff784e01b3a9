"""DeepSpeech 0.1.0's network in torch: three clipped layers, a bidirectional LSTM, two layers, 29 logits.

Hannun et al., "Deep Speech: scaling up end-to-end speech recognition", 2014, as Mozilla trained and froze it (`output_graph.pb`): the weights
are constants of the graph, found by their names. Its widths are read from them (2,048 as published).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.errors import AssetDamaged
from instag.frozen_graph import constants

INPUTS, LETTERS = 494, 29
CLIP = 20.0
"""The clipped ReLU's upper end."""
FORGET_BIAS = 1.0
"""Added to the forget gate's bias by TensorFlow's cell when it runs; not in the file."""
LAYERS = ("1", "2", "3", "5", "6")
CELL = "bidirectional_rnn/{}/basic_lstm_cell/{}"
GATES = (0, 2, 1, 3)
"""Torch's order of gates (input, forget, cell, output) in TensorFlow's (input, cell, forget, output)."""


@final
class DeepSpeechNetwork(nn.Module):
    """Contexts of 19 steps of 26 MFCC, at 50 Hz, to logits of 28 letters and the blank. Frozen."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for number in LAYERS:
            inputs, outputs = weights[f"h{number}"].shape
            layer = nn.Linear(inputs, outputs)
            layer.weight.data, layer.bias.data = weights[f"h{number}"].T.contiguous(), weights[f"b{number}"]
            self.add_module(f"layer{number}", layer)
        inputs, width = self.get_submodule("layer3").out_features, weights[CELL.format("fw", "bias")].numel() // 4
        self.lstm = nn.LSTM(inputs, width, bidirectional=True)
        for direction, suffix in (("fw", "l0"), ("bw", "l0_reverse")):
            kernel = _gates(weights[CELL.format(direction, "kernel")].T)
            bias = _gates(weights[CELL.format(direction, "bias")]).clone()
            bias[width : 2 * width] += FORGET_BIAS
            for part, value in (("weight_ih", kernel[:, :inputs]), ("weight_hh", kernel[:, inputs:]), ("bias_ih", bias), ("bias_hh", torch.zeros_like(bias))):
                getattr(self.lstm, f"{part}_{suffix}").data = value.contiguous()
        self.requires_grad_(False)

    def forward(self, steps: Float[Tensor, "n 494"]) -> Float[Tensor, "n letters"]:
        heard = steps.to(self.get_submodule("layer1").get_parameter("weight").device)
        for number in LAYERS[:3]:
            heard = self._clipped(number, heard)
        heard, _ = self.lstm(heard)
        return self.get_submodule("layer6")(self._clipped("5", heard))

    def _clipped(self, number: str, values: Tensor) -> Tensor:
        return self.get_submodule(f"layer{number}")(values).clamp(0, CLIP)


def _gates(values: Tensor) -> Tensor:
    """The four blocks of rows in torch's order."""
    blocks = values.chunk(4)
    return torch.cat([blocks[gate] for gate in GATES])


def load_frozen(path: Path) -> DeepSpeechNetwork:
    """The network of an `output_graph.pb`. Raises AssetDamaged where it is another graph, or damaged."""
    found = constants(path)
    wanted = [f"{kind}{number}" for number in LAYERS for kind in "hb"]
    wanted += [CELL.format(direction, part) for direction in ("fw", "bw") for part in ("kernel", "bias")]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise AssetDamaged(
            f"{path} is not DeepSpeech 0.1.0: its graph has no constant {missing[0]}, as those of later versions. Get it again: instag assets get deepspeech"
        )
    for name, shape in _shapes(found).items():
        if found[name].shape != shape:
            is_, wanted_ = ("x".join(map(str, each)) for each in (found[name].shape, shape))
            raise AssetDamaged(f"{path} is not DeepSpeech 0.1.0: its {name} is {is_}, and should be {wanted_}. Get it again: instag assets get deepspeech")
    return DeepSpeechNetwork({name: torch.from_numpy(found[name].astype(np.float32, copy=False)) for name in wanted}).eval()


def _shapes(found: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """What the constants' shapes must be, the widths of the layers being those of their biases."""
    first, second, third, fifth = (found[f"b{number}"].size for number in "1235")
    cell = found[CELL.format("fw", "bias")].size // 4
    ends = {"1": (INPUTS, first), "2": (first, second), "3": (second, third), "5": (2 * cell, fifth), "6": (fifth, LETTERS)}
    shapes = {f"h{number}": shape for number, shape in ends.items()} | {f"b{number}": shape[1:] for number, shape in ends.items()}
    for direction in ("fw", "bw"):
        shapes |= {CELL.format(direction, "kernel"): (third + cell, 4 * cell), CELL.format(direction, "bias"): (4 * cell,)}
    return shapes
