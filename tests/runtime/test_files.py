"""Whole files or none."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from instag.errors import DiskFull
from instag.runtime.files import atomic_path, sweep, write_atomic


def test_write_makes_its_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_atomic(tmp_path / "deep" / "a.txt", "text")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text() == "text"


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full refuses every byte as a full disk does."""

    def on_full_disk(*, prefix: str, suffix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - mkstemp's name
        path = Path(dir) / f"{prefix}x{suffix}"
        path.symlink_to("/dev/full")
        return os.open(path, os.O_WRONLY), str(path)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_disk)
    with pytest.raises(DiskFull, match=r"a\.txt"):
        write_atomic(tmp_path / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    writing = atomic_path(tmp_path / "00012.jpg")
    left = writing.__enter__()  # a run that is killed never leaves the block
    kept = [tmp_path / name for name in ("00011.jpg", ".hidden", "a-12345678.txt")]
    for path in kept:
        path.write_text("mine")
    assert left.exists()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    sweep(tmp_path / "none")


def test_a_file_larger_than_may_be_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.EFBIG, "File too large")
    assert list(tmp_path.iterdir()) == []
