"""The live network: what hears the last 1.2 s of sound for a frame. On a CPU the encoder and the
lip networks are one graph for onnxruntime, which takes less than half of torch's time on one core:
most of these layers are small."""

import math
from abc import ABC, abstractmethod
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from instag.assets.onnx_session import onnx_session
from instag.assets.tflite.onnx_writer import FLOAT32, OnnxGraph
from instag.runtime.cuda_graph import cuda_graphed, using_gpu
from instag.runtime.device_copy import to_device_async, urgent_stream
from instag.speech.lips.live_features import (
    LEAST_STEPS,
    LIVE_SAMPLES,
    LIVE_STEPS,
    SIDE_FRAMES,
    live_hidden,
)
from instag.speech.lips.network import MARGIN_FRAMES, STEPS_PER_FRAME, LipModel, LipNet
from instag.speech.whisper import (
    FFT,
    HEADS,
    HOP,
    LOUDEST,
    RANGE,
    WIDTH,
    Block,
    WhisperEncoder,
    positions,
    triangles,
)

OPSET = 20
"""The first with Gelu."""
TOGETHER = 2
"""Frames that are heard in one window on a CPU, which halves the ear's work."""
AT_ONCE = 32
"""Windows of a batch."""
MOST_WEIGHT = 63
"""Of weights in bytes: processors without VNNI add two products in sixteen bits, and clip them."""
AROUND = SIDE_FRAMES + MARGIN_FRAMES
"""Frames to either side of a frame that the lip networks read."""


class LiveNetwork(ABC):
    """Computes what `live_features.live_hidden` does, for one look-ahead. Used by one thread at a
    time. frames: that are heard in one window; each but the first has a frame less of
    look-ahead."""

    frames = 1

    @abstractmethod
    def __call__(self, windows: Float[Tensor, "b samples"]) -> Float[Tensor, "b m n"]:
        """Hidden features of the frames in which windows at the common loudness end, of those heard
        with them, and of SIDE_FRAMES to either side; on the CPU."""


def live_network(encoder: WhisperEncoder, model: LipModel, look_ahead: int) -> LiveNetwork:
    """For the device of the encoder. look_ahead: in steps of it. On a CPU two frames are heard
    together, where the second one's look-ahead is not too little."""
    if encoder.conv1.weight.device.type != "cpu":
        return TorchLiveNetwork(encoder, model, look_ahead)
    frames = TOGETHER if look_ahead - STEPS_PER_FRAME * (TOGETHER - 1) >= LEAST_STEPS else 1
    return OnnxLiveNetwork(encoder, model, look_ahead, frames, eight_bits=True)


@final
class TorchLiveNetwork(LiveNetwork):
    """All windows in batches of one size. On a GPU that is one recorded graph, which waits for no
    picture: it has a stream of its own, before those of others."""

    def __init__(self, encoder: WhisperEncoder, model: LipModel, look_ahead: int) -> None:
        device = encoder.conv1.weight.device
        self._encoder, self._model, self._look_ahead = encoder, model.to(device), look_ahead
        self._device, self._stream = device, urgent_stream(device)
        with torch.cuda.stream(self._stream):
            silence = torch.zeros(AT_ONCE, LIVE_SAMPLES, device=device)
            self._work = cuda_graphed(self._hidden, silence)

    def __call__(self, windows: Float[Tensor, "b samples"]) -> Float[Tensor, "b 5 n"]:
        return torch.cat([self._batch(some) for some in windows.split(AT_ONCE)])

    def _batch(self, windows: Float[Tensor, "b samples"]) -> Float[Tensor, "b 5 n"]:
        count = len(windows)
        whole = windows if self._stream is None else pad(windows, (0, 0, 0, AT_ONCE - count))
        with using_gpu(), torch.cuda.stream(self._stream):
            (hidden,) = self._work(to_device_async(whole, self._device))
            return hidden[:count].cpu()

    def _hidden(self, windows: Float[Tensor, "b samples"]) -> tuple[Tensor, ...]:
        return (live_hidden(self._encoder, self._model, windows, self._look_ahead),)


@final
class OnnxLiveNetwork(LiveNetwork):
    """Window by window, on one core."""

    def __init__(
        self,
        encoder: WhisperEncoder,
        model: LipModel,
        look_ahead: int,
        frames: int = 1,
        *,
        eight_bits: bool = False,
    ) -> None:
        """eight_bits: the encoder's linear layers compute with whole numbers."""
        self.frames = frames
        graph = live_graph(encoder, model, look_ahead, frames, eight_bits=eight_bits)
        self._session = onnx_session(graph, threads=1)

    def __call__(self, windows: Float[Tensor, "b samples"]) -> Float[Tensor, "b m n"]:
        found = [
            np.asarray(self._session.run(None, {"window": window[None, None]})[0])
            for window in windows.numpy()
        ]
        return torch.from_numpy(np.concatenate(found))


