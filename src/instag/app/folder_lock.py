"""A lock on a folder, which its process holds until it ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instag.runtime.file_lock import Lock, lock

LOCK = "lock"


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the lock during the block; the value is False where somebody else does. A file system
    without locks cannot tell: then it is as if nobody did."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock(handle) is not Lock.THEIRS
    finally:
        os.close(handle)
