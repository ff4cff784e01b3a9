"""A frozen TensorFlow graph: the constants in its file, read without TensorFlow.

The file is one protocol buffer, `GraphDef`; the reader follows only the fields that lead to the
values of `Const` nodes (tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto,
tensor.proto). It maps the file, 434 MiB for DeepSpeech, and gives views of it: a parser of protocol
buffers would read and copy the whole. All sizes are checked against the file.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from instag.errors import AssetDamaged

GRAPH_NODE = 1
NODE_NAME, NODE_OP, NODE_ATTRIBUTE = 1, 2, 5
ENTRY_KEY, ENTRY_VALUE = 1, 2
VALUE_TENSOR = 8
TENSOR_TYPE, TENSOR_SHAPE, TENSOR_CONTENT, TENSOR_FLOATS, TENSOR_INTS = 1, 2, 4, 5, 7
SHAPE_DIMENSION, DIMENSION_SIZE = 2, 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""
DTYPES = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
    19: np.dtype("<f2"),
}
"""TensorFlow's numbers of the element types that are read; constants of others (strings) are
skipped."""
MAX_FILLED = 1 << 24
"""Elements of a shape that one number of the file may fill."""


def constants(path: Path) -> dict[str, np.ndarray]:
    """The graph's constants by the names of their nodes, as views of the file. Raises
    AssetDamaged."""
    if path.stat().st_size == 0:
        raise AssetDamaged(f"{path} is empty. Get it again: `instag assets list` says from where.")
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    try:
        nodes = (
            _constant(value)
            for field, value in _fields(data)
            if field == GRAPH_NODE and isinstance(value, memoryview)
        )
        found = dict(node for node in nodes if node is not None)
    except (IndexError, ValueError, struct.error) as error:
        raise AssetDamaged(
            f"{path} is no frozen TensorFlow graph, or is damaged ({error}). Get it again: `instag "
            "assets list` says from where."
        ) from error
    if not found:
        raise AssetDamaged(
            f"{path} is no frozen TensorFlow graph: it has no constants. Get it again: `instag "
            "assets list` says from where."
        )
    return found


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field of a message: an integer, or the bytes of what has a length."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _varint(data, at)
        elif wire_type == BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("it ends in the middle of a value")
            value, at = data[at : at + length], at + length
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"byte {at} is no field")
        yield field, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError(f"byte {at} is no number")


def _constant(node: memoryview) -> tuple[str, np.ndarray] | None:
    """Name and value of a Const node, None for any other node or an element type that is not
    read."""
    name, op, tensor = "", "", None
    for field, value in _fields(node):
        if not isinstance(value, memoryview):
            continue
        if field == NODE_NAME:
            name = bytes(value).decode()
        elif field == NODE_OP:
            op = bytes(value).decode()
        elif field == NODE_ATTRIBUTE:
            entry = dict(_fields(value))
            key, inner = entry.get(ENTRY_KEY), entry.get(ENTRY_VALUE)
            if (
                isinstance(key, memoryview)
                and bytes(key) == b"value"
                and isinstance(inner, memoryview)
            ):
                tensor = dict(_fields(inner)).get(VALUE_TENSOR)
    if op != "Const" or not isinstance(tensor, memoryview):
        return None
    array = _array(tensor)
    return None if array is None else (name, array)


def _array(data: memoryview) -> np.ndarray | None:
    """The value of a TensorProto; a single number given for a whole shape fills it."""
    dtype, shape, content, numbers = None, (), None, []
    for field, value in _fields(data):
        if field == TENSOR_TYPE and isinstance(value, int):
            dtype = DTYPES.get(value)
        elif field == TENSOR_SHAPE and isinstance(value, memoryview):
            shape = tuple(
                _size(each)
                for number, each in _fields(value)
                if number == SHAPE_DIMENSION and isinstance(each, memoryview)
            )
        elif field == TENSOR_CONTENT and isinstance(value, memoryview):
            content = value
        elif field == TENSOR_FLOATS and isinstance(value, memoryview):
            numbers += np.frombuffer(value, "<f4").tolist()
        elif field == TENSOR_INTS:
            numbers += [value] if isinstance(value, int) else _varints(value)
    if dtype is None:
        return None
    if content is not None:
        return np.frombuffer(content, dtype).reshape(shape)
    if len(numbers) > 1:
        return np.array(numbers).astype(dtype).reshape(shape)
    if math.prod(shape) > MAX_FILLED:
        raise ValueError(f"one number stands for {math.prod(shape):,}")
    return np.full(shape, numbers[0] if numbers else 0).astype(dtype)


def _size(dimension: memoryview) -> int:
    size = dict(_fields(dimension)).get(DIMENSION_SIZE, 0)
    if not isinstance(size, int):
        raise ValueError("a dimension has no size")
    return size


def _varints(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
