"""A table of numbers as text, as programs and spreadsheets write it: with commas, semicolons, tabs
or spaces, decimal points or commas, in any Unicode encoding."""

import codecs
import csv
import re

SEPARATORS = ",;\t|"
MOST_COLUMNS = 10_000
"""OpenFace writes 714."""
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
EXCELS_OWN = re.compile(r"sep=(.)", re.IGNORECASE)
"""A first line that tells Excel the separator."""


def decode(content: bytes) -> str:
    """The text of a file, by its byte order mark; without one UTF-8, or UTF-16 where each second of
    its first bytes is zero. Raises UnicodeDecodeError."""
    if content.startswith(UTF_16):
        return content.decode("utf-16")
    if len(content) % 2 == 0 and content[:8:2] == bytes(4):
        return content.decode("utf-16-be")
    if len(content) % 2 == 0 and content[1:8:2] == bytes(4):
        return content.decode("utf-16-le")
    return content.decode("utf-8-sig")


def cells(text: str) -> list[list[str]]:
    """The rows that are not empty, header first, cut at the separator that the header has most of;
    without lines before it that are comments (#) or Excel's own. Raises csv.Error, and ValueError
    where a row has more columns than any table."""
    lines = [line for line in text.splitlines() if line.strip()]
    separator = None
    while lines and (lines[0].startswith("#") or EXCELS_OWN.fullmatch(lines[0].strip())):
        told = EXCELS_OWN.fullmatch(lines.pop(0).strip())
        separator = told[1] if told else separator
    if not lines:
        return []
    separator = separator or max(SEPARATORS, key=lines[0].count)
    if max(line.count(separator) for line in lines) > MOST_COLUMNS:
        raise ValueError(f"a row has more than {MOST_COLUMNS:,} columns")
    if separator not in lines[0]:
        return [line.split() for line in lines]
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def number(cell: str) -> float:
    """The number in a cell, with a decimal point or comma. Raises ValueError."""
    return float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
