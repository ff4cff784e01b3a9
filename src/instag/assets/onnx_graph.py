"""An ONNX file's graph, looked at before onnxruntime runs it: no circle, no other files, no
constant that is larger than the file.

onnxruntime sorts a graph without end where it has a circle, and makes constants of any size.
(onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto.)
"""

import math

from instag.assets.onnx_fields import (
    ATTRIBUTE_GRAPH,
    ATTRIBUTE_GRAPHS,
    ATTRIBUTE_TENSOR,
    GRAPH_NODE,
    GRAPH_TENSOR,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OP,
    NODE_OUTPUT,
    TENSOR_DIMENSION,
    TENSOR_INTS,
    TENSOR_LOCATION,
    TENSOR_NAME,
    TENSOR_RAW,
)
from instag.assets.protobuf import fields, inner, text, varints

DEEPEST = 8
"""Graphs within graphs."""
MOST_FILLED = 1 << 26
"""Elements that one node may make of few."""
FILLING = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "Pad": 1}
"""Kinds of nodes that do, and which of what they are given says how many."""


def check_onnx(data: bytes) -> None:
    """Raises ValueError where the bytes hold no graph, or one that must not be run, and what
    protocol buffers raise."""
    graphs = inner(memoryview(data), MODEL_GRAPH)
    if not graphs:
        raise ValueError("it holds no graph")
    for graph in graphs:
        _check_graph(graph, len(data), 0)


def _check_graph(graph: memoryview, size: int, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("its graphs lie too deep in each other")
    shapes: dict[str, list[int]] = {}
    for tensor in inner(graph, GRAPH_TENSOR):
        shapes |= _check_tensor(tensor, size)
    makers: dict[str, int] = {}
    needs: list[list[str]] = []
    for number, node in enumerate(inner(graph, GRAPH_NODE)):
        given, made = (
            [bytes(name).decode() for name in inner(node, field) if len(name)]
            for field in (NODE_INPUT, NODE_OUTPUT)
        )
        needs.append(given)
        for name in made:
            if name in makers:
                raise ValueError(f"two of its nodes make {name}")
            makers[name] = number
        _check_filled(text(node, NODE_OP), given, shapes)
        for attribute in inner(node, NODE_ATTRIBUTE):
            for tensor in inner(attribute, ATTRIBUTE_TENSOR):
                _check_tensor(tensor, size)
            for field in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
                for each in inner(attribute, field):
                    _check_graph(each, size, depth + 1)
    _check_order([[makers[name] for name in given if name in makers] for given in needs])


def _check_order(needs: list[list[int]]) -> None:
    """Raises ValueError where nodes wait for each other in a circle. needs: of each node the nodes
    whose results it takes."""
    waiting = [len(given) for given in needs]
    users: list[list[int]] = [[] for _ in needs]
    for number, given in enumerate(needs):
        for other in given:
            users[other].append(number)
    ready = [number for number, count in enumerate(waiting) if not count]
    done = 0
    while ready:
        done += 1
        for user in users[ready.pop()]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if done < len(needs):
        raise ValueError("its nodes wait for each other in a circle")


def _check_tensor(tensor: memoryview, size: int) -> dict[str, list[int]]:
    """The numbers of a tensor that could be a shape, by its name."""
    name, dimensions, numbers = "", [], []
    for field, value in fields(tensor):
        if field == TENSOR_LOCATION and value == 1:
            raise ValueError("it takes its numbers from another file")
        if field == TENSOR_DIMENSION:
            dimensions += [value] if isinstance(value, int) else varints(value)
        elif field == TENSOR_INTS:
            numbers += [value] if isinstance(value, int) else varints(value)
        elif field == TENSOR_RAW and isinstance(value, memoryview) and len(value) <= 64:
            raw = bytes(value)
            numbers += [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]
        elif field == TENSOR_NAME and isinstance(value, memoryview):
            name = bytes(value).decode()
    if math.prod(dimensions) > 8 * size:
        raise ValueError(f"a constant of {math.prod(dimensions):,} numbers is larger than the file")
    return {name: numbers} if name and numbers else {}


def _check_filled(kind: str, given: list[str], shapes: dict[str, list[int]]) -> None:
    place = FILLING.get(kind)
    if place is None or place >= len(given):
        return
    count = math.prod(max(1, _signed(number)) for number in shapes.get(given[place], ()))
    if count > MOST_FILLED:
        raise ValueError(f"one number stands for {count:,}")


def _signed(number: int) -> int:
    """Of 64 bits."""
    return number - 2**64 if number >= 2**63 else number
