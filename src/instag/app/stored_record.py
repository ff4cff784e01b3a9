"""Records in files of JSON: whatever a full disk, a failure of power or somebody's editor left in
one, it is a record of its kind or none."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

MOST_BYTES = 2**20
T = TypeVar("T")


def folders_in(place: Path) -> list[Path]:
    """Where records lie; none where somebody took the folder away."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return [path for path in place.iterdir() if path.is_dir()]
    return []


def stored_record(path: Path, kind: type[T], *, whole: bool = False) -> T | None:
    """The record of a dataclass in a file; None where it holds none. whole: fields with a default
    may not be missing either."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return record_of(path.read_bytes(), kind, whole=whole)
    except OSError:
        return None


def record_of(content: bytes, kind: type[T], *, whole: bool = False) -> T | None:
    """The same of JSON itself."""
    try:
        stored = json.loads(content)
        hints = get_type_hints(kind)
        known = {each.name for each in fields(kind)}  # pyright: ignore[reportArgumentType]
        if not isinstance(stored, Mapping) or not stored.keys() <= known:
            return None
        if whole and stored.keys() != known:
            return None
        return kind(**{name: _fitting(value, hints[name]) for name, value in stored.items()})
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None


def _fitting(value: Any, hint: Any) -> Any:
    """The value, where it is of a type. Raises ValueError, UnicodeError, OverflowError."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if value is None and NoneType in choices else _fitting(value, choices[0])
    if origin is tuple and isinstance(value, list):
        return tuple(_fitting(each, choices[0]) for each in value)
    if origin is Literal:
        fits = value in choices
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    elif hint is float:
        fits = type(value) in (int, float) and math.isfinite(value)
    else:
        fits = type(value) is hint
    if not fits:
        raise ValueError(f"{value!r} is not of type {hint}")
    if isinstance(value, str):
        value.encode()  # half letters cannot be sent
    return value
