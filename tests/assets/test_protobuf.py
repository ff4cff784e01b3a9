"""Protocol buffers read without their schema, and what is none."""

import pytest

from instag.assets.protobuf import fields, inner, text, varint, varints


def test_fields_of_every_wire_type() -> None:
    message = b"\x08\x96\x01" + b"\x12\x03abc" + b"\x1d\x00\x00\x80?" + b"\x21" + bytes(8)
    found = [
        (number, value if isinstance(value, int) else bytes(value))
        for number, value in fields(memoryview(message))
    ]
    assert found == [(1, 150), (2, b"abc"), (3, b"\x00\x00\x80?"), (4, bytes(8))]


def test_repeated_fields_and_texts() -> None:
    message = memoryview(b"\x12\x01a\x08\x01\x12\x02bc")
    assert [bytes(value) for value in inner(message, 2)] == [b"a", b"bc"]
    assert text(message, 2) == "bc"
    assert text(message, 7) == ""
    assert varints(memoryview(b"\x01\x96\x01")) == [1, 150]


@pytest.mark.parametrize(
    "damaged", [b"\x12\x05abc", b"\x1d\x00", b"\x0b", b"\x08" + b"\xff" * 11, b"\x08", b"\x12\xff"]
)
def test_what_is_damaged_ends_in_an_error(damaged: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(fields(memoryview(damaged)))


def test_a_number_ends_where_the_next_field_begins() -> None:
    assert varint(memoryview(b"\x00\xac\x02\x07"), 1) == (300, 3)
