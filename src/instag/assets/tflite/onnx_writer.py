"""A writer of ONNX files (protocol buffers after onnx.proto) without the onnx package."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from instag.assets.onnx_fields import (
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_INT,
    ATTRIBUTE_INTS,
    ATTRIBUTE_NAME,
    ATTRIBUTE_TEXT,
    ATTRIBUTE_TYPE,
    DIMENSION_SIZE,
    GRAPH_INPUT,
    GRAPH_NAME,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    GRAPH_TENSOR,
    MODEL_GRAPH,
    MODEL_IR,
    MODEL_OPSET,
    MODEL_PRODUCER,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OP,
    NODE_OUTPUT,
    OPSET_VERSION,
    SHAPE_DIMENSION,
    TENSOR_DIMENSION,
    TENSOR_NAME,
    TENSOR_RAW,
    TENSOR_TYPE,
    TYPE_ELEMENT,
    TYPE_SHAPE,
    TYPE_TENSOR,
    VALUE_NAME,
    VALUE_TYPE,
)

IR_VERSION, OPSET = 8, 13
FLOAT, INT, TEXT, INTS = 1, 2, 3, 7
"""Types of attributes."""
ELEMENTS = {"float32": 1, "float16": 10, "int32": 6, "int64": 7, "uint8": 2, "int8": 3}
"""ONNX's numbers of the supported element types."""
FLOAT32 = ELEMENTS["float32"]

Attribute = int | float | str | Sequence[int]


@final
@dataclass(kw_only=True)
class OnnxGraph:
    """A graph, built node by node.

    Half-precision constants stay so in the file; a Cast node turns them into float32. opset: the
    version of ONNX's operators.
    """

    name: str
    opset: int = OPSET
    parts: list[bytes] = field(default_factory=list)
    count: int = 0

    def constant(self, values: np.ndarray) -> str:
        """Add a constant; returns its name, or the name of its float32 cast for half precision."""
        name, values = self._fresh(), np.ascontiguousarray(values)
        kind = _number(TENSOR_TYPE, ELEMENTS[values.dtype.name])
        dimensions = b"".join(_number(TENSOR_DIMENSION, size) for size in values.shape)
        self.parts.append(
            _message(
                GRAPH_TENSOR,
                dimensions,
                kind,
                _text(TENSOR_NAME, name),
                _message(TENSOR_RAW, values.tobytes()),
            )
        )
        return self.node("Cast", [name], to=FLOAT32) if values.dtype == np.float16 else name

    def node(
        self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: Attribute
    ) -> str:
        """Add a node with one output; returns the output's name."""
        return self.nodes(kind, inputs, [output or self._fresh()], **attributes)[0]

    def nodes(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str | None],
        **attributes: Attribute,
    ) -> list[str]:
        """Add a node with several outputs; returns their names."""
        named = [output or self._fresh() for output in outputs]
        written = [_text(NODE_INPUT, name) for name in inputs] + [
            _text(NODE_OUTPUT, name) for name in named
        ]
        fields = [_attribute(name, value) for name, value in attributes.items()]
        self.parts.append(_message(GRAPH_NODE, *written, _text(NODE_OP, kind), *fields))
        return named

    def add_input(self, name: str, shape: Sequence[int]) -> None:
        self.parts.append(_value(GRAPH_INPUT, name, shape))

    def add_output(self, name: str, shape: Sequence[int]) -> None:
        self.parts.append(_value(GRAPH_OUTPUT, name, shape))

    def to_bytes(self) -> bytes:
        """The content of the file."""
        graph = _message(MODEL_GRAPH, *self.parts, _text(GRAPH_NAME, self.name))
        opset = _message(MODEL_OPSET, _number(OPSET_VERSION, self.opset))
        return b"".join(
            [_number(MODEL_IR, IR_VERSION), _text(MODEL_PRODUCER, "instag"), graph, opset]
        )

    def _fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        fields = [_text(ATTRIBUTE_TEXT, value), _number(ATTRIBUTE_TYPE, TEXT)]
    elif isinstance(value, float):
        fields = [
            _key(ATTRIBUTE_FLOAT, 5) + np.float32(value).tobytes(),
            _number(ATTRIBUTE_TYPE, FLOAT),
        ]
    elif isinstance(value, int):
        fields = [_number(ATTRIBUTE_INT, value), _number(ATTRIBUTE_TYPE, INT)]
    else:
        fields = [*(_number(ATTRIBUTE_INTS, each) for each in value), _number(ATTRIBUTE_TYPE, INTS)]
    return _message(NODE_ATTRIBUTE, _text(ATTRIBUTE_NAME, name), *fields)


def _value(slot: int, name: str, shape: Sequence[int]) -> bytes:
    """A float input or output."""
    sizes = _message(
        TYPE_SHAPE, *(_message(SHAPE_DIMENSION, _number(DIMENSION_SIZE, size)) for size in shape)
    )
    kind = _message(VALUE_TYPE, _message(TYPE_TENSOR, _number(TYPE_ELEMENT, FLOAT32), sizes))
    return _message(slot, _text(VALUE_NAME, name), kind)


def _message(slot: int, *parts: bytes) -> bytes:
    inner = b"".join(parts)
    return _key(slot, 2) + bytes(_varint(len(inner))) + inner


def _text(slot: int, text: str) -> bytes:
    return _message(slot, text.encode())


def _number(slot: int, value: int) -> bytes:
    return _key(slot, 0) + bytes(_varint(value))


def _key(slot: int, kind: int) -> bytes:
    return bytes(_varint(slot << 3 | kind))


def _varint(value: int) -> Iterator[int]:
    """Seven bits a byte, lowest first; negative numbers as 64 bits."""
    value &= (1 << 64) - 1
    while value > 0x7F:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value
