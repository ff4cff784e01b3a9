"""Small flat buffers, made by hand: what tflite files are made of."""

import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """Fields by slot. Bytes lie in the table itself; all else lies behind it and is pointed to."""

    fields: "dict[int, Value]"


Value = bytes | Table | list[Table] | np.ndarray | str


def flat_buffer(root: Table, mark: bytes) -> bytes:
    data = bytearray(4) + mark
    struct.pack_into("<I", data, 0, _place(data, root))
    return bytes(data)


def _place(data: bytearray, value: Value) -> int:
    """Append a value; returns where it lies."""
    data += bytes(-len(data) % 8)
    if isinstance(value, Table):
        return _place_table(data, value)
    if isinstance(value, list):
        at = len(data)
        data += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for place, each in enumerate(value):
            _point(data, at + 4 + 4 * place, each)
        return at
    values = np.frombuffer(value.encode(), "u1") if isinstance(value, str) else np.asarray(value)
    at = len(data)
    data += struct.pack("<I", values.size) + values.tobytes()
    return at


def _place_table(data: bytearray, table: Table) -> int:
    slots = 1 + max(table.fields, default=-1)
    layout = len(data)
    data += bytes(4 + 2 * slots)
    data += bytes(-len(data) % 8)
    at = len(data)
    data += struct.pack("<i", at - layout)
    places = {}
    for slot, value in table.fields.items():
        places[slot] = len(data)
        struct.pack_into("<H", data, layout + 4 + 2 * slot, len(data) - at)
        data += value if isinstance(value, bytes) else bytes(4)
    struct.pack_into("<HH", data, layout, 4 + 2 * slots, len(data) - at)
    for slot, value in table.fields.items():
        if not isinstance(value, bytes):
            _point(data, places[slot], value)
    return at


def _point(data: bytearray, at: int, value: Value) -> None:
    place = _place(data, value)
    struct.pack_into("<I", data, at, place - at)
