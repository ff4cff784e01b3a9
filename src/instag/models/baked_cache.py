"""The baked head of an avatar: the one that it keeps, or one baked on first use and kept in the
user's cache."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load, save

from instag.errors import InstagError
from instag.models.avatar import Avatar
from instag.models.bake import bake
from instag.models.baked_head import BakedHead, check_baked_head, head_id
from instag.runtime.files import write_atomic

LEAST_SPLATS = 4_000
"""Of a face; the fields of a smaller one take less than is won."""
MOST_FILES = 32
"""Of the cache; those written longest ago are removed."""
MOST_BYTES = 2**28
VERSION = 1
"""Of how heads are baked: files of another one are not read."""


def with_baked_head(avatar: Avatar) -> Avatar:
    """The same with a baked head where that is worth it."""
    return replace(avatar, baked=bake(avatar)) if _is_worth_it(avatar) else avatar


def baked_head_of(avatar: Avatar) -> BakedHead | None:
    """The avatar's own, else that of the cache, else a new one, for the CPU. None where the fields
    are to be asked: of a small head, of one that speech features drive, and of one that no number
    of shapes is near enough to."""
    baked = avatar.baked
    if baked is None or baked.head_id != head_id(avatar.head):
        baked = _cached(avatar) if _is_worth_it(avatar) else None
    return baked if baked is not None and baked.near_enough else None


def cache_folder() -> Path | None:
    """Where baked heads are kept, None where the user has no home."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):
        return (Path(chosen) if chosen else Path.home() / ".cache") / "instag" / "baked"
    return None


def _is_worth_it(avatar: Avatar) -> bool:
    count = len(avatar.head.face.gaussians)
    return avatar.conditioning.kind == "lip_codes" and count >= LEAST_SPLATS


def _cached(avatar: Avatar) -> BakedHead:
    folder, identity = cache_folder(), head_id(avatar.head)
    if folder is None:
        return bake(avatar)
    path = folder / f"{VERSION}-{identity & (2**64 - 1):016x}.safetensors"
    found = _read(path, avatar)
    if found is None:
        found = bake(avatar)
        with suppress(InstagError, OSError):  # a cache that cannot be written is none
            write_atomic(path, save(found.tensors()))
            _remove_oldest(folder)
    return found


def _read(path: Path, avatar: Avatar) -> BakedHead | None:
    """None where there is no such file, or where it is damaged."""
    with suppress(Exception):
        if path.stat().st_size <= MOST_BYTES:
            tensors = load(path.read_bytes())
            check_baked_head(tensors, len(avatar.head.face.gaussians))
            return BakedHead.of_tensors(tensors)
    return None


def _remove_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-MOST_FILES]:
        path.unlink(missing_ok=True)
