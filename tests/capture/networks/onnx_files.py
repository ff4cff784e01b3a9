"""ONNX files of a chain of convolutions, written without our own reader."""

from pathlib import Path

import numpy as np


def number(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def whole(field: int, value: int) -> bytes:
    return number(field << 3) + number(value)


def sized(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return number(field << 3 | 2) + number(len(content)) + content


def tensor(name: str, values: np.ndarray) -> bytes:
    sizes = b"".join(whole(1, size) for size in values.shape)
    return sizes + whole(2, 1) + sized(8, name) + sized(9, values.astype("<f4").tobytes())


def node(
    op: str,
    inputs: list[str],
    output: str,
    numbers: dict[str, list[int]] | None = None,
    packed: bool = False,
) -> bytes:
    made = b"".join(sized(1, each) for each in inputs) + sized(2, output) + sized(4, op)
    for name, values in (numbers or {}).items():
        held = (
            sized(8, b"".join(map(number, values)))
            if packed
            else b"".join(whole(8, value) for value in values)
        )
        made += sized(5, sized(1, name) + (whole(3, values[0]) if name == "group" else held))
    return made + sized(5, sized(1, "auto_pad") + sized(4, "SAME_UPPER")) if op == "Conv" else made


def write_chain(
    path: Path,
    layers: list[tuple[np.ndarray, np.ndarray, int, int]],
    heads: dict[str, tuple[np.ndarray, np.ndarray]],
    packed: bool = False,
) -> Path:
    """layers: weight, bias, stride, groups of each; heads: 1x1 convolutions by the name of their
    output, brought into another order as tf2onnx does."""
    nodes, tensors, last = [node("Transpose", ["input"], "x0", {"perm": [0, 3, 1, 2]})], [], "x0"
    for index, (weight, bias, stride, groups) in enumerate(layers):
        tensors += [tensor(f"w{index}", weight), tensor(f"b{index}", bias)]
        settings = {
            "strides": [stride, stride],
            "dilations": [1, 1],
            "group": [groups],
            "kernel_shape": list(weight.shape[2:]),
        }
        nodes += [
            node("Conv", [last, f"w{index}", f"b{index}"], f"y{index}", settings, packed),
            node("Clip", [f"y{index}"], f"x{index + 1}"),
        ]
        last = f"x{index + 1}"
    for name, (weight, bias) in heads.items():
        tensors += [tensor(f"w-{name}", weight), tensor(f"b-{name}", bias)]
        nodes += [
            node(
                "Conv", [last, f"w-{name}", f"b-{name}"], f"raw-{name}", {"strides": [1, 1]}, packed
            ),
            node("Transpose", [f"raw-{name}"], name),
        ]
    graph = b"".join(sized(1, each) for each in nodes) + b"".join(
        sized(5, each) for each in tensors
    )
    path.write_bytes(whole(1, 4) + sized(2, "test") + sized(7, graph))
    return path
