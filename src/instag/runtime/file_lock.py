"""A lock on an open file or folder: the system drops it when that is closed or its process ends,
however it ends."""

import sys
from enum import Enum

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class Lock(Enum):
    """OURS: taken now. THEIRS: another handle has it. NONE: this file system has no locks."""

    OURS = 0
    THEIRS = 1
    NONE = 2


def lock(handle: int) -> Lock:
    """Lock what is open, without waiting. On Windows a file alone, of which nobody else can then
    write the first byte."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return Lock.THEIRS
    except OSError:
        return Lock.NONE
    return Lock.OURS
