"""A TensorFlow Lite network as a file: its tensors and operators, read without TensorFlow.

The file is one FlatBuffer (tensorflow/compiler/mlir/lite/schema/schema.fbs). The reader covers only
the fields that published networks of plain operators use.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

FILE_IDENTIFIER = b"TFL3"
TYPES = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<i4"),
    3: np.dtype("u1"),
    4: np.dtype("<i8"),
}
"""The schema's numbers of the element types that are read."""
NAMES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    32: "CUSTOM",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    45: "STRIDED_SLICE",
    54: "PRELU",
    59: "NEG",
    74: "SUM",
    75: "SQRT",
    76: "RSQRT",
    99: "SQUARED_DIFFERENCE",
    117: "HARD_SWISH",
    124: "DENSIFY",
}
"""The schema's numbers of the operators that are read."""


MOST_NUMBERS = 1 << 26
"""Of a constant that is stored sparsely."""


@final
@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A value of the graph. constant: None where an operator computes it."""

    name: str
    shape: tuple[int, ...]
    constant: np.ndarray | None


@final
@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of the FlatBuffer: fields are read by their slot in the schema."""

    data: bytes = field(repr=False)
    at: int

    def _field(self, slot: int) -> int:
        """The byte offset of a field; 0 where the field has its default."""
        layout = self.at - _read(self.data, "<i", self.at)
        if 4 + 2 * slot >= _read(self.data, "<H", layout):
            return 0
        offset = _read(self.data, "<H", layout + 4 + 2 * slot)
        return self.at + offset if offset else 0

    def number(self, slot: int, kind: str = "<i", default: float = 0) -> int:
        at = self._field(slot)
        return _read(self.data, kind, at) if at else int(default)

    def real(self, slot: int, default: float) -> float:
        at = self._field(slot)
        return _read(self.data, "<f", at) if at else default

    def table(self, slot: int) -> "Table | None":
        at = self._field(slot)
        return Table(data=self.data, at=at + _read(self.data, "<I", at)) if at else None

    def array(self, slot: int, kind: str) -> np.ndarray:
        at = self._field(slot)
        if not at:
            return np.zeros(0, kind)
        start = at + _read(self.data, "<I", at)
        return np.frombuffer(self.data, kind, _read(self.data, "<I", start), start + 4)

    def text(self, slot: int) -> str:
        return self.array(slot, "u1").tobytes().decode()

    def tables(self, slot: int) -> "list[Table]":
        at = self._field(slot)
        if not at:
            return []
        start = at + _read(self.data, "<I", at) + 4
        places = range(start, start + 4 * _read(self.data, "<I", start - 4), 4)
        return [Table(data=self.data, at=place + _read(self.data, "<I", place)) for place in places]


@final
@dataclass(frozen=True, kw_only=True)
class Operator:
    """A step of the graph. inputs, outputs: numbers of tensors; an input that is left out is -1.

    options: the operator's own table, None where all is default. custom: the options of an operator
    outside the schema, as bytes.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    custom: bytes

    def option(self, slot: int, kind: str = "<i", default: int = 0) -> int:
        return default if self.options is None else self.options.number(slot, kind, default)


@final
@dataclass(frozen=True, kw_only=True)
class Network:
    """A graph: operators in the order in which they run."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_tflite(data: bytes) -> Network:
    """The first graph of a file.

    Raises ValueError where the bytes hold no graph, or a graph with an unknown type or layout.
    """
    if data[4:8] != FILE_IDENTIFIER:
        raise ValueError("it is no tflite file")
    try:
        return _network(Table(data=data, at=_read(data, "<I", 0)))
    except (
        struct.error,
        IndexError,
        KeyError,
        UnicodeDecodeError,
        TypeError,
        ZeroDivisionError,
        OverflowError,
        MemoryError,
        RecursionError,
    ) as error:
        raise ValueError(f"it cannot be read ({type(error).__name__}: {error})") from error


