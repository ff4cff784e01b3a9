"""Files of arrays, numpy's .npy and .npz: numbers alone are read, and what is written is whole or
not there."""

import io
import zipfile
from pathlib import Path
from threading import Lock

import numpy as np

from instag.runtime.files import atomic_path, write_atomic

MOST_ARRAYS = 2**31
"""Bytes of the arrays of an .npz, unpacked: the landmarks of an hour have 1 GiB."""
NPZ_LEVEL = 3
"""Numpy's own, 6, takes twice as long for 3 % less."""

_READING = Lock()


def read_array(path: Path) -> np.ndarray:
    """The array of an .npy file. Raises what numpy.load raises; objects are refused."""
    with _READING:
        return _alone(np.load(path, allow_pickle=False))


def map_array(path: Path) -> np.ndarray:
    """The same, read when its numbers are asked for."""
    return _alone(np.load(path, mmap_mode="r", allow_pickle=False))


def _alone(found: object) -> np.ndarray:
    """numpy.load opens archives of several arrays, too. Raises ValueError."""
    if not isinstance(found, np.ndarray):
        raise ValueError("it holds no single array")
    return found


def read_arrays(path: Path, most: int = MOST_ARRAYS) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by their names. Raises ValueError where they unpack to more bytes
    than `most`, and what numpy.load raises; objects are refused."""
    with _READING, zipfile.ZipFile(path) as archive:
        whole = sum(member.file_size for member in archive.infolist())
        if whole > most:
            raise ValueError(f"it unpacks to {whole / 2**20:.1f} MiB, and may to {most / 2**20:g}")
        return {
            member.filename.removesuffix(".npy"): _read_packed(archive, member)
            for member in archive.infolist()
        }


def _read_packed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """No more is unpacked than the archive's directory names, and no more memory asked for."""
    with archive.open(member) as file:
        return np.load(io.BytesIO(file.read(member.file_size)), allow_pickle=False)


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an .npy, whole or not at all. Raises DiskFull, NotWritable."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array, allow_pickle=False)


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an .npz, whole or not at all. Raises DiskFull.

    It is packed in memory: a zip file that can not be finished complains a second time when it is
    forgotten.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=NPZ_LEVEL) as packed:
        for name, array in arrays.items():
            with packed.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
    write_atomic(path, content.getvalue())
