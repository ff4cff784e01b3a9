"""Tables of numbers as programs and spreadsheets write them."""

import pytest

from instag.data.delimited_table import cells, decode, number


@pytest.mark.parametrize("separator", [",", ", ", ";", "\t", "|", " ", "   "])
def test_the_separator_is_the_headers(separator: str) -> None:
    text = f"a{separator}b\n\n1{separator} 2 \n"
    assert cells(text) == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encoding_is_told_by_the_byte_order_mark(encoding: str) -> None:
    assert decode("ä".encode(encoding)) == "ä"
    with pytest.raises(UnicodeDecodeError):
        decode(b"\xff")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(encoding: str) -> None:
    assert decode("frame,ä".encode(encoding)) == "frame,ä"


def test_lines_before_the_header() -> None:
    assert cells("# of a program\n\nsep=|\na,b|c\n1,5|2") == [["a,b", "c"], ["1,5", "2"]]
    assert cells("SEP=;\r\na;b") == [["a", "b"]]
    assert cells("# alone") == cells("") == []


def test_a_row_of_millions_of_cells_is_no_table() -> None:
    for text in ("a," * 10_001, "a,b\n" + "1," * 10_001):
        with pytest.raises(ValueError, match="more than 10,000 columns"):
            cells(text)


def test_numbers_have_a_point_or_a_comma() -> None:
    assert [number(cell) for cell in ("1.5", "1,5", "-2", "1e-3")] == [1.5, 1.5, -2, 1e-3]
    for cell in ("", "x", "1,234.5", "1,2,3"):
        with pytest.raises(ValueError):
            number(cell)
