"""Atomic files: every write goes to a temporary name beside its target and is renamed when
complete.

The temporary name is of fixed length, and its file is locked while it is written where the system
has flock: what a killed run left is not, and the next run removes it.
"""

import hashlib
import os
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from instag.errors import NotWritable
from instag.runtime.file_lock import Lock, lock
from instag.runtime.write_errors import explain_disk_full, explain_making, explain_refusal

TEMPORARY = ".instag-"
"""What the name of every temporary file begins with; eight letters and a suffix follow."""
LONGEST_SUFFIX = 32
_UMASK_LOCK = threading.Lock()


@contextmanager
def atomic_path(target: Path, *, lasting: bool = False) -> Iterator[Path]:
    """A temporary path with the target's suffix, renamed to `target` when the block ends well,
    removed when not. A symbolic link at `target` is replaced, not followed.

    lasting: after the block the file survives a failure of power, too. Raises DiskFull, and
    NotWritable where the system refuses to write there.
    """
    with explain_making(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        suffix = target.suffix if len(os.fsencode(target.suffix)) <= LONGEST_SUFFIX else ""
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=suffix, dir=target.parent)
    temporary = Path(name)
    try:
        if sys.platform != "win32":  # a lock there would keep the block from writing
            lock(handle)
        with explain_disk_full(target):
            yield temporary
        with explain_refusal(target):
            temporary.chmod(0o666 & ~_umask())
            if lasting:
                _flush(temporary)
            if sys.platform == "win32":
                os.close(handle)
                handle = -1
            temporary.replace(target)
            if lasting and sys.platform != "win32":
                _flush(target.parent)
    finally:
        if handle >= 0:
            os.close(handle)
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The bits of a mode that new files go without. The system shows them only where it sets
    others, and two threads must not do so at a time: the process would go on with none."""
    with _UMASK_LOCK:
        umask = os.umask(0)
        os.umask(umask)
    return umask


def _flush(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder."""
    # Windows flushes only what is open for writing; folders cannot be opened for that elsewhere.
    flags = os.O_RDONLY if path.is_dir() or sys.platform != "win32" else os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(target: Path, content: bytes | str, *, lasting: bool = False) -> None:
    """Write `content` to `target`, whole or not at all. Raises DiskFull, NotWritable."""
    with atomic_path(target, lasting=lasting) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def sha256_of(path: Path) -> str:
    """Of a file's content, which is not held in memory."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def remove_folder(folder: Path) -> None:
    """Remove a folder, where there is one. It is gone under its name at once; what a killed run
    leaves of it goes with the next `sweep` of its place. Raises OSError where it stays."""
    leaving = folder.with_name(f"{TEMPORARY}{secrets.token_hex(4)}")
    try:
        folder.rename(leaving)
    except FileNotFoundError:
        return
    except OSError:  # Windows moves no folder of open files
        shutil.rmtree(folder)
    else:
        shutil.rmtree(leaving, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed runs left in a folder, unless it is a link to another
    place. What another process writes just now stays."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_symlink() or _is_being_written(path):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _is_being_written(path: Path) -> bool:
    if sys.platform == "win32":
        return False  # what is open there cannot be removed
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        return lock(handle) is not Lock.OURS
    finally:
        os.close(handle)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """The same for a folder that does not exist yet, or is empty."""
    with explain_making(target):
        if target.is_symlink() or (os.path.lexists(target) and not target.is_dir()):
            raise NotWritable(
                f"{target} is a file or a link; a folder is written. Choose another place or name."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
    handle = -1 if sys.platform == "win32" else os.open(temporary, os.O_RDONLY)
    try:
        if handle >= 0:
            lock(handle)
        with explain_refusal(target):
            yield temporary
            temporary.chmod(0o755)
            if target.is_dir():
                target.rmdir()
            temporary.rename(target)
    finally:
        if handle >= 0:
            os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)
