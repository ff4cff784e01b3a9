"""Whole files or none."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from instag.errors import DiskFull, NotWritable
from instag.runtime.files import atomic_folder, atomic_path, remove_folder, sweep, write_atomic


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

    def on_full_disk(*, prefix: str, suffix: str, **place: Path) -> tuple[int, str]:
        path = Path(place["dir"]) / f"{prefix}x{suffix}"
        path.symlink_to("/dev/full")
        return os.open(path, os.O_WRONLY), str(path)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_disk)
    with pytest.raises(DiskFull, match=r"a\.txt"):
        write_atomic(tmp_path / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from instag.runtime.files import atomic_folder, atomic_path

with atomic_path(Path(sys.argv[1]) / "00012.jpg"), atomic_folder(Path(sys.argv[1]) / "a") as folder:
    (folder / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    kept = [
        tmp_path / name
        for name in ("00011.jpg", ".hidden", "a-12345678.txt", ".letter-20240101.txt")
    ]
    for path in kept:
        path.write_text("mine")
    with atomic_path(tmp_path / "00013.jpg") as still_written:
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([*kept, still_written])
        still_written.write_text("x")
    assert (tmp_path / "00013.jpg").read_text() == "x"
    sweep(tmp_path / "none")


def test_a_link_to_another_folder_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / ".instag-abcdefgh.jpg").write_text("theirs")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    sweep(tmp_path / "link")
    assert (tmp_path / "theirs" / ".instag-abcdefgh.jpg").exists()


def test_what_a_killed_run_leaves_of_a_removed_folder_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "job" / "face.jpg", "a face")
    with monkeypatch.context() as killed:
        killed.setattr("shutil.rmtree", lambda *_, **__: None)
        remove_folder(tmp_path / "job")
    (left,) = tmp_path.iterdir()
    assert left.name != "job"
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_folder(tmp_path / "job")  # nothing is there


def test_a_link_is_replaced_and_its_target_is_kept(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("theirs")
    (tmp_path / "a.txt").symlink_to(tmp_path / "theirs.txt")
    write_atomic(tmp_path / "a.txt", "mine")
    assert (tmp_path / "theirs.txt").read_text() == "theirs"
    assert not (tmp_path / "a.txt").is_symlink()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EISDIR])
def test_a_refusal_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(**_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(NotWritable, match=r"a\.txt cannot be written: .* Choose another"):
        write_atomic(tmp_path / "a.txt", "text")


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENXIO, errno.ESTALE])
def test_a_place_that_takes_no_files_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As /proc, or a network's disk that is gone."""

    def refused(**_: object) -> None:
        raise OSError(number, "gone")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(NotWritable, match=r"a\.txt cannot be written: no file can be made"):
        write_atomic(tmp_path / "a.txt", "text")
    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    with (
        pytest.raises(NotWritable, match=r"a cannot be written: .*gone"),
        atomic_folder(tmp_path / "a"),
    ):
        pass


def test_long_names_have_short_temporary_names(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 251 + ".txt")
    write_atomic(target, "text", lasting=True)
    assert target.read_text() == "text"


def test_a_short_write_of_numpy_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), atomic_path(tmp_path / "a.npy"):
        raise OSError("4096 requested and 100 written")


def test_a_file_larger_than_may_be_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.EFBIG, "File too large")
    assert list(tmp_path.iterdir()) == []
