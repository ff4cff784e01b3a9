"""A folder in use: two who write the same files in one would mix them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instag.errors import NotWritable
from instag.runtime.file_lock import Lock, lock
from instag.runtime.write_errors import explain_refusal


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """Mark a folder as in use during the block. Raises NotWritable where another process does the
    same `work` there, as far as the system can tell; one that ends, however it does, uses it no
    more."""
    if sys.platform == "win32":  # folders have no locks there
        yield
        return
    with explain_refusal(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        if lock(handle) is Lock.THEIRS:
            raise NotWritable(
                f"Another {work} writes into {folder} just now. Wait until it is done, stop it, or "
                "choose another place."
            )
        yield
    finally:
        os.close(handle)
