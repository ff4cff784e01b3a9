"""Camera poses of the AD-NeRF family: transforms_*.json and track_params.pt, to and from
camera-to-world matrices.

transforms_*.json: `focal_len`, `cx`, `cy` in pixels; `frames` with `img_id`, `aud_id` and
`transform_matrix`, 4 x 4, camera to world, OpenGL style, metres: what a Track holds.
track_params.pt: tensors `euler` [f 3] (radians) and `trans` [f 3] (decimetres) of the way from head
to camera, R = Rx(-e0) Ry(-e1) Rz(e2), and `focal` [1]; `id` and `exp` are coefficients of the Basel
face model.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from instag.assets.tensor_files import load_weights_only, named_tensors
from instag.capture.tracking.adnerf_units import TRANS_PER_METRE, head_to_camera
from instag.data.clip_info import MOST_FRAMES
from instag.errors import BadLayout
from instag.runtime.files import atomic_path, write_atomic
from instag.runtime.untrusted import (
    check_array,
    check_tensors,
    parsing,
    read_text,
    real_number,
    whole_number,
)

MOST_TRANSFORMS = 2**28
"""Bytes of a transforms file: 100,000 frames have 50 MB."""
LONGEST_GAP = 5
"""Frames in a row without a pose that are filled in between their neighbours."""
FARTHEST = 1e4
"""Metres of a camera from the world's origin, or another unit: a head is filmed from 1 m."""
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """What the transforms files hold together. matrices: camera to world by img_id. test_ids: those
    of val and test, None where there are none."""

    focal: float
    center: tuple[float, float] | None
    matrices: dict[int, Float[np.ndarray, "4 4"]]
    test_ids: frozenset[int]


def read_transforms(folder: Path) -> Transforms | None:
    """All transforms_*.json of a folder, None where there are none. Raises BadLayout."""
    paths = {name: folder / f"transforms_{name}.json" for name in SPLITS}
    files = {name: _read_file(path) for name, path in paths.items() if path.is_file()}
    if not files:
        return None
    focals = {file.focal for file in files.values()}
    if len(focals) > 1:
        raise BadLayout(
            f"The transforms in {folder} have several focal lengths "
            f"({', '.join(f'{focal:g}' for focal in sorted(focals))}). Write them anew together."
        )
    centers = {file.center for file in files.values() if file.center is not None}
    ids = {name: set(file.matrices) for name, file in files.items()}
    test_ids = (ids.get("val", set()) | ids.get("test", set())) - ids.get("train", set())
    return Transforms(
        focal=focals.pop(),
        center=centers.pop() if len(centers) == 1 else None,
        matrices=dict(item for file in files.values() for item in file.matrices.items()),
        test_ids=frozenset(test_ids),
    )


def _read_file(path: Path) -> Transforms:
    """One of them, as if it had no test frames. Raises BadLayout."""
    remedy = "Run the process.py that made it again."
    with parsing(path, "of the family's form", remedy, error=BadLayout):
        content = json.loads(read_text(path, MOST_TRANSFORMS))
        matrices: dict[int, Float[np.ndarray, "4 4"]] = {}
        for frame in content["frames"]:
            number = _img_id(frame["img_id"])
            matrix = np.array(frame["transform_matrix"], np.float64)
            if not np.array_equal(matrices.setdefault(number, matrix), matrix, equal_nan=True):
                raise ValueError(f"frame {number} has two poses")
        focal, center = real_number("focal_len", content["focal_len"], 1.0, 1e6), None
        if "cx" in content and "cy" in content:
            cx, cy = (real_number(name, content[name], -1e6, 1e6) for name in ("cx", "cy"))
            center = cx, cy
    wrong = [
        number
        for number, matrix in matrices.items()
        if matrix.shape != (4, 4) or not _is_rigid(matrix)
    ]
    if wrong:
        raise BadLayout(
            f"{path}: the transform_matrix of frame {wrong[0]} ({len(wrong)} in all) is no "
            "rotation and translation. Track the face again."
        )
    return Transforms(focal=focal, center=center, matrices=matrices, test_ids=frozenset())


def _img_id(value: Any) -> int:
    """The number of a frame, which some write as text or with a decimal point. Raises ValueError,
    TypeError."""
    number = float(value)
    return whole_number("img_id", int(number) if number.is_integer() else value, 0, MOST_FRAMES)


