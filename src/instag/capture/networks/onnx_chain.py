"""A chain of convolutions in an ONNX file: read without ONNX, run by torch.

Networks of the MobileNet kind are one convolution after another, with a few that branch off the
last as heads. Only such a file is read; only what leads to the wanted outputs is looked at
(onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from instag.assets.tf_graph import fields, varints
from instag.errors import AssetDamaged

MODEL_GRAPH, GRAPH_NODE, GRAPH_TENSOR, GRAPH_OUTPUT, OUTPUT_NAME = 7, 1, 5, 12, 1
NODE_INPUT, NODE_OUTPUT, NODE_OP, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_NUMBER, ATTRIBUTE_TEXT, ATTRIBUTE_NUMBERS, ATTRIBUTE_FLOAT = 1, 3, 4, 8, 2
TENSOR_SIZE, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_BYTES, FLOAT = 1, 2, 4, 8, 9, 1
LAYOUT = ("Transpose", "Reshape", "Identity")
"""What only brings an output's numbers into another order: a head ends before it."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One convolution, padded so that every stride-th pixel has its answer; then clipped to [0, 6]
    or not."""

    weight: Float[Tensor, "o i k l"]
    bias: Float[Tensor, " o"]
    stride: int
    dilation: int
    groups: int
    clipped: bool

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o y x"]:
        sides = []
        for size, kernel in zip(x.shape[:1:-1], self.weight.shape[:1:-1], strict=True):
            wanted = (
                (-(-size // self.stride) - 1) * self.stride
                + (kernel - 1) * self.dilation
                + 1
                - size
            )
            sides += [max(wanted, 0) // 2, max(wanted, 0) - max(wanted, 0) // 2]
        answer = conv2d(
            pad(x, sides),
            self.weight,
            self.bias,
            self.stride,
            dilation=self.dilation,
            groups=self.groups,
        )
        return answer.clamp(0, 6) if self.clipped else answer


@final
@dataclass(frozen=True, kw_only=True)
class Chain:
    """trunk: the layers in their order; heads: by the name of their output, what follows the
    trunk."""

    trunk: tuple[Layer, ...]
    heads: dict[str, Layer]

    def __call__(self, x: Float[Tensor, "b 3 h w"]) -> dict[str, Tensor]:
        """Each head's answer, channels first."""
        for layer in self.trunk:
            x = layer(x)
        return {name: head(x) for name, head in self.heads.items()}


def read_chain(path: Path, heads: Sequence[str], device: torch.device) -> Chain:
    """The chain that ends in the outputs named. Raises AssetDamaged where the file is none, or is
    not such a chain."""
    data = memoryview(path.read_bytes())
    try:
        graph = next(
            value
            for field, value in fields(data)
            if field == MODEL_GRAPH and isinstance(value, memoryview)
        )
        nodes, tensors = _contents(graph)
        trunks, last = {}, {}
        for name in heads:
            *trunks[name], last[name] = _walk(name, nodes, tensors, device)
    except (StopIteration, KeyError, IndexError, ValueError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is no ONNX file of a chain of convolutions that ends in "
            f"{' and '.join(heads)}, or is damaged ({reason})."
        ) from error
    first = trunks[heads[0]]
    if any(len(trunk) != len(first) for trunk in trunks.values()) or not first:
        raise AssetDamaged(
            f"{path} is another network's: {' and '.join(heads)} do not end the same chain of "
            "convolutions."
        )
    return Chain(trunk=tuple(first), heads=last)


@dataclass(frozen=True, kw_only=True)
class _Node:
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, tuple[int, ...] | str]


def _contents(graph: memoryview) -> tuple[dict[str, _Node], dict[str, np.ndarray]]:
    """Nodes by the names of what they put out, and the constants of floats by name."""
    nodes, tensors = {}, {}
    for field, value in fields(graph):
        if field == GRAPH_NODE and isinstance(value, memoryview):
            held = list(fields(value))
            inputs = tuple(_text(each) for number, each in held if number == NODE_INPUT)
            attributes = dict(
                _attribute(each)
                for number, each in held
                if number == NODE_ATTRIBUTE and isinstance(each, memoryview)
            )
            op = next(_text(each) for number, each in held if number == NODE_OP)
            nodes |= {
                _text(each): _Node(op=op, inputs=inputs, attributes=attributes)
                for number, each in held
                if number == NODE_OUTPUT
            }
        elif field == GRAPH_TENSOR and isinstance(value, memoryview):
            name, tensor = _tensor(value)
            if tensor is not None:
                tensors[name] = tensor
    return nodes, tensors


def _walk(
    name: str, nodes: dict[str, _Node], tensors: dict[str, np.ndarray], device: torch.device
) -> list[Layer]:
    """The layers from the input to an output, found backward."""
    layers, clipped, at = [], False, name
    while at in nodes:
        node = nodes[at]
        if node.op == "Conv":
            layers.append(_layer(node, tensors, clipped, device))
            clipped = False
        elif node.op == "Clip":
            clipped = True
        elif node.op not in LAYOUT:
            raise ValueError(f"{at} is made by {node.op}")
        at = node.inputs[0]
    return layers[::-1]


def _layer(
    node: _Node, tensors: dict[str, np.ndarray], clipped: bool, device: torch.device
) -> Layer:
    weight, bias = (torch.tensor(tensors[name], device=device) for name in node.inputs[1:3])
    strides, dilations, groups = (
        node.attributes.get(name, default)
        for name, default in (("strides", (1,)), ("dilations", (1,)), ("group", (1,)))
    )
    if (
        node.attributes.get("auto_pad") != "SAME_UPPER"
        or len({*strides}) != 1
        or len({*dilations}) != 1
    ):
        raise ValueError("a convolution is padded or strided otherwise")
    return Layer(
        weight=weight,
        bias=bias,
        stride=int(strides[0]),
        dilation=int(dilations[0]),
        groups=int(groups[0]),
        clipped=clipped,
    )


def _attribute(data: memoryview) -> tuple[str, tuple[int, ...] | str]:
    """Name and value: whole numbers or a text; nothing of other kinds."""
    name, numbers, text = "", [], None
    for field, value in fields(data):
        if field == ATTRIBUTE_NAME:
            name = _text(value)
        elif field == ATTRIBUTE_TEXT:
            text = _text(value)
        elif field in (ATTRIBUTE_NUMBER, ATTRIBUTE_NUMBERS):
            numbers += [value] if isinstance(value, int) else varints(value)
    return name, tuple(numbers) if text is None else text


def _tensor(data: memoryview) -> tuple[str, np.ndarray | None]:
    """Name and value of a TensorProto; None for what holds no floats."""
    name, sizes, kind, content = "", [], 0, memoryview(b"")
    for field, value in fields(data):
        if field == TENSOR_NAME:
            name = _text(value)
        elif field == TENSOR_TYPE:
            kind = value
        elif field == TENSOR_SIZE:
            sizes += [value] if isinstance(value, int) else varints(value)
        elif field in (TENSOR_BYTES, TENSOR_FLOATS) and isinstance(value, memoryview):
            content = value
    return name, np.frombuffer(content, "<f4").reshape(sizes).copy() if kind == FLOAT else None


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise TypeError("a name is a number")
    return bytes(value).decode()