def _network(model: Table) -> Network:
    names = [_operator_name(code) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    return Network(
        tensors=tuple(_tensor(tensor, buffers) for tensor in graph.tables(0)),
        operators=tuple(_operator(operator, names) for operator in graph.tables(3)),
        inputs=tuple(graph.array(1, "<i4").tolist()),
        outputs=tuple(graph.array(2, "<i4").tolist()),
    )


def _operator_name(code: Table) -> str:
    """Older files store the code in a byte, newer ones in an int32."""
    number = max(code.number(0, "<b"), code.number(3))
    name = NAMES.get(number, f"operator {number}")
    return code.text(1) if name == "CUSTOM" else name


def _operator(operator: Table, names: list[str]) -> Operator:
    return Operator(
        name=names[operator.number(0, "<I")],
        inputs=tuple(operator.array(1, "<i4").tolist()),
        outputs=tuple(operator.array(2, "<i4").tolist()),
        options=operator.table(4),
        custom=operator.array(5, "u1").tobytes(),
    )


def _tensor(tensor: Table, buffers: list[Table]) -> Tensor:
    shape = tuple(tensor.array(0, "<i4").tolist())
    stored = buffers[tensor.number(2, "<I")].array(0, "u1")
    constant = None
    if len(stored):
        values, sparsity = stored.view(TYPES[tensor.number(1, "<b")]), tensor.table(6)
        constant = values.reshape(shape) if sparsity is None else _dense(values, shape, sparsity)
    return Tensor(name=tensor.text(3), shape=shape, constant=constant)


def _dense(values: np.ndarray, shape: tuple[int, ...], sparsity: Table) -> np.ndarray:
    """The dense array of a sparse one, which stores only some blocks.

    Levels come outermost first; each is dense or lists its indices.
    """
    _check_size(math.prod(shape) if min(shape, default=0) >= 0 else MOST_NUMBERS + 1)
    order, blocked = sparsity.array(0, "<i4").tolist(), sparsity.array(1, "<i4").tolist()
    levels = [_level(level) for level in sparsity.tables(2)]
    sizes = list(shape)
    for place, axis in enumerate(blocked):
        sizes[axis] //= levels[order.index(len(shape) + place)].size
    sizes += [levels[order.index(len(shape) + place)].size for place in range(len(blocked))]
    _check_size(math.prod(sizes))
    places = np.zeros((1, 0), np.int64)
    rows = np.zeros(1, np.int64)
    for level in levels:
        rows, parents, steps = level.expand(rows)
        places = np.concatenate([places[parents], steps[:, None]], axis=1)
    blocks = np.zeros(sizes, values.dtype)
    blocks[tuple(places[:, order.index(axis)] for axis in range(len(sizes)))] = values
    return _unblocked(blocks, shape, blocked)


def _check_size(numbers: int) -> None:
    """Raises ValueError where a few bytes ask for a large array."""
    if not 0 <= numbers <= MOST_NUMBERS:
        raise ValueError(f"a sparse constant stands for {numbers:,} numbers")


def _unblocked(blocks: np.ndarray, shape: tuple[int, ...], blocked: Sequence[int]) -> np.ndarray:
    """Put each block's axis beside the axis that it divides."""
    axes: list[int] = []
    for axis in range(len(shape)):
        axes.append(axis)
        axes += [len(shape) + place for place, divided in enumerate(blocked) if divided == axis]
    return blocks.transpose(axes).reshape(shape)


@final
@dataclass(frozen=True, kw_only=True)
class _Level:
    """One level of a sparse array: `size` entries below each entry above, or the entries that
    `segments` and `indices` list.
    """

    size: int
    segments: np.ndarray | None
    indices: np.ndarray | None

    def expand(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The entries below the entries `rows`: their numbers, the position in `rows` of each one's
        parent, and each one's index below it.
        """
        count = len(rows)
        if self.segments is None or self.indices is None:
            _check_size(self.size * count)
            steps = np.tile(np.arange(self.size), count)
            return (
                np.repeat(rows, self.size) * self.size + steps,
                np.repeat(np.arange(count), self.size),
                steps,
            )
        firsts, ends = (self.segments[rows + step].tolist() for step in (0, 1))
        _check_size(sum(end - first for first, end in zip(firsts, ends, strict=True)))
        spans = [np.arange(first, end) for first, end in zip(firsts, ends, strict=True)]
        numbers = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        return (
            numbers,
            np.repeat(np.arange(count), [len(span) for span in spans]),
            self.indices[numbers].astype(np.int64),
        )


def _level(level: Table) -> _Level:
    if level.number(0, "<b") == 0:
        return _Level(size=level.number(1), segments=None, indices=None)
    segments, indices = (_indices(level, slot) for slot in (2, 4))
    return _Level(size=int(indices.max(initial=0)) + 1, segments=segments, indices=indices)


def _indices(level: Table, slot: int) -> np.ndarray:
    """A vector of 32, 16 or 8 bits."""
    vector = level.table(slot + 1)
    kind = {1: "<i4", 2: "<u2", 3: "u1"}[level.number(slot, "<b")]
    return np.zeros(0, np.int64) if vector is None else vector.array(0, kind).astype(np.int64)


def _read(data: bytes, kind: str, at: int) -> int:
    return struct.unpack_from(kind, data, at)[0]
