"""A lock on an open file."""

import errno
import os
import sys
from pathlib import Path

import pytest

from instag.runtime.file_lock import Lock, lock


def test_one_handle_has_it_until_it_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    first, second = (os.open(tmp_path / "a", os.O_RDWR) for _ in range(2))
    try:
        assert lock(first) is Lock.OURS
        assert lock(second) is Lock.THEIRS
        os.close(first)
        assert lock(second) is Lock.OURS
    finally:
        os.close(second)


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_a_file_system_without_locks_is_told_from_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    handle = os.open(tmp_path, os.O_RDONLY)
    assert lock(handle) is Lock.NONE
    os.close(handle)
