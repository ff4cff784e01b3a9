"""A lock on a folder, which its process holds until it ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instag.runtime.file_lock import Lock, lock

LOCK = "lock"


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the lock during the block, where nobody else does; the value is whether it is held."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock(handle) is Lock.OURS
    finally:
        os.close(handle)
