"""The tensor cache: what was computed once is read, and nothing damaged is."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from instag.models import tensor_cache
from instag.models.tensor_cache import cache_folder, cached, file_name


class Work:
    """Takes long; counts how often it is done."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> float:
        self.done += 1
        return 2.5


def read(tensors: dict[str, Tensor]) -> float:
    if tensors["value"].shape != (1,):
        raise ValueError("not one number")
    return float(tensors["value"])


def ask(work: Work, name: str = "a") -> float:
    return cached(
        "kind", name, read=read, compute=work, write=lambda value: {"value": torch.tensor([value])}
    )


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = cache_folder("kind")
    assert found is not None
    return found


def test_it_is_computed_once(folder):
    work = Work()
    assert [ask(work), ask(work)] == [2.5, 2.5]
    assert work.done == 1
    assert [path.name for path in folder.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 100])
def test_a_damaged_file_is_made_again(folder, content):
    work = Work()
    ask(work)
    (folder / "a.safetensors").write_bytes(content)
    assert [ask(work), ask(work)] == [2.5, 2.5]
    assert work.done == 2


def test_what_cannot_be_read_is_made_again(folder):
    cached("kind", "a", read=read, compute=lambda: 0.0, write=lambda _: {"value": torch.ones(2)})
    work = Work()
    assert ask(work) == 2.5
    assert work.done == 1


def test_a_folder_that_cannot_be_written_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    work = Work()
    assert [ask(work), ask(work)] == [2.5, 2.5]
    assert work.done == 2


def test_errors_of_the_computation_are_raised(folder):
    def fail() -> float:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        cached("kind", "a", read=read, compute=fail, write=lambda _: {})
    assert not folder.exists()


def test_the_oldest_files_are_removed(folder, monkeypatch):
    monkeypatch.setattr(tensor_cache, "MOST_FILES", 1)
    folder.mkdir(parents=True)
    (folder / "1-0.safetensors").write_bytes(b"")
    ask(Work())
    assert [path.name for path in folder.iterdir()] == ["a.safetensors"]


def test_names_tell_version_and_identity():
    assert file_name(3, -1) == "3-ffffffffffffffff"
    assert file_name(3, 10) == "3-000000000000000a"
