"""What a file of somebody else's holds, checked before anything depends on it.

A parser raises whatever it likes about a damaged file, and a file that parses can contradict its
own header. Readers parse inside `parsing`; the checks below raise ValueError, which `parsing`
turns into one error that names the file and what to do.
"""

import math
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from instag.errors import FileMissing, InstagError, NewerFormat, NotAnArtefact

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_NUMBER = 1e7
"""Of what an artefact stores; honest ones stay under 1e5."""
MOST_TEXT = 64 * 2**20
"""Bytes of a file of text: a table of an hour's action units has 40 MB."""
BLOCK = 1 << 22
"""Numbers that are looked at in one go."""
REASON = 300
"""Letters of a parser's own words that an error repeats."""

OBJECTS = {
    "allow_pickle": "it holds objects, not numbers alone",
    "weights_only": "it holds more than numbers; nothing of it was run",
    "Weights only": "it holds more than numbers; nothing of it was run",
}
"""What NumPy and torch write about objects, and what it means; their advice is to run them."""

Shape = Sequence[int | None]
"""Lengths of an array's axes; None for any."""


@contextmanager
def parsing(
    path: Path | str,
    noun: str,
    remedy: str,
    *,
    error: type[InstagError] = NotAnArtefact,
) -> Iterator[None]:
    """Let whatever the block raises about the file at `path` become `error`: that it is damaged or
    not `noun`, why, and the sentence `remedy`. Errors of instag's own pass. Raises FileMissing
    where the file may not be read."""
    try:
        if is_stream(Path(path)):
            raise ValueError("it is a pipe or a device, which may never end")
        yield
    except InstagError:
        raise
    except (FileNotFoundError, PermissionError) as cause:
        reason = "does not exist" if isinstance(cause, FileNotFoundError) else "may not be read"
        raise FileMissing(f"{path} {reason}. Check its name and its permissions.") from cause
    except Exception as cause:
        if type(cause).__name__ == "OutOfMemoryError":  # the GPU's; see explain_device_full
            raise
        raise error(
            f"{path} is damaged, or is not {noun} ({reason_of(cause)}). {remedy}"
        ) from cause


def is_stream(path: Path) -> bool:
    """Whether a pipe, a socket or a device lies there: opening or reading it may take for ever, and
    it cannot be read twice."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def reason_of(error: BaseException) -> str:
    """A parser's own words as part of a sentence: one short line, without control characters."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    whole = str(error)
    for mark, meaning in OBJECTS.items():
        if mark in whole:
            return meaning
    lines = whole.strip().splitlines()
    words = " ".join(line.strip() for line in lines[:3]) if lines else type(error).__name__
    if isinstance(error, KeyError):
        words = f"it lacks {words}"
    printable = "".join(letter for letter in words if letter.isprintable()).rstrip(".:")
    return printable if len(printable) <= REASON else f"{printable[:REASON]}..."


def check_format(path: Path, version: int, newest: int) -> None:
    """Raises NewerFormat where an artefact has a format that this instag does not read yet."""
    if version > newest:
        raise NewerFormat(
            f"{path} has format version {version}; this instag reads up to {newest}. Update it: "
            "pip install -U instag"
        )


def check_array(
    name: str,
    array: np.ndarray,
    shape: Shape,
    kinds: str = "f",
    *,
    largest: float = LARGEST_NUMBER,
    unknown: bool = False,
) -> np.ndarray:
    """The array, where it has this shape, one of these kinds of numbers (letters of NumPy's
    dtype.kind) and, of floats, no number that is not finite or larger. unknown: whether NaN may
    stand for what was not measured. Raises ValueError."""
    check_shape(name, array.shape, shape)
    if array.dtype.kind not in kinds:
        raise ValueError(f"{name} holds numbers of type {array.dtype}")
    if array.dtype.kind == "f":
        _check_numbers(name, np.nan_to_num(array, nan=0.0) if unknown else array, largest)
    return array


