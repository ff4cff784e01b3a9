"""A table of numbers as text, as programs and spreadsheets write it: with commas, semicolons or
tabs, decimal points or commas, in any Unicode encoding."""

import codecs
import csv

SEPARATORS = ",;\t|"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(content: bytes) -> str:
    """The text of a file, by its byte order mark; UTF-8 without one. Raises UnicodeDecodeError."""
    return content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")


def cells(text: str) -> list[list[str]]:
    """The rows that are not empty, header first, cut at the separator that the header has most of.
    Raises csv.Error."""
    lines = text.splitlines()
    header = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=header.count)
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def number(cell: str) -> float:
    """The number in a cell, with a decimal point or comma. Raises ValueError."""
    return float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