def live_graph(
    encoder: WhisperEncoder,
    model: LipModel,
    look_ahead: int,
    frames: int = 1,
    *,
    eight_bits: bool = False,
) -> bytes:
    """The graph as an ONNX file: `window` [1, 1, 19200] in, `hidden` [1, 4 + frames, n] out."""
    build = _Builder(OnnxGraph(name="live", opset=OPSET), eight_bits=eight_bits)
    graph = build.graph
    graph.add_input("window", [1, 1, LIVE_SAMPLES])
    flow = build.gelu(build.conv(_log_mel(build, "window"), encoder.conv1))
    flow = build.gelu(build.conv(flow, encoder.conv2))
    flow = graph.node("Transpose", [flow], perm=[0, 2, 1])
    flow = build.add(flow, positions(LIVE_STEPS)[None])
    first = max(0, LIVE_STEPS - look_ahead - STEPS_PER_FRAME * AROUND - 1)
    *blocks, last = (block for block in encoder.blocks if isinstance(block, Block))
    for block in blocks:
        flow = build.block(flow, block, 0)
    flow = build.block(flow, last, first)
    centered = build.add(flow, -model.feature_mean)
    steps = graph.node("MatMul", [centered, build.constant(model.components)])
    steps = graph.node("Transpose", [steps], perm=[0, 2, 1])
    heard = _between(build, steps, LIVE_STEPS - first, frames)
    found = [_hidden(build, heard, network, frames) for network in model.networks]
    joined = graph.node("Concat", found, axis=1)
    graph.node("Transpose", [joined], "hidden", perm=[0, 2, 1])
    features = len(model.head()[0])
    graph.add_output("hidden", [1, 2 * SIDE_FRAMES + frames, features])
    return graph.to_bytes()


