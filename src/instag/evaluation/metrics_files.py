"""The table of numbers as files: metrics.json, which is read again, and metrics.csv."""

import csv
import io
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, get_args

from instag.errors import BadArgument, FileMissing
from instag.evaluation.metrics_table import Better, Metrics, Number, Row
from instag.evaluation.not_measured import NotMeasured
from instag.runtime.files import write_atomic
from instag.runtime.untrusted import (
    in_one_line,
    parsing,
    read_text,
    real_number,
    record,
    whole_number,
)

FORMAT_VERSION: Final = 1
TABLE = "metrics.json"
LARGEST = sys.float_info.max
"""Of a number in it: any but infinity."""
MOST_TABLE = 2**26
"""Bytes of metrics.json."""


def save_metrics(metrics: Metrics, folder: Path) -> None:
    """Write metrics.json and metrics.csv. Raises DiskFull."""
    stored = {
        "format_version": FORMAT_VERSION,
        "about": metrics.about,
        "rows": [_stored(row) for row in metrics.rows],
    }
    write_atomic(folder / TABLE, json.dumps(stored, indent=1, allow_nan=False))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("key", "label", "unit", "value", "truth", "not measured"))
    writer.writerows(_cells(row) for row in metrics.rows)
    write_atomic(folder / "metrics.csv", lines.getvalue())


def load_metrics(folder: Path) -> Metrics:
    """The metrics that a report's folder holds. Raises FileMissing, BadArgument."""
    path = folder / TABLE
    if not path.is_file():
        raise FileMissing.metrics(folder)
    remedy = "Make it again with instag evaluate."
    with parsing(path, "a table of metrics", remedy, error=BadArgument):
        stored = json.loads(read_text(path, MOST_TABLE))
        version = whole_number("format_version", stored["format_version"], 1, 2**31)
        about = {
            _text(name): _text(text) for name, text in record("about", stored["about"]).items()
        }
        if version > FORMAT_VERSION:
            raise BadArgument(
                f"{path} was written by a newer instag (format {version}). Update this one: pip "
                "install --upgrade instag"
            )
        return Metrics(about=about, rows=[_restored(row) for row in stored["rows"]])


def _stored(row: Row) -> dict[str, object]:
    return {
        **asdict(row),
        "value": _plain(row.value),
        "truth": _plain(row.truth),
        "missing": _reason(row.value),
        "truth_missing": _reason(row.truth),
    }


def _restored(row: dict[str, Any]) -> Row:
    """Raises KeyError, TypeError, ValueError."""
    value, truth, better = row["value"], row["truth"], row["better"]
    for number in (value, truth):
        if number is not None:
            real_number("a value", number, -LARGEST, LARGEST)
    if better not in get_args(Better):
        raise ValueError(f"nothing is better by {better!r}")
    texts = {name: _text(row[name]) for name in ("group", "key", "label", "unit")}
    if value is None:
        value = NotMeasured(_text(row["missing"]) or "no value was written")
    if truth is None and (reason := _text(row["truth_missing"])):
        truth = NotMeasured(reason)
    return Row(**texts, better=better, value=value, truth=truth)


def _text(value: Any) -> str:
    """The value on one printable line, where it is a text. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return in_one_line(value)


def _cells(row: Row) -> tuple[str, ...]:
    """A line of the CSV."""
    label = f"{row.group}: {row.label}"
    return (row.key, label, row.unit, _cell(row.value), _cell(row.truth), _either_reason(row))


def _plain(value: Number | None) -> float | int | None:
    if value is None or isinstance(value, NotMeasured) or not math.isfinite(value):
        return None
    return value


def _reason(value: Number | None) -> str:
    return value.reason if isinstance(value, NotMeasured) else ""


def _either_reason(row: Row) -> str:
    truth = f"truth: {row.truth.reason}" if isinstance(row.truth, NotMeasured) else ""
    return _reason(row.value) or truth


def _cell(value: Number | None) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return f"{plain:.6g}" if isinstance(plain, float) else str(plain)
