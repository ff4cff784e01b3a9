"""A lock on a folder."""

import errno
import sys
from pathlib import Path

import pytest

from instag.app.folder_lock import held


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with held(tmp_path) as mine, held(tmp_path) as other:
        assert mine
        assert not other
    with held(tmp_path) as again:
        assert again


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_a_disk_without_locks_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some network disks are: a library there would else be in use for ever."""

    def refused(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with held(tmp_path) as mine:
        assert mine