def _log_mel(build: "_Builder", window: str) -> str:
    """As `whisper.log_mel`, of a window with silence around it: the spectrum is a convolution with
    tapered waves."""
    phase = 2 * math.pi * torch.arange(FFT // 2 + 1)[:, None] * torch.arange(FFT) / FFT
    taper = torch.hann_window(FFT, dtype=torch.float64)
    waves = torch.cat([phase.double().cos(), phase.double().sin()]) * taper
    around = [FFT // 2, FFT // 2 - HOP]
    found = build.graph.node(
        "Conv", [window, build.constant(waves[:, None])], strides=[HOP], pads=around
    )
    squares = build.graph.node("Mul", [found, found])
    bands = build.graph.node(
        "MatMul", [build.constant(torch.cat([triangles()] * 2, dim=1)), squares]
    )
    least = build.constant(torch.tensor(10.0 ** (LOUDEST - RANGE)))
    log = build.graph.node("Log", [build.graph.node("Max", [bands, least])])
    scaled = build.graph.node("Mul", [log, build.constant(torch.tensor(0.25 / math.log(10)))])
    return build.add(scaled, torch.tensor(1.0))


def _between(build: "_Builder", steps: str, count: int, frames: int) -> str:
    """The middles between steps, and silence in place of those that are not known yet."""
    early = build.part(steps, 2, 0, count - 1)
    late = build.part(steps, 2, 1, count)
    half = build.graph.node(
        "Mul", [build.graph.node("Add", [early, late]), build.constant(torch.tensor(0.5))]
    )
    missing = STEPS_PER_FRAME * (2 * AROUND + frames) - (count - 1)
    around = build.whole([0, 0, 0, 0, 0, missing])
    return build.graph.node("Pad", [half, around])


def _hidden(build: "_Builder", heard: str, network: LipNet, frames: int) -> str:
    """`LipNet.hidden`, of the frames that are wanted."""
    flow = heard
    for layer, norm in zip(network.stem, network.norms, strict=False):
        flow = build.gelu(build.norm_steps(build.conv(flow, layer), norm))
    norms = network.norms[len(network.stem) :]
    for wide, mix, norm in zip(network.wide, network.mix, norms, strict=True):
        moved = build.gelu(build.conv(build.norm_steps(flow, norm), wide))
        flow = build.graph.node("Add", [flow, build.conv(moved, mix)])
    wanted = build.part(flow, 2, MARGIN_FRAMES, MARGIN_FRAMES + 2 * SIDE_FRAMES + frames)
    return build.gelu(wanted)


@final
class _Builder:
    """Layers of torch as nodes of a graph."""

    def __init__(self, graph: OnnxGraph, *, eight_bits: bool) -> None:
        self.graph, self._eight_bits = graph, eight_bits

    def constant(self, values: Tensor) -> str:
        return self.graph.constant(values.detach().float().cpu().numpy())

    def whole(self, values: list[int]) -> str:
        return self.graph.constant(np.array(values, np.int64))

    def add(self, flow: str, values: Tensor) -> str:
        return self.graph.node("Add", [flow, self.constant(values)])

    def gelu(self, flow: str) -> str:
        return self.graph.node("Gelu", [flow])

    def part(self, flow: str, axis: int, start: int, end: int) -> str:
        places = [self.whole([start]), self.whole([end]), self.whole([axis])]
        return self.graph.node("Slice", [flow, *places])

    def conv(self, flow: str, layer: nn.Module) -> str:
        assert isinstance(layer, nn.Conv1d)
        assert layer.bias is not None
        pads = [int(layer.padding[0])] * 2
        return self.graph.node(
            "Conv",
            [flow, self.constant(layer.weight), self.constant(layer.bias)],
            pads=pads,
            strides=list(layer.stride),
            dilations=list(layer.dilation),
        )

    def linear(self, flow: str, layer: nn.Module) -> str:
        assert isinstance(layer, nn.Linear)
        if self._eight_bits:
            return self.add(self._whole_product(flow, layer.weight.detach().float()), layer.bias)
        return self.add(
            self.graph.node("MatMul", [flow, self.constant(layer.weight.T)]), layer.bias
        )

    def _whole_product(self, flow: str, weight: Tensor) -> str:
        """`flow` by the weights' transpose, in bytes: a unit for each output, and one for the input
        that it chooses."""
        units = weight.abs().amax(1).clamp_min(1e-8) / MOST_WEIGHT
        rounded = (weight / units[:, None]).round().to(torch.int8).T
        weights = self.graph.constant(rounded.contiguous().numpy())
        middle = self.graph.constant(np.zeros((), np.int8))
        given, unit, zero = self.graph.nodes("DynamicQuantizeLinear", [flow], [None] * 3)
        sums = self.graph.node("MatMulInteger", [given, weights, zero, middle])
        unit = self.graph.node("Mul", [unit, self.constant(units)])
        return self.graph.node("Mul", [self.graph.node("Cast", [sums], to=FLOAT32), unit])

    def norm(self, flow: str, weight: Tensor, bias: Tensor) -> str:
        given = [flow, self.constant(weight), self.constant(bias)]
        return self.graph.node("LayerNormalization", given, axis=-1, epsilon=1e-5)

    def norm_steps(self, flow: str, norm: Tensor) -> str:
        """Each step brought to mean 0 and deviation 1 over its channels."""
        turned = self.graph.node("Transpose", [flow], perm=[0, 2, 1])
        return self.graph.node("Transpose", [self.norm(turned, norm[0], norm[1])], perm=[0, 2, 1])

    def block(self, flow: str, block: Block, first: int) -> str:
        """A transformer's block; only the steps from `first` on come out of it."""
        layer = block.attention_norm
        normed = self.norm(flow, layer.weight, layer.bias)
        parts = self.graph.nodes(
            "Split", [self.linear(normed, block.asked)], [None] * 3, axis=2, num_outputs=3
        )
        query, key, value = parts
        if first:
            flow = self.part(flow, 1, first, LIVE_STEPS)
            query = self.part(query, 1, first, LIVE_STEPS)
        query = self.graph.node(
            "Mul", [query, self.constant(torch.tensor(1 / math.sqrt(WIDTH // HEADS)))]
        )
        scores = self.graph.node("MatMul", [self._heads(query), self._heads(key, [0, 2, 3, 1])])
        answered = self.graph.node(
            "MatMul", [self.graph.node("Softmax", [scores], axis=-1), self._heads(value)]
        )
        joined = self.graph.node(
            "Reshape",
            [
                self.graph.node("Transpose", [answered], perm=[0, 2, 1, 3]),
                self.whole([1, -1, WIDTH]),
            ],
        )
        flow = self.graph.node("Add", [flow, self.linear(joined, block.answered)])
        layer, layers = block.layers_norm, list(block.layers)
        wide = self.gelu(self.linear(self.norm(flow, layer.weight, layer.bias), layers[0]))
        return self.graph.node("Add", [flow, self.linear(wide, layers[2])])

    def _heads(self, flow: str, order: list[int] | None = None) -> str:
        split = self.graph.node("Reshape", [flow, self.whole([1, -1, HEADS, WIDTH // HEADS])])
        return self.graph.node("Transpose", [split], perm=order or [0, 2, 1, 3])
