"""Tables of arrays are read, and nothing that they ask for is run."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from instag.capture.tracking.bfm.tables import read_table
from instag.errors import AssetDamaged


class Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.path),)


def test_arrays_come_back(tmp_path: Path) -> None:
    table = {
        "a": np.arange(6, dtype=np.int32).reshape(2, 3),
        "b": np.linspace(0, 1, 5, dtype=np.float32),
        "c": np.asfortranarray(np.ones((3, 2))),
    }
    np.save(tmp_path / "t.npy", np.array(table, dtype=object), allow_pickle=True)
    read = read_table(tmp_path / "t.npy")
    for name, values in table.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("module", [b"numpy.core", b"numpy._core"])
def test_every_numpys_files_are_known(tmp_path: Path, protocol: int, module: bytes) -> None:
    """Pickles name numpy's functions as the numpy that wrote them did."""
    np.save(tmp_path / "t.npy", np.array({}, dtype=object), allow_pickle=True)
    head = (tmp_path / "t.npy").read_bytes()[:128]
    pickled = pickle.dumps(np.array({"a": np.linspace(0, 1, 7)}, dtype=object), protocol=protocol)
    ours = np.zeros(1).__reduce__()[0].__module__.rpartition(".")[0].encode()
    if protocol < 4:
        pickled = pickled.replace(b"c" + ours, b"c" + module)
    (tmp_path / "t.npy").write_bytes(head + pickled)
    np.testing.assert_array_equal(read_table(tmp_path / "t.npy")["a"], np.linspace(0, 1, 7))


def test_nothing_is_run(tmp_path: Path) -> None:
    np.save(
        tmp_path / "t.npy",
        np.array({"a": Harm(tmp_path / "made")}, dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(
        AssetDamaged,
        match=r"t\.npy is damaged or no table of arrays \(it asks for (posix|nt)\.mkdir",
    ):
        read_table(tmp_path / "t.npy")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x09\x00" + bytes(40)]
)
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.npy").write_bytes(content)
    with pytest.raises(AssetDamaged, match=r"t\.npy is damaged or no table"):
        read_table(tmp_path / "t.npy")


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array({"a": np.ones(300)}, dtype=object), allow_pickle=True)
    written = (tmp_path / "t.npy").read_bytes()
    (tmp_path / "t.npy").write_bytes(written[:-200])
    with pytest.raises(AssetDamaged, match="damaged"):
        read_table(tmp_path / "t.npy")


def test_other_contents_are_told(tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", np.ones(3))
    with pytest.raises(AssetDamaged, match="not one dictionary"):
        read_table(tmp_path / "plain.npy")
    np.save(tmp_path / "words.npy", np.array({"a": "word"}, dtype=object), allow_pickle=True)
    with pytest.raises(AssetDamaged, match="a is no array of numbers"):
        read_table(tmp_path / "words.npy")
    np.save(tmp_path / "list.npy", np.array([{"a": 1}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(AssetDamaged, match="shape \\(2,\\)"):
        read_table(tmp_path / "list.npy")
