"""Files of arrays: no objects, and no more bytes than may be."""

from pathlib import Path

import numpy as np
import pytest

from instag.runtime.array_files import read_arrays


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(2**20, np.uint8))
    assert read_arrays(tmp_path / "a.npz", 2**21)["a"].shape == (2**20,)
    with pytest.raises(ValueError, match="unpacks to"):
        read_arrays(tmp_path / "a.npz", 2**19)


def test_objects_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_arrays(tmp_path / "a.npz")
