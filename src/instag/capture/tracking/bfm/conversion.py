"""Conversion of the published Basel face model and AD-NeRF's index tables to one npz file that
instag reads.

The model of 2009 has 53,490 vertices and 199 components each of shape and texture; AD-NeRF and its
successors keep the 34,650 vertices of the face and the first 100. The result holds the content of
AD-NeRF's 3DMM_info.npy, keys_info.npy and topology_info.npy, without a pickle.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from instag.assets import store
from instag.assets.download import download
from instag.assets.registry import BFM, BFM_TABLES
from instag.capture.tracking.bfm.basel import EXPRESSION, IDENTITY, TEXTURE, what_is_wrong
from instag.capture.tracking.bfm.tables import read_table
from instag.errors import AssetDamaged, AssetMissing, BadArgument
from instag.runtime.files import atomic_path
from instag.runtime.progress import Report, silent

TABLES = {
    "exp_info.npy": ("mu_exp", "base_exp", "sig_exp"),
    "keys_info.npy": ("keyinds", "left_contour", "right_contour", "rigid_ids"),
    "topology_info.npy": ("tris", "sub_inds"),
}
"""AD-NeRF's index files and the arrays that are needed of each."""
PUBLISHED = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV")
"""The arrays that are needed of 01_MorphableModel.mat."""


def convert(model: Path, tables: Mapping[str, Path], target: Path) -> Path:
    """Write the model to `target` (npz). tables: the path of each of TABLES. Raises BadArgument,
    AssetDamaged, DiskFull."""
    published = read_basel_mat(model)
    held = {name: read_table(path) for name, path in tables.items()}
    for name, wanted in TABLES.items():
        missing = [each for each in wanted if each not in held[name]]
        if missing:
            raise AssetDamaged(
                f"{tables[name]} is not AD-NeRF's {name}: it has no {missing[0]}. Get it again: "
                "its data_util/face_tracking/3DMM."
            )
    expression, keys, topology = (held[name] for name in TABLES)
    kept = topology["sub_inds"].astype(np.int64).ravel()
    vertices = published["shapeMU"].size // 3
    if kept.size == 0 or kept.min() < 0 or kept.max() >= vertices:
        raise AssetDamaged(
            f"{tables['topology_info.npy']} does not fit {model}: it names vertex "
            f"{kept.max(initial=0)} of {vertices}. Get both again."
        )
    content = _content(published, expression, keys, topology, kept)
    wrong = what_is_wrong(content)
    if wrong:
        raise AssetDamaged(
            f"{model} and its tables do not make a face model: {wrong}. Get them again; all must "
            "be of the model of 2009 and of AD-NeRF."
        )
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        np.savez(file, **content)  # pyright: ignore[reportArgumentType]
    return target


def _content(
    published: Mapping[str, np.ndarray],
    expression: Mapping[str, np.ndarray],
    keys: Mapping[str, np.ndarray],
    topology: Mapping[str, np.ndarray],
    kept: np.ndarray,
) -> dict[str, np.ndarray]:
    """The arrays of the converted model. kept: indices of the face's vertices."""
    content = {
        "mu_shape": _cut_mean(published["shapeMU"], kept),
        "b_shape": _cut_basis(published["shapePC"], kept, IDENTITY),
        "sig_shape": published["shapeEV"].ravel()[:IDENTITY],
        "mu_exp": expression["mu_exp"].ravel(),
        "b_exp": expression["base_exp"][:EXPRESSION],
        "sig_exp": expression["sig_exp"].ravel()[:EXPRESSION],
        "mu_tex": _cut_mean(published["texMU"], kept),
        "b_tex": _cut_basis(published["texPC"], kept, TEXTURE),
        "sig_tex": published["texEV"].ravel()[:TEXTURE],
    }
    content = {name: np.ascontiguousarray(value, np.float32) for name, value in content.items()}
    content |= {
        name: np.ascontiguousarray(keys[name], np.int32)
        for name in ("left_contour", "right_contour")
    }
    content |= {
        name: np.ascontiguousarray(keys[name].ravel(), np.int32)
        for name in ("keyinds", "rigid_ids")
    }
    content |= {
        "tris": np.ascontiguousarray(topology["tris"], np.int32),
        "sub_inds": kept.astype(np.int32),
    }
    return content


