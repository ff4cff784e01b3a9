"""The user's home, and what is looked for in it: in a container that runs as another user it may
have no name, or be closed."""

from contextlib import suppress
from pathlib import Path


def users_home() -> Path:
    """The home; the root of the disk where the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(Path.cwd().anchor)


def is_there(path: Path) -> bool:
    """Whether anything lies there that can be seen."""
    with suppress(PermissionError):
        return path.exists()
    return False


def is_file(path: Path) -> bool:
    """Whether a file lies there that can be seen."""
    with suppress(PermissionError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Whether a folder lies there that can be seen."""
    with suppress(PermissionError):
        return path.is_dir()
    return False