def write_transforms(
    path: Path,
    matrices: Float[np.ndarray, "f 4 4"],
    ids: range,
    focal: float,
    size: tuple[int, int],
) -> None:
    """One transforms file with the frames `ids`. size: width and height in pixels."""
    frames = [
        {"img_id": index, "aud_id": index, "transform_matrix": matrices[index].tolist()}
        for index in ids
    ]
    content = {"focal_len": focal, "cx": size[0] / 2, "cy": size[1] / 2, "frames": frames}
    write_atomic(path, json.dumps(content, indent=1))


def read_track_params(path: Path) -> Transforms:
    """The same from track_params.pt, which knows no split. Raises BadLayout."""
    remedy = "It must hold tensors euler, trans and focal."
    with parsing(path, "a file of poses", remedy, error=BadLayout):
        stored = named_tensors(load_weights_only(path))
        check_tensors({name: stored[name] for name in ("euler", "trans", "focal")})
        euler, trans = (
            check_array(
                name,
                np.asarray(stored[name].detach(), np.float64),
                (None, None),
                largest=FARTHEST * TRANS_PER_METRE,
            )
            for name in ("euler", "trans")
        )
        focals = stored["focal"].detach().double().reshape(-1)
        if len(focals.unique()) != 1:
            raise ValueError(f"focal holds {len(focals)} numbers that differ, or none")
        focal = real_number("focal", float(focals[0]), 1.0, 1e6)
    if euler.shape != trans.shape or euler.ndim != 2 or euler.shape[1] != 3:
        raise BadLayout(
            f"{path}: euler is {euler.shape} and trans {trans.shape}, not both [frames, 3]."
        )
    matrices = camera_to_world(euler, trans / TRANS_PER_METRE)
    return Transforms(
        focal=focal, center=None, matrices=dict(enumerate(matrices)), test_ids=frozenset()
    )


def write_track_params(path: Path, matrices: Float[np.ndarray, "f 4 4"], focal: float) -> None:
    """track_params.pt with the poses alone: the coefficients of a face model that was not fitted
    are left out."""
    import torch

    euler, translations = head_to_camera(matrices)
    tensors = {"euler": euler, "trans": translations * TRANS_PER_METRE, "focal": np.array([focal])}
    with atomic_path(path) as temporary:
        torch.save(
            {name: torch.from_numpy(values).float() for name, values in tensors.items()}, temporary
        )


def camera_to_world(
    euler: Float[np.ndarray, "f 3"], translations: Float[np.ndarray, "f 3"]
) -> Float[np.ndarray, "f 4 4"]:
    """From the angles (radians) and translations (metres) of the way from head to camera."""
    forward = Rotation.from_euler("XYZ", euler * (-1, -1, 1)).as_matrix()
    matrices = np.tile(np.eye(4), (len(euler), 1, 1))
    matrices[:, :3, :3] = forward.transpose(0, 2, 1)
    matrices[:, :3, 3] = -np.einsum("fji,fj->fi", forward, translations)
    return matrices


def for_frames(transforms: Transforms, ids: range) -> Float[np.ndarray, "f 4 4"]:
    """A pose for each of the ids; short gaps are filled in between. Raises BadLayout where a gap is
    longer or the ends have none."""
    known = np.array([number for number in ids if number in transforms.matrices])
    if (
        len(known) == 0
        or known[0] != ids[0]
        or known[-1] != ids[-1]
        or np.diff(known).max(initial=1) > LONGEST_GAP + 1
    ):
        missing = [number for number in ids if number not in transforms.matrices]
        raise BadLayout(
            f"{len(missing)} of {len(ids)} frames have no pose (first: {missing[0]}). Track the "
            "face in all frames, or remove the pictures without."
        )
    matrices = np.stack([transforms.matrices[number] for number in known])
    if len(known) == len(ids):
        return matrices
    filled = np.tile(np.eye(4), (len(ids), 1, 1))
    filled[:, :3, :3] = Slerp(known, Rotation.from_matrix(matrices[:, :3, :3]))(
        np.array(ids)
    ).as_matrix()
    filled[:, :3, 3] = np.stack(
        [np.interp(np.array(ids), known, matrices[:, axis, 3]) for axis in range(3)], -1
    )
    return filled


def _is_rigid(matrix: Float[np.ndarray, "4 4"]) -> bool:
    turn = matrix[:3, :3]
    return bool(
        np.abs(matrix[:3, 3]).max() <= FARTHEST
        and np.abs(matrix[3] - (0, 0, 0, 1)).max() < 1e-3
        and np.abs(turn @ turn.T - np.eye(3)).max() < 1e-3
        and np.linalg.det(turn) > 0
    )