def check_shape(name: str, found: Sequence[int], wanted: Shape) -> None:
    """Raises ValueError where the shapes differ."""
    if len(found) != len(wanted) or any(
        axis is not None and axis != length for axis, length in zip(wanted, found, strict=True)
    ):
        raise ValueError(f"{name} is {_described(found)}, not {_described(wanted)}")


def _described(shape: Shape) -> str:
    return " x ".join("any" if axis is None else str(axis) for axis in shape) or "one number"


def check_tensors(
    tensors: "Mapping[str, Tensor]",
    wanted: Mapping[str, Shape] | None = None,
    *,
    largest: float = LARGEST_NUMBER,
    real: bool = False,
) -> None:
    """Check that tensors have these names and shapes, if given, and that all their floats are
    finite and not larger. real: whether all must be floats. Raises ValueError."""
    if wanted is not None and tensors.keys() != wanted.keys():
        missing, more = sorted(wanted.keys() - tensors.keys()), sorted(tensors - wanted.keys())
        raise ValueError(
            f"it lacks {missing[0]}" if missing else f"it holds {more[0]}, which is not known"
        )
    for name, tensor in tensors.items():
        if wanted is not None:
            check_shape(name, tuple(tensor.shape), wanted[name])
        wrong = tensor.is_complex() or tensor.is_quantized or tensor.is_sparse
        if wrong or (real and not tensor.is_floating_point()):
            raise ValueError(f"{name} holds numbers of type {tensor.dtype}")
        if tensor.is_floating_point():
            _check_numbers(name, tensor.detach().float().cpu().numpy(), largest)


def _check_numbers(name: str, array: np.ndarray, largest: float) -> None:
    flat = array.reshape(-1)
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        low, high = float(block.min()), float(block.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"{name} holds numbers that are not finite")
        if max(-low, high) > largest:
            raise ValueError(f"{name} holds {max(-low, high):.3g}, which nothing here can be")


def whole_number(name: str, value: Any, least: int, most: int) -> int:
    """The value, where it is a whole number in this range. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is {_short(value)}, not a whole number from {least} to {most}")
    return value


def real_number(name: str, value: Any, least: float, most: float) -> float:
    """The value, where it is a number in this range. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} is {_short(value)}, not a number from {least:g} to {most:g}")
    return float(value)


def words(name: str, value: Any, most: int = 4096) -> str:
    """The value, where it is printable text of at most so many letters. Raises ValueError."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise ValueError(f"{name} is {_short(value)}, not a line of text")
    return value


def in_one_line(text: str) -> str:
    """The text with a space for each letter that cannot be printed: names of files may hold any."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def record(name: str, value: Any) -> dict[str, Any]:
    """The value, where it is a table of names and values. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_short(value)}, not a table of names and values")
    return value


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """A file of UTF-8, with or without a mark of byte order. Raises ValueError where it has more
    bytes than `most`, and what reading raises."""
    with path.open("rb") as file:
        return read_at_most(file, most, path.name).decode("utf-8-sig")


def read_at_most(file: BinaryIO, most: int, name: str) -> bytes:
    """All bytes of a file. Raises ValueError where they are more than `most`."""
    content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} has more than the {most / 2**20:g} MiB that it may have")
    return content


def check_rotations(name: str, matrices: np.ndarray) -> None:
    """Check that matrices [f 3 3] are rotations, to what rounding and averaging leave. Raises
    ValueError."""
    matrices = matrices.astype(np.float64)
    wrong = np.abs(matrices @ matrices.transpose(0, 2, 1) - np.eye(3)).max((1, 2)) > 0.05
    wrong |= np.linalg.det(matrices) < 0
    if wrong.any():
        raise ValueError(f"{name} of frame {int(wrong.argmax())} is no rotation")


def refuse_link(path: Path) -> None:
    """Check that a folder, into which something is to be written, is no link to what lies
    elsewhere. Raises NotAnArtefact."""
    if path.is_symlink():
        raise NotAnArtefact(
            f"{path} is a symbolic link to another place, into which instag does not write. Remove "
            f"the link: rm {path}"
        )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
