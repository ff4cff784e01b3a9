"""Homes without a name, and homes that are closed."""

import errno
from pathlib import Path

import pytest

from instag.assets import store
from instag.errors import AssetMissing
from instag.runtime import kernel_cache
from instag.runtime.home import is_file, is_folder, is_there, users_home
from instag.speech.registry import require


def test_a_user_without_a_home_has_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(store.VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.setattr(Path, "expanduser", lambda path: unknown())
    assert users_home() == Path(Path.cwd().anchor)
    assert store.find("hubert") is None
    with pytest.raises(AssetMissing, match="no model of that name"):
        require("wav2vec2:somebody/something")


def test_what_lies_in_a_closed_folder_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert is_there(tmp_path)
    assert is_folder(tmp_path)
    assert is_file(tmp_path / "file")

    def closed(path: Path, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    for name in ("stat", "exists", "is_file", "is_dir"):
        monkeypatch.setattr(Path, name, closed)
    assert not is_there(tmp_path)
    assert not is_folder(tmp_path)
    assert not is_file(tmp_path / "file")
    assert not kernel_cache._writable(tmp_path / "cache")
    assert store.find("hubert") is None
