"""The fields of a protocol buffer, read without its schema: numbers and bytes, of which only those
that lead somewhere are followed.

Sizes are checked against the bytes that are there; nothing is copied.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field of a message: an integer, or the bytes of what has a length.
    Raises ValueError, IndexError."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        field, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = varint(data, at)
        elif wire_type == BYTES:
            length, at = varint(data, at)
            if at + length > len(data):
                raise ValueError("it ends in the middle of a value")
            value, at = data[at : at + length], at + length
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
            value, at = data[at : at + size], at + size
            if len(value) < size:
                raise ValueError("it ends in the middle of a value")
        else:
            raise ValueError(f"byte {at} is no field")
        yield field, value


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends. Raises as `fields` does."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError(f"byte {at} is no number")


def varints(data: memoryview) -> list[int]:
    """All of a packed field. Raises as `fields` does."""
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def inner(data: memoryview, number: int) -> list[memoryview]:
    """The values of one repeated field of messages, texts or bytes. Raises as `fields` does."""
    return [
        value for field, value in fields(data) if field == number and isinstance(value, memoryview)
    ]


def text(data: memoryview, number: int) -> str:
    """The last value of a field of text; empty where there is none. Raises as `fields` does."""
    found = inner(data, number)
    return bytes(found[-1]).decode() if found else ""
