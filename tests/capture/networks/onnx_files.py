"""ONNX files of a chain of convolutions, written without onnx."""

from pathlib import Path

import numpy as np

OPSET = 9
FLOAT = 1
FLOAT_ATTRIBUTE, INT_ATTRIBUTE, TEXT_ATTRIBUTE, INTS_ATTRIBUTE = 1, 2, 3, 7


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
    return sizes + whole(2, FLOAT) + sized(8, name) + sized(9, values.astype("<f4").tobytes())


def attribute(name: str, value: str | float | list[int] | int) -> bytes:
    if isinstance(value, str):
        held = sized(4, value) + whole(20, TEXT_ATTRIBUTE)
    elif isinstance(value, float):
        held = number(2 << 3 | 5) + np.float32(value).tobytes() + whole(20, FLOAT_ATTRIBUTE)
    elif isinstance(value, int):
        held = whole(3, value) + whole(20, INT_ATTRIBUTE)
    else:
        held = b"".join(whole(8, each) for each in value) + whole(20, INTS_ATTRIBUTE)
    return sized(5, sized(1, name) + held)


def node(
    op: str, inputs: list[str], output: str, **attributes: str | float | list[int] | int
) -> bytes:
    names = b"".join(sized(1, each) for each in inputs) + sized(2, output) + sized(4, op)
    return names + b"".join(attribute(name, value) for name, value in attributes.items())


def picture(name: str, channels: int) -> bytes:
    """A value [1, any, any, channels]."""
    sizes = [whole(1, 1), sized(2, "h"), sized(2, "w"), whole(1, channels)]
    shape = b"".join(sized(1, size) for size in sizes)
    return sized(1, name) + sized(2, sized(1, whole(1, FLOAT) + sized(2, shape)))


def write_chain(
    path: Path,
    layers: list[tuple[np.ndarray, np.ndarray, int, int]],
    heads: dict[str, tuple[np.ndarray, np.ndarray]],
) -> Path:
    """layers: weight, bias, stride, groups of each; heads: 1x1 convolutions by the name of their
    output. Channels last outside, as tf2onnx writes it."""
    nodes, tensors, last = [node("Transpose", ["input"], "x0", perm=[0, 3, 1, 2])], [], "x0"
    for index, (weight, bias, stride, groups) in enumerate(layers):
        tensors += [tensor(f"w{index}", weight), tensor(f"b{index}", bias)]
        nodes += [
            node(
                "Conv",
                [last, f"w{index}", f"b{index}"],
                f"y{index}",
                strides=[stride, stride],
                group=groups,
                auto_pad="SAME_UPPER",
            ),
            node("Clip", [f"y{index}"], f"x{index + 1}", min=0.0, max=6.0),
        ]
        last = f"x{index + 1}"
    for name, (weight, bias) in heads.items():
        tensors += [tensor(f"w-{name}", weight), tensor(f"b-{name}", bias)]
        nodes += [
            node("Conv", [last, f"w-{name}", f"b-{name}"], f"raw-{name}", auto_pad="SAME_UPPER"),
            node("Transpose", [f"raw-{name}"], name, perm=[0, 2, 3, 1]),
        ]
    graph = b"".join(sized(1, each) for each in nodes) + sized(2, "test")
    graph += b"".join(sized(5, each) for each in tensors) + sized(11, picture("input", 3))
    graph += b"".join(sized(12, picture(name, len(bias))) for name, (_, bias) in heads.items())
    path.write_bytes(whole(1, 4) + sized(2, "test") + sized(7, graph) + sized(8, whole(2, OPSET)))
    return path
