"""Atomic files: every write goes to a temporary name beside its target and is renamed when
complete."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np

from instag.errors import DiskFull, NewerFormat


@contextmanager
def explain_disk_full(path: Path) -> Iterator[None]:
    """Turn the system's 'no space left', 'over your quota' and 'file too large' into DiskFull,
    naming the file that was being written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        message = (
            f"The disk is full: {path} could not be written. Free some space there and run "
            "the same command again; it goes on where it was."
        )
        raise DiskFull(message) from error


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path with the target's suffix, renamed to `target` when the block ends well,
    removed when not.

    Raises DiskFull when the disk is full.
    """
    with explain_disk_full(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with explain_disk_full(target):
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(target: Path, content: bytes | str) -> None:
    """Write `content` to `target`, whole or not at all. Raises DiskFull."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed runs left in a folder."""
    for path in folder.glob(".*-????????.*"):
        path.unlink(missing_ok=True)


def check_format(path: Path, version: int, newest: int) -> None:
    """Raises NewerFormat where an artefact has a format that this instag does not read yet."""
    if version > newest:
        raise NewerFormat(
            f"{path} has format version {version}; this instag reads up to {newest}. Update it: "
            "pip install -U instag"
        )


_READING = Lock()


def read_array(path: Path) -> np.ndarray:
    """The array of an .npy file. Raises what numpy.load raises; objects are refused."""
    with _READING:
        return np.load(path, allow_pickle=False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by their names. Raises what numpy.load raises; objects are
    refused."""
    with _READING, np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
