"""The folder of compiled kernels: numba's own choice where that can be written, else a private
folder of the machine's temporary files.

numba raises where it finds no place at all, and reads whatever lies there: a file that a full disk
cut off is removed, and compiled again.
"""

import os
import stat
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from instag.runtime.home import is_folder, is_there

PACKAGE = Path(__file__).parents[1]
VARIABLE = "NUMBA_CACHE_DIR"


def choose_kernel_cache() -> None:
    """Name a folder to numba, which must not be loaded yet, where it would find none."""
    if os.environ.get(VARIABLE) or _writable(PACKAGE / "rendering") or _writable(_users_cache()):
        return
    with suppress(OSError):
        os.environ[VARIABLE] = str(private_folder())


def private_folder() -> Path:
    """A folder that nobody else can write into: numba runs what lies in it. Raises OSError."""
    if sys.platform == "win32":
        return Path(tempfile.mkdtemp(prefix="instag-kernels-"))
    folder = Path(tempfile.gettempdir()) / f"instag-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    own = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()
    if own and not about.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="instag-kernels-"))


def forget_damaged(error: BaseException) -> Path | None:
    """The file of compiled kernels whose reading raised this error, removed; None where it was
    something else."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        cache = frame.f_locals.get("self")
        index = getattr(cache, "_index_path", None)
        if frame.f_code.co_filename.endswith("caching.py") and isinstance(index, str):
            path = Path(index)
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return path
    return None


def _users_cache() -> Path:
    """Where numba puts kernels that it cannot put beside their sources."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    with suppress(RuntimeError):
        return Path(chosen) if chosen else Path.home() / ".cache"
    return Path(os.devnull)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself."""
    here = next((each for each in (folder, *folder.parents) if is_there(each)), folder)
    return is_folder(here) and os.access(here, os.W_OK | os.X_OK)
