"""A frozen graph of DeepSpeech's structure, with small random weights, written byte by byte as
TensorFlow writes it."""

import struct
from pathlib import Path

import numpy as np


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(values: np.ndarray, *, packed: bool = True) -> bytes:
    kind = {"float32": 1, "int32": 3}[values.dtype.name]
    shape = b"".join(field(2, field(1, size)) for size in values.shape)
    numbers = field(4, values.tobytes()) if packed else field(5, struct.pack("<f", values.flat[0]))
    return field(1, kind) + field(2, shape) + numbers


def node(name: str, op: str, values: np.ndarray | None = None, *, packed: bool = True) -> bytes:
    content = field(1, name.encode()) + field(2, op.encode()) + field(4, b"/cpu:0")
    content += field(5, field(1, b"dtype") + field(2, field(6, 1)))
    if values is not None:
        content += field(5, field(1, b"value") + field(2, field(8, tensor(values, packed=packed))))
    return field(1, content)


def weights(width: int = 5, letters: int = 29, seed: int = 0) -> dict[str, np.ndarray]:
    """Constants by name; the third layer is twice as wide, as published."""
    generator = np.random.default_rng(seed)
    made = lambda *shape: (generator.standard_normal(shape) * 0.3).astype(np.float32)  # noqa: E731
    sizes = {
        "1": (494, width),
        "2": (width, width),
        "3": (width, 2 * width),
        "5": (2 * width, width),
        "6": (width, letters),
    }
    found = {f"h{number}": made(*shape) for number, shape in sizes.items()} | {
        f"b{number}": made(shape[1]) for number, shape in sizes.items()
    }
    for direction in ("fw", "bw"):
        cell = f"bidirectional_rnn/{direction}/basic_lstm_cell"
        found |= {f"{cell}/kernel": made(3 * width, 4 * width), f"{cell}/bias": made(4 * width)}
    return found


def write_graph(path: Path, constants: dict[str, np.ndarray]) -> Path:
    nodes = [
        node("input_node", "Placeholder"),
        node("lengths", "Const", np.array([16, 26], np.int32)),
    ]
    nodes += [node(name, "Const", values) for name, values in constants.items()]
    path.write_bytes(b"".join([*nodes, node("Add", "Add"), field(4, field(1, 24))]))
    return path
