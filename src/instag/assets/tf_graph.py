"""A frozen TensorFlow graph: the constants in its file, read without TensorFlow.

The file is one protocol buffer, `GraphDef`; the reader follows only the fields that lead to the
values of `Const` nodes (tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto,
tensor.proto). It maps the file, 434 MiB for DeepSpeech, and gives views of it: a parser of protocol
buffers would read and copy the whole. All sizes are checked against the file.
"""

import math
import mmap
from pathlib import Path

import numpy as np

from instag.assets.protobuf import fields, varints
from instag.errors import AssetDamaged
from instag.runtime.untrusted import parsing

GRAPH_NODE = 1
NODE_NAME, NODE_OP, NODE_ATTRIBUTE = 1, 2, 5
ENTRY_KEY, ENTRY_VALUE = 1, 2
VALUE_TENSOR = 8
TENSOR_TYPE, TENSOR_SHAPE, TENSOR_CONTENT, TENSOR_FLOATS, TENSOR_INTS = 1, 2, 4, 5, 7
SHAPE_DIMENSION, DIMENSION_SIZE = 2, 1
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
"""Elements of shapes that single numbers of the file may fill, all together."""
AGAIN = "Get it again: `instag assets list` says from where."


def constants(path: Path) -> dict[str, np.ndarray]:
    """The graph's constants by the names of their nodes, as views of the file. Raises
    AssetDamaged."""
    if path.stat().st_size == 0:
        raise AssetDamaged(f"{path} is empty. Get it again: `instag assets list` says from where.")
    filled, found = 0, {}
    with parsing(path, "a frozen TensorFlow graph", AGAIN, error=AssetDamaged):
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        for field, value in fields(data):
            if field != GRAPH_NODE or not isinstance(value, memoryview):
                continue
            node = _constant(value, MAX_FILLED - filled)
            if node is not None:
                name, array = node
                found[name] = array
                filled += array.size if array.base is None else 0
    if not found:
        raise AssetDamaged(
            f"{path} is no frozen TensorFlow graph: it has no constants. Get it again: `instag "
            "assets list` says from where."
        )
    return found


def _constant(node: memoryview, most: int) -> tuple[str, np.ndarray] | None:
    """Name and value of a Const node, None for any other node or an element type that is not
    read."""
    name, op, tensor = "", "", None
    for field, value in fields(node):
        if not isinstance(value, memoryview):
            continue
        if field == NODE_NAME:
            name = bytes(value).decode()
        elif field == NODE_OP:
            op = bytes(value).decode()
        elif field == NODE_ATTRIBUTE:
            entry = dict(fields(value))
            key, inner = entry.get(ENTRY_KEY), entry.get(ENTRY_VALUE)
            if (
                isinstance(key, memoryview)
                and bytes(key) == b"value"
                and isinstance(inner, memoryview)
            ):
                tensor = dict(fields(inner)).get(VALUE_TENSOR)
    if op != "Const" or not isinstance(tensor, memoryview):
        return None
    array = _array(tensor, most)
    return None if array is None else (name, array)


def _array(data: memoryview, most: int) -> np.ndarray | None:
    """The value of a TensorProto; a single number given for a whole shape fills it, where that has
    at most `most` elements."""
    dtype, shape, content, numbers = None, (), None, []
    for field, value in fields(data):
        if field == TENSOR_TYPE and isinstance(value, int):
            dtype = DTYPES.get(value)
        elif field == TENSOR_SHAPE and isinstance(value, memoryview):
            shape = tuple(
                _size(each)
                for number, each in fields(value)
                if number == SHAPE_DIMENSION and isinstance(each, memoryview)
            )
        elif field == TENSOR_CONTENT and isinstance(value, memoryview):
            content = value
        elif field == TENSOR_FLOATS and isinstance(value, memoryview):
            numbers += np.frombuffer(value, "<f4").tolist()
        elif field == TENSOR_INTS:
            numbers += [value] if isinstance(value, int) else varints(value)
    if dtype is None:
        return None
    if content is not None:
        return np.frombuffer(content, dtype).reshape(shape)
    if len(numbers) > 1:
        return np.array(numbers).astype(dtype).reshape(shape)
    if math.prod(shape) > most:
        raise ValueError(f"one number stands for {math.prod(shape):,}")
    return np.full(shape, numbers[0] if numbers else 0).astype(dtype)


def _size(dimension: memoryview) -> int:
    size = dict(fields(dimension)).get(DIMENSION_SIZE, 0)
    if not isinstance(size, int):
        raise ValueError("a dimension has no size")
    return size
