"""Atomic files: every write goes to a temporary name beside its target and is renamed when
complete.

The temporary name is of fixed length, and its file is locked while it is written where the system
has flock: what a killed run left is not, and the next run removes it.
"""

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from instag.errors import DiskFull, NewerFormat, NotWritable

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".instag-"
"""What the name of every temporary file begins with; eight letters and a suffix follow."""
LONGEST_SUFFIX = 32
_UMASK_LOCK = Lock()
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
def _explain_making(path: Path) -> Iterator[None]:
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
    with _explain_making(target):
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


@contextmanager
def atomic_path(target: Path, *, lasting: bool = False) -> Iterator[Path]:
    """A temporary path with the target's suffix, renamed to `target` when the block ends well,
    removed when not. A symbolic link at `target` is replaced, not followed.

    lasting: after the block the file survives a failure of power, too. Raises DiskFull, and
    NotWritable where the system refuses to write there.
    """
    with _explain_making(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        suffix = target.suffix if len(os.fsencode(target.suffix)) <= LONGEST_SUFFIX else ""
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=suffix, dir=target.parent)
    temporary = Path(name)
    try:
        _lock(handle)
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


def _lock(handle: int) -> None:
    """Mark the file as being written, until it is closed or the process ends."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def alone_in(folder: Path, work: str) -> Iterator[None]:
    """Mark a folder as in use during the block: two who write the same files would mix them.
    Raises NotWritable where another process does the same `work` there, as far as the system can
    tell; one that ends, however it does, uses it no more."""
    if sys.platform == "win32":  # folders have no locks there
        yield
        return
    with explain_refusal(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        if _in_use(handle):
            raise NotWritable(
                f"Another {work} writes into {folder} just now. Wait until it is done, stop it, or "
                "choose another place."
            )
        yield
    finally:
        os.close(handle)


def _in_use(handle: int) -> bool:
    """Lock what is open, where nobody else has; whether somebody has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    return False


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
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """The same for a folder that does not exist yet, or is empty."""
    with _explain_making(target):
        if target.is_symlink() or (os.path.lexists(target) and not target.is_dir()):
            raise NotWritable(
                f"{target} is a file or a link; a folder is written. Choose another place or name."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
    handle = -1 if sys.platform == "win32" else os.open(temporary, os.O_RDONLY)
    try:
        _lock(handle)
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


def check_format(path: Path, version: int, newest: int) -> None:
    """Raises NewerFormat where an artefact has a format that this instag does not read yet."""
    if version > newest:
        raise NewerFormat(
            f"{path} has format version {version}; this instag reads up to {newest}. Update it: "
            "pip install -U instag"
        )
