"""The tensor cache: what takes seconds to compute from an avatar that does not keep it, as files of
the user's cache."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from safetensors.torch import load, save
from torch import Tensor

from instag.errors import InstagError
from instag.runtime.files import write_atomic

MOST_FILES = 32
"""Of a kind; those written longest ago are removed."""
MOST_BYTES = 2**28
T = TypeVar("T")


def cached(
    kind: str,
    name: str,
    *,
    read: Callable[[dict[str, Tensor]], T],
    compute: Callable[[], T],
    write: Callable[[T], dict[str, Tensor]],
) -> T:
    """What the cache keeps of a kind by a name, else what is computed, which it keeps from then on.
    read: raises anything at all about tensors that are not right."""
    folder = cache_folder(kind)
    if folder is None:
        return compute()
    path = folder / f"{name}.safetensors"
    with suppress(Exception):  # a damaged file is none
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            return read(load(path.read_bytes()))
    found = compute()
    with suppress(InstagError, OSError):  # a cache that cannot be written is none
        write_atomic(path, save(write(found)))
        _remove_oldest(folder)
    return found


def cache_folder(kind: str) -> Path | None:
    """Where files of a kind are kept, None where the user has no home."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):
        return (Path(chosen) if chosen else Path.home() / ".cache") / "instag" / kind
    return None


def file_name(version: int, identity: int) -> str:
    """That of what was computed in a version's way from what has this identity."""
    return f"{version}-{identity & (2**64 - 1):016x}"


def _remove_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-MOST_FILES]:
        path.unlink(missing_ok=True)
