"""Why a file could not be written: what the system answers, as errors that say what to do."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from instag.errors import DiskFull, NotWritable

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = {
    errno.EACCES: "it may not be written",
    errno.EPERM: "it may not be written",
    errno.EROFS: "its disk is read-only",
    errno.ENOTDIR: "a folder of its path is a file",
    errno.EEXIST: "a file lies there",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its path is a circle of links",
    errno.EIO: "its disk reports an error",
    errno.EINVAL: "its name is not allowed there",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
}
"""What the system answers where a file cannot be written, as part of a sentence."""


@contextmanager
def explain_disk_full(path: Path) -> Iterator[None]:
    """Turn the system's 'no space left', 'over your quota' and 'file too large' into DiskFull,
    naming the file that was being written."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL and not _is_short_write(error):
            raise
        message = (
            f"The disk is full: {path} could not be written. Free some space there and run "
            "the same command again; it goes on where it was."
        )
        raise DiskFull(message) from error


@contextmanager
def explain_refusal(path: Path) -> Iterator[None]:
    """Turn the system's other refusals to write a file (no permission, a read-only disk, a name
    that is too long) into NotWritable, and a full disk into DiskFull."""
    try:
        with explain_disk_full(path):
            yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        raise NotWritable(
            f"{path} cannot be written: {REFUSED[error.errno]}. Choose another place or name."
        ) from error


@contextmanager
def explain_making(path: Path) -> Iterator[None]:
    """The same where a file or folder is made, of whatever the system answers: what is mounted
    there may take no files."""
    try:
        with explain_refusal(path):
            yield
    except OSError as error:
        raise NotWritable(
            f"{path} cannot be written: no file can be made there ({error.strerror}). Choose "
            "another place or name."
        ) from error


def check_writable(target: Path) -> None:
    """Raises NotWritable, DiskFull where no file or folder of this name can be made: what takes
    long asks before it begins. Nothing is left behind."""
    with explain_making(target):
        with suppress(FileNotFoundError):
            target.stat()
        folder = target.parent
        while not os.path.lexists(folder):
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass


def _is_short_write(error: OSError) -> bool:
    """Numpy reports a full disk as a write that was shorter than asked for, without a number."""
    return error.errno is None and "requested and" in str(error) and "written" in str(error)
