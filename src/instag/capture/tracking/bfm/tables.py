"""A dictionary of arrays that numpy saved as one object (.npy), read without executing its pickle.

AD-NeRF publishes the index files of its face model in this form. Unpickling such a file would call
whatever it names; here only numpy's own array constructors are allowed, and every other name raises
an error.
"""

import pickle
from pathlib import Path
from typing import BinaryIO, final

import numpy as np

from instag.errors import AssetDamaged


def read_table(path: Path) -> dict[str, np.ndarray]:
    """The arrays by name. Raises AssetDamaged for a file that holds anything else."""
    try:
        with path.open("rb") as file:
            held = _read_object(file)
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        ImportError,
        MemoryError,
        OverflowError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is damaged or no table of arrays ({reason}). Get it again from AD-NeRF's "
            "data_util/face_tracking/3DMM."
        ) from error
    if not isinstance(held, dict) or not held:
        raise AssetDamaged(
            f"{path} holds no arrays with names. Get it again from AD-NeRF's "
            "data_util/face_tracking/3DMM."
        )
    table = {str(name): np.asarray(value) for name, value in held.items()}
    wrong = [name for name, value in table.items() if value.dtype.kind not in "fiu"]
    if wrong:
        raise AssetDamaged(
            f"{path}: {wrong[0]} is no array of numbers. Get it again from AD-NeRF's "
            "data_util/face_tracking/3DMM."
        )
    return table


def _read_object(file: BinaryIO) -> object:
    version = np.lib.format.read_magic(file)
    read_header = {
        1: np.lib.format.read_array_header_1_0,
        2: np.lib.format.read_array_header_2_0,
    }.get(version[0])
    if read_header is None:
        raise ValueError(f"numpy's file format {version} is not known")
    shape, _, dtype = read_header(file)
    if not dtype.hasobject or shape:
        raise ValueError(f"it holds an array of {dtype} and shape {shape}, not one dictionary")
    held = _ArraysOnly(file).load()
    return held.item() if isinstance(held, np.ndarray) else held


@final
class _ArraysOnly(pickle.Unpickler):
    """An unpickler that constructs arrays and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        found = _KNOWN.get((module.replace("numpy._core", "numpy.core"), name))
        if found is None:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which is none of numpy's arrays"
            )
        return found


def _bytes(text: str, encoding: str) -> bytes:
    """Bytes as old pickles encode them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"its bytes are written as {encoding}")
    return text.encode("latin1")


_KNOWN = {
    ("_codecs", "encode"): _bytes,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(1).__reduce__()[0],
    ("numpy.core.multiarray", "scalar"): np.float64(0).__reduce__()[0],
    ("numpy.core.numeric", "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0],
}
