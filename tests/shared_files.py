"""Files that several tests start from, made once for all processes of a run: the folder is named by
`conftest.py` before the processes start."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from instag.data.clip import Clip
from instag.synthetic import write_clip

VARIABLE = "INSTAG_SHARED_TEST_FILES"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """What `make` writes at the path that it is given. Whoever asks first makes it; tests must not
    change it."""
    made = Path(os.environ[VARIABLE]) / name
    if not made.exists():
        own = Path(tempfile.mkdtemp(dir=made.parent)) / name
        make(own)
        with suppress(OSError):  # another process was faster
            own.rename(made)
    return made


def shared_clip(*, seed: int = 0, frames: int, size: int = 64) -> Clip:
    """`write_clip` of these settings, for tests that only read it."""

    def make(path: Path) -> None:
        write_clip(path, seed=seed, frames=frames, size=size)

    return Clip.open(made_once(f"speaker{seed}-{frames}x{size}.clip", make))


def copied_clip(folder: Path, *, seed: int = 0, frames: int, size: int = 64) -> Clip:
    """A copy of the same, for tests that change it."""
    shutil.copytree(shared_clip(seed=seed, frames=frames, size=size).folder, folder)
    return Clip.open(folder)