def target() -> Path:
    """The path of the converted model."""
    return store.folders()[0] / BFM.name / BFM.file


def find_tables(model: Path, folder: Path | None, report: Report = silent) -> dict[str, Path]:
    """Paths of AD-NeRF's tables: in the folder that the user gave, else beside the model, else
    downloaded to the converted model's folder.

    `report` gets (bytes, bytes in all) of a download. Raises BadArgument, AssetMissing, DiskFull.
    """
    if not model.is_file():
        raise BadArgument(
            f"There is no file {model}. Give 01_MorphableModel.mat, the Basel face model of 2009."
        )
    found = {}
    for source in BFM_TABLES:
        name, kept = source.file, target().parent / source.file
        if folder is not None:
            if not (folder / name).is_file():
                raise BadArgument(
                    f"{folder} has no {name}. Get it from {source.address}, or leave --tables out "
                    "to have it downloaded."
                )
            found[name] = folder / name
        elif (model.parent / name).is_file():
            found[name] = model.parent / name
        else:
            if not kept.is_file():
                try:
                    download(source.address, kept, report=report)
                except AssetMissing as error:
                    raise AssetMissing(
                        f"{error} Or copy {name} yourself into the folder of {model.name}."
                    ) from error
            found[name] = kept
    return found


def read_basel_mat(path: Path) -> dict[str, np.ndarray]:
    """The arrays of 01_MorphableModel.mat. Raises BadArgument, AssetDamaged."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise BadArgument(
            f"There is no file {path}. Give 01_MorphableModel.mat, the Basel face model of 2009."
        )
    try:
        held = loadmat(path, variable_names=PUBLISHED)
    except NotImplementedError as error:
        raise AssetDamaged(
            f"{path} is a MATLAB 7.3 file, which the published one is not. Get it again, or save "
            "it with -v7 in MATLAB."
        ) from error
    except (
        MatReadError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        EOFError,
        OSError,
        MemoryError,
        struct.error,
        zlib.error,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is damaged or no MATLAB file ({reason}). Get 01_MorphableModel.mat again."
        ) from error
    _check_basel(held, path)
    return {name: np.asarray(held[name]) for name in PUBLISHED}


def _check_basel(held: Mapping[str, Any], path: Path) -> None:
    """Raises AssetDamaged where arrays are missing or do not fit together."""
    missing = [name for name in PUBLISHED if name not in held]
    if missing:
        raise AssetDamaged(
            f"{path} is not the Basel face model of 2009: it has no {missing[0]}. Give "
            "01_MorphableModel.mat."
        )
    for kind, count in (("shape", IDENTITY), ("tex", TEXTURE)):
        mean, basis, deviations = (np.asarray(held[f"{kind}{part}"]) for part in ("MU", "PC", "EV"))
        if (
            any(array.dtype.kind != "f" for array in (mean, basis, deviations))
            or basis.ndim != 2
            or mean.size % 3
            or len(basis) != mean.size
        ):
            raise AssetDamaged(
                f"{path} is not the Basel face model of 2009: {kind}MU is {mean.shape} and "
                f"{kind}PC {basis.shape}. Give 01_MorphableModel.mat."
            )
        if basis.shape[1] < count or deviations.size < count:
            raise AssetDamaged(
                f"{path} is not whole: {kind}PC has {basis.shape[1]} components and {kind}EV "
                f"{deviations.size}, where {count} are needed."
            )
    if np.asarray(held["shapeMU"]).size != np.asarray(held["texMU"]).size:
        raise AssetDamaged(
            f"{path} is not the Basel face model of 2009: shape and texture have different numbers "
            "of vertices. Give 01_MorphableModel.mat."
        )


def _cut_mean(mean: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return mean.reshape(-1, 3)[kept].ravel()


def _cut_basis(basis: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray:
    """Components as rows, from the published columns."""
    return basis[:, :count].reshape(-1, 3, count)[kept].reshape(-1, count).T
