"""Compiled kernels find a place, and damaged ones are forgotten."""

import os
import sys
import tempfile
from pathlib import Path

import numba
import pytest
from numba.core import config

from instag.runtime import kernel_cache
from instag.runtime.kernel_cache import (
    VARIABLE,
    choose_kernel_cache,
    forget_damaged,
    private_folder,
)


def test_nothing_is_chosen_where_sources_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(kernel_cache, "_writable", lambda folder: True)
    choose_kernel_cache()
    assert VARIABLE not in os.environ


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_an_unwritable_home_gets_a_private_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(kernel_cache, "_writable", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    choose_kernel_cache()
    chosen = Path(os.environ[VARIABLE])
    assert chosen.parent == tmp_path
    assert chosen.stat().st_mode & 0o777 == 0o700
    assert private_folder() == chosen
    chosen.chmod(0o777)  # others could put kernels there, which would be run
    assert private_folder() != chosen


def test_a_damaged_file_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))

    def double(value):
        return value * 2

    assert numba.njit(cache=True)(double)(3) == 6
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(index.read_bytes()[:20])
    with pytest.raises(Exception) as raised:
        numba.njit(cache=True)(double)(3)
    assert forget_damaged(raised.value) == index
    assert not index.exists()
    assert numba.njit(cache=True)(double)(3) == 6
    assert forget_damaged(ValueError()) is None
